/* Showing pairs and taking answers: the same in the laboratory and in the report. */
const parts = (root) => (name) => root.querySelector(`[data-part="${name}"]`);
const once = (element, event) => new Promise((done) => { element.addEventListener(event, done, { once: true }); });
const BLANK = 250; /* ms between two pairs, so that a new one is seen to be new, and a key pressed twice answers once */
const TINY = 64; /* px up to which images are drawn pixel by pixel */

/* Counts the time for which a pair has been visible. */
class Clock {
  #shown = 0; #since = null;
  reset() { this.#shown = 0; this.#since = null; }
  go() { this.#since ??= performance.now(); }
  stop() { this.#shown = this.elapsed(); this.#since = null; }
  elapsed() { return this.#shown + (this.#since === null ? 0 : performance.now() - this.#since); }
}

class Stage {
  #answered = null;
  /* Arrow keys count wherever they are pressed within `keys`. */
  constructor(root, study, keys = root) {
    this.study = study;
    this.part = parts(root);
    this.clock = new Clock();
    this.choices = [...root.querySelectorAll(".choice")];
    this.choices.forEach((choice) => choice.addEventListener("click", () => this.answer(choice.dataset.side)));
    keys.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    const side = { ArrowLeft: "left", ArrowRight: "right" }[event.key];
    if (!side || event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
    if (this.#answered === null || !this.part("stage").checkVisibility()) return;
    event.preventDefault();
    this.answer(side);
  }

  answer(side) { this.#answered?.(side); }

  /* Show the pairs from `from` on, `right` of those before being right; `record` takes each answer's side and time in ms. */
  async run(trials, { from = 0, right = 0, feedback, name = "Pair", focus = true, record = () => {} }) {
    this.part("stage").hidden = false;
    for (let at = from; at < trials.length; at += 1) {
      this.#progress(at, trials.length, name);
      const [side, time] = await this.#ask(trials[at], focus || at > from);
      const good = side === trials[at].impossible;
      right += good;
      record(side, time);
      this.part("bar").value = at + 1;
      if (feedback) await this.#tell(trials[at], side, good, `${right} of ${at + 1} right`);
      this.part("pair").classList.add("blank");
      await new Promise((done) => { setTimeout(done, BLANK); });
    }
    this.part("stage").hidden = true;
  }

  #progress(at, count, name) {
    this.part("bar").max = count;
    this.part("bar").value = at;
    this.part("count").textContent = `${name} ${at + 1} of ${count}`;
    if (at === 0) this.part("running").textContent = "";
  }

  async #ask(trial, focus) {
    this.part("told").textContent = "";
    for (const choice of this.choices) {
      const image = choice.querySelector("img");
      choice.dataset.is = "";
      choice.classList.remove("chosen");
      image.src = this.study.pictures[trial[choice.dataset.side]];
      await image.decode();
      image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= TINY);
    }
    this.part("pair").classList.remove("blank");
    if (focus) this.part("stage").focus({ preventScroll: true });
    this.clock.reset();
    if (this.part("stage").checkVisibility()) this.clock.go();
    const side = await new Promise((done) => { this.#answered = done; });
    this.clock.stop();
    this.#answered = null;
    return [side, this.clock.elapsed()];
  }

  async #tell(trial, side, good, running) {
    for (const choice of this.choices) {
      choice.dataset.is = choice.dataset.side === trial.impossible ? "impossible" : "trivial";
      choice.classList.toggle("chosen", choice.dataset.side === side);
    }
    this.part("told").textContent = `${good ? "✓ Right" : "✗ Wrong"}: the ${trial.impossible} image is the impossible one.`;
    this.part("running").textContent = running;
    const next = this.part("next");
    next.hidden = false;
    next.focus({ preventScroll: true });
    await once(next, "click");
    next.hidden = true;
  }
}

const rightOnes = (study, sides) => sides.map((side, at) => side === study.trials[at].impossible);

/* Score, course and mistakes; `sides` are the answers to the study's trials. */
function showResult(root, study, sides) {
  const part = parts(root), right = rightOnes(study, sides);
  part("score").textContent = scoreText(right);
  part("beside").textContent = study.beside;
  part("learning").replaceChildren(learning(right));
  part("missed").replaceChildren(...missed(study, right));
  part("result").hidden = false;
}

function missed(study, right) {
  const images = new Set(study.trials.filter((_, at) => !right[at]).map((trial) => trial[trial.impossible]));
  if (!images.size) return [];
  const heading = document.createElement("p"), list = document.createElement("ul");
  heading.textContent = "The impossible images that you took for trivial:";
  list.append(...[...images].map((place) => {
    const item = document.createElement("li"), image = new Image();
    image.src = study.pictures[place];
    image.alt = study.names[place];
    image.decode().then(() => image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= TINY));
    item.append(image);
    return item;
  }));
  return [heading, list];
}

const read = (root) => JSON.parse(root.querySelector('script[type="application/json"]').textContent);

document.querySelectorAll("[data-game]").forEach((root) => {
  const study = read(root), part = parts(root), stage = new Stage(root, study);
  async function play(focus) {
    const sides = [];
    part("again").hidden = part("result").hidden = true;
    await stage.run(study.trials, { feedback: study.feedback !== "none", focus, record: (side) => sides.push(side) });
    showResult(root, study, sides);
    part("again").hidden = false;
    part("result").focus({ preventScroll: true });
  }
  part("again").addEventListener("click", () => play(true));
  play(false); /* the first pair is simply there: a page that opens must not take the focus */
});
