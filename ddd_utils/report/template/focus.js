/* The keyboard stops once at a group, inside which arrow keys, Home and End move. */
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
function roving(items) {
  const stop = (chosen) => items.forEach((item) => { item.tabIndex = item === chosen ? 0 : -1; });
  stop(items[0]);
  items.forEach((item, at) => {
    item.addEventListener("focus", () => stop(item));
    item.addEventListener("keydown", (event) => {
      const to = { Home: 0, End: items.length - 1 }[event.key] ?? (event.key in STEPS ? at + STEPS[event.key] : undefined);
      if (!items[to]) return;
      event.preventDefault();
      items[to].focus();
    });
  });
}

/* A box that scrolls can be reached, and only that. Its name is that of the table in it. */
const BOXES = ".scroll, .formula, pre";
const boxes = new ResizeObserver((entries) => entries.forEach((entry) => {
  const target = entry.target.closest(BOXES), scrolls = target.scrollWidth > target.clientWidth + 1 || target.scrollHeight > target.clientHeight + 1;
  if (!scrolls) { target.removeAttribute("tabindex"); return; }
  const name = target.getAttribute("aria-label") ?? target.querySelector("table")?.getAttribute("aria-label") ?? "Text that goes on";
  Object.entries({ tabindex: 0, role: "group", "aria-label": name }).forEach(([key, value]) => target.setAttribute(key, value));
}));
all(BOXES).forEach((box) => {
  boxes.observe(box);
  if (box.firstElementChild) boxes.observe(box.firstElementChild);
});

/* Who gave which answer: one stop a gallery. The contents lead where the links of larger headings lead. */
all(".answers").forEach((gallery) => {
  const summaries = all("summary", gallery);
  if (summaries.length) roving(summaries);
});
all(":is(h2, h3) > .permalink").forEach((link) => { link.tabIndex = -1; });
