/* The section, and the part of it, whose heading was the last to pass the upper quarter of the window are current. */
const links = all("#contents a").map((link) => ({ link, target: document.getElementById(link.hash.slice(1)) }));
const outer = links.filter(({ link }) => link.parentElement.parentElement.id === "contents");
const menu = document.getElementById("menu");
menu.hidden = false;

const passed = (among) => among.findLast(({ target }) => target && target.getBoundingClientRect().top < innerHeight / 4);

function follow() {
  const section = passed(outer);
  const part = section && passed(links.filter(({ link }) => link !== section.link && section.link.parentElement.contains(link)));
  links.forEach(({ link }) => link.removeAttribute("aria-current"));
  outer.forEach(({ link }) => link.parentElement.classList.toggle("open", link === section?.link));
  section?.link.setAttribute("aria-current", "true");
  part?.link.setAttribute("aria-current", "location");
  menu.querySelector("span").textContent = section?.link.firstChild.textContent ?? "";
  keepInView(part ?? section);
}

function keepInView(current) {
  const bar = menu.parentElement;
  if (!current || bar.scrollHeight <= bar.clientHeight) return;
  const at = current.link.getBoundingClientRect(), box = bar.getBoundingClientRect();
  if (at.top < box.top || at.bottom > box.bottom) bar.scrollTop += at.top - box.top - box.height / 3;
}

let waiting = false;
function followSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; follow(); });
}
addEventListener("scroll", followSoon, { passive: true });
addEventListener("resize", followSoon);
follow();

/* On a narrow window the contents unfold from a bar. */
function unfold(open) { menu.setAttribute("aria-expanded", open); }
menu.addEventListener("click", () => unfold(menu.getAttribute("aria-expanded") !== "true"));
links.forEach(({ link }) => link.addEventListener("click", () => unfold(false)));
menu.parentElement.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || menu.getAttribute("aria-expanded") !== "true") return;
  unfold(false);
  menu.focus();
});
