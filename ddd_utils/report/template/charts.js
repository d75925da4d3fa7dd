const ink = "var(--ink)", soft = "var(--soft)", line = "var(--line)";
const guide = { labelColor: soft, titleColor: soft, labelFontSize: LABEL, titleFontSize: LABEL, titleFontWeight: 500 };
const config = {
  font,
  background: "transparent",
  padding: { left: 0, top: 4, right: 4, bottom: 4 },
  view: { stroke: line },
  title: { color: ink, subtitleColor: soft, fontSize: TITLE, fontWeight: 600, subtitleFontSize: SUBTITLE },
  axis: { ...guide, gridColor: line, domainColor: line, tickColor: line },
  header: guide,
  legend: guide,
  text: { color: ink },
  rule: { color: ink },
  range: { category: style.getPropertyValue("--series").trim().split(" ") },
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
  formatLocale: { decimal: ".", thousands: ",", grouping: [3], currency: ["$", ""], minus: "−" },
};

const specification = (figure) => parsed(figure.querySelector(":scope > script"));
const drawn = new Map();
function draw(figure) {
  if (!drawn.has(figure)) drawn.set(figure, embed(figure));
  return drawn.get(figure);
}
async function embed(figure) {
  const canvas = figure.querySelector(".canvas"), choices = figure.querySelector(".choices");
  choices?.replaceChildren();
  const room = canvas.parentElement.clientWidth, spec = laidOut(specification(figure), room);
  try {
    const embedded = () => vegaEmbed(canvas, structuredClone(spec), { ...options, ...(choices && { bind: choices }) });
    let { view } = await embedded();
    const width = () => Number(canvas.querySelector("svg").getAttribute("width"));
    for (let tries = 0; tries < TRIES && adjusted(spec, width(), room, tries < TRIES - 1); tries += 1) {
      view.finalize();
      choices?.replaceChildren();
      ({ view } = await embedded());
    }
    figure.dataset.room = room;
    canvas.style.minHeight = "";
    if (canvas.querySelector(BRUSHED)) canvas.addEventListener("touchmove", markInstead, { passive: false });
    describeAsOne(canvas);
    figure.dataset.drawn = "";
    figure.dispatchEvent(new CustomEvent("drawn", { detail: view }));
  } catch (error) {
    canvas.textContent = `This chart could not be drawn: ${error.message}`;
    console.error(error);
  }
}

/* Where a part of a plot can be marked, one finger marks and does not scroll; beside the plot it does, and two zoom.
   (In a style sheet this can be said of a drawing as a whole only: touch-action does nothing for its parts.) */
const BRUSHED = '.role-scope:has([class*="brush"])';
function markInstead(event) {
  if (event.touches.length === 1 && event.cancelable && event.target.closest(BRUSHED)) event.preventDefault();
}

/* Vega makes a document of every mark. For those who listen, a chart is one image with a description in words. */
function describeAsOne(canvas) {
  canvas.setAttribute("role", "img");
  canvas.removeAttribute("aria-roledescription");
  canvas.querySelector("svg").setAttribute("aria-hidden", "true");
}

/* A chart is drawn when it comes near the window, and all are before printing. */
const figures = all("figure.chart");
const near = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => { near.unobserve(entry.target); draw(entry.target); });
}, { rootMargin: "600px 0px" });
figures.forEach((figure) => near.observe(figure));
addEventListener("beforeprint", () => figures.forEach(draw));

/* Where the room changes, as on a phone that is turned, what was drawn is drawn anew when it is next near. */
let settling;
addEventListener("resize", () => {
  clearTimeout(settling);
  settling = setTimeout(() => figures.filter((figure) => figure.dataset.room && Number(figure.dataset.room) !== figure.querySelector(".canvas").parentElement.clientWidth)
    .forEach((figure) => { drawn.delete(figure); near.unobserve(figure); near.observe(figure); }), 200);
});
