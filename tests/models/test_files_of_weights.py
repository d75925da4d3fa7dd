"""Files of weights: other forms are named, damage is found, what checkpoints hold beside weights runs no code."""

import argparse
import os
import pickle
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from ddd_utils.errors import InputError
from ddd_utils.models.files_of_weights import read_weights

STATE = {"fc.weight": torch.arange(6.0).view(2, 3), "fc.bias": torch.ones(2)}


@pytest.mark.parametrize(
    "beside",
    [
        {"args": argparse.Namespace(lr=0.1, output=Path("out"), layers=[1, 2])},
        {"best_acc": np.float64(0.8), "epoch": np.int64(3)},
        {"history": np.arange(3.0), "kind": np.dtype("float32"), "flag": np.bool_(True)},
        {"metric": np.float32(0.5), "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1}]}},
    ],
    ids=str,
)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_training_scripts_keep_beside_weights_is_read(tmp_path, beside, zipped):
    path = tmp_path / "checkpoint.pth"
    torch.save({"state_dict": STATE, **beside}, path, _use_new_zipfile_serialization=zipped)
    for key in ("state_dict", None):
        torch.testing.assert_close(read_weights(path, key), STATE)


class Evil:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (self.trace,)


class Sly(argparse.Namespace):
    """A pickle that has a Namespace made by a function."""

    def __reduce__(self):
        return eval, (f"__import__('os').mkdir({self.trace!r})",)


@pytest.mark.parametrize("wrap", [Evil, lambda trace: argparse.Namespace(a=Evil(trace)), lambda t: Sly(trace=t)])
@pytest.mark.parametrize("zipped", [True, False])
def test_no_code_runs(tmp_path, wrap, zipped):
    trace = tmp_path / "trace"
    torch.save(
        {"state_dict": STATE, "args": wrap(str(trace))}, tmp_path / "evil.pth", _use_new_zipfile_serialization=zipped
    )
    with pytest.raises(InputError, match=r"holds more than weights .*, and loading that could run code") as caught:
        read_weights(tmp_path / "evil.pth", "state_dict")
    assert not trace.exists()
    assert "weights_only" not in str(caught.value)


def test_a_bit_that_flipped_in_any_part_is_found(tmp_path):
    torch.save(STATE, tmp_path / "whole.pth")
    content = bytearray((tmp_path / "whole.pth").read_bytes())
    with zipfile.ZipFile(tmp_path / "whole.pth") as archive:
        parts = [info for info in archive.infolist() if info.file_size]
        starts = [content.index(archive.read(info), info.header_offset) for info in parts]
    for info, start in zip(parts, starts, strict=True):
        spoilt = bytearray(content)
        spoilt[start + info.file_size // 2] ^= 4
        (tmp_path / "spoilt.pth").write_bytes(spoilt)
        with pytest.raises(InputError, match="does not fit its checksum"):
            read_weights(tmp_path / "spoilt.pth")


def as_torchscript(path):
    with warnings.catch_warnings(action="ignore"):
        torch.jit.save(torch.jit.script(torch.nn.Linear(3, 2)), path)


def as_zip(*names):
    def write(path):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"x")

    return write


def as_tar(path):
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("w.pth"))


def as_bytes(content):
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.pt", as_torchscript, "TorchScript; take the weights out of it"),
        ("a.onnx", as_bytes(b"\x08\x07\x12\x07pytorch"), "ONNX; save torch.save"),
        ("a.keras", as_zip("config.json", "model.weights.h5"), "Keras"),
        ("a.h5", as_bytes(b"\x89HDF\r\n\x1a\n"), "HDF5 (Keras)"),
        ("a.pth", as_bytes(b"\n<!DOCTYPE html>"), "a page of HTML"),
        ("a.pth", as_bytes(b"version https://git-lfs.github.com/spec/v1"), "Git LFS's note"),
        ("a.npz", as_zip("w.npy"), "arrays of NumPy's"),
        ("a.zip", as_zip("readme.txt"), "a zip file of other files"),
        ("a.msgpack", as_bytes(b"\x81\xa6params"), "Flax"),
        ("a.pth", as_bytes(b""), "an empty file"),
        ("a.pth.gz", as_bytes(b"\x1f\x8b\x08"), "compressed (gzip)"),
        ("a.pth", as_bytes(b"lr: 0.1\n"), "not a file of weights; save"),
        (
            "model.safetensors.index.json",
            as_bytes(b'{"weight_map": {"a": "1.safetensors"}}'),
            "JSON (an index of several",
        ),
        ("a.pth", as_bytes(b"<?xml version='1.0'?><Error/>"), "XML"),
        ("a.pth", as_bytes(b"\x08\x07\x12\x07pytorch"), "ONNX or TensorFlow"),
        ("tf.data-00000-of-00001", as_bytes(bytes(40)), "TensorFlow"),
        ("a.pth.xz", as_bytes(b"\xfd7zXZ\0"), "compressed (xz)"),
        ("a.pth.bz2", as_bytes(b"BZh91"), "compressed (bzip2)"),
        ("a.zip", as_zip("serialized_exported_program.json"), "an exported program"),
        ("a.tar", as_tar, "a tar archive; unpack it"),
        ("a.pth", as_bytes(b"Rar!\x1a\x07"), "RAR"),
        ("a.pth", as_bytes(bytes(1000)), "not a whole file of weights"),
        ("a.pth", lambda path: torch.save(torch.ones(3), path), "an object of type Tensor, but no weights by name"),
        ("a.pth", lambda path: torch.save([torch.ones(3)], path), "an object of type list"),
        ("a.pth", lambda path: torch.save({}, path), "no weights by name"),
        ("a.pkl", lambda path: path.write_bytes(pickle.dumps(Evil("x"))), "as whole models do"),
        ("a.pth", lambda path: torch.save(torch.nn.Linear(3, 2), path), "holds more than weights (torch.nn.modules."),
    ],
)
def test_other_forms_are_named(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(InputError) as caught:
        read_weights(tmp_path / name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value) and "weights_only" not in str(caught.value)


@pytest.mark.parametrize("first", [b"\x08", b"{", b"<"])
def test_safetensors_are_not_taken_for_what_their_length_looks_like(tmp_path, first):
    """The first eight bytes are the length of the header, which may be any number."""
    header = b'{"fc.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    header = header.ljust(256 + first[0])
    content = len(header).to_bytes(8, "little") + header + np.ones(2, np.float32).tobytes()
    assert content.startswith(first)
    (tmp_path / "model.bin").write_bytes(content)
    torch.testing.assert_close(read_weights(tmp_path / "model.bin"), {"fc.bias": torch.ones(2)})


def test_weights_are_known_by_their_content_rather_than_by_their_suffix(tmp_path):
    (tmp_path / "model.bin").write_bytes(safetensors.torch.save(STATE))
    torch.testing.assert_close(read_weights(tmp_path / "model.bin"), STATE)


def test_of_two_sets_of_weights_none_is_chosen(tmp_path):
    torch.save({"model": STATE, "model_ema": STATE}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="give its `key`; the file has model, model_ema"):
        read_weights(tmp_path / "a.pth")
    torch.save({"ema": STATE}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="give its `key`; the file has ema"):
        read_weights(tmp_path / "a.pth")
