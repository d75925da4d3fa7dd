"""A public file is the published one, byte for byte, or it is refused by name; nothing is left half-made."""

import hashlib
import re
import socket

import pytest
from public_files import register, serve

from ddd_utils.data import downloads
from ddd_utils.errors import InputError

BODY = bytes(range(256)) * 1000
NAME, ADDRESS = "things/deep/file.npy", "/someone/something/abc/data/file.npy"


@pytest.fixture
def server(monkeypatch, tmp_path):
    with serve() as server:
        server.files[ADDRESS] = BODY
        digest = hashlib.sha256(BODY).hexdigest()
        part = {"from": "data", "to": "deep", "files": {"file.npy": digest, "unknown.npy": None}}
        register(monkeypatch, tmp_path, things=[part])
        monkeypatch.setattr(downloads, "HOST", server.host)
        monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
        monkeypatch.delenv("DDD_DATA", raising=False)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "127.0.0.1")
        yield server
    downloads.registry.cache_clear()


@pytest.fixture
def copies(monkeypatch, tmp_path):
    folder = tmp_path / "copies"
    (folder / "things" / "deep").mkdir(parents=True)
    monkeypatch.setenv("DDD_DATA", str(folder))
    return folder


def left(tmp_path):
    return [path.name for path in (tmp_path / "build").rglob("*") if path.is_file()]


def test_a_file_is_downloaded_once_and_told_in_one_line(server, tmp_path, lines):
    path = downloads.fetch(NAME)
    assert path == tmp_path / "build" / "data" / "published" / NAME
    assert path.read_bytes() == BODY
    assert lines == [f"downloading {server.host}{ADDRESS}"]
    assert downloads.fetch(NAME) == path
    assert (len(server.asked), len(lines)) == (1, 1)
    assert left(tmp_path) == ["file.npy"]


def test_a_damaged_download_is_made_anew(server):
    path = downloads.fetch(NAME)
    path.write_bytes(BODY[:100])
    assert downloads.fetch(NAME).read_bytes() == BODY


def test_other_bytes_than_the_published_are_not_kept(server, tmp_path):
    server.files[ADDRESS] = BODY[:-1] + b"x"
    with pytest.raises(InputError, match=re.escape(f"{ADDRESS}: differs from the published file")):
        downloads.fetch(NAME)
    assert left(tmp_path) == []


def test_an_interrupted_download_leaves_nothing_and_can_be_repeated(server, tmp_path):
    server.breaks_after = len(BODY) // 2
    with pytest.raises(downloads.Unavailable, match=f"{NAME}: connection lost while downloading"):
        downloads.fetch(NAME)
    assert left(tmp_path) == []
    server.breaks_after = None
    assert downloads.fetch(NAME).read_bytes() == BODY


def test_a_file_that_is_gone_is_told(server):
    server.files.clear()
    with pytest.raises(downloads.Unavailable, match=f"{NAME}: HTTP error 404 while downloading"):
        downloads.fetch(NAME)


def test_without_a_network_one_line_says_what_to_fetch_and_where_to_put_it(server, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(downloads, "HOST", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(downloads.Unavailable) as caught:
            downloads.fetch(NAME)
    message = str(caught.value)
    assert message.startswith(f"{NAME}: no connection while downloading {downloads.HOST}{ADDRESS}; ")
    assert f"put a copy at DDD_DATA/{NAME}" in message
    assert "\n" not in message


def test_a_local_copy_is_used_without_a_network(server, copies):
    copy = copies / NAME
    copy.write_bytes(BODY)
    assert downloads.fetch(NAME) == copy
    assert server.asked == []


def test_a_local_copy_with_other_bytes_is_refused_by_name(server, copies):
    (copies / NAME).write_bytes(BODY + b"x")
    with pytest.raises(InputError, match=f"{re.escape(str(copies / NAME))}: differs from the published file"):
        downloads.fetch(NAME)
    assert server.asked == []


def test_what_is_not_among_the_local_copies_is_downloaded(server, copies):
    assert downloads.fetch(NAME).read_bytes() == BODY


def test_a_file_of_unknown_checksum_is_never_downloaded(server, copies):
    name = "things/deep/unknown.npy"
    server.files["/someone/something/abc/data/unknown.npy"] = BODY
    with pytest.raises(downloads.Unavailable, match=f"{name}: not downloaded, as its SHA-256 is not known; put a copy"):
        downloads.fetch(name)
    assert server.asked == []
    (copies / name).write_bytes(BODY)
    assert downloads.fetch(name) == copies / name


def test_a_folder_of_copies_that_is_none_is_named(server, monkeypatch):
    monkeypatch.setenv("DDD_DATA", "/nowhere/at/all")
    with pytest.raises(InputError, match="DDD_DATA: there is no folder '/nowhere/at/all'"):
        downloads.fetch(NAME)


def test_the_registry_pins_every_file_to_a_commit_and_to_its_bytes():
    files = downloads.registry()
    assert all(re.fullmatch(r"[0-9a-f]{40}", file.commit) for file in files.values())
    assert all(file.url == f"{downloads.HOST}/{file.repository}/{file.commit}/{file.path}" for file in files.values())
    assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "") for file in files.values())


def test_a_terminal_shows_a_bar_instead_of_lines(server, monkeypatch, capsys, lines):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert downloads.fetch(NAME).read_bytes() == BODY
    assert lines == []
    assert "file.npy" in capsys.readouterr().err
