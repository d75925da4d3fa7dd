(() => {
"use strict";

const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/* Colours. Charts name CSS variables, so they follow the theme, and the printer, without being drawn again. */
const theme = document.getElementById("theme");
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark";
const nameOther = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; nameOther(); });
prefersDark.addEventListener("change", nameOther);
nameOther();

const code = document.getElementById("code");
code.addEventListener("click", () => {
  const open = code.getAttribute("aria-pressed") !== "true";
  code.setAttribute("aria-pressed", open);
  all("details.code").forEach((details) => { details.open = open; });
});

/* Charts. */
const ink = "var(--ink)", soft = "var(--soft)", line = "var(--line)";
const font = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', system-ui, sans-serif";
const guide = { labelColor: soft, titleColor: soft, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 };
const config = {
  font,
  background: "transparent",
  padding: { left: 0, top: 4, right: 4, bottom: 4 },
  view: { stroke: line },
  title: { color: ink, subtitleColor: soft, fontSize: 15, fontWeight: 600, subtitleFontSize: 12.5 },
  axis: { ...guide, gridColor: line, domainColor: line, tickColor: line },
  header: guide,
  legend: guide,
  text: { color: ink },
  rule: { color: ink },
  range: { category: ["#3b82c4", "#c05a1a", "#2a9d78", "#b8405e", "#8a6fc9", "#c08a00"] },
};
/* A tooltip names what a mark stands for; fields that this mark does not have are left out. */
function formatTooltip(value, escaped) {
  if (typeof value !== "object") return escaped(value);
  const known = Object.entries(value).filter(([, text]) => text !== null && text !== "null" && text !== "");
  return `<table>${known.map(([key, text]) => `<tr><td class="key">${escaped(key)}</td><td>${escaped(text)}</td></tr>`).join("")}</table>`;
}
/* ast: Vega interprets its expressions instead of compiling them, which the page's policy forbids. */
const options = {
  mode: "vega-lite", ast: true, renderer: "svg", actions: false, defaultStyle: false,
  tooltip: { disableDefaultStyle: true, formatTooltip }, config,
};

const drawn = new Map();
function draw(figure) {
  if (!drawn.has(figure)) drawn.set(figure, embed(figure));
  return drawn.get(figure);
}
async function embed(figure) {
  const canvas = figure.querySelector(".canvas");
  try {
    await vegaEmbed(canvas, JSON.parse(figure.querySelector("script").textContent), options);
    canvas.style.minHeight = "";
    figure.append(saveButton(canvas));
    figure.dataset.drawn = "";
  } catch (error) {
    canvas.textContent = `This chart could not be drawn: ${error.message}`;
    console.error(error);
  }
}

function saveButton(canvas) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "save";
  button.textContent = "Save as SVG";
  button.addEventListener("click", () => {
    const probe = canvas.appendChild(document.createElement("i"));
    const svg = new XMLSerializer().serializeToString(canvas.querySelector("svg"));
    const resolved = svg.replace(/var\((--[\w-]+)\)/g, (name) => {
      probe.style.color = name;
      return getComputedStyle(probe).color;
    });
    probe.remove();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([resolved], { type: "image/svg+xml" }));
    link.download = `${canvas.closest("section").id}-${canvas.closest("figure").id}.svg`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  return button;
}

/* What is near the screen is drawn at once, the rest one by one when nothing else is to be done. */
const figures = all("figure.chart");
const near = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => { near.unobserve(entry.target); draw(entry.target); });
}, { rootMargin: "600px 0px" });
figures.forEach((figure) => near.observe(figure));
const idle = window.requestIdleCallback ?? ((task) => setTimeout(task, 50));
const drawRest = (waiting) => { if (waiting.length) idle(async () => { await draw(waiting[0]); drawRest(waiting.slice(1)); }); };
addEventListener("load", () => drawRest(figures));
addEventListener("beforeprint", () => figures.forEach(draw));

/* Tables: a click on a heading sorts up, then down, then as it was. */
const next = { none: "ascending", ascending: "descending", descending: "none" };
const number = (text) => parseFloat(text.replace("−", "-").replace(/[,\s](?=\d{3})/g, ""));
const collator = new Intl.Collator("en", { numeric: true });

function compare(a, b, numeric) {
  if (!numeric) return collator.compare(a, b);
  const [x, y] = [number(a), number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? Number.isNaN(x) - Number.isNaN(y) : x - y;
}

all("th[aria-sort] button").forEach((button) => {
  const head = button.parentElement, body = head.closest("table").tBodies[0];
  const column = head.cellIndex, numeric = head.classList.contains("number");
  [...body.rows].forEach((row, index) => { row.dataset.place ??= index; });
  button.addEventListener("click", () => {
    const order = next[head.getAttribute("aria-sort")];
    all("th[aria-sort]", head.parentElement).forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", order);
    const text = (row) => row.cells[column].textContent.trim();
    const undefined_ = (row) => row.cells[column].classList.contains("missing");
    const rows = [...body.rows].sort((a, b) => a.dataset.place - b.dataset.place);
    if (order !== "none") {
      const sign = order === "ascending" ? 1 : -1;
      rows.sort((a, b) => undefined_(a) - undefined_(b) || sign * compare(text(a), text(b), numeric));
    }
    body.append(...rows);
  });
});

/* Navigation: the section in the upper half of the screen is the current one. */
const links = new Map(all("nav.sections a").map((link) => [link.hash.slice(1), link]));
const bar = document.querySelector("nav.sections ol");
const reading = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((entry) => entry.isIntersecting)) {
    links.forEach((link) => link.removeAttribute("aria-current"));
    const link = links.get(entry.target.id);
    link.setAttribute("aria-current", "true");
    bar.scrollTo({ left: link.offsetLeft - 40 });
  }
}, { rootMargin: "-25% 0px -70% 0px" });
all("main > section").forEach((section) => reading.observe(section));
})();
