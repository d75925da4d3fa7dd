/* A chart is drawn for the room it has: its plots grow or shrink until it fits, and on a phone they stand below one
   another. A matrix stays square, and only shrinks. */
const NARROW = 600, LEAST = 110, LEGIBLE_CELL = 32, LEAST_CELL = 11, LEAST_LABEL = 11; /* px */
const TRIES = 5;
const TITLE = 15, SUBTITLE = 12.5, LABEL = 12; /* px of fonts */
const parsed = (script) => JSON.parse(script.textContent.replace(/[\u2028\u2029]/g, " ")); /* no line of an expression may end so */

const ruler = document.createElement("canvas").getContext("2d");
function textWidth(text, size, weight = 400) {
  ruler.font = `${weight} ${size}px ${font}`;
  return ruler.measureText(text).width;
}

/* Break a text, or each of several lines, at blanks so that it is at most so wide. */
function broken(text, room, size, weight) {
  const lines = [];
  for (const paragraph of [text].flat()) {
    let line = "";
    for (const word of String(paragraph).split(" ")) {
      const longer = line ? `${line} ${word}` : word;
      if (line && textWidth(longer, size, weight) > room) { lines.push(line); line = word; } else line = longer;
    }
    lines.push(line);
  }
  return lines;
}

const children = (part) => part.hconcat ?? part.vconcat ?? part.layer ?? (part.spec ? [part.spec] : []);
function walk(part, visit) {
  visit(part);
  children(part).forEach((child) => walk(child, visit));
}
function plots(spec) {
  const found = [];
  walk(spec, (part) => { if (typeof part.width === "number") found.push(part); });
  return found;
}
const isSquare = (plot) => plot.width === plot.height;
const panelsAbreast = (spec) => spec.hconcat?.length ?? (spec.facet?.column ? new Set(rowsOf(spec).map((row) => row[spec.facet.column.field])).size : 1);
const rowsOf = ({ data, datasets }) => datasets?.[data?.name] ?? data?.values ?? [];
const cellsAcross = (spec) => Object.values(spec.params?.find(({ name }) => name === "orders")?.value ?? {})[0]?.length;

function breakTitle(part, room) {
  if (!part.title) return;
  const title = typeof part.title === "object" && !Array.isArray(part.title) ? part.title : { text: part.title };
  title.text = broken([title.text].flat().join(" "), room, TITLE, 600);
  if (title.subtitle) title.subtitle = broken(title.subtitle, room, SUBTITLE);
  part.title = title;
}

/* Where a chart writes words itself, a line has so many letters at most: it ends at a blank, or else after a hyphen. */
const ends = (letters) => `(.{1,${letters}})( |$)|(.{1,${letters - 1}}-)`;
const inLines = (letters, text) => `trim(replace(${text}, regexp('${ends(letters)}', 'g'), '$1$3\\n'))`;
const breaking = (letters, text = "datum.label") => `split(${inLines(letters, text)}, '\\n')`;
const LETTER = 6.2; /* px, of a label */

/* A legend begins where the plot does. Its entries stand in as many columns as there is room for. */
function fitLegend(channel, room) {
  const { legend, scale } = channel;
  if (legend === null) return;
  const entries = [legend?.values ?? scale?.domain ?? []].flat().filter((entry) => typeof entry === "string");
  const widest = Math.max(1, ...entries.map((entry) => textWidth(entry, LABEL) + 34));
  const columns = Math.max(1, Math.floor(room / widest));
  channel.legend = {
    ...legend, orient: legend?.orient === "top" ? "top" : "bottom", titleLimit: 0, labelLimit: 0,
    ...(legend?.title && { title: broken(legend.title, room, LABEL, 500) }),
    ...(entries.length && { columns, direction: columns > 1 ? "horizontal" : "vertical" }),
    ...(widest > room && { labelExpr: breaking(Math.floor((room - 34) / LETTER)) }),
    ...(legend?.gradientLength && { gradientLength: Math.min(legend.gradientLength, room) }),
  };
}
const LEGENDS = ["color", "fill", "stroke", "shape", "size", "strokeDash", "opacity"];

/* Names of rows take several lines, and a row is made high enough for them. */
const NAME = 20; /* letters */
function fitNames(part, { axis, sort }) {
  if (axis.labelExpr || axis.labels === false) return;
  const lines = Math.max(1, ...(Array.isArray(sort) ? sort : []).map((name) => String(name).replace(new RegExp(ends(NAME), "g"), "$1$3\n").trim().split("\n").length));
  Object.assign(axis, { labelExpr: breaking(NAME), labelLineHeight: 12, labelLimit: 0 });
  if (part.height?.step) part.height = { step: Math.max(part.height.step, 12 * lines + 8) };
}

/* Names that are written above rows, from edge to edge, grow upwards: rows are moved apart where there are such. */
const LINE = 14; /* px */
function foldNames(spec, part, room) {
  const letters = Math.floor(0.9 * room / LETTER), rows = spec.datasets?.[part.data?.name] ?? rowsOf(spec);
  if (!rows.some(({ name }) => name.length > letters)) return;
  spec.height += LINE * rows.length;
  const up = `(length(${breaking(letters, "datum.name")}) - 1) * ${LINE * rows.length / spec.height}`;
  part.transform = [{ calculate: `datum.row - ${up}`, as: "row" }, { calculate: inLines(letters, "datum.name"), as: "name" }];
  Object.assign(part.mark, { lineBreak: "\n", lineHeight: LINE });
}

/* On a phone: panels below one another, each with its names; words break where they would not fit. */
function narrowed(spec, room) {
  spec.config = { ...spec.config, legend: { layout: { top: { direction: "vertical" }, bottom: { direction: "vertical" } } } };
  const square = cellsAcross(spec);
  let rows = spec; /* the part whose height a layer's rows have */
  walk(spec, (part) => {
    if (part.hconcat) { part.vconcat = part.hconcat; delete part.hconcat; }
    if (part.facet?.column) part.facet = { row: { ...part.facet.column, header: { ...part.facet.column.header, labelAngle: 0, labelOrient: "top" } } };
    if (part.vconcat) part.spacing = Math.max(part.spacing ?? 20, 40);
    if (part.height) rows = part;
    if (part.encoding?.text?.field === "told") Object.assign(part.mark, { lineBreak: "; ", fontSize: 11 });
    if (part.encoding?.text?.field === "name") foldNames(rows, part, room);
    for (const [name, channel] of Object.entries(part.encoding ?? {})) {
      if (LEGENDS.includes(name) && channel.field) fitLegend(channel, (square ? 0.5 : 0.58) * room);
      if (name === "x" && !square) fitAcross(channel, room);
      if (name !== "y" || !channel.axis) continue;
      if (channel.type === "nominal" && !square) fitNames(rows, channel);
      if (channel.axis.labels === false) delete channel.axis.labels;
    }
  });
}
function fitAcross(channel, room) {
  if (channel.axis && channel.axis.labelAngle !== -55) Object.assign(channel.axis, { labelOverlap: "greedy", labelSeparation: 6 });
  if (typeof channel.title === "string") channel.title = broken(channel.title, 0.55 * room, LABEL, 500);
}

function resize(spec, plot, width) {
  const across = isSquare(plot) && cellsAcross(spec);
  plot.width = Math.max(LEAST, width);
  if (across) fitCells(plot, plot.width / across);
}
/* Cells too small for a number have none, and dots move to their centres; names are as large as there is room for. */
function fitCells(plot, cell) {
  plot.height = plot.width;
  if (cell >= LEGIBLE_CELL) return;
  plot.layer = plot.layer.filter(({ mark }) => mark.type !== "text");
  for (const { mark, encoding } of plot.layer) {
    if (mark.type === "point") Object.assign(mark, { xOffset: 0, yOffset: 0, size: Math.min(mark.size, Math.max(9, (cell / 4) ** 2)) });
    for (const { axis } of [encoding.x, encoding.y]) if (axis) axis.labelFontSize = Math.min(axis.labelFontSize, Math.max(LEAST_LABEL, Math.floor(cell) - 1));
    if (encoding.x.axis) encoding.x.axis.labelAngle = -90;
  }
}

const hasNames = (spec) => plots(spec)[0].layer?.some(({ encoding }) => encoding.y?.axis?.labels !== false);
/* Where cells would be too small for names beside them, the whole width is theirs. */
function withoutNames(spec, room) {
  for (const { encoding } of plots(spec).flatMap(({ layer }) => layer)) {
    for (const { axis } of [encoding.x, encoding.y]) if (axis) axis.labels = false;
  }
  spec.title.subtitle = [...spec.title.subtitle ?? [], ...broken("names: touch a cell", room, SUBTITLE)];
}

/* What is drawn at first in some room; `adjusted` then mends its width by what was measured, and tells whether it did.
   Where a label comes and goes with a few pixels, widths swing between too wide and too narrow: the last try only shrinks. */
function laidOut(spec, room) {
  walk(spec, (part) => { if (part.width === "container") part.width = room - 60; });
  breakTitle(spec, room - 4);
  if (room < NARROW) narrowed(spec, room - 4);
  const panel = room < NARROW ? room - 4 : room / (spec.hconcat?.length ?? 1) - 40;
  walk(spec, (part) => { if (part !== spec) breakTitle(part, room < NARROW && part.title?.frame === "group" ? 0.55 * room : panel); });
  return spec;
}
function adjusted(spec, drawnWidth, room, mayGrow) {
  const missing = room - drawnWidth, abreast = panelsAbreast(spec), before = JSON.stringify(plots(spec).map(({ width }) => width));
  const cells = plots(spec).some(isSquare) ? cellsAcross(spec) ?? 0 : 0;
  if (Math.abs(missing) <= 1 || (missing > 0 && (cells || !mayGrow))) return false;
  const wanted = ({ width }) => Math.floor(width + missing / abreast);
  const bare = cells && room < NARROW && hasNames(spec) && wanted(plots(spec)[0]) < cells * LEAST_CELL;
  if (bare) withoutNames(spec, room);
  for (const plot of plots(spec)) resize(spec, plot, bare ? room / abreast : wanted(plot));
  return JSON.stringify(plots(spec).map(({ width }) => width)) !== before;
}
