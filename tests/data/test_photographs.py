"""Folders of photographs: read, decoded, cropped and kept small, the same by every way."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from torchvision.transforms import v2

from ddd_utils import files, paths
from ddd_utils.config.image_sets import Folder
from ddd_utils.data import datasets, loader, photographs, views
from ddd_utils.data.loader import Loader
from ddd_utils.errors import InputError
from ddd_utils.models import by_name

CPU = torch.device("cpu")
SAMPLE = Path(os.environ.get("DDD_DATA", "/none")) / "imagenet_sample" / "val"
needs_sample = pytest.mark.skipif(not SAMPLE.is_dir(), reason="DDD_DATA names no folder with imagenet_sample/")


@pytest.fixture(autouse=True)
def _own_build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            place = tmp_path / split / label
            place.mkdir(parents=True)
            for i in range(2):
                Image.fromarray(random.integers(0, 256, (30 + i, 44, 3), dtype=np.uint8)).save(place / f"{i}.png")
    return tmp_path


def test_a_folder_of_photographs_is_decoded_like_torchvision_does(folder):
    config = Folder(name="folder", train=str(folder / "train"), test=str(folder / "test"), image_size=16)
    data = datasets.load(config)
    assert data.classes == ("cat", "dog")
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    recipe = v2.Compose([v2.Resize(18, antialias=True), v2.CenterCrop(16)])
    theirs = np.stack([np.asarray(recipe(Image.open(folder / "test" / name))) for name in data.test.ids])
    ours = datasets.test_pixels(config, np.arange(4)).transpose(0, 2, 3, 1)
    assert np.array_equal(ours, theirs)
    loader = Loader(data, CPU)
    first, again, later = (next(loader.train_batches([np.array([0, 3])], 1312, epoch))[0] for epoch in (0, 0, 1))
    assert first.shape == (2, 3, 16, 16)
    assert torch.equal(first, again)
    assert not torch.equal(first, later)


def config_of(folder, **more):
    return Folder(name="folder", train=str(folder / "train"), test=str(folder / "test"), image_size=16, **more)


def test_sizes_are_counted_where_there_are_folders(folder):
    (folder / "train" / "cat" / "notes.txt").write_text("no image")
    Image.new("RGB", (20, 20)).save(folder / "test" / "dog" / "third.PNG")
    assert config_of(folder).sizes == (4, 5)
    assert len(datasets.load(config_of(folder)).test) == 5
    assert Folder(name="imagenet", train="nowhere", test="nowhere").sizes == (1_281_167, 50_000)


def test_folders_are_found_beside_the_local_copies(folder, monkeypatch):
    monkeypatch.setenv("DDD_DATA", str(folder))
    assert len(datasets.load(Folder(name="folder", train="train", test="test")).train) == 4


def test_a_missing_folder_is_named(folder):
    with pytest.raises(InputError, match=r"there is no image folder '.*/tran' \(did you mean '.*/train'"):
        datasets.load(Folder(name="imagenet", train=str(folder / "tran"), test=str(folder / "test")))
    with pytest.raises(InputError, match="cat: no sub-folders"):
        datasets.load(Folder(name="imagenet", train=str(folder / "train"), test=str(folder / "train" / "cat")))


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_class_is_named(folder, split):
    (folder / "train" / "emu").mkdir()
    Image.new("RGB", (20, 20)).save(folder / "train" / "emu" / "0.png")
    (folder / "test" / "emu").mkdir()
    (folder / split / "emu" / "0.png").unlink(missing_ok=True)
    with pytest.raises(InputError, match=f"{split}/emu: an empty class"):
        datasets.load(config_of(folder))


def test_a_test_class_that_is_never_trained_is_named(folder):
    (folder / "test" / "dog").rename(folder / "test" / "dogs")
    with pytest.raises(InputError, match=r"dogs: no such class in .* \(did you mean 'dog'\?\)"):
        datasets.load(config_of(folder))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_photograph_is_named_in_one_line(folder, workers):
    (folder / "test" / "cat" / "1.png").write_bytes((folder / "test" / "cat" / "1.png").read_bytes()[:300])
    with pytest.raises(InputError, match=r"cat/1\.png: not a whole image") as caught:
        list(Loader(datasets.load(config_of(folder)), CPU, workers).test_batches(2))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("at", ["in a worker", "when one is killed"])
def test_a_full_dev_shm_is_named_with_what_to_do(folder, monkeypatch, at):
    def full(*_):
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")

    made = Loader(datasets.load(config_of(folder)), CPU)
    if at == "in a worker":
        monkeypatch.setattr(loader, "get_worker_info", lambda: "a worker")
        monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    else:
        monkeypatch.setattr(made.sources["test"], "_loader", map(full, [0]))
    with pytest.raises(InputError, match=r"/dev/shm is full: .* make it larger \(docker run --shm-size") as caught:
        list(made.test_batches(2))
    assert "\n" not in str(caught.value)


def test_worker_processes_read_the_cache_change_no_bit_and_last_for_epochs(folder):
    data = datasets.load(config_of(folder, cache_short_side=20))
    here, there = Loader(data, CPU), Loader(data, CPU, workers=2)
    batches = [np.array([3, 0]), np.array([1]), np.array([2])]
    for epoch in (0, 1):
        ours, theirs = (list(loader.train_batches(batches, 1312, epoch)) for loader in (here, there))
        assert [labels.tolist() for _, labels in theirs] == [[1, 0], [0], [1]]
        for one, other in zip(ours, theirs, strict=True):
            assert torch.equal(one[0], other[0])
    # An epoch broken off leaves nothing behind for the next one.
    next(there.train_batches(batches, 1312, 0))
    again = list(there.train_batches(batches, 1312, 1))
    assert torch.equal(again[0][0], theirs[0][0])
    assert torch.equal(next(there.train_batches(batches[:1], 1312, 1))[0], theirs[0][0])


def jpeg(path, mode, size=(50, 40)):
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (5, 6, len(mode)), dtype=np.uint8).squeeze()
    Image.fromarray(coarse, mode={"L": "L", "RGB": "RGB", "CMYK": "CMYK"}[mode]).resize(size).save(path, "JPEG")
    return path


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_kind_of_jpeg_is_decoded_as_pillow_does(tmp_path, mode):
    path = jpeg(tmp_path / "a.jpeg", mode)
    assert np.array_equal(np.asarray(photographs.decode(path)), np.asarray(Image.open(path).convert("RGB")))


@needs_sample
@pytest.mark.skipif(photographs.simplejpeg is None, reason="simplejpeg is not installed")
def test_both_decoders_give_the_same_photographs():
    for path in sorted(SAMPLE.glob("*/*"))[:40]:
        assert np.array_equal(np.asarray(photographs.decode(path)), np.asarray(Image.open(path).convert("RGB"))), path


def test_cut_off_jpegs_are_damaged(tmp_path):
    path = jpeg(tmp_path / "a.jpeg", "RGB")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"a\.jpeg: not a whole image"):
        photographs.decode(path)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.jpg: No such file or directory"):
        photographs.decode(tmp_path / "gone.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_photographs_lie_upright_in_the_cache_too(folder, suffix):
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:, :32] = 255
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    name = f"cat/turned.{suffix}"
    Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90).save(folder / "train" / name, exif=exif)
    files = photographs.Files(folder / "train", ["cat/0.png", name, "cat/1.png"])
    kept = datasets.cached(files, 16)
    for index in range(3):
        resized = views.resize_short_side(files.image(index), 16)
        assert np.array_equal(np.asarray(kept.image(index)), np.asarray(resized))
    assert kept.image(1).size == (32, 16)
    assert np.asarray(kept.image(1))[:, [0, -1], 0].tolist() == [[255, 0]] * 16


def test_cached_photographs_are_the_resized_ones(folder):
    plain, small = config_of(folder), config_of(folder, cache_short_side=20)
    data = datasets.load(small)
    for index, name in enumerate(data.train.ids):
        kept = np.asarray(data.train.pixels.image(index))
        resized = views.resize_short_side(Image.open(folder / "train" / name), 20)
        assert np.array_equal(kept, np.asarray(resized))
    assert min(kept.shape[:2]) == 20
    assert data.train.ids == datasets.load(plain).train.ids
    assert next(Loader(data, CPU).train_batches([np.arange(4)], 0, 0))[0].shape == (4, 3, 16, 16)


def test_test_images_do_not_change_where_the_cache_has_their_size(folder):
    plain, small = config_of(folder), config_of(folder, cache_short_side=18)
    indices = np.arange(4)
    assert np.array_equal(datasets.test_pixels(plain, indices), datasets.test_pixels(small, indices))


def test_the_cache_is_made_once_and_anew_for_changed_files(folder, monkeypatch):
    files = photographs.Files(folder / "train", ["cat/0.png", "cat/1.png"])
    first = datasets.cached(files, 20)
    with monkeypatch.context() as patched:
        patched.setattr(datasets, "_fill", None)
        assert datasets.cached(files, 20) == first
    Image.new("RGB", (30, 30), "red").save(folder / "train" / "cat" / "0.png")
    again = datasets.cached(files, 20)
    assert again != first
    assert np.asarray(again.image(0))[0, 0].tolist() == [255, 0, 0]


def test_a_broken_cache_is_not_taken_for_a_whole_one(folder):
    broken = folder / "train" / "cat" / "1.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:300])
    files = photographs.Files(folder / "train", ["cat/0.png", "cat/1.png"])
    with pytest.raises(InputError, match=r"cat/1\.png"):
        datasets.cached(files, 20)
    assert not list((paths.build() / "data").glob("*/*"))
    broken.write_bytes(whole)
    assert min(datasets.cached(files, 20).image(1).size) == 20


@needs_sample
def test_a_network_is_trained_on_real_photographs():
    config = Folder(name="imagenet", train=str(SAMPLE), test=str(SAMPLE), image_size=32, cache_short_side=37)
    assert config.sizes == (200, 200)
    data = datasets.load(config)
    assert data.train.labels.tolist() == list(range(200))
    torch.manual_seed(0)
    loader, network = Loader(data, CPU), by_name.create("plain_convnet", 200, {"stages": [1, 1], "width": 4})
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    losses = []
    for epoch in range(3):
        for images, labels in loader.train_batches(np.split(np.arange(200), 4), 1312, epoch):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(images), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
    assert sum(len(network(images)) for images in loader.test_batches(64)) == 200


def test_only_class_folders_count(tmp_path):
    for name in ("b", "a", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "readme.txt").touch()
    assert [path.name for path in files.class_folders(tmp_path)] == ["a", "b"]
