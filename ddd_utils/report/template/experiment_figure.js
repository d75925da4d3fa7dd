/* The game in the report. The reader chooses when to be told; the choice holds for a round and is kept nowhere. */
document.querySelectorAll("[data-game]").forEach((root) => {
  const study = read(root), part = parts(root), stage = new Stage(root, study), mode = part("mode");
  const chosen = () => mode.querySelector(":checked").value;
  let rounds = 0;
  async function play(focus) {
    const sides = [];
    for (const name of ["again", "result", "share", "copy"]) part(name).hidden = true;
    part("stage").before(mode);
    await stage.run(study.trials, {
      focus,
      tells: () => chosen() === "immediate",
      record: (side) => { mode.disabled = true; sides.push(side); },
    });
    const way = rounds ? "again" : chosen();
    showResult(root, study, sides, way);
    part("sharing").textContent = `Find those tricky images: ${shortScore(rightOnes(study, sides))}. ${study.beside[way]}`;
    part("share").hidden = part("copy").hidden = false;
    rounds += 1;
    mode.disabled = part("again").hidden = false;
    part("again").parentElement.before(mode); /* where the next round begins */
    part("result").focus({ preventScroll: true });
  }
  part("again").addEventListener("click", () => play(true));
  part("copy").addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(part("sharing").textContent); part("copy").textContent = "Copied"; } catch { part("copy").textContent = "The browser does not allow copying"; }
  });
  mode.hidden = false;
  play(false); /* the first pair is simply there: a page that opens must not take the focus */
});
