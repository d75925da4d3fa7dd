/* A click on a heading sorts up, then down, then as it was. */
const next = { none: "ascending", ascending: "descending", descending: "none" };
const number = (text) => parseFloat(text.replace("< ", "").replace("−", "-").replace(/[,\s](?=\d{3})/g, ""));
const collator = new Intl.Collator("en", { numeric: true });

const compare = (a, b, numeric) => (numeric ? number(a) - number(b) : collator.compare(a, b));

function sort(head) {
  const body = head.closest("table").tBodies[0], order = next[head.getAttribute("aria-sort")];
  all("th[aria-sort]", head.parentElement).forEach((other) => other.setAttribute("aria-sort", "none"));
  head.setAttribute("aria-sort", order);
  const printed = (row) => [...row.cells[head.cellIndex].childNodes].filter((node) => node.nodeName !== "SMALL");
  const text = (row) => printed(row).map((node) => node.textContent).join("").trim();
  const numeric = head.classList.contains("number");
  const missing = (row) => row.cells[head.cellIndex].classList.contains("missing") || (numeric && Number.isNaN(number(text(row))));
  const rows = [...body.rows].sort((a, b) => a.dataset.place - b.dataset.place);
  if (order !== "none") {
    const sign = order === "ascending" ? 1 : -1;
    rows.sort((a, b) => missing(a) - missing(b) || sign * compare(text(a), text(b), numeric));
  }
  body.append(...rows);
}

all("table:has(th[data-sorts])").forEach((table) => {
  [...table.tBodies[0].rows].forEach((row, index) => { row.dataset.place = index; });
  const heads = all("th[data-sorts]", table);
  heads.forEach((head) => {
    head.replaceChildren(button(head.textContent, () => sort(head)));
    head.setAttribute("aria-sort", "none");
  });
  roving(heads.map((head) => head.firstChild));
});
