"""Pretrained models shown photographs, by this engine and as timm's validate does it: speed, stages, models added."""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import plain_inference
import timm
import torch

from ddd_utils import files
from ddd_utils.config.image_sets import Photographs
from ddd_utils.config.schema import SotaComparison
from ddd_utils.data import photographs, views
from ddd_utils.data.listing import listing
from ddd_utils.experiments import inference
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.models import by_name
from ddd_utils.models.pretrained import recipe

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
import lite

SMALL = ("test_resnet", "test_efficientnet", "test_convnext", "test_byobnet", "test_vit")
SMALL_SIZE = 96
NEGLIGIBLE = {"stages": [1], "width": 8, "kernel": 1}
SMALL_RATIO, LITE_RATIO, ADDED, DIFFERING = 2.0, 1.2, 0.15, 0.001


def small_entries(folder: Path) -> list[dict]:
    """Five small networks of different families at a small size; what they answer does not matter for speed."""
    found = []
    for name in SMALL:
        torch.manual_seed(0)
        arguments = {"img_size": SMALL_SIZE} if name == "test_vit" else {}
        network = timm.create_model(name, **arguments)
        torch.save(network.state_dict(), folder / f"{name}.pth")
        weights = {"file": str(folder / f"{name}.pth")}
        found.append(
            {"model": name, "arguments": arguments, "pretrained": weights, "preprocessing": {"size": SMALL_SIZE}}
        )
    return found


def evaluation(entries: list[dict], images: str) -> Evaluation:
    """Describe an evaluation; a single entry, which is no set, is allowed here."""
    more = [*entries, {**entries[0], "name": "another"}]
    config = SotaComparison.model_validate({"models": more, "images": images}).experiment
    return Evaluation(config.model_copy(update={"models": config.models[: len(entries)]}))


def engine(entries: list[dict], images: str) -> tuple[float, Evaluation]:
    """Evaluate into an empty results folder; return the seconds."""
    folder = tempfile.mkdtemp(dir=os.environ["DDD_BENCH"])
    os.environ["DDD_BUILD"] = folder
    chosen = evaluation(entries, images)
    started = time.perf_counter()
    chosen.make(lambda line: None)
    return time.perf_counter() - started, chosen


def plainly(chosen: Evaluation) -> tuple[float, list[np.ndarray]]:
    """Evaluate the same models one after the other; return the seconds, the loading of weights included."""
    seconds, answers = 0.0, []
    for entry in chosen.config.models:
        started = time.perf_counter()
        made = recipe(entry)
        network, answer_of = made.network(chosen.space)
        config = timm.data.resolve_data_config(
            {
                "input_size": (3, made.preparation.view.size, made.preparation.view.size),
                "mean": made.preparation.mean,
                "std": made.preparation.sd,
            },
            pretrained_cfg=timm.models.get_pretrained_cfg(entry.model).to_dict(),
            use_test_size=True,
        )
        columns = np.flatnonzero(chosen.space.present[answer_of])
        found, _ = plain_inference.evaluate(
            network, chosen.listing.images, len(chosen.listing.ids), config, columns=columns.tolist()
        )
        seconds += time.perf_counter() - started
        answers.append(answer_of[found])
    return seconds, answers


@contextmanager
def watching():
    """Add up the seconds of each stage over all threads, and of each network."""
    spent, lock = Counter(), threading.Lock()
    patched = []

    def watch(owner, name, label):
        plain = getattr(owner, name)

        def timed(*arguments, **named):
            started = time.perf_counter()
            result = plain(*arguments, **named)
            with lock:
                spent[label(*arguments)] += time.perf_counter() - started
            return result

        patched.append((owner, name, plain))
        setattr(owner, name, timed)

    watch(photographs.Files, "image", lambda *_: "reading and decoding")
    watch(views.View, "of", lambda *_: "resizing and cropping")
    watch(inference._Runner, "_outputs", lambda _, pixels, *__: f"networks at {pixels.shape[1]} px")
    watch(inference.Recipe, "network", lambda *_: "loading weights")
    yield spent
    for owner, name, plain in patched:
        setattr(owner, name, plain)


def compare(title: str, entries: list[dict], images: str, bound: float, repeats: int) -> None:
    """Time both ways by turns, print the ratio of the medians and the share of each stage."""
    times, plain_times = [], []
    for _ in range(repeats):
        seconds, chosen = engine(entries, images)
        times.append(seconds)
        seconds, answers = plainly(chosen)
        plain_times.append(seconds)
    count = len(chosen.listing.ids)
    differ = [np.mean(mine != theirs) for mine, theirs in zip(chosen.load().predictions[:, 0], answers, strict=True)]
    fast, plain = np.median(times), np.median(plain_times)
    print(f"{title}: {count:,} images, {len(entries)} models")
    print(f"  plain {plain:.1f} s, engine {fast:.1f} s: {plain / fast:.2f} times as fast (bound {bound})")
    print(f"  decisions that differ from the plain way's: {', '.join(f'{share:.2%}' for share in differ)}")
    with watching() as spent:
        engine(entries, images)
    total = sum(spent.values())
    print("  " + ", ".join(f"{stage} {seconds / total:.0%}" for stage, seconds in spent.most_common()))
    assert plain / fast >= bound and max(differ) <= DIFFERING


def added(folder: Path, images: str, repeats: int) -> None:
    """See what one more model costs that is small and sees the same pixels: they are decoded already."""
    network = by_name.create("plain_convnet", 1_000, NEGLIGIBLE)
    torch.save(network.state_dict(), folder / "negligible.pth")
    weights = {"file": str(folder / "negligible.pth")}
    entries = [
        {"model": "plain_convnet", "name": str(number), "arguments": NEGLIGIBLE, "pretrained": weights}
        # Another normalisation makes it another model, with the same view.
        | {"preprocessing": {"size": SMALL_SIZE, "mean": [number / 10] * 3}}
        for number in (1, 2)
    ]
    runs = [[engine(entries[:number], images)[0] for number in (1, 2)] for _ in range(repeats)]
    one, both = np.median(runs, axis=0)
    share = (both - one) / one
    print(f"one more model of negligible cost: {share:.1%} of the first one's {one:.1f} s (bound {ADDED:.0%})")
    assert share < ADDED


def several(photos: str, folder: Path, times: int = 5) -> str:
    """Link the photographs several times: of 200 alone, files written and locks taken would be a part of the cost."""
    for path in Path(photos).rglob("*.JPEG"):
        target = folder / "several" / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        for number in range(times):
            (target / f"{path.stem}-{number}{path.suffix}").symlink_to(path)
    return str(folder / "several")


def subset(tar: str, images: int, folder: Path) -> str:
    """Copy the first images of a tar into class folders."""
    found = listing(Photographs(path=tar))
    for index in range(min(images, len(found.ids))):
        target = folder / "tiny_imagenet" / found.keys[index]
        target.mkdir(parents=True, exist_ok=True)
        member = found.images.members[index]
        with Path(tar).open("rb") as file:
            file.seek(member.offset)
            (target / Path(member.name).name).write_bytes(file.read(member.size))
    return str(folder / "tiny_imagenet")


def main() -> None:
    """Measure and check the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, default=1_000, help="of Tiny ImageNet; 10,000 are all")
    options = parser.parse_args()
    repeats = options.repeats
    try:
        photos = str(files.find("imagenet_sample/val", "folder"))
        tiny = str(files.find("tiny_imagenet/val.tar", "file"))
    except ValueError as error:
        print(f"skipped: {error}")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DDD_BENCH"] = folder
        small = small_entries(Path(folder))
        engine(small[:1], photos)  # the first touch of files and libraries counts for nobody
        compare("five small models on photographs", small, photos, SMALL_RATIO, repeats)
        added(Path(folder), several(photos, Path(folder)), repeats)
        few = subset(tiny, options.images, Path(folder))
        lites = [lite.entry(number) for number in range(3)]
        compare("EfficientNet-Lite 0/1/2 on Tiny ImageNet", lites, few, LITE_RATIO, 1)


if __name__ == "__main__":
    main()
