"""Reports in a browser: size, first paint, time until all charts are drawn, longest task, and how fast they answer."""

import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from ddd_utils import paths

sys.path.insert(0, str(paths.ROOT / "tests" / "helpers"))
import made_large_page
from made_page import CHROMIUM

OPENED = 3  # times, each in a browser that has seen nothing before
TARGETS = {"first paint": 1, "all charts": 3}  # seconds
WATCH = """
window.tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)))
  .observe({ type: "longtask", buffered: true });
"""
PAINTED = """async () => {
  const first = () => performance.getEntriesByName("first-contentful-paint")[0];
  while (!first()) await new Promise(requestAnimationFrame);
  return first().startTime / 1000;
}"""
# A reader who stays at each chart until it is there, and no longer.
READ = """async () => {
  const start = performance.now();
  for (const figure of document.querySelectorAll("figure.chart")) {
    figure.scrollIntoView({ block: "center", behavior: "instant" });
    while (!("drawn" in figure.dataset)) await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return (performance.now() - start) / 1000;
}"""

# From a choice to the next frame: two networks compared in the panel below their matrix, and a matrix put in order.
COMPARE = """async () => {
  const lists = document.querySelectorAll("figure[data-by=pair] .closer select"), start = performance.now();
  [lists[0].value, lists[1].value] = ["0", "1"];
  lists[1].dispatchEvent(new Event("change"));
  await new Promise(requestAnimationFrame);
  return (performance.now() - start) / 1000;
}"""
ARRANGE = """async () => {
  const other = document.querySelector("figure[data-by=pair] .choices input:not(:checked)"), start = performance.now();
  other.click();
  await new Promise(requestAnimationFrame);
  return (performance.now() - start) / 1000;
}"""


def opened(browser, page: Path) -> dict[str, float]:
    """Open a page, read it to its end, and tell what that took, in seconds."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    context.add_init_script(WATCH)
    tab = context.new_page()
    tab.goto(page.as_uri())
    found = {"first paint": tab.evaluate(PAINTED), "all charts": tab.evaluate(READ)}
    tab.wait_for_timeout(200)  # long tasks are told a moment later
    found["longest task"] = tab.evaluate("Math.max(0, ...tasks) / 1000")
    found |= {"a pair compared": tab.evaluate(COMPARE), "a matrix in another order": tab.evaluate(ARRANGE)}
    found["charts"] = tab.locator("figure.chart svg").count()
    context.close()
    return found


def measure(browser, name: str, page: Path, megabytes: float | None = None) -> None:
    """Print one page's figures beside what they should be, where that is said."""
    runs = [opened(browser, page) for _ in range(OPENED)]
    middle = {key: median(run[key] for run in runs) for key in runs[0]}
    size = f"{page.stat().st_size / 1e6:.2f} MB" + (f" (target: {megabytes})" if megabytes else "")
    times = [f"{key} {middle[key]:.2f} s (target: {target})" for key, target in TARGETS.items()]
    print(f"  {name}, {middle['charts']:.0f} charts: {size}, {', '.join(times)}, ", end="")
    answered = ("longest task", "a pair compared", "a matrix in another order")
    print(", ".join(f"{key} {middle[key] * 1000:.0f} ms" for key in answered))


def large(folder: Path) -> Path:
    """Build the report of many models in a folder."""
    os.environ["DDD_BUILD"] = str(folder)
    return made_large_page.build()


def main():
    """Measure a large report, and those that are built, in headless Chromium."""
    if CHROMIUM is None:
        print("no Chromium on this machine")
        return
    from playwright.sync_api import sync_playwright

    built = {name: paths.build() / name / "report.html" for name in ("quick", "published")}
    size = f"{made_large_page.MODELS} models x {made_large_page.IMAGES:,} images"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM)
        print(f"reports in Chromium, each read {OPENED} times (medians)")
        measure(browser, size, large(Path(folder)), 10)
        for (name, page), megabytes in zip(built.items(), (6, 10), strict=True):
            if page.is_file():
                measure(browser, name, page, megabytes)
            else:
                print(f"  {name}: not built")
        browser.close()


if __name__ == "__main__":
    main()
