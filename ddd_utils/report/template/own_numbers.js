/* A model beside the networks of the report: the same numbers as in Python, counted in the browser. */
const LEAST_NETWORKS = 4; /* of a report: with fewer, their score says too little of an image */
const sum = (values) => { let total = 0; for (let at = 0; at < values.length; at += 1) total += values[at]; return total; };
const shared = (one, other) => { let both = 0; for (let at = 0; at < one.length; at += 1) both += one[at] & other[at]; return both; };
function cohen(images, p, q, both) {
  const chance = p * q + (images - p) * (images - q);
  return (images * (images - p - q + 2 * both) - chance) / (images ** 2 - chance);
}
function wilson(successes, images, z = 1.959963984540054) {
  const centre = (successes + z ** 2 / 2) / (images + z ** 2);
  const half = (z / (images + z ** 2)) * Math.sqrt((successes * (images - successes)) / images + z ** 2 / 4);
  return [Math.max(centre - half, 0), Math.min(centre + half, 1)];
}

/* Both right, if two deciders share nothing but the difficulty of an image: how many others get it right. */
function sharedByDifficulty(one, other, score, most, within) {
  const [images, p, q] = [0, 0, 0].map(() => new Float64Array(most + 1)); /* `within`: the score counts the first, too */
  for (let at = 0; at < one.length; at += 1) {
    const others = score[at] - other[at] - within * one[at];
    images[others] += 1; p[others] += one[at]; q[others] += other[at];
  }
  return sum(images.map((count, others) => count && (p[others] * q[others]) / count));
}

/* Kappa's limits by profile likelihood, as in ddd_utils/analysis/consistency/profile.py. */
const xlogy = (x, y) => (x === 0 ? 0 : x * Math.log(y));
function tableAt([p, q], kappa) {
  const both = (p + q - (1 - kappa) * (p * (1 - q) + q * (1 - p))) / 2;
  const [byP, byQ] = [(1 - (1 - kappa) * (1 - 2 * q)) / 2, (1 - (1 - kappa) * (1 - 2 * p)) / 2];
  return { shares: [both, p - both, q - both, 1 - p - q + both], slopes: [[byP, 1 - byP, -byP, byP - 1], [byQ, -byQ, 1 - byQ, byQ - 1]] };
}
function likelihood(at, kappa, seen) {
  const { shares, slopes } = tableAt(at, kappa), cells = shares.map((share) => Math.max(share, 1e-12));
  const over = (term) => sum(cells.map((share, cell) => term(share, cell)));
  return {
    value: shares.every((share) => share >= 0) ? over((share, cell) => xlogy(seen[cell], share)) : -1e9,
    slope: slopes.map((slope) => over((share, cell) => (seen[cell] / share) * slope[cell])),
    information: slopes.map((one) => slopes.map((other) => over((share, cell) => (one[cell] * other[cell]) / share))),
  };
}
function profile(kappa, seen) {
  let point = [0, 0].fill((2 * seen[0] + seen[1] + seen[2]) / 2), found = likelihood(point, kappa, seen), damping = 1e-3;
  for (let step = 0; step < 200 && damping <= 1e12; step += 1) {
    const [[a, b], [, d]] = found.information, [u, v] = found.slope, [e, f] = [a + damping, d + damping], base = e * f - b * b;
    const there = [point[0] + (u * f - v * b) / base, point[1] + (v * e - u * b) / base].map((share) => Math.min(Math.max(share, -1), 1));
    const next = likelihood(there, kappa, seen), gain = next.value - found.value;
    damping = gain > 0 ? Math.max(damping / 10, 1e-12) : damping * 10;
    if (gain > 0) { [point, found] = [there, next]; if (gain < 1e-8) break; }
  }
  return found.value;
}
function limits(images, p, q, both) {
  const seen = [both, p - both, q - both, images - p - q + both].map((count) => count / images), kappa = cohen(images, p, q, both);
  const least = sum(seen.map((share) => xlogy(share, share))) - 1.959963984540054 ** 2 / (2 * images);
  return [-1, 1].map((end) => {
    let [inner, outer] = [kappa, end];
    for (let halving = 0; halving < 18; halving += 1) {
      const middle = (inner + outer) / 2;
      if (profile(middle, seen) >= least) inner = middle; else outer = middle;
    }
    return (inner + outer) / 2;
  });
}

/* All that is found of a model beside the networks of the report, on the images that both have seen. */
function besides(mine, networks) {
  const images = mine.length, score = new Uint16Array(images);
  networks.forEach((right) => right.forEach((hit, at) => { score[at] += hit; }));
  const counts = networks.map(sum), own = sum(mine), enough = networks.length >= LEAST_NETWORKS;
  const pairs = networks.map((right, network) => {
    const both = shared(mine, right), kappa = cohen(images, own, counts[network], both);
    const expected = enough ? cohen(images, own, counts[network], sharedByDifficulty(mine, right, score, networks.length, 0)) : NaN;
    return { accuracy: counts[network] / images, kappa, limits: Number.isNaN(kappa) ? [NaN, NaN] : limits(images, own, counts[network], both), expected, excess: kappa - expected };
  });
  const peers = networks.flatMap((one, i) => networks.slice(i + 1).map((other, k) => {
    const j = i + 1 + k, kappa = cohen(images, counts[i], counts[j], shared(one, other));
    const expected = enough ? cohen(images, counts[i], counts[j], sharedByDifficulty(one, other, score, networks.length, 1)) : NaN;
    return { i, j, kappa, excess: kappa - expected };
  }));
  const alone = (hit) => [...mine.keys()].filter((at) => mine[at] === hit && score[at] === (hit ? 0 : networks.length));
  return { images, own, pairs, peers, score, right: alone(1), wrong: alone(0) };
}

/* Errors on the images with each factor, and those expected among images of one score, as in ddd_utils/analysis/factors.py. */
function deviations(mine, others, [looked, ...marked]) {
  const most = 2 + others.reduce((top, count) => Math.max(top, count), 0), at = [...mine.keys()].filter((image) => looked[image]);
  const byScore = (weight) => { const counts = new Float64Array(most); at.forEach((image) => { counts[others[image] + mine[image]] += weight(image); }); return counts; };
  const images = byScore(() => 1), errors = byScore((image) => 1 - mine[image]);
  return marked.map((bits) => {
    const having = byScore((image) => bits[image]), means = having.map((count, score) => count && (count * errors[score]) / images[score]);
    const variance = sum(means.map((mean, score) => mean && mean * (1 - errors[score] / images[score]) * ((images[score] - having[score]) / Math.max(images[score] - 1, 1))));
    const wrong = sum(at.map((image) => bits[image] * (1 - mine[image]))), expected = sum(means), error = Math.sqrt(variance);
    return { wrong, expected, error, z: (wrong - expected) / error };
  });
}
