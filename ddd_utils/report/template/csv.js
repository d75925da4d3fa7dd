/* Rows as CSV, and files to save: the same in the report and in the laboratory. */
const quoted = (value) => {
  const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  const number = text.replace(/^−(?=[\d.])/, "-"); /* programs know no other minus */
  const safe = /^[=+\-@\t\r]/.test(number) && Number.isNaN(Number(number.split(" ")[0])) ? `'${number}` : number; /* no formula */
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};
const csv = (rows) => rows.map((row) => `${row.map(quoted).join(",")}\r\n`).join("");

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
const saveText = (text, type, name) => save(new Blob([text], { type }), name);
