import base64
import hashlib
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from made_notebooks import Preset, chart, code, executed, prose, shown, stream
from PIL import Image

from ddd_utils import logs, paths
from ddd_utils.errors import InputError
from ddd_utils.files import write_json, write_text
from ddd_utils.report import page, run
from ddd_utils.report.cells import Page, mathml, prose_html
from ddd_utils.report.markup import clean, tidy_tables

SPECIFICATION = {
    "data": {"values": [{"x": "</script><b>", "y": 1}]},
    "mark": "bar",
    "encoding": {"x": {"field": "x", "type": "nominal"}, "y": {"field": "y", "type": "quantitative"}},
    "description": "Bars: 'one' & <two>",
}
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"


@pytest.fixture(autouse=True)
def room(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    return tmp_path


def built(*outcomes, preset=None, footer=None):
    """Build a page and parse it."""
    by_section = {outcome.section: outcome for outcome in outcomes}
    path = page.build(preset or Preset(list(by_section)), by_section, footer or {})
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def section_of(soup, name):
    return soup.find("section", id=name)


def table(frame):
    soup = clean(frame._repr_html_())
    tidy_tables(soup)
    return soup


def without_times(path):
    return re.sub(rb"<time .*?</time>", b"", path.read_bytes())


# The page


def test_sections_stand_in_the_order_of_the_preset_and_are_all_linked():
    outcomes = [executed("kl_divergence"), executed("summary", prose("# A *title*")), executed("sota_comparison")]
    soup = built(*outcomes, preset=Preset(["summary", "controls", "sota_comparison", "kl_divergence"]))
    order = ["summary", "sota_comparison", "kl_divergence"]
    assert [section["id"] for section in soup.main.find_all("section")] == [*order, page.CITE]
    links = soup.select("#contents > li > a")
    assert [link["href"] for link in links] == [f"#{name}" for name in [*order, page.CITE]]
    labels = ["A title", "SOTA comparison", "KL divergence", "Cite and reproduce"]
    assert [link.text.strip() for link in links] == labels


def test_cells_for_the_appendix_stand_at_the_end_and_are_linked_to_as_before():
    first = executed(
        "summary", prose("# One\n[there](summary.ipynb#Claims)"), prose("## Claims"), code("1", stream("stdout", "x"))
    )
    for cell in (notebook := nbformat.read(first.notebook, 4)).cells[1:]:
        cell.metadata["tags"] = ["appendix"]
    nbformat.write(notebook, first.notebook)
    soup = built(first, executed("two", prose("# Two")))
    assert [section["id"] for section in soup.main.find_all("section")] == ["summary", "two", "appendix", page.CITE]
    appendix = soup.find(id="appendix")
    assert appendix.h3["id"] == "summary-claims" and soup.select("#summary a[href='#summary-claims']")
    assert (
        appendix.pre.text == "x" and appendix.select_one("details.facts pre.code") and not soup.find(id="summary").pre
    )


def test_what_a_reader_must_know_first_stands_first():
    soup = built(executed("one", prose("# A")), preset=Preset(["one"], notices=("Digits <stand> in.",)))
    assert next(soup.main.stripped_strings) == "Digits <stand> in."
    assert "Digits" not in built(executed("one", prose("# A"))).text


def test_the_parts_of_a_section_are_in_the_contents_under_it():
    soup = built(executed("one", prose("# A\n## B *c* $x$\n### D\n## E & F")), executed("two", prose("# G")))
    (parts,) = soup.select("#contents ol")
    assert [(link["href"], link.text) for link in parts.find_all("a")] == [("#one-b-c", "B c x"), ("#one-e-f", "E & F")]
    assert parts.find_parent("li").a["href"] == "#one"


def test_two_builds_are_the_same_bytes_but_for_times():
    outcome = executed("one", prose("# A"), code("c", chart(SPECIFICATION), shown(text__html="<table></table>")))
    facts = {"one": {"versions": {"numpy": "2.4"}, "computed in": timedelta(seconds=5)}}
    first = page.build(Preset(["one"]), {"one": outcome}, facts)
    kept = without_times(first)
    slower = run.Outcome("one", outcome.notebook, None, 99.0)
    second = page.build(Preset(["one"]), {"one": slower}, {"one": facts["one"] | {"computed in": timedelta(hours=2)}})
    assert second == first
    assert without_times(second) == kept


def test_the_page_is_replaced_whole_and_leaves_nothing_behind():
    outcome = executed("one", prose("fine"))
    before = page.build(Preset(["one"]), {"one": outcome}, {}).read_bytes()
    executed("one", prose(r"$\nonsense{x}$"))
    with pytest.raises(InputError):
        page.build(Preset(["one"]), {"one": outcome}, {})
    assert (paths.build() / "tiny" / "report.html").read_bytes() == before
    assert sorted(path.name for path in (paths.build() / "tiny").iterdir()) == [
        "notebooks",
        "report.html",
        "results.json",
    ]


def test_the_policy_allows_the_page_its_own_scripts_and_nothing_else():
    soup = built(executed("one", prose("# A"), code("c", chart(SPECIFICATION))))
    policy = soup.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    scripts = [script for script in soup.find_all("script") if script.get("type") != "application/json"]
    digests = [base64.b64encode(hashlib.sha256(script.string.encode()).digest()).decode() for script in scripts]
    assert "default-src 'none'" in policy
    assert re.findall(r"sha256-([^']+)", policy) == digests
    assert "script-src 'sha256" in policy
    assert "eval" not in policy
    assert not [tag for tag in soup.find_all(True) for key in tag.attrs if key.startswith("on")]


def test_a_page_without_content_leaves_the_room_to_what_is_computed():
    path = page.build(Preset(["one"]), {"one": executed("one")}, {})
    assert path.stat().st_size < 1_200_000  # of the 6 MB that the quick report may have, 10 the published one


def test_nothing_on_the_page_refers_to_another_file():
    soup = built(
        executed(
            "one", prose("# A\n![x](picture.png) [y](other.csv) [z](controls.py)"), code("c", chart(SPECIFICATION))
        )
    )
    assert not soup.find_all("link")
    assert not [tag for tag in soup.find_all(src=True) if not tag["src"].startswith("data:")]
    assert not [link["href"] for link in soup.select("section a") if not link["href"].startswith("#")]


def test_all_that_comes_from_outside_is_escaped():
    outcomes = [
        executed(
            "one", code("x = '</code><script>alert(0)</script>'", stream("stdout", HOSTILE), shown(text__html=HOSTILE))
        ),
        executed("two", error=HOSTILE),
    ]
    preset = Preset(["one", "two"], {"one": {"models": HOSTILE, "more": {"<i>": [HOSTILE]}}}, name="tiny")
    soup = built(*outcomes, preset=preset, footer={"one": {"device": HOSTILE}})
    assert len(soup.find_all("script")) == 3
    assert not soup.find_all("img")
    assert [cell.text for cell in section_of(soup, "one").select(".facts td")].count(HOSTILE) == 3
    assert section_of(soup, "two").select_one(".failure strong").text == HOSTILE


# What of a notebook is shown


def test_parameters_papermill_cells_and_standard_error_are_left_out():
    soup = built(
        executed(
            "one",
            code("preset = 'defaults'", tags=["parameters"]),
            code("preset = 'injected'", tags=["injected-parameters"]),
            prose("# Kept"),
            code("kept", stream("stderr", "40%|####"), stream("stdout", "\x1b[31mred\x1b[0m")),
            code("", stream("stdout", "of nothing")),
            code("bar", shown(**{"application/vnd.jupyter.widget-view+json": {}, "text__plain": "0%| |"})),
            code("rows", shown(**{logs.PROGRESS: {}, "text__html": "<p>13 networks trained</p>", "text__plain": "13"})),
        )
    )
    text = section_of(soup, "one").text
    assert "Kept" in text
    assert section_of(soup, "one").select_one("pre.output").text == "red"
    for gone in ("defaults", "injected", "####", "of nothing", "0%", "trained"):
        assert gone not in text


def test_code_is_in_one_fold_at_the_end_of_its_section_and_unchanged():
    first, second = "x = [a < b for a in 'é\"']", "def f():\n    return None  # why"
    soup = built(executed("one", prose("A"), code(first), code(second, stream("stdout", "out")), prose("B"), code("y")))
    (fold,) = section_of(soup, "one").select("details")
    assert [block.text.rstrip("\n") for block in fold.select("pre.code")] == [first, second, "y"]
    assert not fold.has_attr("open") and fold.find_previous("p").text == "B"


def test_a_part_under_a_heading_of_the_third_level_is_folded_up_to_the_next_heading():
    soup = built(
        executed("one", prose("# A"), prose("### Detail\n\nmore"), code("x", stream("stdout", "out")), prose("## B"))
    )
    (part,) = section_of(soup, "one").select("details.part")
    assert part.summary.h4["id"] == "one-detail" and part.find("p").text == "more" and part.select_one("pre.output")
    assert not part.find("a") and part.find_next_sibling("h3").text == "B"
    assert [link.text for link in soup.select("#contents ol a")] == ["B"]


def test_charts_are_counted_over_the_page_described_and_cannot_end_their_script():
    untold = {"mark": "bar", "title": {"text": ["Two", "lines"]}}
    soup = built(
        executed("one", code("a", chart(SPECIFICATION)), code("b", chart(untold))),
        executed("two", code("c", chart({"mark": "bar"}))),
    )
    figures = soup.select("figure.chart")
    assert [figure["id"] for figure in figures] == ["chart-1", "chart-2", "chart-3"]
    labels = [figure.find("div", role="img")["aria-label"] for figure in figures]
    assert labels == [SPECIFICATION["description"], "Two lines", "chart"]
    assert "<" not in figures[0].script.string
    assert pd.io.json.ujson_loads(figures[0].script.string) == SPECIFICATION
    assert len([script for script in soup.find_all("script") if "vegaEmbed=" in script.text]) == 1


def test_pictures_are_embedded_with_their_text():
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(buffer, "png")
    encoded = base64.encodebytes(buffer.getvalue()).decode()
    output = shown(image__png=encoded)
    output.metadata = {"image/png": {"alt": "a black 'square'"}}
    image = built(executed("one", code("c", output))).find("img")
    assert image["alt"] == "a black 'square'"
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == buffer.getvalue()


def test_a_failed_section_says_what_failed_and_how_to_run_it_again_and_leaves_the_others():
    error = "ValueError: no <images>\nCell In[1], line 1\n----> 1 f()"
    soup = built(executed("one", prose("# Stands")), executed("controls", prose("# Broken"), error=error))
    failed = section_of(soup, "controls").select_one(".failure")
    assert failed.strong.text == "ValueError: no <images>"
    assert failed.pre.text == "Cell In[1], line 1\n----> 1 f()"
    assert failed.code.text == "make report PRESET=tiny SECTIONS=controls"
    assert "Broken" not in soup.text
    assert section_of(soup, "one").h2.text == "Stands"
    assert "1 failed" in soup.header.text
    assert [link["href"] for link in soup.nav.select("a.failed")] == ["#controls"]


def test_the_end_of_a_section_tells_parameters_facts_and_durations():
    facts = {
        "versions": {"numpy": "2.4"},
        "device": None,
        "nothing": (),
        "trained in": timedelta(seconds=281.4),
        "on": datetime(2025, 3, 1, 9, 30, tzinfo=UTC),
    }
    preset = Preset(["one"], {"one": {"experiment": {"epochs": 12, "widths": [16, 32]}}})
    block = section_of(built(executed("one"), preset=preset, footer={"one": facts}), "one").select_one("details.facts")
    rows = {row.th.text: row.td.text for row in block.find_all("tr")}
    assert rows == {
        "experiment.epochs": "12",
        "experiment.widths": "16, 32",
        "versions.numpy": "2.4",
        "device": "none",
        "nothing": "none",
        "trained in": "4 min 41 s",
        "on": "01 March 2025, 09:30 UTC",
        "notebook executed in": "2 s",
    }
    assert [time["datetime"] for time in block.find_all("time")] == ["PT281.4S", "2025-03-01T09:30:00+00:00", "PT1.5S"]


def test_versions_and_device_of_this_machine_stand_in_for_those_not_given():
    rows = {row.th.text: row.td.text for row in built(executed("one")).select(".facts tr")}
    assert rows["versions.pandas"] == pd.__version__
    assert "processor cores" in rows["device"]


# Prose


def test_headings_go_one_level_down_and_get_ids_that_are_unique_on_the_page():
    shared = Page([])
    html = prose_html("# A $x$ title\n## Same\n## Same", "one", shared) + prose_html("## Same", "two", shared)
    headings = BeautifulSoup(html, "html.parser").find_all(re.compile("^h[1-6]$"))
    assert [(heading.name, heading["id"]) for heading in headings] == [
        ("h2", "one-a-title"),
        ("h3", "one-same"),
        ("h3", "one-same-2"),
        ("h3", "two-same"),
    ]


def test_each_heading_links_to_itself_and_keeps_its_text():
    soup = BeautifulSoup(prose_html("# A title\n\ntext\n\n## Same\n## Same", "one", Page([])), "html.parser")
    headings = soup.find_all(["h2", "h3"])
    assert [heading.text for heading in headings] == ["A title", "Same", "Same"]
    assert [heading.a["href"] for heading in headings] == [f"#{heading['id']}" for heading in headings]
    assert all(heading.a["aria-label"] for heading in headings)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("sota_comparison.ipynb", "#sota_comparison"),
        ("./sota_comparison.py", "#sota_comparison"),
        ("sota_comparison.py#The-Models", "#sota_comparison-the-models"),
        ("#Here", "#one-here"),
        ("https://example.org/a.py", "https://example.org/a.py"),
        ("controls.py", None),
        ("../params/quick.yaml", None),
    ],
)
def test_links_lead_within_the_page_or_to_the_web_or_nowhere(target, found):
    soup = BeautifulSoup(prose_html(f"[text]({target})", "one", Page(["one", "sota_comparison"])), "html.parser")
    assert soup.text.strip() == "text"
    assert (soup.a and soup.a["href"]) == found


def beside(*names):
    """Put files next to the page to be."""
    folder = paths.build() / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("image\n")


def test_a_link_to_a_list_beside_the_page_downloads_it_and_any_other_file_does_not():
    beside("difficulty.csv", "decisive images.txt", "notes.md", "page.html")
    (paths.build() / "secret.csv").write_text("x")
    (paths.build() / "tiny" / "folder.csv").mkdir()
    targets = ["difficulty.csv", "decisive%20images.txt", "absent.csv", "notes.md", "page.html", "report.html"]
    targets += ["../secret.csv", "..%2Fsecret.csv", "notebooks/one.ipynb", "folder.csv", "/difficulty.csv", "."]
    outcome = executed("one", prose(" ".join(f"[to]({target})" for target in targets)))
    links = {link["download"]: link["href"] for link in section_of(built(outcome), "one").find_all("a")}
    assert list(links) == ["difficulty-tiny.csv", "decisive images-tiny.txt"]
    for link in links.values():
        assert urlopen(link).read() == b"image\n"


def test_a_list_in_the_page_has_the_files_bytes_whatever_is_in_it_and_its_name_tells_the_run():
    outcome = executed("one", code("x", shown(text__markdown="[a list](difficulty.csv)")))
    assert not section_of(built(outcome), "one").find_all("a")
    beside("difficulty.csv")
    text = 'image,"x"\n"a#b%20c <b>&amp;",1\n"é\\ \'\t^{`}|",2\n'
    write_text(paths.build() / "tiny" / "difficulty.csv", text)
    write_json(paths.build() / "tiny" / paths.DIGESTS, {"one": "0123456789abcdef"})
    (link,) = section_of(built(outcome), "one").find_all("a")
    assert link["download"] == "difficulty-tiny-01234567.csv"
    assert urlopen(link["href"]).read().decode() == text


@pytest.mark.parametrize(
    "name",
    [
        "ftp:host.txt",
        "https:example.org.csv",
        "#one.csv",
        "a?b.csv",
        "100%41.txt",
        "<b>'\"&.csv",
        "\u00e9\u0436.txt",
        "..csv",
        "\\\\host.txt",
    ],
)
def test_a_hostile_file_name_is_escaped_and_gives_that_file_alone(name):
    beside(name)
    soup = built(executed("one", prose(f"[to](<{quote(name, safe='')}>)")))
    link = section_of(soup, "one").find("a")
    assert link["href"] == "data:text/csv;charset=utf-8,image%0A".replace("csv", "plain" if "txt" in name else "csv")
    assert link["download"] == f"{Path(name).stem}-tiny{Path(name).suffix}"
    assert not section_of(soup, "one").find("b") and len(soup.find_all("script")) == 3


def test_a_link_to_a_heading_that_is_not_there_leads_to_its_section():
    text = "[a](two.py#gone) [b](#nowhere) [c](two.py#There) [d](javascript:alert(1))"
    soup = built(executed("one", prose(text)), executed("two", prose("# There")), executed("two_more", prose("# Gone")))
    links = [link["href"] for link in section_of(soup, "one").find_all("a")]
    assert links == ["#two", "#one", "#two-there", "#one"]


@pytest.mark.parametrize("text", [r"\$5 and \$6", "$5 and $6", "from $5 to 6$ or so"])
def test_prices_are_not_mathematics(text):
    assert "<math" not in prose_html(text.replace("6$", r"6\$"), "one", Page([]))


def test_mathematics_becomes_mathml_inline_across_lines_in_lists_and_tables():
    text = "A $a_b *\nc* d$ and `$code$`.\n\n$$\nx\n= y\n$$\n\n- $z$\n\n| h |\n|---|\n| $w$ |\n"
    soup = BeautifulSoup(prose_html(text, "one", Page([])), "html.parser")
    assert [(formula["display"], formula.text.replace("\n", "")) for formula in soup.find_all("math")] == [
        ("inline", "ab*c*d"),
        ("block", "x=y"),
        ("inline", "z"),
        ("inline", "w"),
    ]
    assert soup.find("code").text == "$code$"


@pytest.mark.parametrize(
    "text",
    [
        r"\(x\)",
        r"\[x\]",
        r"\begin{align} a \end{align}",
        r"$\kapa{x}$",
        r"$\frac{a$",
        r"$x_{$",
        r"left $\kappa open",
        r"$$a & b$$",
    ],
)
def test_tex_that_would_be_left_over_fails_the_build_and_names_the_notebook(text):
    with pytest.raises(InputError, match=r"^one\.py: ") as caught:
        built(executed("one", prose(text)))
    assert "\n" not in str(caught.value)


def test_formulas_keep_their_symbols():
    assert re.sub("<.*?>", "", unescape(mathml(r"\kappa = \frac{a - b}{1 - b}", True))) == "κ=a−b1−b"


@settings(max_examples=200)
@given(st.text(alphabet="<>\"'&/=! abonscriptimgelju:()-", max_size=60))
def test_cleaned_html_has_no_script_no_handler_and_no_foreign_address(text):
    soup = BeautifulSoup(
        str(clean(f"<script>{text}</script><p {text}>{text}<a href=\"{text}\">b</a><img src='{text}'>")), "html.parser"
    )
    assert not soup.find_all(["script", "style", "iframe", "object", "img"])
    assert not [key for tag in soup.find_all(True) for key in tag.attrs if key.startswith("on")]
    assert all(re.match("https?:|mailto:", link.get("href", "")) for link in soup.find_all("a"))


# Tables


def test_a_default_index_goes_and_a_named_one_stays_as_row_headings():
    plain = table(pd.DataFrame({"network": ["a", "b"], "kappa": [0.5, 0.25]}))
    assert [cell.text for cell in plain.find_all("th")] == ["network", "kappa"]
    named = table(pd.DataFrame({"kappa": [0.5, 0.25]}, index=pd.Index(["a", "b"], name="network")))
    assert [cell.text for cell in named.thead.find_all("th")] == ["network", "kappa"]
    assert [cell["scope"] for cell in named.tbody.find_all("th")] == ["row", "row"]
    shifted = table(pd.DataFrame({"kappa": [0.5, 0.25]}, index=[1, 2]))
    assert [cell.text for cell in shifted.tbody.find_all("th")] == ["1", "2"]


def test_a_missing_number_is_undefined_and_a_missing_text_a_dash():
    frame = pd.DataFrame({"kappa": [0.5, np.nan], "n": pd.array([3, None], "Int64"), "note": ["few", None]})
    cells = [cell.text for cell in table(frame).tbody.find_all("td")]
    assert cells == ["0.5", "3", "few", "undefined", "undefined", "–"]


def test_numbers_are_told_from_text_and_verdicts_marked():
    frame = pd.DataFrame(
        {
            "i": ["0.48 [0.41, 0.52]", "−0.1"],
            "s": ["12 %", "1,500"],
            "t": ["3 networks", "4"],
            "v": ["contradicted", "holds"],
        }
    )
    rows = table(frame).tbody.find_all("tr")
    assert [cell.get("class") for cell in rows[0].find_all("td")] == ["number", "number", None, "verdict contradicted"]


def test_tables_that_can_be_sorted_say_so_to_the_script_and_have_no_button_of_their_own():
    assert len(table(pd.DataFrame({"a": [1, 2], "b": [3, 4]})).select("th[data-sorts]")) == 2
    columns = [["a", "a"], ["b", "c"]]
    others = pd.DataFrame({"a": [1]}), pd.DataFrame([[1, 2], [3, 4]], columns=columns), pd.DataFrame({"a": []})
    assert not any(table(frame).select("[data-sorts], button") for frame in others)


@pytest.mark.parametrize(("rows", "folded"), [(12, False), (13, True)])
def test_a_table_has_a_name_and_a_long_one_is_folded_under_it(rows, folded):
    frame = pd.DataFrame({"network": ["a"] * rows, "fine": [True] * rows})
    soup = BeautifulSoup(f"<main>{frame._repr_html_()}</main>", "html.parser")
    tidy_tables(soup)
    assert soup.table["aria-label"] == "Table: network, fine" and soup.td.text in ("a", "yes")
    assert "True" not in soup.text and (soup.details is not None) == folded


def test_a_dash_in_a_column_of_numbers_stays_a_dash_and_the_numbers_stay_aligned():
    soup = BeautifulSoup("<table><tbody><tr><td>0.5</td></tr><tr><td>–</td></tr></tbody></table>", "html.parser")
    tidy_tables(soup)
    assert [(cell.text, cell["class"]) for cell in soup.find_all("td")] == [("0.5", "number"), ("–", "number")]
