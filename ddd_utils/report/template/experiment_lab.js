/* The laboratory's page: consent, practice, pause, answers that outlive a closed tab, and the file at the end. */

/* Answers lie under a key of this very experiment. Some browsers keep nothing for a page that is a file. */
class Drawer {
  constructor(key) {
    this.key = `find-those-tricky-images-${key}`;
    try {
      localStorage.setItem(`${this.key}-try`, "");
      localStorage.removeItem(`${this.key}-try`);
      this.works = true;
    } catch { this.works = false; }
  }
  get() {
    try { return this.works ? JSON.parse(localStorage.getItem(this.key)) : null; } catch { return null; }
  }
  put(session) { if (this.works) localStorage.setItem(this.key, JSON.stringify(session)); }
  empty() { if (this.works) localStorage.removeItem(this.key); }
}

/* One row a pair in the columns that `human_results` reads. */
function answerRows(study, session) {
  const rows = session.answers.map(([side, time], at) => {
    const trial = study.trials[at], trivial = trial.impossible === "left" ? "right" : "left";
    return [session.observer, at, ...[trivial, trial.impossible, side].map((which) => study.names[trial[which]]), time];
  });
  return [["observer", "trial_index", "trivial_image", "impossible_image", "response", "rt"], ...rows];
}

class Laboratory {
  constructor(root) {
    this.root = root;
    this.study = read(root);
    this.part = parts(root);
    this.stage = new Stage(root, this.study, document);
    this.drawer = new Drawer(this.study.key);
    this.part("forgetful").hidden = this.drawer.works;
    this.part("full").hidden = !document.fullscreenEnabled;
    this.part("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()));
    this.part("pause").addEventListener("click", () => this.pause());
    this.part("resume-clock").addEventListener("click", () => this.goOn());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.pause(); });
    this.part("save").addEventListener("click", () => this.save());
    this.part("over").addEventListener("click", () => { this.drawer.empty(); location.reload(); });
    addEventListener("beforeunload", (event) => { if (!this.drawer.works && this.session?.answers.length) event.preventDefault(); });
  }

  show(screen) {
    this.root.querySelectorAll("[data-screen]").forEach((section) => { section.hidden = section.dataset.screen !== screen; });
    this.screen = screen;
    this.part("pause").hidden = screen !== "trial";
    this.root.querySelector(`[data-screen="${screen}"] h2`)?.focus();
  }

  pause() {
    if (this.screen !== "trial") return;
    this.stage.clock.stop();
    this.show("paused");
  }

  goOn() {
    this.show("trial");
    this.part(this.part("next").hidden ? "stage" : "next").focus({ preventScroll: true });
    this.stage.clock.go();
  }

  /* From here on it reads as the observer lives it. */
  async run() {
    this.session = await this.begin();
    if (!this.session.answers.length) {
      this.show("instructions");
      await once(this.part("begin"), "click");
      await this.practise();
    }
    const left = this.study.trials.length - this.session.answers.length;
    if (left) await this.ready(left);
    this.show("trial");
    await this.stage.run(this.study.trials, {
      from: this.session.answers.length,
      right: rightOnes(this.study, this.sides()).filter(Boolean).length,
      tells: () => this.study.feedback === "immediate",
      record: (side, time) => { this.session.answers.push([side, Math.round(10 * time) / 10]); this.drawer.put(this.session); },
    });
    this.show("end");
    if (this.study.feedback !== "none") showResult(this.root, this.study, this.sides(), this.study.feedback);
  }

  sides() { return this.session.answers.map(([side]) => side); }

  async begin() {
    this.show("start");
    const kept = this.drawer.get();
    if (kept) {
      this.part("found").textContent = `This browser keeps ${kept.answers.length} of ${this.study.trials.length} answers of the observer ${kept.observer}.`;
      this.part("resume").hidden = false;
      this.part("consent").hidden = true;
      const chosen = await Promise.race(["continue", "anew"].map(async (name) => { await once(this.part(name), "click"); return name; }));
      if (chosen === "continue") return kept;
      this.drawer.empty();
      this.part("resume").hidden = true;
      this.part("consent").hidden = false;
      this.show("start");
    }
    await new Promise((done) => {
      this.part("consent").addEventListener("submit", (event) => { event.preventDefault(); done(); });
    });
    return { observer: this.part("code").value, answers: [] };
  }

  async practise() {
    if (!this.study.practice.length) return;
    this.show("trial");
    await this.stage.run(this.study.practice, { tells: () => true, name: "Practice pair" });
  }

  async ready(left) {
    this.part("ahead").textContent = `${left} pairs that count lie ahead.`;
    this.show("ready");
    await once(this.part("go"), "click");
  }

  save() {
    /* The pattern of the form allows no other characters, but the drawer is open to other hands. */
    const name = `${this.session.observer.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 40) || "observer"}-${this.study.key.slice(0, 6)}.csv`;
    saveText(csv(answerRows(this.study, this.session)), "text/csv", name);
    this.part("saved").textContent = `Saved as ${name}.`;
  }
}

new Laboratory(document.querySelector(".experiment")).run();
