/* What observers are told at the end: score, course, and pair by pair which ones they got right. */
const rightOnes = (study, sides) => sides.map((side, at) => side === study.trials[at].impossible);

/* `sides` are the answers to the study's trials, `way` says which words about the paper's observers hold for them. */
function showResult(root, study, sides, way) {
  const part = parts(root), right = rightOnes(study, sides);
  part("score").textContent = scoreText(right);
  part("beside").textContent = study.beside[way];
  part("learning").replaceChildren(learning(right));
  part("pairs").replaceChildren(words("Pair by pair:"), marks(right), ...missed(study, right));
  part("result").hidden = false;
}

const words = (text) => made("p", { class: "what", text });

function marks(right) {
  return made("ol", { class: "marks" }, ...right.map((good, at) => {
    const sign = made("span", { "aria-hidden": "true", text: `${at + 1} ${good ? "✓" : "✗"}` }), word = good ? "right" : "wrong";
    return made("li", { class: word }, sign, made("span", { class: "unseen", text: `Pair ${at + 1} ${word}` }));
  }));
}

/* Both pictures of each pair that was got wrong, on the sides on which they were. */
function missed(study, right) {
  const pairs = study.trials.map((trial, at) => [trial, at]).filter(([, at]) => !right[at]);
  if (!pairs.length) return [];
  const list = made("ul", { class: "missed" }, ...pairs.map(([trial, at]) => {
    const pictures = ["left", "right"].map((side) => picture(study, trial[side], side === trial.impossible));
    return made("li", {}, made("span", { class: "nth", text: `Pair ${at + 1}` }), ...pictures);
  }));
  return [words(`${pairs.length === 1 ? "The pair" : "The pairs"} that you got wrong, taking the trivial image for the impossible one:`), list];
}

function picture(study, place, impossible) {
  const image = new Image(), kind = impossible ? "impossible" : "trivial";
  image.alt = study.names[place];
  show(image, study.pictures[place]);
  return made("figure", { class: kind }, image, made("figcaption", { text: kind }));
}
