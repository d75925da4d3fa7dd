/* What is known of a set of networks: counts of all images, and some images with all answers. */
const counted = (count, what = "image") => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
const share = (part, whole) => (whole ? `${(100 * part / whole).toFixed(1)}%` : "–");

class Exploration {
  constructor(data) {
    Object.assign(this, data);
    this.total = data.scores.reduce((sum, count) => sum + count, 0);
    this.images.forEach((image) => { image.score = image.answers.filter((answer) => answer === image.label).length; });
  }

  /* Where a pair stands in the lists of pairs: those of the upper triangle, row by row. */
  place(i, j) {
    const [one, other] = i < j ? [i, j] : [j, i];
    return one * this.networks.length - one * (one + 1) / 2 + other - one - 1;
  }

  /* A table of right and wrong alone has no classes: an image is called by its name then, an answer right or wrong. */
  titled(image) { return this.known ? this.classes[image.label] : image.name; }

  called(answer, image) {
    if (!this.known) return answer === image.label ? "right" : "wrong";
    return answer < 0 ? "wrong (answer not recorded)" : this.classes[answer];
  }

  /* The networks by their answers: the right one first, then the most frequent. */
  grouped(image) {
    const groups = new Map();
    image.answers.forEach((answer, network) => groups.set(answer, [...(groups.get(answer) ?? []), this.networks[network]]));
    const rank = ([answer, networks]) => [answer !== image.label, -networks.length];
    return [...groups].sort((one, other) => rank(one)[0] - rank(other)[0] || rank(one)[1] - rank(other)[1]);
  }
}
