/* A reader's table of answers: rows, columns, images and classes, or an error that says what is wrong with it. */
const HEADINGS = {
  image: ["image", "images", "imageid", "imagename", "imagepath", "filename", "file", "path", "id", "name"],
  prediction: ["prediction", "predictions", "pred", "predicted", "predictedlabel", "predictedclass", "answer", "response", "objectresponse"],
  correct: ["correct", "iscorrect", "right", "hit"],
  model: ["model", "network", "modelname", "subj"],
};
const WRITTEN = { 1: 1, true: 1, yes: 1, "1.0": 1, 0: 0, false: 0, no: 0, "0.0": 0 };
const GONE = new Set(["", "na", "nan", "none", "null"]);

/* Rows of a table, quoted as in RFC 4180; the separator is the one that its heading has most of. */
function tableOf(text) {
  const [heading] = text.split(/[\r\n]/, 1), parts = (mark) => heading.split(mark).length;
  const separator = [",", ";", "\t"].reduce((best, mark) => (parts(mark) > parts(best) ? mark : best));
  const rows = [], end = () => { row.push(cell); if (row.length > 1 || cell.trim()) rows.push(row); [row, cell] = [[], ""]; };
  let row = [], cell = "", inside = false;
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at];
    if (inside && mark === '"' && text[at + 1] === '"') { cell += mark; at += 1; }
    else if (inside) { if (mark === '"') inside = false; else cell += mark; }
    else if (mark === '"' && !cell) inside = true;
    else if (mark === separator) { row.push(cell); cell = ""; }
    else if (mark === "\n" || mark === "\r") { if (mark === "\r" && text[at + 1] === "\n") at += 1; end(); }
    else cell += mark;
  }
  if (inside) throw new Error("a quotation mark is opened and never closed");
  if (cell || row.length) end();
  return rows;
}

function decoded(bytes) {
  const [first, second] = bytes;
  if (first === 0x50 && second === 0x4b) throw new Error("this is a zip file or a workbook of Excel: save the table as CSV");
  const coding = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  try { return new TextDecoder(coding, { fatal: true }).decode(bytes); } catch { throw new Error("this is no text in UTF-8 or UTF-16: save the table as CSV"); }
}

/* The columns of a table that are understood; of several models the first is taken, which a note says. */
function answersIn(rows) {
  const [heading = [], ...body] = rows, plain = heading.map((word) => word.toLowerCase().replace(/[^a-z0-9]/g, ""));
  const at = Object.fromEntries(Object.entries(HEADINGS).map(([column, words]) => [column, plain.findIndex((word) => words.includes(word))]));
  if (at.image < 0 || (at.prediction < 0 && at.correct < 0)) throw new Error(`columns “image” and “prediction”, or “image” and “correct”, are needed; these are here: ${heading.join(", ") || "none"}`);
  const models = [...new Set(at.model < 0 ? [] : body.map((row) => row[at.model]))];
  const mine = models.length > 1 ? body.filter((row) => row[at.model] === models[0]) : body;
  if (!mine.length) throw new Error("the table has a heading, and no rows");
  const column = at.correct < 0 ? "prediction" : "correct";
  return { column, rows: mine.map((row) => [row[at.image] ?? "", (row[at[column]] ?? "").trim()]), notes: models.length > 1 ? [`The table has ${models.length} models; the first, ${models[0]}, is shown.`] : [] };
}

/* An image may be called by its whole name, by its last part, or by that without its ending: what fits most is taken. */
const SPELLINGS = [(name) => name, (name) => name.split(/[\\/]/).pop(), (name) => name.split(/[\\/]/).pop().replace(/\.\w+$/, "")];
function places(names, wanted) {
  return SPELLINGS.map((spelled) => {
    const known = new Map();
    names.forEach((name, at) => { const key = spelled(name); known.set(key, known.has(key) ? -1 : at); });
    return wanted.map((name) => known.get(spelled(name)) ?? -1);
  }).reduce((best, found) => (found.filter((at) => at >= 0).length > best.filter((at) => at >= 0).length ? found : best));
}

/* Whether each answer is right; a number is the position of a class unless a class is called so. */
function judged({ column, rows }, at, { classes, labels }, shift = 0) {
  if (column === "correct") {
    return rows.map(([name, word]) => {
      const right = WRITTEN[word.toLowerCase()];
      if (right === undefined) throw new Error(`image ${name}: “${word}” is neither right nor wrong (1 or 0, true or false)`);
      return right;
    });
  }
  if (!classes.length) throw new Error("this report knows who is right, not the classes: a column “correct” is needed");
  const called = new Set(classes), numbers = rows.every(([, word]) => /^\d+$/.test(word) && !called.has(word));
  const strange = numbers ? undefined : rows.find(([, word]) => !called.has(word));
  if (strange && !rows.some(([, word]) => called.has(word))) throw new Error(`“${strange[1]}” is no class of this report, whose classes are called ${classes.slice(0, 3).join(", ")} …; positions from 0 will do as well`);
  return rows.map(([, word], row) => Number(numbers ? Number(word) + shift === labels[at[row]] : word === classes[labels[at[row]]]));
}
