/* Behind a bar and a cell: how many images, how two networks differ on them, and some of the images with all answers.
   A click chooses, and so do the lists below a chart, for those who do not point at things. */
const FIRST_SHOWN = 12; /* images, before all are asked for */
const MOST_ANSWERS = 5; /* to an image; the rarer ones are folded away */

function made(name, { text, ...properties } = {}, ...children) {
  const element = document.createElement(name);
  Object.entries(properties).forEach(([key, value]) => element.setAttribute(key, value));
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}
const counted = (count, what = "image") => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
const share = (part, whole) => (whole ? `${(100 * part / whole).toFixed(1)} %` : "–");

class Exploration {
  constructor(data) {
    Object.assign(this, data);
    this.total = data.scores.reduce((sum, count) => sum + count, 0);
    this.images.forEach((image) => { image.score = image.answers.filter((answer) => answer === image.label).length; });
  }

  /* Where a pair stands in the lists of pairs: those of the upper triangle, row by row. */
  place(i, j) {
    const [one, other] = i < j ? [i, j] : [j, i];
    return one * this.networks.length - one * (one + 1) / 2 + other - one - 1;
  }

  /* A table of right and wrong alone has no classes: an image is called by its name then, an answer right or wrong. */
  titled(image) { return this.known ? this.classes[image.label] : image.name; }

  called(answer, image) {
    if (!this.known) return answer === image.label ? "right" : "wrong";
    return answer < 0 ? "wrong (answer not recorded)" : this.classes[answer];
  }

  /* The networks by their answers: the right one first, then the most frequent. */
  grouped(image) {
    const groups = new Map();
    image.answers.forEach((answer, network) => groups.set(answer, [...(groups.get(answer) ?? []), this.networks[network]]));
    const rank = ([answer, networks]) => [answer !== image.label, -networks.length];
    return [...groups].sort((one, other) => rank(one)[0] - rank(other)[0] || rank(one)[1] - rank(other)[1]);
  }
}

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
  return { title: who, parts: [made("p", { text: about }), ...gallery(found, images)] };
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

function behindPair(found, i, j) {
  const [first, second] = [found.networks[i], found.networks[j]], at = found.place(i, j), n = found.total;
  const { both, one, other, none } = fourfold(found, i, j);
  const [p, q] = [found.both[i][i] / n, found.both[j][j] / n];
  const whole = `All ${counted(n)}`, between = found.between && `${counted(found.between.total, "in-between image")}`;
  const facts = [
    ["Accuracies", `${first} ${share(p, 1)}, ${second} ${share(q, 1)}`],
    ["Both right or both wrong", `${share(both + none, n)}; independent networks of these accuracies: ${share(p * q + (1 - p) * (1 - q), 1)}`],
    ["Error consistency (kappa)", withReason(found.pairs.kappa[at])],
  ];
  if (found.pairs.excess) {
    facts.push(["Expected, given all scores", found.pairs.expected[at]], ["Excess over that", `${found.pairs.excess[at]}${found.pairs.p[at] ? `, p ${found.pairs.p[at].replace(/^(?!<)/, "= ")} (Holm, over all pairs)` : ""}`]);
  } else facts.push(["Excess over the null", "takes at least four networks and two images"]);
  if (between) facts.push([`Kappa on the ${between}`, withReason(found.between.kappa[at])]);
  const tables = [[found, whole], ...(between ? [[found.between, between]] : [])].map(([part, title]) => fourfoldTable(found, i, j, part, title));
  const list = made("dl", {}, ...facts.map(([term, text]) => made("div", {}, made("dt", { text: term }), made("dd", { text }))));
  const side = (network, peer, count) => {
    const images = found.images.filter((image) => image.answers[network] === image.label && image.answers[peer] !== image.label);
    const about = `${counted(count)}${count ? `; ${kept(images, count)}` : ""}`;
    return [made("h5", { text: `Only ${found.networks[network]} is right` }), made("p", { text: `${about}.` }), ...gallery(found, images, [network, peer])];
  };
  const expected = found.pairs.excess ? " Expected is what networks would reach that are as accurate on images of every difficulty as these, and otherwise independent." : "";
  const notes = `In brackets: 95 % intervals for a new draw of images.${expected}${standIns(found, [i, j])}`;
  return { title: `${first} and ${second}`, parts: [made("div", { class: "figures" }, ...tables, list), made("p", { class: "note", text: notes }), ...side(i, j, one), ...side(j, i, other)] };
}

const explorations = new Map();
function exploration(key) {
  const source = all("script.exploration").find((script) => script.dataset.key === key);
  if (source && !explorations.has(key)) explorations.set(key, new Exploration(JSON.parse(source.textContent)));
  return explorations.get(key);
}

/* What differs between choosing a score and choosing a pair: the lists, what a click means, and what is shown. */
const CHOICES = {
  score: {
    hint: "Click a bar to see its images, or choose how many networks are right:",
    labels: ["networks right"],
    options: (found) => found.scores.map((count, score) => `${score} (${counted(count)})`),
    clicked: (datum) => (datum.score === undefined ? null : [datum.score]),
    picked: ([score]) => score,
    shown: (found, [score]) => behindScore(found, score),
  },
  pair: {
    hint: "Click a cell or dot to compare its networks, or choose two:",
    labels: ["one network", "other network"],
    options: (found) => found.networks,
    clicked: (datum, found) => (datum.b === undefined ? null : [datum.a, datum.b].map((name) => found.networks.indexOf(name))),
    picked: (chosen, found) => chosen.map((network) => found.networks[network]),
    shown: (found, [i, j]) => behindPair(found, i, j),
  },
};

class Explorer {
  constructor(figure, found) {
    [this.figure, this.found, this.kind] = [figure, found, CHOICES[figure.dataset.by]];
    this.lists = this.kind.labels.map((label) => made("select", { "aria-label": label }, made("option", { value: "", text: "–" }),
      ...this.kind.options(found).map((text, value) => made("option", { value, text }))));
    this.lists.forEach((list) => list.addEventListener("change", () => this.choose(this.lists.map(({ value }) => (value === "" ? NaN : Number(value))))));
    this.panel = made("div", { class: "behind", role: "region", "aria-label": `What is behind ${figure.dataset.title || "it"}`, tabindex: "-1", hidden: "" });
    figure.append(made("div", { class: "closer" }, made("span", { text: this.kind.hint }), ...this.lists), this.panel);
    figure.addEventListener("drawn", ({ detail: view }) => this.follow(view));
  }

  follow(view) {
    this.view = view;
    view.addEventListener("click", (event, item) => {
      const chosen = item?.datum && this.kind.clicked(item.datum, this.found);
      if (chosen?.includes(-1)) tell("This cell stands for several networks: choose two below.");
      else if (chosen) this.choose(chosen);
    });
  }

  choose(chosen) {
    chosen.forEach((choice, at) => { this.lists[at].value = Number.isNaN(choice) ? "" : String(choice); });
    const whole = chosen.every((choice) => choice >= 0) && new Set(chosen).size === chosen.length;
    if (!whole) { if (chosen[0] === chosen[1]) tell("This is one network: choose two."); return this.close(); }
    const { title, parts } = this.kind.shown(this.found, chosen);
    const shut = button("Close", () => { this.close(); this.lists[0].focus(); });
    this.panel.replaceChildren(made("header", {}, made("h4", { text: title }), shut), ...parts);
    this.panel.hidden = false;
    this.mark(this.kind.picked(chosen, this.found));
    tell(`Below the chart: ${title}.`);
  }

  close() {
    this.panel.hidden = true;
    this.mark(null);
  }

  /* The chart marks what is open, where it knows how to. */
  mark(picked) {
    try { this.view?.signal("picked", picked).run(); } catch { /* this chart marks nothing */ }
  }
}

figures.forEach((figure) => {
  const found = figure.dataset.explore && exploration(figure.dataset.explore);
  if (found && CHOICES[figure.dataset.by]) new Explorer(figure, found);
});
