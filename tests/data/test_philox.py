"""Random numbers by counting: known answers, the same on NumPy and torch, and keyed as promised."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddd_utils.data.gaussian import philox, uniforms

# Known answers published with the algorithm: counter, key, result.
KNOWN = [
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
@pytest.mark.parametrize("array", [lambda x: np.array([x], np.int64), lambda x: torch.tensor([x])])
def test_known_answers_on_both_libraries(array, counter, key, expected):
    assert [int(word[0]) for word in philox([array(word) for word in counter], key)] == expected


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=20, unique=True), st.integers(0, 90))
def test_an_images_numbers_do_not_depend_on_its_neighbours(indices, epoch):
    together = uniforms(indices, 5, 1312, epoch, 1)
    alone = np.concatenate([uniforms([index], 5, 1312, epoch, 1) for index in indices])
    assert np.array_equal(together, alone)
    assert (together >= 0).all()
    assert (together < 1).all()


def test_a_counter_gives_four_numbers_that_follow_one_another():
    seed, epoch, stream = 2**40 + 1312, 3, 1
    found = uniforms([5, 0], 10, seed, epoch, stream) * 2**32
    key = (seed & 0xFFFFFFFF, seed >> 32)
    for row, image in zip(found, (5, 0), strict=True):
        blocks = [philox([np.array([n], np.int64) for n in (block, image, epoch, stream)], key) for block in range(3)]
        assert row.tolist() == [int(word[0]) for words in blocks for word in words][:10]


def test_numbers_differ_between_images_epochs_seeds_and_streams():
    draws = [
        uniforms([i], 4, seed, epoch, stream)[0]
        for i in (0, 1)
        for seed in (0, 1)
        for epoch in (0, 1)
        for stream in (0, 1)
    ]
    assert len({tuple(draw) for draw in draws}) == 16


def test_numbers_are_uniform():
    draw = uniforms(np.arange(20_000), 4, 7, 0, 0)
    counts = np.histogram(draw, bins=50, range=(0, 1))[0]
    expected = draw.size / 50
    # Chi-square with 49 degrees of freedom: mean 49, sd 9.9.
    assert ((counts - expected) ** 2 / expected).sum() < 49 + 4 * 9.9
    assert abs(np.corrcoef(draw.T) - np.eye(4)).max() < 0.03
