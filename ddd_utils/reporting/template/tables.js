/* A click on a heading sorts up, then down, then as it was. */
const next = { none: "ascending", ascending: "descending", descending: "none" };
const number = (text) => parseFloat(text.replace("−", "-").replace(/[,\s](?=\d{3})/g, ""));
const collator = new Intl.Collator("en", { numeric: true });

function compare(a, b, numeric) {
  if (!numeric) return collator.compare(a, b);
  const [x, y] = [number(a), number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? Number.isNaN(x) - Number.isNaN(y) : x - y;
}

function sort(head) {
  const body = head.closest("table").tBodies[0], order = next[head.getAttribute("aria-sort")];
  all("th[aria-sort]", head.parentElement).forEach((other) => other.setAttribute("aria-sort", "none"));
  head.setAttribute("aria-sort", order);
  const text = (row) => row.cells[head.cellIndex].textContent.trim();
  const missing = (row) => row.cells[head.cellIndex].classList.contains("missing");
  const rows = [...body.rows].sort((a, b) => a.dataset.place - b.dataset.place);
  if (order !== "none") {
    const sign = order === "ascending" ? 1 : -1, numeric = head.classList.contains("number");
    rows.sort((a, b) => missing(a) - missing(b) || sign * compare(text(a), text(b), numeric));
  }
  body.append(...rows);
}

all("th[aria-sort] button").forEach((sorter) => {
  const head = sorter.parentElement;
  [...head.closest("table").tBodies[0].rows].forEach((row, index) => { row.dataset.place ??= index; });
  sorter.addEventListener("click", () => sort(head));
});
