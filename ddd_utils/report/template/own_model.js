/* A table of answers, dropped by a reader, is compared with the networks of this report. It never leaves the browser. */
const mean = (values) => sum(values.filter((value) => !Number.isNaN(value))) / values.filter((value) => !Number.isNaN(value)).length;
const percentage = (value) => `${(100 * value).toFixed(1)}%`;
const decimals = (value, sign = "") => (Number.isNaN(value) ? "undefined" : `${value >= 0 ? sign : "−"}${Math.abs(value).toFixed(3)}`);

/* What may be wrong with the table, so that no number is taken for more than it is. */
function doubts(table, at, report, found, networks) {
  const accuracy = found.own / found.images, said = [], chance = report.classes.length ? 1 / report.classes.length : 0;
  if (chance && wilson(found.own, found.images)[0] <= chance) said.push(`It is right no more often than by chance (${percentage(chance)}): are its classes those of this report, in the same order?`);
  const given = new Map();
  if (table.column === "prediction") {
    table.rows.forEach(([, word]) => given.set(word, (given.get(word) ?? 0) + 1));
    [1, -1].forEach((shift) => {
      let moved = 0;
      try { moved = sum(judged(table, at, report, -shift)) / found.images; } catch { return; }
      if (moved > accuracy + 0.2) said.push(`Its answers may be counted from ${shift > 0 ? 1 : -1}: moved by one, ${percentage(moved)} are right.`);
    });
    const [most, count] = [...given].reduce((best, each) => (each[1] > best[1] ? each : best), ["", 0]);
    if (report.classes.length > 1 && count > 0.9 * found.images) said.push(`It answers “${most}” for ${percentage(count / found.images)} of the images.`);
  }
  found.pairs.forEach(({ kappa }, network) => { if (kappa > 0.99) said.push(`It is right and wrong on the same images as ${networks[network]}: this may be the same model.`); });
  return said;
}

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
}
async function unpacked(data) {
  const [names, labels, right, marks] = await Promise.all([data.names, data.labels, data.right, ...(data.factors ? [data.marked] : [])].map(inflated));
  let before = "";
  const lines = new TextDecoder().decode(names).split("\n").map((line) => {
    const blank = line.indexOf(" ");
    before = [...before].slice(0, Number(line.slice(0, blank))).join("") + line.slice(blank + 1);
    return before;
  });
  const width = Math.ceil(lines.length / 8), low = lines.length;
  const rows = (bits, count) => Array.from({ length: count }, (_, row) => Uint8Array.from(lines, (_name, at) => (bits[row * width + (at >> 3)] >> (7 - (at & 7))) & 1));
  return { ...data, names: lines, labels: Int16Array.from(lines, (_name, at) => labels[at] + 256 * labels[low + at]), right: rows(right, data.networks.length), marks: marks && rows(marks, data.factors.length + 1) };
}

/* Read a file and compare: nothing is shown of a faulty one but what is wrong with it. */
async function compared(file, report) {
  const table = answersIn(tableOf(decoded(new Uint8Array(await file.arrayBuffer())))), notes = [...table.notes];
  const rows = table.rows.length, at = places(report.names, table.rows.map(([name]) => name)), twice = new Set();
  at.forEach((place, row) => { if (place >= 0 && twice.has(place)) throw new Error(`image ${table.rows[row][0]} has two answers`); twice.add(place); });
  const kept = [...at.keys()].filter((row) => at[row] >= 0 && !GONE.has(table.rows[row][1].toLowerCase()));
  const unknown = at.filter((place) => place < 0).length, silent = rows - unknown - kept.length;
  if (!kept.length) throw new Error(unknown === rows ? `none of its ${rows.toLocaleString("en")} images is one of this report's, which are called ${report.names[0]} and so on` : "it has no answer");
  if (unknown) notes.push(`${counted(unknown, "row")} left out: the images are not in this report.`);
  if (silent) notes.push(`${counted(silent, "row")} left out: there is no answer.`);
  if (kept.length < report.names.length) notes.push(`All numbers here are for the ${kept.length.toLocaleString("en")} of ${report.names.length.toLocaleString("en")} images that the table has.`);
  const mine = { ...table, rows: kept.map((row) => table.rows[row]) }, where = kept.map((row) => at[row]);
  const right = Uint8Array.from(judged(mine, where, report)), networks = report.right.map((hits) => Uint8Array.from(where, (place) => hits[place]));
  const found = besides(right, networks), deviating = report.marks ? deviations(right, found.score, report.marks.map((bits) => Uint8Array.from(where, (place) => bits[place]))).map((row, at) => ({ factor: report.factors[at], ...row })) : [];
  return { name: file.name, found, deviating, notes: [...notes, ...doubts(mine, where, report, found, report.networks)], names: where.map((place) => report.names[place]), mine: right };
}

/* Accuracy against the mean kappa with the networks of the report: theirs, and the new one's. */
const svgElement = (name, attributes, ...inside) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...inside);
  return element;
};
function scatter({ found, name }, networks) {
  const dots = networks.map((network, at) => ({ network, x: found.pairs[at].accuracy, y: mean(found.peers.filter(({ i, j }) => i === at || j === at).map(({ kappa }) => kappa)) }));
  dots.push({ network: name, x: found.own / found.images, y: mean(found.pairs.map(({ kappa }) => kappa)), own: true });
  const known = dots.filter(({ y }) => !Number.isNaN(y)), [width, height, edge] = [560, 260, 44];
  const range = (values) => { const [low, high] = [Math.min(...values), Math.max(...values)], pad = (high - low) * 0.08 || 0.05; return [low - pad, high + pad]; };
  const [[left, right], [low, high]] = [range(known.map(({ x }) => x)), range(known.map(({ y }) => y))];
  const across = (x) => edge + ((x - left) / (right - left)) * (width - edge - 10), up = (y) => height - edge - ((y - low) / (high - low)) * (height - edge - 10);
  const ticks = [0.1, 0.5, 0.9].flatMap((part) => {
    const [x, y] = [left + part * (right - left), low + part * (high - low)];
    return [svgElement("text", { x: across(x), y: height - edge + 18, "text-anchor": "middle" }, percentage(x)), svgElement("text", { x: edge - 6, y: up(y) + 4, "text-anchor": "end" }, y.toFixed(2))];
  });
  const circles = known.map(({ network, x, y, own }) => svgElement("circle", { cx: across(x), cy: up(y), r: own ? 6 : 4, class: own ? "own" : "peer" }, svgElement("title", {}, `${network}: accuracy ${percentage(x)}, mean kappa ${decimals(y)}`)));
  const words = [svgElement("text", { x: width / 2, y: height - 6, "text-anchor": "middle" }, "accuracy"), svgElement("text", { x: 12, y: height / 2, transform: `rotate(-90 12 ${height / 2})`, "text-anchor": "middle" }, "mean kappa with the others")];
  return svgElement("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "scatter", "aria-label": `Accuracy against mean kappa: ${name} beside ${networks.length} networks of this report` },
    svgElement("path", { d: `M${edge} 10V${height - edge}H${width - 10}`, class: "axis" }), ...ticks, ...words, ...circles);
}

function shownResult(result, networks) {
  const { found, name, names: images, mine } = result, [low, high] = wilson(found.own, found.images);
  const excesses = found.peers.map(({ excess }) => excess).filter((excess) => !Number.isNaN(excess)).sort((a, b) => a - b), quantile = (part) => excesses[Math.round(part * (excesses.length - 1))];
  const order = [...networks.keys()].sort((one, other) => found.pairs[other].kappa - found.pairs[one].kappa);
  const row = (cells, kind = "td") => made("tr", {}, ...cells.map((text, at) => made(at ? kind : "th", { text, ...(at ? { class: "number" } : { scope: kind === "th" ? "col" : "row" }), ...(at && kind === "th" && { scope: "col" }) })));
  const cells = (network) => { const { accuracy, kappa, limits: [lower, upper], expected, excess } = found.pairs[network]; return [networks[network], percentage(accuracy), `${decimals(kappa)} (${decimals(lower)} to ${decimals(upper)})`, decimals(expected), decimals(excess, "+")]; };
  const listed = (places, what) => folded(`${counted(places.length)} that ${name} alone ${what}`, made("p", { class: "note", text: places.length ? places.slice(0, 100).map((at) => images[at]).join(", ") + (places.length > 100 ? " …" : "") : "none" }));
  const asRows = [["network", "accuracy", "kappa", "lower", "upper", "expected", "excess"], ...networks.map((network, at) => { const { accuracy, kappa, limits: both, expected, excess } = found.pairs[at]; return [network, accuracy, kappa, ...both, expected, excess]; })];
  const perImage = [["image", "right", "networks_right"], ...images.map((image, at) => [image, mine[at], found.score[at]])];
  const stem = name.replace(/\.[^.]*$/, "");
  return [
    made("h4", { text: name }),
    made("p", {}, made("strong", { text: `Right on ${percentage(found.own / found.images)}` }), ` (${percentage(low)} to ${percentage(high)}) of ${counted(found.images)}. Mean kappa with the ${networks.length} networks: ${decimals(mean(found.pairs.map(({ kappa }) => kappa)))}; theirs with each other: ${decimals(mean(found.peers.map(({ kappa }) => kappa)))}.`),
    ...result.notes.map((text) => made("p", { class: "doubt", text })),
    scatter(result, networks),
    made("div", { class: "scroll" }, made("table", { "aria-label": `${name} beside the networks of this report` }, made("thead", {}, row(["network", "accuracy", "kappa", "expected", "excess"], "th")), made("tbody", {}, ...order.map((network) => row(cells(network)))))),
    made("p", { class: "note", text: `In brackets: 95% intervals for a new draw of images (profile likelihood). Expected: if two share nothing but how many of the other networks are right on an image.${excesses.length ? ` Among the networks of this report that excess runs from ${decimals(quantile(0.05), "+")} to ${decimals(quantile(0.95), "+")} (90% of the pairs).` : ""}` }),
    ...deviatingTable(result),
    listed(found.right, "gets right"), listed(found.wrong, "gets wrong"),
    saves(`the comparison with ${name}`, { "CSV of networks": () => saveText(csv(asRows), "text/csv", `${stem}-networks.csv`), "CSV of images": () => saveText(csv(perImage), "text/csv", `${stem}-images.csv`) }),
  ];
}

/* On which factors the model errs more, or less, than the networks of the report let expect. */
function deviatingTable({ name, deviating }) {
  const told = deviating.filter(({ error }) => error > 0).sort((one, other) => Math.abs(other.z) - Math.abs(one.z));
  if (!told.length) return [];
  const change = (value) => `${value >= 0 ? "+" : "−"}${percentage(Math.abs(value))}`.replace(/^.0[.]0%$/, "0.0%");
  const sides = ({ wrong, expected, error }) => [0, -1.96, 1.96].map((margin) => change((wrong + margin * error) / expected - 1));
  const whole = (count) => Math.round(count).toLocaleString("en"), cell = (value, beside) => made("td", {}, `${value} `, made("small", { text: `(${beside})` }));
  const rows = told.map((row) => { const [value, low, high] = sides(row); return made("tr", { class: Math.abs(row.z) > 1.96 ? "apart" : "" }, made("th", { scope: "row", text: row.factor }), cell(whole(row.wrong), whole(row.expected)), cell(value, `${low.slice(0, -1)} to ${high}`)); });
  const head = ["factor", "errors (expected)", "more or less"].map((text) => made("th", { scope: "col", text }));
  const note = `Errors on images with each factor, and those expected if marks did not matter among images that equally many networks get right; in brackets, 95% intervals. Bold: the interval excludes no difference. Of ${told.length} factors, ${(0.05 * told.length).toFixed(1)} would be bold by chance alone.`;
  return [made("h5", { text: `On which factors ${name} differs from its peers` }), made("p", { class: "note", text: note }), made("table", { class: "factors", "aria-label": `Errors of ${name} by factor` }, made("thead", {}, made("tr", {}, ...head)), made("tbody", {}, ...rows))];
}

all("script.comparable").forEach((script) => {
  const data = parsed(script), input = made("input", { type: "file", accept: ".csv,.tsv,.txt,text/csv", "aria-label": "A table of answers as CSV" });
  const result = made("div", { class: "own-result", role: "region", "aria-label": "Your model beside these", tabindex: "-1" });
  const box = made("div", { class: "own-model" }, made("p", {}, "Drop a CSV table with the columns ", made("code", { text: "image, prediction" }), " or ", made("code", { text: "image, correct" }), " here, or choose one: ", input, " It does not leave your browser."), result);
  let report;
  const take = async (file) => {
    if (!file) return;
    try {
      report ??= unpacked(data);
      result.replaceChildren(...shownResult(await compared(file, await report), data.networks));
      tell(`${file.name} has been compared.`);
    } catch (error) {
      result.replaceChildren(made("p", { class: "failure", text: `${file.name} cannot be compared: ${error.message}.` }));
    }
    result.focus({ preventScroll: true });
  };
  input.addEventListener("change", () => take(input.files[0]));
  ["dragenter", "dragover", "dragleave", "drop"].forEach((kind) => box.addEventListener(kind, (event) => {
    event.preventDefault();
    box.classList.toggle("over", kind === "dragenter" || kind === "dragover");
  }));
  box.addEventListener("drop", (event) => take(event.dataTransfer.files[0]));
  script.after(box);
});
