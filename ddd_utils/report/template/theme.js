/* Charts name CSS variables, so they follow the theme, and the printer, without being drawn again. */
const theme = document.getElementById("theme");
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";
const nameOther = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
theme.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("ddd-theme", root.dataset.theme); } catch { /* holds for this visit */ }
  nameOther();
});
prefersDark.addEventListener("change", nameOther);
nameOther();
theme.hidden = false;
