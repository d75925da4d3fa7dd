/* A click on a bar or a cell chooses, and so do the lists below a chart, for those who do not point at things. */
const explorations = new Map();
function exploration(key) {
  const source = all("script.exploration").find((script) => script.dataset.key === key);
  if (source && !explorations.has(key)) explorations.set(key, new Exploration(parsed(source)));
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
