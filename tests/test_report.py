"""The main job from end to end: a preset goes in, a report comes out; bad input comes back in one line."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from ddd_utils import cli, paths
from ddd_utils.config.schema import Instances


def run(build, *arguments, **variables):
    command = [sys.executable, "-m", "ddd_utils", "report", *arguments]
    environment = {**os.environ, "DDD_BUILD": str(build), **variables}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=paths.ROOT, check=False)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    build = tmp_path_factory.mktemp("build")
    first = run(build, "params/smoke.yaml")
    assert first.returncode == 0, first.stderr
    return build, first


def test_smoke_runs_every_section_and_prints_the_path(smoke):
    build, first = smoke
    page = build / "smoke" / "report.html"
    assert first.stdout.strip() == str(page)
    text = page.read_text("utf-8")
    for section in ("summary", "training_variants", "sota_comparison", "subsetting", "controls", "kl_divergence"):
        assert f'id="{section}"' in text
    assert text.count(" data-game ") == 1
    assert page.stat().st_size < 5_000_000


def test_progress_stays_in_the_terminal(smoke):
    build, first = smoke
    assert re.search(r"training_variants  base  epoch \d+/\d+", first.stderr)
    text = (build / "smoke" / "report.html").read_text("utf-8")
    assert " left</" not in text
    assert "runs] about" not in text


def timeless(page):
    return re.sub(r"<time.*?</time>", "", page.read_text("utf-8"), flags=re.S)


def shown(folder, section):
    """Return what an executed notebook shows, cell by cell."""
    cells = nbformat.read(folder / "notebooks" / f"{section}.ipynb", as_version=4).cells
    return [[output.get("data", output) for output in cell.get("outputs", [])] for cell in cells]


def test_a_second_run_only_renders_without_torch_and_beside_the_report_where_something_was_changed(
    smoke, tmp_path, monkeypatch
):
    build, first = smoke
    report = Path(first.stdout.strip())
    before, page_before = shown(report.parent, "sota_comparison"), report.read_bytes()
    results = {path: path.stat().st_mtime_ns for path in (build / "results").rglob("*.parquet")}
    # Stands before the true one on the path of the program and of its kernels.
    (tmp_path / "torch.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').close()\nraise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    sections = ["--sections", "sota_comparison", "human_results"]
    second = run(build, "smoke", *sections, "--set", "human_results.simulated=2")
    assert second.returncode == 0 and "epoch" not in second.stderr
    assert not (tmp_path / "imported").exists()
    assert {path: path.stat().st_mtime_ns for path in (build / "results").rglob("*.parquet")} == results
    page = Path(second.stdout.strip())
    assert re.fullmatch("smoke-[0-9a-f]{8}", page.parent.name) and report.read_bytes() == page_before
    assert shown(page.parent, "sota_comparison") == before
    text = page.read_text("utf-8")
    assert 'id="human_results"' in text and 'id="controls"' not in text
    assert "simulated 2" in text and "simulated 3" not in text


def test_one_section_is_renewed_and_the_others_are_kept(smoke):
    build, first = smoke
    report = Path(first.stdout.strip())
    before = timeless(report)
    stamps = {path.name: path.stat().st_mtime_ns for path in (report.parent / "notebooks").glob("*.ipynb")}
    assert run(build, "smoke", "--sections", "kl_divergence").returncode == 0
    renewed = {path.name: path.stat().st_mtime_ns for path in (report.parent / "notebooks").glob("*.ipynb")}
    assert {name for name, stamp in renewed.items() if stamp != stamps[name]} == {"kl_divergence.ipynb"}
    command = re.compile("make report.*")
    assert command.sub("", timeless(report)) == command.sub("", before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quik"], "there is no preset 'quik' (did you mean 'quick'?)"),
        (["smoke", "--sections", "kl_divergense"], "no section 'kl_divergense' (did you mean 'kl_divergence'?)"),
        (["smoke", "--set", "controls.natural.epochs=-1"], "controls.natural.epochs"),
        (["smoke", "--set", "controls.natural.base.model=resnet81"], "unknown model 'resnet81' (did you mean"),
        (["smoke", "--set", "sota_comparison.models=[test_resnet, tset_convnext]"], "unknown model 'tset_convnext'"),
        (["smoke", "--set", "controls.natural.dataset.name=digit"], "(did you mean 'digits'?)"),
    ],
)
def test_bad_input_is_one_line_and_computes_nothing(build, capsys, arguments, message):
    assert cli.main(["report", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(build.rglob("*.parquet"))


def test_a_place_that_cannot_be_written_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "file" / "build"))
    assert cli.main(["report", "smoke", "--sections", "human_results"]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_no_permission_is_told_before_computing(build, monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert cli.main(["report", "smoke"]) == 2
    assert "no permission to write there" in capsys.readouterr().err


def test_a_full_disk_is_one_line(build, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "report.html")

    monkeypatch.setattr("ddd_utils.files.yaml.safe_dump", full)
    assert cli.main(["report", "smoke", "--sections", "human_results"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: report.html: No space left on device"


def test_networks_that_diverge_and_a_section_that_fails_are_named_and_the_others_are_shown(
    build, tmp_path, monkeypatch, capfd
):
    digits = {"name": "digits", "train_images": 200, "image_size": 8}
    good = {"model": "plain_convnet", "arguments": {"stages": [1, 1], "width": 16}}
    # Without BatchNorm this learning rate is far too high.
    bad = {"model": "plain_convnet", "arguments": {"stages": [2, 2], "width": 16, "batch_norm": False}}
    variants = {"dataset": digits, "base": good, "other": bad, "learning_rate": 0.5, "epochs": 1, "batch_size": 10}
    variants |= {"bn_recalibration": 100, "instances": dict.fromkeys(Instances.model_fields, 1)}
    sgd = {**good, "optimizer": "sgd", "learning_rate": 0.1}
    models = [
        sgd,
        {**sgd, "name": "fast", "learning_rate": 0.2},
        {**sgd, "name": "wild $x$ `<b>`", "learning_rate": 1e15},
    ]
    blocks = {
        "training_variants": {"experiment": variants},
        "sota_comparison": {"models": models, "images": digits, "training": {"epochs": 1, "batch_size": 10}},
        "human_results": {"simulated": 2},
    }
    (tmp_path / "wild.yaml").write_text(yaml.safe_dump(blocks), "utf-8")
    notebooks = tmp_path / "notebooks"
    shutil.copytree(paths.NOTEBOOKS, notebooks, ignore=shutil.ignore_patterns(".*"))
    with (notebooks / "human_results.py").open("a", encoding="utf-8") as source:
        source.write("\n# %%\nraise RuntimeError('<b>broken</b>')\n")
    monkeypatch.setattr(paths, "NOTEBOOKS", notebooks)

    assert cli.main(["report", str(tmp_path / "wild.yaml")]) == 1
    told = capfd.readouterr()
    assert "failed: human_results (see the report)" in told.err
    text = Path(told.out.strip()).read_text("utf-8")
    assert "<code>wild $x$ &lt;b&gt;</code>: the loss is not finite in epoch 1" in text
    assert re.search(r"<code>architecture</code>: after 1 epochs its accuracy of [\d.]+% is not above chance", text)
    assert "there is no network of condition 'architecture'" in text.replace("&#x27;", "'").replace("&#39;", "'")
    assert "&lt;b&gt;broken&lt;/b&gt;" in text and "<b>broken</b>" not in text
    assert re.search(r"make report PRESET=\S*wild\S* SECTIONS=human_results", text)
    assert 'id="summary"' in text


def test_people_can_be_shown_what_a_report_has_computed(smoke, tmp_path, monkeypatch, capsys):
    build, _ = smoke
    monkeypatch.setenv("DDD_BUILD", str(build))
    page = tmp_path / "experiment.html"
    assert cli.main(["experiment", str(build / "smoke"), "--trials", "4", "--seed", "7", "--out", str(page)]) == 0
    assert capsys.readouterr().err.startswith("sota_comparison: 4 trials with 4 trivial and 4 impossible images")
    assert page.read_text("utf-8").count("data:image/png") >= 8
