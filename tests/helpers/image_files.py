"""Folders and tars of small images for the tests: each image has a colour of its own."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from ddd_utils.config.image_sets import Photographs
from ddd_utils.data.listing import listing
from ddd_utils.errors import InputError


def colour(number):
    return (number, 255 - number, 7)


def image_bytes(number):
    file = io.BytesIO()
    Image.new("RGB", (3, 2), colour(number)).save(file, "PNG")
    return file.getvalue()


def fill(folder, names):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(number))
    return folder


def write_tar(path, contents, **more):
    """Write a tar of bytes by name, of image numbers by name, or of whatever headers one makes oneself."""
    with tarfile.open(path, "w", **more) as archive:
        for name, content in contents if isinstance(contents, list) else contents.items():
            if isinstance(content, int):
                content = image_bytes(content)
            if isinstance(content, str):
                content = content.encode()
            header = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return path


def header(name, kind, link=""):
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


def numbers(listing):
    """Tell which image each one of a listing is."""
    return [int(np.asarray(listing.images.image(index))[0, 0, 0]) for index in range(len(listing.ids))]


def listed(path, **more):
    return listing(Photographs(path=str(path), **more))


def refusal(path, **more):
    with pytest.raises(InputError) as caught:
        listed(path, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)
