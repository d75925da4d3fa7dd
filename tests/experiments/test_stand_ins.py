"""Where the photographs of clothing are not to be had, digits stand in, and whatever is made says so."""

import pytest
import yaml

from ddd_utils import cli
from ddd_utils.config import params
from ddd_utils.config.image_sets import FashionMnist
from ddd_utils.data import fashion_mnist
from ddd_utils.data.downloads import Unavailable
from ddd_utils.experiments import sources

REASON = (
    "Fashion-MNIST is not here and cannot be had (no answer in time); put its four files into DDD_DATA/fashion-mnist"
)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What is asked for where nothing can be had."""
    found = []

    def drawn(config):
        found.append(config)
        raise Unavailable(REASON)

    monkeypatch.setattr(fashion_mnist, "drawn", drawn)
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    return found


def data_sets(preset):
    return [source.dataset for _, source in sources.trained(preset)]


def test_digits_stand_in_everywhere_and_the_preset_says_so_first(asked, lines):
    quick = params.load("quick")
    clothing = [images for images in data_sets(quick) if isinstance(images, FashionMnist)]
    resolved = sources.with_images(quick, quick.sections)
    (notice,) = resolved.notices
    assert notice == f"Handwritten digits stand in for the photographs of clothing. {REASON}"
    assert lines == [notice]
    assert len(asked) == 1  # no source is asked twice
    assert sum(images == sources.DIGITS for images in data_sets(resolved)) == len(clothing) > 1
    assert not any(isinstance(images, FashionMnist) for images in data_sets(resolved))
    written = resolved.write()
    assert next(iter(yaml.safe_load(written.read_text("utf-8")))) == "notices"
    assert params.load(written) == resolved
    assert sources.with_images(resolved, resolved.sections) is resolved and len(asked) == 1


def test_nothing_else_of_the_preset_changes(asked):
    quick = params.load("quick")
    resolved = sources.with_images(quick, quick.sections)
    text = yaml.safe_dump({key: value for key, value in resolved.raw.items() if key != "notices"}, sort_keys=False)
    back = {"training_variants", "sota_comparison", "controls"}
    for section in quick.sections:
        before, after = quick.raw.get(section), resolved.raw.get(section)
        assert (before == after) == (section not in back), section
    assert "fashion_mnist" not in text and resolved.raw["controls"]["noise"] == quick.raw["controls"]["noise"]
    assert (resolved.name, resolved.sections) == (quick.name, quick.sections)


@pytest.mark.parametrize(
    ("preset", "sections"), [("quick", ["human_results", "kl_divergence"]), ("smoke", None), ("cifar10", None)]
)
def test_nothing_is_asked_for_that_no_section_needs(asked, preset, sections):
    loaded = params.load(preset)
    assert sources.with_images(loaded, sections or loaded.sections) is loaded
    assert asked == []


def test_photographs_that_are_there_are_used(monkeypatch):
    monkeypatch.setattr(fashion_mnist, "drawn", lambda config: None)
    quick = params.load("quick")
    assert sources.with_images(quick, quick.sections) is quick and quick.notices == []


def test_every_command_on_a_preset_asks_first(asked, lines, capsys):
    assert cli.main(["status", "quick", "--sections", "training_variants"]) == 0
    assert lines[0].startswith("Handwritten digits stand in for the photographs of clothing.")
    assert "digits, resnet18" in capsys.readouterr().out and len(asked) == 1
