/* Everything can be taken away: a chart as a picture or as its data, a table as CSV. Nothing is fetched for it. */
/* The data of a chart: all its sets of rows under each other, told apart by a first column where there are several. */
function dataSets(part) {
  if (!part || typeof part !== "object") return [];
  const own = Array.isArray(part.data?.values) ? [part.data.values] : [];
  return own.concat(Object.entries(part).filter(([key]) => key !== "datasets" && key !== "data").flatMap(([, value]) => dataSets(value)));
}
function chartRows(spec) {
  const sets = [...Object.values(spec.datasets ?? {}), ...dataSets(spec)];
  const rows = sets.flatMap((set, index) => set.map((row) => ({
    ...(sets.length > 1 && { dataset: index + 1 }), ...(row !== null && typeof row === "object" ? row : { value: row }),
  })));
  const columns = [...new Set(rows.flatMap(Object.keys))];
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))];
}

/* A chart is saved as it is seen: its colours, which are CSS variables, are looked up, and the page's lies behind it. */
function picture(canvas) {
  const probe = canvas.appendChild(document.createElement("i"));
  const resolve = (name) => { probe.style.color = name; return getComputedStyle(probe).color; };
  const copy = canvas.querySelector("svg").cloneNode(true);
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  Object.entries({ width: "100%", height: "100%", fill: "var(--paper)" }).forEach(([key, value]) => paper.setAttribute(key, value));
  copy.prepend(paper);
  copy.removeAttribute("aria-hidden");
  const text = new XMLSerializer().serializeToString(copy).replace(/var\(--[\w-]+\)/g, resolve);
  probe.remove();
  return text;
}
async function bitmap(svg, scale = 2) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [image.width * scale, image.height * scale];
  sheet.getContext("2d").drawImage(image, 0, 0, sheet.width, sheet.height);
  return new Promise((done) => { sheet.toBlob(done, "image/png"); });
}

/* The text of a cell; smaller print in it follows a semicolon. A group's heading becomes a column of its own. */
const cellText = (cell) => [...cell.childNodes].map((node) => node.textContent.trim().replace(/\s+/g, " ")).filter(Boolean)
  .join(cell.querySelector(":scope > small") ? "; " : " ");
function tableRows(table) {
  const grouped = table.querySelector("tr.group") !== null;
  let group = table.tHead ? "Section" : "";
  return [...table.rows].flatMap((row) => {
    if (row.classList.contains("group")) { group = cellText(row.cells[0]); return []; }
    if (row.hidden) return [];
    return [[...(grouped ? [group] : []), ...[...row.cells].map(cellText)]];
  });
}

/* Names: the section, then the chart's title, the table's caption or the heading above, whole; a number where they repeat. */
const names = new Map(), MOST = 120; /* letters: a name ends with a whole word, and every file system takes it */
const headingAbove = (element) => all("h2, h3, h4, h5", element.closest("section")).findLast((heading) => heading.compareDocumentPosition(element) & 4)?.textContent;
function fileName(element, title) {
  const dashed = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  let words = dashed(title);
  if (words.length > MOST) words = words.slice(0, words.lastIndexOf("-", MOST)) || words.slice(0, MOST);
  const name = `${element.closest("section").id}-${words}`;
  names.set(name, (names.get(name) ?? 0) + 1);
  return names.get(name) === 1 ? name : `${name}-${names.get(name)}`;
}

function saves(what, buttons) {
  const bar = made("div", { class: "saves", role: "group", "aria-label": `Download ${what}` });
  bar.append(...Object.entries(buttons).map(([kind, action]) => button(kind, action, `${kind}: download ${what}`)));
  roving([...bar.children]);
  return bar;
}

figures.forEach((figure) => {
  const title = figure.dataset.title || headingAbove(figure) || "chart", name = fileName(figure, title), canvas = figure.querySelector(".canvas");
  const svg = async () => { await draw(figure); return picture(canvas); };
  figure.append(saves(`the chart “${title}”`, {
    PNG: async () => save(await bitmap(await svg()), `${name}.png`),
    SVG: async () => saveText(await svg(), "image/svg+xml", `${name}.svg`),
    CSV: () => saveText(csv(chartRows(specification(figure))), "text/csv", `${name}.csv`),
  }));
});
all("main .scroll > table").forEach((table) => {
  const title = table.caption?.textContent ?? headingAbove(table) ?? "table", name = fileName(table, title);
  table.setAttribute("aria-label", `${title}. ${table.getAttribute("aria-label") ?? ""}`);
  table.parentElement.after(saves(`the table “${title}”`, { CSV: () => saveText(csv(tableRows(table)), "text/csv", `${name}.csv`) }));
});
