"""Whether a figure found here can stand beside the paper's: same data, same networks, same training."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from ddd_utils import paths
from ddd_utils.config.schema import ModelSet, PretrainedSet, Published, Variants
from ddd_utils.files import read_yaml
from ddd_utils.responses import Responses

VALIDATION_IMAGES, ELEVEN = 50_000, 11
OTHER_IMAGES = ("gaussian", "digits", "fashion_mnist", "cifar10", "cifar100")  # than the paper's photographs
CIRCULAR, CHOSEN = "circular", "chosen after a trial"
# Data sets chosen for `quick` because a trial had shown the paper's pattern on them: what they show is no test. With
# each, what was tried before, in `quick` of version 0.2.0: shares of trivial and of impossible images, tolerance 0.
TRIED = {"fashion_mnist": {"Gaussian noise": (0.019, 0.084), "digits with added noise": (0.256, 0.052)}}
# Keys that say which network it is; all others say how it is trained.
NETWORK = (".model", ".arguments")
# The paper's other bases by words in the name of a network of the same family: VGGs have no shortcuts.
FAMILIES = {"vgg": "vgg11", "plain": "vgg11", "densenet": "densenet121"}


@dataclass(frozen=True)
class Basis:
    """What a figure rests on: how many networks or observers (m), images or trials (n), and of which data set."""

    m: int | None = None
    n: int | None = None
    dataset: str = "any"
    obstacle: str = ""  # why it cannot stand beside the paper's figure
    outside: str = ""  # why it does not count for or against the paper


def of_people(observers: int, trials: int, images: str | None = None, simulated: bool = False) -> Basis:
    """Say what figures about people rest on; ``images`` is the data set that they judged, photographs if not known."""
    if simulated:
        return Basis(observers, trials, "simulated", "simulated observers")
    if images in OTHER_IMAGES:
        return Basis(observers, trials, f"human, {images}", "another data set")
    return Basis(observers, trials, "human")


def of_the_eleven(images: int) -> Basis:
    """Say what figures from the published scores of the paper's eleven models rest on: the paper's own answers."""
    return Basis(ELEVEN, images, "imagenet", "" if images == VALIDATION_IMAGES else "another data set", CIRCULAR)


class Paper(NamedTuple):
    """Which networks, on which data set, a claim of the paper is about, and how the paper trained what it trained."""

    networks: str
    dataset: str
    experiments: list[dict[str, Any]]  # the block of this name in paper.yaml
    holds_on: str = "own"  # "dataset": whatever the networks and their training; "any": whatever the data set too


def outside(dataset: str) -> str:
    """Say why what is found on a data set is outside the score; nothing where it counts."""
    return CHOSEN if dataset in TRIED else ""


def obstacle(paper: Paper, responses: Responses) -> str:
    """Say why a figure from these responses cannot stand beside the paper's; nothing where it can."""
    if isinstance(responses.config, Variants):
        return _trained(paper, responses.config)
    return _answered(paper, _on_imagenet(responses), responses.networks["network"])


def planned(paper: Paper, config: Any) -> str:
    """Say the same of an experiment that has not been run, or why it would not count; photographs are ImageNet's."""
    if isinstance(config, Variants):
        return outside(config.dataset.name) or _trained(paper, config)
    if isinstance(config, ModelSet) and outside(config.images.name):
        return CHOSEN
    names = [model.label for model in config.models] if isinstance(config, PretrainedSet) else []
    return _answered(paper, isinstance(config, PretrainedSet | Published), names)


def are_the_papers(names: Iterable[str]) -> bool:
    """Say whether models are called as the paper's eleven (params/models/paper.yaml)."""
    return set(names) == _eleven()


def family(model: str) -> str | None:
    """Find the paper's other base network of the same family, "vgg11" or "densenet121", by the name of a network."""
    return next((base for word, base in FAMILIES.items() if word in model.lower()), None)


@cache
def _eleven() -> set[str]:
    return {entry["name"] for entry in read_yaml(paths.PARAMS / "models" / "paper.yaml")}


def _on_imagenet(responses: Responses) -> bool:
    """Say whether these are all of ImageNet's validation images, or a selection from all of them, with its labels."""
    images = responses.info.get("all_images", len(responses.labels))
    return responses.info.get("on_imagenet", False) and images == VALIDATION_IMAGES


def _answered(paper: Paper, on_imagenet: bool, names: Iterable[str]) -> str:
    """Compare models that were not trained here with the paper's."""
    if paper.holds_on == "any":
        return ""
    if paper.dataset != "imagenet" or not on_imagenet:
        return "another data set"
    same = paper.networks == "sota" and are_the_papers(names)
    return "" if same or paper.holds_on == "dataset" else "other networks"


def _trained(paper: Paper, config: Variants) -> str:
    """Compare a configuration with the paper's, key by key: what paper.yaml does not state does not matter."""
    found = dict(_flat(config.model_dump(mode="json")))
    if paper.holds_on != "any" and found["dataset.name"] != paper.dataset:
        return "another data set"
    if paper.holds_on != "own":
        return ""
    for block in paper.experiments:
        wanted = dict(_flat(block))
        if (wanted.pop("networks"), wanted["dataset.name"]) == (paper.networks, paper.dataset):
            differing = [key for key, value in wanted.items() if found[key] != value]
            others = any(key.endswith(NETWORK) for key in differing)
            return "other networks" if others else "other training" if differing else ""
    return "other networks"


def _flat(block: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Write nested keys with dots; arguments of a network stay together, since one more is another network."""
    for key, value in block.items():
        if isinstance(value, Mapping) and key != "arguments":
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
