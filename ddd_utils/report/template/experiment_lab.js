/* The laboratory's page: consent, practice, pause, answers that outlive a closed tab, and the file at the end. */

/* Answers lie under a key of this very experiment, with the tab that they are from. Some browsers keep nothing for a page
   that is a file, others stop when their store is full. */
class Drawer {
  constructor(key) {
    this.key = `find-those-tricky-images-${key}`;
    this.tab = Math.random().toString(36).slice(2);
    try {
      localStorage.setItem(`${this.key}-try`, "");
      localStorage.removeItem(`${this.key}-try`);
      this.works = true;
    } catch { this.works = false; }
  }
  get() {
    try { return this.works ? JSON.parse(localStorage.getItem(this.key)) : null; } catch { return null; }
  }
  put(session) {
    try { if (this.works) localStorage.setItem(this.key, JSON.stringify({ ...session, tab: this.tab })); } catch { this.works = false; }
  }
  empty() { try { localStorage.removeItem(this.key); } catch { /* nothing is kept */ } }
  /* Another tab has taken this experiment over. */
  get lost() { return (this.get()?.tab ?? this.tab) !== this.tab; }
  watch(told) { addEventListener("storage", ({ key }) => { if (key === this.key && this.lost) told(); }); }
}

/* One row a pair in the columns that `human_results` reads; how often the observer had come back to the experiment by
   then, and how often the page went out of sight during this pair. */
function answerRows(study, session) {
  const rows = session.answers.map(([side, time, resumed, hidden], at) => {
    const trial = study.trials[at], trivial = trial.impossible === "left" ? "right" : "left";
    return [session.observer, at, ...[trivial, trial.impossible, side].map((which) => study.names[trial[which]]), time, resumed, hidden];
  });
  return [["observer", "trial_index", "trivial_image", "impossible_image", "response", "rt", "resumed", "hidden"], ...rows];
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
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.leave(); });
    ["save", "save-now", "save-these"].forEach((name) => this.part(name).addEventListener("click", () => this.save()));
    this.part("over").addEventListener("click", () => this.over());
    this.drawer.watch(() => (this.session ? this.elsewhere() : location.reload()));
    addEventListener("beforeunload", (event) => { if (!this.drawer.works && this.session?.answers.length > this.saved) event.preventDefault(); });
    [this.saved, this.hidden] = [0, 0]; /* answers in a file; times out of sight during this pair */
  }

  show(screen) {
    this.root.querySelectorAll("[data-screen]").forEach((section) => { section.hidden = section.dataset.screen !== screen; });
    this.screen = screen;
    this.part("pause").hidden = screen !== "trial";
    this.part("save-now").hidden = !["trial", "paused", "ready"].includes(screen) || !this.session?.answers.length;
    this.root.querySelector(`[data-screen="${screen}"] h2`)?.focus();
  }

  leave() {
    this.hidden += this.screen === "trial";
    this.pause();
  }

  /* Two tabs would overwrite each other's answers: the one that comes second goes on, and this one's can be saved. */
  elsewhere() {
    this.stage.clock.stop();
    this.part("these").hidden = !this.session.answers.length;
    this.show("elsewhere");
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
      record: (side, time) => this.record(side, time),
    });
    if (this.screen === "elsewhere") return;
    this.show("end");
    if (this.study.feedback !== "none") showResult(this.root, this.study, this.sides(), this.study.feedback);
  }

  record(side, time) {
    this.session.answers.push([side, Math.round(10 * time) / 10, this.session.resumed, this.hidden]);
    this.hidden = 0;
    if (this.drawer.lost) this.elsewhere();
    else this.drawer.put(this.session);
    this.part("forgetful").hidden = this.part("stopped").hidden = this.drawer.works;
    if (this.screen === "trial") this.part("save-now").hidden = false;
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
      if (chosen === "continue") return this.take({ ...kept, resumed: (kept.resumed ?? 0) + 1 });
      this.drawer.empty();
      this.part("resume").hidden = true;
      this.part("consent").hidden = false;
      this.show("start");
    }
    await new Promise((done) => {
      this.part("consent").addEventListener("submit", (event) => { event.preventDefault(); done(); });
    });
    return this.take({ observer: this.part("code").value, answers: [], resumed: 0 });
  }

  take(session) {
    this.drawer.put(session);
    return session;
  }

  /* Nobody's answers go unsaved without a word. */
  over() {
    const unsaved = this.session.answers.length > this.saved;
    if (unsaved && !this.warned) {
      this.warned = true;
      this.part("saved").textContent = "These answers are not saved: save them first. “Next observer” once more discards them.";
      return;
    }
    this.session.answers = [];
    this.drawer.empty();
    location.reload();
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
    this.saved = this.session.answers.length;
    this.part("saved").textContent = `Saved as ${name}.`;
  }
}

new Laboratory(document.querySelector(".experiment")).run();
