/* Showing pairs and taking answers: the same in the laboratory and in the report. */
const parts = (root) => (name) => root.querySelector(`[data-part="${name}"]`);
const once = (element, event) => new Promise((done) => { element.addEventListener(event, done, { once: true }); });
const BLANK = 250; /* ms between two pairs, so that a new one is seen to be new, and a key pressed twice answers once */
const TINY = 64; /* px up to which images are drawn pixel by pixel */

async function show(image, address) {
  image.src = address;
  await image.decode();
  image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= TINY);
}

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
    if (!side || event.target.matches("input") || event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
    if (this.#answered === null || !this.part("stage").checkVisibility()) return;
    event.preventDefault();
    this.answer(side);
  }

  answer(side) { this.#answered?.(side); }

  /* Show the pairs from `from` on, `right` of those before being right. `record` takes each answer's side and time in ms,
     after which `tells` says whether the observer is told. */
  async run(trials, { from = 0, right = 0, tells, name = "Pair", focus = true, record = () => {} }) {
    this.part("stage").hidden = false;
    for (let at = from; at < trials.length; at += 1) {
      this.#progress(at, trials.length, name);
      const [side, time] = await this.#ask(trials[at], focus || at > from);
      const good = side === trials[at].impossible;
      right += good;
      record(side, time);
      this.part("bar").value = at + 1;
      if (tells()) await this.#tell(trials[at], side, good, `${right} of ${at + 1} right`);
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
    this.part("said").textContent = "";
    for (const choice of this.choices) {
      const image = choice.querySelector("img");
      choice.dataset.is = "";
      choice.classList.remove("chosen");
      await show(image, this.study.pictures[trial[choice.dataset.side]]);
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
    this.part("said").textContent = `${good ? "✓ Right" : "✗ Wrong"}: the one on the ${trial.impossible} is the impossible one.`;
    this.part("running").textContent = running;
    const next = this.part("next");
    next.hidden = false;
    next.focus({ preventScroll: true });
    await once(next, "click");
    next.hidden = true;
  }
}

const read = (root) => JSON.parse(root.querySelector('script[type="application/json"]').textContent);
