const root = document.documentElement, style = getComputedStyle(root);
const font = style.getPropertyValue("--sans");

/* Say a word to everyone, screen readers included, for a moment. */
const told = document.getElementById("told");
let silence;
function tell(text) {
  told.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => { told.textContent = ""; }, 2500);
}
