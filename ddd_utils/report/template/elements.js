/* Finding and making elements: the same in the report, in the game and in the laboratory. */
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/* An element with its attributes, its text, and what is in it. */
function made(name, { text, ...properties } = {}, ...children) {
  const element = document.createElement(name);
  Object.entries(properties).forEach(([key, value]) => element.setAttribute(key, value));
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

function button(text, action, label) {
  const pressed = made("button", { type: "button", text, ...(label && { "aria-label": label }) });
  pressed.addEventListener("click", action);
  return pressed;
}
