const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function button(text, action, label) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", action);
  return made;
}

/* Say a word to everyone, screen readers included, for a moment. */
const told = document.getElementById("told");
let silence;
function tell(text) {
  told.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => { told.textContent = ""; }, 2500);
}
