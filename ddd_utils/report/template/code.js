/* The code of all cells is shown or hidden at once. */
const code = document.getElementById("code");
code.addEventListener("click", () => {
  const open = code.getAttribute("aria-pressed") !== "true";
  code.setAttribute("aria-pressed", open);
  code.textContent = open ? "Hide code" : "Show code";
  all("details.code").forEach((details) => { details.open = open; });
});
