/* Commands and BibTeX can be copied, and so can the link of a heading, which also leads there. */
async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    tell(done);
  } catch { tell("The browser does not allow copying"); }
}
all("pre.copied").forEach((block) => {
  const text = block.textContent;
  block.append(button("Copy", () => copy(text, "Copied"), "Copy this text"));
});
all("a.permalink").forEach((link) => link.addEventListener("click", () => copy(link.href, "Link copied")));
