/* What lies behind a bar and behind a cell: how many images, how two networks differ on them, and some to look at. */
const FIRST_SHOWN = 12; /* images, before all are asked for */
const MOST_ANSWERS = 5; /* to an image; the rarer ones are folded away */

/* An image with its label and who said what; `pair` names two networks whose answers come first. */
function pictured(found, image, pair = []) {
  const figure = made("figure");
  const named = found.known ? `${image.name}: ${found.titled(image)}` : image.name;
  const text = `${named}, ${image.score} of ${found.networks.length} right`;
  if (image.picture) {
    const picture = made("img", { src: image.picture, alt: text });
    picture.decode().then(() => picture.classList.toggle("tiny", Math.max(picture.naturalWidth, picture.naturalHeight) <= 64), () => {});
    figure.append(picture);
  }
  const caption = made("figcaption", {}, made("strong", { text: found.titled(image) }));
  if (!image.picture && found.known) caption.append(made("span", { class: "name", text: image.name }));
  const given = found.grouped(image).map((group) => givenBy(found, image, group));
  const list = pair.length
    ? [...pair.map((network) => saidBy(found, image, network)), made("li", {}, folded("all answers", made("ul", {}, ...given)))]
    : given.length <= MOST_ANSWERS + 1 ? given
      : [...given.slice(0, MOST_ANSWERS), made("li", {}, folded(`${given.length - MOST_ANSWERS} more answers`, made("ul", {}, ...given.slice(MOST_ANSWERS))))];
  caption.append(made("ul", {}, ...list));
  if (image.marked?.length) caption.append(made("span", { class: "name", text: `marked: ${image.marked.map((factor) => found.factors.names[factor]).join(", ")}` }));
  figure.append(caption);
  return figure;
}

const folded = (summary, ...inside) => made("details", {}, made("summary", { text: summary }), ...inside);

function saidBy(found, image, network) {
  const answer = image.answers[network], right = answer === image.label;
  return made("li", { class: right ? "right" : "wrong", text: `${right ? "✓" : "✗"} ${found.networks[network]}: ${found.called(answer, image)}` });
}

/* Who gave an answer is folded away, unless all did. */
function givenBy(found, image, [answer, networks]) {
  const right = answer === image.label, all = networks.length === found.networks.length;
  const text = `${right ? "✓ " : ""}${found.called(answer, image)} (${all ? "all" : networks.length})`;
  return made("li", { class: right ? "right" : "" }, all ? text : folded(text, made("div", { class: "who", text: networks.join(", ") })));
}

/* Some images right away, the others on demand. */
function gallery(found, images, pair) {
  if (!images.length) return [];
  const grid = made("div", { class: "answers" });
  grid.append(...images.slice(0, FIRST_SHOWN).map((image) => pictured(found, image, pair)));
  if (images.length <= FIRST_SHOWN) return [grid];
  const rest = images.slice(FIRST_SHOWN);
  const more = button(`Show ${rest.length} more`, () => {
    const added = rest.map((image) => pictured(found, image, pair));
    grid.append(...added);
    more.remove();
    added[0].setAttribute("tabindex", "-1");
    added[0].focus();
  });
  more.className = "more";
  return [grid, more];
}

function kept(images, count) {
  if (!images.length) return "none of them is kept in this file";
  const what = images[0].picture ? "shown" : "named";
  return images.length === count ? `all are ${what} here` : `${images.length} of them are ${what} here`;
}

function behindScore(found, score) {
  const count = found.scores[score], images = found.images.filter((image) => image.score === score);
  const networks = found.networks.length;
  const who = score === 0 ? `None of ${networks} networks is right` : score === networks ? `All ${networks} networks are right` : `${score} of ${networks} networks ${score === 1 ? "is" : "are"} right`;
  const about = count ? `${counted(count)}, ${share(count, found.total)} of ${found.total.toLocaleString("en")}; ${kept(images, count)}.` : "There is no such image.";
  return { title: who, parts: [made("p", { text: about }), ...factorTable(found, score), ...gallery(found, images)] };
}

/* How often people marked each factor on the images of a bar, and on all: what these have more often comes first. */
function factorTable({ factors }, score) {
  const here = factors?.known[score], everywhere = factors && sum(factors.known);
  if (!here) return [];
  const rows = factors.names.map((name, at) => ({ name, count: factors.marked[at][score], all: sum(factors.marked[at]) / everywhere })).filter(({ all }) => all);
  rows.sort((one, other) => other.count / other.all - one.count / one.all);
  const cells = rows.map(({ name, count, all }) => {
    const [low, high] = wilson(count, here), apart = all < low || all > high;
    return made("tr", { class: apart ? "apart" : "" }, made("th", { scope: "row", text: name }), made("td", {}, `${share(count, here)} `, made("small", { text: `(${share(low, 1)} to ${share(high, 1)})` })), made("td", { text: share(all, 1) }));
  });
  const head = ["factor", "these images", "all images"].map((text) => made("th", { scope: "col", text }));
  const about = `Factors that people marked (${factors.source}) on ${counted(here)} of this bar, and on all ${everywhere.toLocaleString("en")} at which they looked; in brackets, 95% intervals. Bold: another share than of all images.`;
  const table = made("table", { class: "factors", "aria-label": "Factors of these images and of all" }, made("thead", {}, made("tr", {}, ...head)), made("tbody", {}, ...cells));
  return [made("p", { class: "note", text: about }), table];
}

/* The four counts of two networks on all images or on a part of them: both right, only one, only the other, none. */
function fourfold(part, i, j) {
  const both = part.both[i][j], one = part.both[i][i] - both, other = part.both[j][j] - both;
  return { both, one, other, none: part.total - both - one - other };
}

function fourfoldTable(found, i, j, part, title) {
  const { both, one, other, none } = fourfold(part, i, j), [first, second] = [found.networks[i], found.networks[j]];
  const cell = (count, kind) => made("td", { class: kind }, count.toLocaleString("en"), made("small", { text: share(count, part.total) }));
  const heading = (text, scope) => made("th", { scope, text });
  return made("table", { class: "fourfold" },
    made("caption", { text: title }),
    made("thead", {}, made("tr", {}, made("td"), heading(`${second} right`, "col"), heading(`${second} wrong`, "col"))),
    made("tbody", {},
      made("tr", {}, heading(`${first} right`, "row"), cell(both, "same"), cell(one, "apart")),
      made("tr", {}, heading(`${first} wrong`, "row"), cell(other, "apart"), cell(none, "same"))));
}

/* A matrix may average over several networks of a condition, of which one is here. */
function standIns(found, pair) {
  const those = pair.filter((network) => found.spare[network]);
  if (!those.length) return "";
  const which = those.map((network) => `${found.networks[network]} (one of ${found.spare[network] + 1})`).join(" and ");
  return ` One network stands here for its condition: ${which}. A cell that is a mean over all of them has another number.`;
}

const withReason = (kappa) => (kappa === "undefined" ? "undefined: both are always right, or both always wrong" : kappa);

/* What is known of a pair, as terms and texts. */
function pairFacts(found, i, j, between) {
  const { both, none } = fourfold(found, i, j), at = found.place(i, j);
  const [p, q] = [i, j].map((network) => found.both[network][network] / found.total);
  const independent = p * q + (1 - p) * (1 - q);
  return [
    ["Accuracies", `${found.networks[i]} ${share(p, 1)}, ${found.networks[j]} ${share(q, 1)}`],
    ["Both right or both wrong", `${share(both + none, found.total)}; independent networks of these accuracies: ${share(independent, 1)}`],
    ["Error consistency (kappa)", withReason(found.pairs.kappa[at])],
    ...excessFacts(found.pairs, at),
    ...(between ? [[`Kappa on the ${between}`, withReason(found.between.kappa[at])]] : []),
  ];
}

function excessFacts({ expected, excess, p }, at) {
  if (!excess) return [["Excess over the null", "takes at least four networks and two images"]];
  const tested = p[at] ? `, p ${p[at].replace(/^(?!<)/, "= ")} (Holm, over all pairs)` : "";
  return [["Expected, given all scores", expected[at]], ["Excess over that", `${excess[at]}${tested}`]];
}

/* Images that the one gets right and the other does not. */
function onlyRight(found, network, peer) {
  const count = found.both[network][network] - found.both[network][peer];
  const images = found.images.filter(({ answers, label }) => answers[network] === label && answers[peer] !== label);
  const about = `${counted(count)}${count ? `; ${kept(images, count)}` : ""}.`;
  return [made("h5", { text: `Only ${found.networks[network]} is right` }), made("p", { text: about }), ...gallery(found, images, [network, peer])];
}

const EXPECTED = " Expected is what networks would reach that are as accurate on images of every difficulty as these, and otherwise independent.";

function behindPair(found, i, j) {
  const between = found.between && counted(found.between.total, "in-between image");
  const tables = [[found, `All ${counted(found.total)}`], ...(between ? [[found.between, between]] : [])];
  const facts = pairFacts(found, i, j, between).map(([term, text]) => made("div", {}, made("dt", { text: term }), made("dd", { text })));
  const note = `In brackets: 95% intervals for a new draw of images.${found.pairs.excess ? EXPECTED : ""}${standIns(found, [i, j])}`;
  return {
    title: `${found.networks[i]} and ${found.networks[j]}`,
    parts: [
      made("div", { class: "figures" }, ...tables.map(([part, title]) => fourfoldTable(found, i, j, part, title)), made("dl", {}, ...facts)),
      made("p", { class: "note", text: note }),
      ...onlyRight(found, i, j),
      ...onlyRight(found, j, i),
    ],
  };
}
