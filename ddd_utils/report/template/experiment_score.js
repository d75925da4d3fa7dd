/* What the answers are worth. */
const percent = (share) => `${(100 * share).toFixed(1)}%`;

/* Wilson's 95% interval of k right among n. */
function wilson(k, n) {
  const z = 1.959964, z2 = z * z;
  const centre = (k + z2 / 2) / (n + z2);
  const half = z / (n + z2) * Math.sqrt(k * (n - k) / n + z2 / 4);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

const counts = (right) => [right.filter(Boolean).length, right.length];
const shortScore = (right, [k, n] = counts(right)) => `${k} of ${n} right, ${percent(k / n)}`;

function scoreText(right) {
  const [k, n] = counts(right), [low, high] = wilson(k, n).map(percent);
  return `${k} of ${n} right: ${percent(k / n)} (95% interval ${low} to ${high}; guessing gives 50%).`;
}

/* At most six blocks of trials as even as can be, none shorter than five. */
function blocks(right) {
  const count = Math.max(1, Math.min(6, Math.floor(right.length / 5)));
  const edge = (block) => Math.round(block * right.length / count);
  return Array.from({ length: count }, (_, block) => {
    const part = right.slice(edge(block), edge(block + 1)), k = part.filter(Boolean).length;
    return { first: edge(block) + 1, last: edge(block + 1), share: k / part.length, limits: wilson(k, part.length) };
  });
}

function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
}

/* Share right in each block with its interval, against guessing; nothing where there is only one block. */
function learning(right) {
  const found = blocks(right);
  if (found.length < 2) return "";
  const width = 360, height = 170, x = (at) => 55 + at * (width - 85) / (found.length - 1), y = (share) => 15 + 120 * (1 - share);
  const told = found.map(({ first, last, share }) => `pairs ${first} to ${last}: ${percent(share)}`).join("; ");
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Share right over the experiment. ${told}.` });
  for (const share of [0, .5, 1]) {
    chart.append(svg("line", { class: share === .5 ? "chance" : "grid", x1: 40, x2: width - 10, y1: y(share), y2: y(share) }));
    chart.append(svg("text", { x: 34, y: y(share) + 4, "text-anchor": "end" }, `${100 * share}%`));
  }
  chart.append(svg("polyline", { class: "course", points: found.map(({ share }, at) => `${x(at)},${y(share)}`).join(" ") }));
  found.forEach(({ first, last, share, limits }, at) => chart.append(
    svg("line", { class: "limits", x1: x(at), x2: x(at), y1: y(limits[0]), y2: y(limits[1]) }),
    svg("circle", { cx: x(at), cy: y(share), r: 4.5 }),
    svg("text", { x: x(at), y: height - 14, "text-anchor": "middle" }, `${first}–${last}`),
  ));
  return made("figure", {}, chart, made("figcaption", { text: "Share right by pairs, in their order; dashed: guessing" }));
}
