"""Fashion-MNIST comes from the first source that has it whole, and a source that hangs is given up."""

import gzip
import hashlib
import re
import socket
import time

import numpy as np
import pytest
from public_files import serve

from ddd_utils.config.image_sets import FashionMnist
from ddd_utils.config.schema import Variants
from ddd_utils.data import datasets, fashion_mnist
from ddd_utils.data.downloads import Unavailable
from ddd_utils.experiments.store import Experiment

CONFIG = FashionMnist(train_images=110, test_images=100)
COUNTS = {"train": 130, "t10k": 120}
# What Debian's programs do here: the first copies the package, the second unpacks it.
APT = """#!/bin/sh
PATH=/usr/bin:/bin
echo "$@" >> "{room}/asked"
for last; do :; done
cp "$last" "{room}/apt.conf"
[ "$1" = download ] && echo package > dataset-fashion-mnist_1_all.deb
exit 0
"""
DPKG = """#!/bin/sh
PATH=/usr/bin:/bin
[ "$1 $(cat "$2")" = "-x package" ] && mkdir -p "$3/usr/share/datasets" && cp -r "{room}/whole" "$3{installed}"
"""


@pytest.fixture(scope="module")
def contents():
    """Four small files in the format of the real ones."""
    made, random = {}, np.random.Generator(np.random.Philox(key=0))
    for part, count in COUNTS.items():
        pixels, labels = random.integers(0, 256, (count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8) % 10
        made[f"{part}-images-idx3-ubyte"] = np.array([2051, count, 28, 28], ">i4").tobytes() + pixels.tobytes()
        made[f"{part}-labels-idx1-ubyte"] = np.array([2049, count], ">i4").tobytes() + labels.tobytes()
    return made


@pytest.fixture
def room(monkeypatch, tmp_path, contents):
    """A machine on which no source has anything; `whole` is a folder with all four files."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(fashion_mnist, "FILES", digests)
    monkeypatch.setattr(fashion_mnist, "INSTALLED", tmp_path / "installed")
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("DDD_DATA", str(tmp_path / "copies"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "copies").mkdir()
    (tmp_path / "programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    write(tmp_path / "whole", contents)
    return tmp_path


@pytest.fixture
def server(room, monkeypatch):
    with serve() as server:
        monkeypatch.setattr(fashion_mnist, "MIRROR", server.host)
        yield server


def write(folder, contents, packed=gzip.compress):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / (name if packed is None else f"{name}.gz")).write_bytes(packed(content) if packed else content)


def install(room, apt=APT):
    """Put programs of Debian's names, which note what they are asked, where programs are looked for."""
    unpacked = "/usr/share/datasets/fashion-mnist"
    for name, text in {"apt-get": apt, "dpkg": DPKG}.items():
        program = room / "programs" / name
        program.write_text(text.replace("{room}", str(room)).replace("{installed}", unpacked))
        program.chmod(0o755)


def left(room):
    return sorted(path.name for path in (room / "build").rglob("*") if path.is_file())


def kept(room):
    return room / "build" / "data" / "published" / "fashion-mnist"


def test_sources_are_asked_in_their_order(room, server, contents, monkeypatch):
    """Each is taken away once it has served, until there is none."""
    read = []
    whole = fashion_mnist._whole
    monkeypatch.setattr(fashion_mnist, "_whole", lambda path, *more: read.append(path) or whole(path, *more))
    folders = [room / "copies" / name for name in fashion_mnist.FOLDERS] + [fashion_mnist.INSTALLED, kept(room)]
    for folder in folders:
        write(folder, contents)
    server.files = {f"/{name}.gz": gzip.compress(content) for name, content in contents.items()}
    install(room)
    for folder in folders:
        read.clear()
        assert fashion_mnist.found() == contents
        assert {path.parent for path in read} == {folder}
        folder.rename(folder.with_name(f"{folder.name} away"))
    assert server.asked == [] and not (room / "asked").exists()
    assert fashion_mnist.found() == contents
    assert server.asked == [f"/{name}.gz" for name in contents] and not (room / "asked").exists()
    server.files.clear()
    kept(room).rename(room / "downloaded")
    assert fashion_mnist.found() == contents
    assert [line.split()[0] for line in (room / "asked").read_text().splitlines()] == ["update", "download"]
    assert {path.name for path in kept(room).iterdir()} == {f"{name}.gz" for name in contents}
    (room / "asked").unlink()
    assert fashion_mnist.found() == contents and not (room / "asked").exists()


def test_apt_has_lists_and_caches_of_its_own(room):
    install(room)
    fashion_mnist.found()
    settings = (room / "apt.conf").read_text()
    folders = dict(re.findall(r'Dir::(State|Cache) "(.*?)"', settings))
    own = {path.rpartition("/")[0] for path in folders.values()}
    assert len(folders) == 2 and len(own) == 1 and not own & {"/var/lib", "/var/cache"}
    assert settings.splitlines()[1] == "#clear APT::Update;"  # what the system does after an update touches its cache


@pytest.mark.parametrize("packed", [None, gzip.compress])
def test_files_may_be_compressed_or_not_and_however(room, contents, packed):
    write(room / "copies" / "fashion-mnist", contents, packed)
    assert fashion_mnist.found() == contents


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: gzip.compress(content[:-1] + bytes([content[-1] ^ 1])),
        lambda content: gzip.compress(content)[:-20],
        lambda content: content[:100],
    ],
)
def test_a_wrong_file_is_refused_in_one_line_and_the_next_source_is_tried(room, contents, lines, damage):
    folder = room / "copies" / "fashion-mnist"
    write(folder, contents)
    write(fashion_mnist.INSTALLED, contents)
    name = "t10k-labels-idx1-ubyte"
    (folder / f"{name}.gz").write_bytes(damage(contents[name]))
    assert fashion_mnist.found() == contents
    (line,) = lines
    assert re.match(f"{re.escape(str(folder / name))}.gz: (differs from the published|not readable)", line)
    assert line.endswith("; not used") and "\n" not in line


def test_a_folder_that_lacks_a_file_is_passed_over(room, contents, lines):
    write(room / "copies" / "fashion-mnist", dict(list(contents.items())[:3]))
    write(fashion_mnist.INSTALLED, contents)
    assert fashion_mnist.found() == contents and lines == []


def test_a_damaged_download_is_made_anew_and_the_others_are_kept(room, server, contents):
    server.files = {f"/{name}.gz": gzip.compress(content) for name, content in contents.items()}
    write(kept(room), contents)
    name = "train-images-idx3-ubyte"
    (kept(room) / f"{name}.gz").write_bytes(b"torn")
    assert fashion_mnist.found() == contents
    assert server.asked == [f"/{name}.gz"]


def test_a_wrong_download_is_not_kept(room, server, contents):
    server.files = {f"/{name}.gz": gzip.compress(content[:-1]) for name, content in contents.items()}
    first = f"{server.host}/{next(iter(contents))}.gz"
    with pytest.raises(Unavailable, match=re.escape(f"{first}: differs from the published file")):
        fashion_mnist.found()
    assert left(room) == []


@pytest.fixture
def silent(room, monkeypatch):
    """A server that takes a connection and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        monkeypatch.setattr(fashion_mnist, "MIRROR", f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield


@pytest.mark.usefixtures("silent")
def test_a_source_that_hangs_is_given_up_with_all_that_it_has_started(room):
    install(room, "#!/bin/sh\n(/bin/sleep 4; echo > {room}/survived) & wait\n")
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        fashion_mnist.found(limit=0.7)
    assert time.monotonic() - started > 1.3
    message = str(caught.value)
    assert message.count("no answer in time") == 2 and "\n" not in message
    assert message.endswith("put its four files into DDD_DATA/fashion-mnist")
    assert left(room) == []
    time.sleep(4)
    assert not (room / "survived").exists()


def test_each_source_says_why_it_has_nothing(room, server):
    with pytest.raises(Unavailable) as caught:
        fashion_mnist.found()
    assert f"({server.host}: HTTP Error 404: Not Found; Debian's package" in str(caught.value)
    assert "there is no apt here)" in str(caught.value)


def test_the_first_images_of_each_part_stand_in_black_margins_and_are_drawn_once(room, contents):
    folder = room / "copies" / "fashion-mnist"
    write(folder, contents)
    data = datasets._fashion_mnist(CONFIG)
    for part, name, count in (("train", "train", 110), ("test", "t10k", 100)):
        images = getattr(data, part)
        given = np.frombuffer(contents[f"{name}-images-idx3-ubyte"][16:], np.uint8).reshape(-1, 28, 28)[:count]
        assert images.pixels.shape == (count, 3, 32, 32) and images.ids[1] == f"{part}-1"
        assert (images.pixels[:, :, 2:-2, 2:-2] == given[:, None]).all()
        assert images.pixels.sum(dtype=int) == 3 * given.sum(dtype=int)  # so the margins are black
        assert images.labels.tolist() == [number % 10 for number in range(count)]
    assert (data.classes, CONFIG.sizes) == (fashion_mnist.CLASSES, (110, 100))
    folder.rename(room / "away")
    assert (datasets._fashion_mnist(CONFIG).test.pixels == data.test.pixels).all()  # no source is needed any more


def test_results_are_called_the_same_whatever_the_source(room, contents):
    experiment = Experiment(Variants(dataset=CONFIG))
    names = [experiment.folder.name]
    write(room / "copies" / "fashion-mnist", contents)
    datasets._fashion_mnist(CONFIG)
    names.append(Experiment(Variants(dataset=CONFIG)).folder.name)
    assert names[0] == names[1] and names[0].startswith("fashion_mnist-")


def test_names_and_addresses_are_torchvisions():
    from torchvision.datasets import FashionMNIST

    assert tuple(FashionMNIST.classes) == fashion_mnist.CLASSES
    assert f"{fashion_mnist.MIRROR}/" in FashionMNIST.mirrors
    assert [f"{name}.gz" for name in fashion_mnist.FILES] == [name for name, _ in FashionMNIST.resources]


@pytest.mark.skipif(not fashion_mnist.INSTALLED.is_dir(), reason="Debian's package dataset-fashion-mnist is not there")
def test_the_real_files(monkeypatch, tmp_path):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    monkeypatch.delenv("DDD_DATA", raising=False)
    real = fashion_mnist.found()
    for name, count in (("train", 6_000), ("t10k", 1_000)):
        assert np.bincount(np.frombuffer(real[f"{name}-labels-idx1-ubyte"][8:], np.uint8)).tolist() == [count] * 10
    data = datasets._fashion_mnist(FashionMnist())
    assert data.train.labels[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert data.test.labels[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert [int(image[0].sum()) for image in data.train.pixels[:3]] == [76_247, 84_598, 28_662]
