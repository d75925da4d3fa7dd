/* The table of claims shows those of one verdict on request. A group without any is hidden. */
const KINDS = { all: "All", holds: "Holds", contradicted: "Contradicted", "not-decidable": "Not decidable", "not-tested": "Not tested", outside: "Outside the score" };

function filterBar(table) {
  const rows = all("tbody tr:not(.group)", table);
  const matching = (kind) => rows.filter((row) => kind === "all" || row.classList.contains(kind));
  const bar = made("div", { class: "filters", role: "group", "aria-label": "Show claims by verdict" });
  const show = (kind) => {
    const shown = new Set(matching(kind));
    rows.forEach((row) => { row.hidden = !shown.has(row); });
    [...table.tBodies].forEach((body) => { body.hidden = !all("tr:not(.group)", body).some((row) => shown.has(row)); });
    all("button", bar).forEach((each) => each.setAttribute("aria-pressed", each.dataset.kind === kind));
  };
  for (const [kind, name] of Object.entries(KINDS).filter(([kind]) => matching(kind).length)) {
    const chip = button(`${name} ${matching(kind).length}`, () => { show(kind); tell(`${matching(kind).length} of ${rows.length} claims shown`); });
    chip.dataset.kind = kind;
    bar.append(chip);
  }
  show("all");
  return bar;
}

all("table.claims").forEach((table) => table.parentElement.before(filterBar(table)));
