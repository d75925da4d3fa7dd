"""One image out of bytes: odd ones read rightly, damaged ones refused by name."""

import io
import re
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from ddd_utils.data import photographs
from ddd_utils.data.photographs import decode_bytes
from ddd_utils.errors import InputError

# Big enough that JPEG keeps the colours of its parts: blocks have 8 or 16 pixels.
PARTS = np.zeros((32, 64, 3), np.uint8)
PARTS[:16, :32], PARTS[:16, 32:], PARTS[16:, :32] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
NOISE = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
INVERSE = {**photographs.TURNS, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


@pytest.fixture(params=["simplejpeg", "Pillow"])
def _either_decoder(request, monkeypatch):
    if request.param == "Pillow":
        monkeypatch.setattr(photographs, "simplejpeg", None)
    elif photographs.simplejpeg is None:
        pytest.skip("simplejpeg is not installed")


either_decoder = pytest.mark.usefixtures("_either_decoder")


def saved(image, kind, **more):
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **more)
    return file.getvalue()


def read(content):
    image = decode_bytes(content, "x")
    assert image.mode == "RGB"
    return np.asarray(image)


def reason(content):
    with pytest.raises(InputError) as caught:
        decode_bytes(content, "some.jpg")
    assert "\n" not in str(caught.value)
    return re.fullmatch(r"some\.jpg: not a whole image \((.+)\)", str(caught.value))[1]


def png(bits, colour, rows, *before):
    """Write what Pillow does not: 16 bits in colour, odd chunks."""
    height, width = len(rows), len(rows[0]) * 8 // bits // {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*each) for each in [(b"IHDR", header), *before, (b"IDAT", data), (b"IEND", b"")]
    )


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@either_decoder
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "LZW"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(kind, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    more = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True},
        "LZW": {"compression": "tiff_lzw"},
    }.get(kind, {})
    stored = Image.fromarray(PARTS)
    if orientation > 1:
        stored = stored.transpose(INVERSE[orientation])
    found = read(saved(stored, "TIFF" if kind == "LZW" else kind, exif=exif, **more))
    assert found.shape == PARTS.shape
    assert np.abs(found.astype(int) - PARTS).max() <= (3 if kind == "JPEG" else 0)


@either_decoder
@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"no such thing",
        b"II*\0\x08\0\0\0",
        b"II*\0\x08\0\0\0\xff\xff" + b"\x12\1\3\0\xff\xff\xff\xff\6\0\0\0",
        b"MM",
    ],
)
def test_damaged_metadata_are_nothing_to_complain_of(exif):
    found = read(saved(PARTS, "JPEG", quality=95, subsampling=0, exif=b"Exif\0\0" + exif))
    assert np.abs(found.astype(int) - PARTS).max() <= 3


def test_an_orientation_that_does_not_exist_is_none():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 9
    assert np.array_equal(read(saved(PARTS, "PNG", exif=exif)), PARTS)


def test_an_orientation_after_the_pixels_counts():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    content = png(8, 2, [bytes([1, 1, 1, 2, 2, 2])])
    late = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    assert read(content[:-12] + late + content[-12:])[0, :, 0].tolist() == [2, 1]


INKS = {
    (255, 0, 0, 0): (0, 255, 255),
    (0, 255, 0, 0): (255, 0, 255),
    (0, 0, 0, 255): (0, 0, 0),
    (0, 0, 0, 0): (255,) * 3,
}


@either_decoder
@pytest.mark.parametrize("ink", INKS)
def test_four_inks(ink):
    found = read(saved(Image.new("CMYK", (16, 16), ink), "JPEG", quality=95))
    assert np.abs(found.astype(int) - INKS[ink]).max() <= 3


@either_decoder
@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 0, 255), (200, 150, 100)])
def test_four_inks_as_luminance_and_colour(colour):
    # Adobe's files hold inverted inks (Pillow inverts when saving), and with transform 2 the first three as YCbCr.
    inks = ImageOps.invert(Image.new("RGB", (16, 16), colour)).convert("YCbCr")
    bands = [band.point(lambda value: 255 - value) for band in inks.split()]
    content = saved(Image.merge("CMYK", [*bands, Image.new("L", (16, 16), 0)]), "JPEG", quality=100)
    assert content.count(b"Adobe") == 1
    place = content.index(b"Adobe") + 11
    found = read(content[:place] + b"\2" + content[place + 1 :])
    assert np.abs(found.astype(int) - colour).max() <= 4


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (2, 2), 77), (77, 77, 77)),
        (Image.new("1", (2, 2), 1), (255, 255, 255)),
        (Image.new("1", (2, 2), 0), (0, 0, 0)),
        (Image.new("RGB", (2, 2), (1, 2, 3)), (1, 2, 3)),
        (Image.new("RGBA", (2, 2), (0, 100, 200, 255)), (0, 100, 200)),
        (Image.new("RGBA", (2, 2), (9, 9, 9, 0)), (255, 255, 255)),
        (Image.new("RGBA", (2, 2), (0, 0, 0, 51)), (204, 204, 204)),
        (Image.new("LA", (2, 2), (0, 0)), (255, 255, 255)),
        (Image.new("LA", (2, 2), (40, 255)), (40, 40, 40)),
    ],
    ids=lambda value: getattr(value, "mode", None),  # an image's own text tells its address
)
def test_every_mode_becomes_rgb_and_what_is_transparent_white(image, expected):
    assert read(saved(image, "PNG")).tolist() == [[list(expected)] * 2] * 2


@pytest.mark.parametrize("transparency", [1, b"\xff\0\xff"])
@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palettes(kind, transparency):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    assert read(saved(image, kind)).tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]
    if kind == "PNG" or transparency == 1:
        seen = read(saved(image, kind, transparency=transparency))
        assert seen.tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]


def test_one_colour_may_be_transparent():
    assert read(saved(Image.new("L", (1, 1), 7), "PNG", transparency=7)).tolist() == [[[255] * 3]]
    assert read(saved(Image.new("1", (1, 1), 0), "PNG", transparency=0)).tolist() == [[[255] * 3]]
    assert read(saved(Image.new("RGB", (1, 1), (7, 8, 9)), "PNG", transparency=(7, 8, 9))).tolist() == [[[255] * 3]]
    assert read(png(16, 0, [b"\1\1\2\2"], (b"tRNS", b"\1\1"))).tolist() == [[[255] * 3, [2] * 3]]


SIXTEEN = np.array([[0, 257, 1_000, 32_768, 65_535]], np.uint16)
EIGHT = [0, 1, 4, 128, 255]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_gray_bits_are_scaled(kind):
    assert read(saved(Image.fromarray(SIXTEEN), kind))[0].tolist() == [[gray] * 3 for gray in EIGHT]


@pytest.mark.parametrize("more", [{}, {"compression": "tiff_adobe_deflate"}])
def test_sixteen_gray_bits_of_either_byte_order(more):
    big = Image.frombytes("I;16B", (5, 1), SIXTEEN.astype(">u2").tobytes())
    assert read(saved(big, "TIFF", **more))[0, :, 0].tolist() == EIGHT
    wide = Image.fromarray(SIXTEEN.astype(np.int32))
    assert read(saved(wide, "TIFF", **more))[0, :, 0].tolist() == EIGHT


@pytest.mark.parametrize("pixels", [SIXTEEN, np.array([EIGHT], np.uint8)])
def test_tiffs_may_count_from_white(pixels):
    black_is_zero = struct.pack("<HHIH", 262, 3, 1, 1)
    content = saved(pixels, "TIFF")
    assert content.count(black_is_zero) == 1
    found = read(content.replace(black_is_zero, struct.pack("<HHIH", 262, 3, 1, 0)))
    assert found[0, :, 0].tolist() == [255 - gray for gray in EIGHT]


def test_pillows_warning_of_a_large_image_is_silent(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", NOISE.size // 3 - 1)
    assert np.array_equal(read(saved(NOISE, "TIFF")), NOISE)


def test_sixteen_bits_in_colour():
    row = np.array([[0, 257, 65_535], [32_896, 4_369, 1]], ">u2").tobytes()
    assert read(png(16, 2, [row])).tolist() == [[[0, 1, 255], [128, 17, 0]]]
    half_clear = np.array([0, 0, 0, 32_896], ">u2").tobytes()
    assert read(png(16, 6, [half_clear])).tolist() == [[[127] * 3]]


def test_numbers_without_a_white_are_refused():
    assert "floating-point" in reason(saved(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"))
    assert "from -5 to 7" in reason(saved(Image.fromarray(np.array([[-5, 7]], np.int32)), "TIFF"))
    assert "from 0 to 70000" in reason(saved(Image.fromarray(np.array([[0, 70_000]], np.int32)), "TIFF"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_of_several_frames_is_taken(kind):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "lime")]
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    assert np.abs(read(content).astype(int) - [255, 0, 0]).max() <= 3


@either_decoder
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_tiny_and_long_images(kind):
    assert read(saved(Image.new("RGB", (1, 1), "white"), kind)).tolist() == [[[255] * 3]]
    width = 16_000 if kind == "WEBP" else 20_000
    assert read(saved(Image.new("L", (width, 3), 255), kind)).shape == (3, width, 3)


@either_decoder
@pytest.mark.parametrize("more", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}])
def test_no_cut_off_jpeg_is_filled_up_with_gray(more):
    content = saved(NOISE, "JPEG", **more)
    for length in range(len(content)):
        reason(content[:length])


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF", "LZW", "BMP", "PPM"])
def test_no_other_cut_off_image_is_filled_up(kind):
    content = saved(NOISE, "TIFF", compression="tiff_lzw") if kind == "LZW" else saved(NOISE, kind)
    whole = read(content)
    for length in range(len(content)):
        try:
            found = decode_bytes(content[:length], "x")
        except InputError:
            continue
        # What is missing came after the pixels.
        assert length >= len(content) - 4
        assert np.array_equal(np.asarray(found), whole)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "an empty file"),
        (b"This is a letter.", "none of JPEG, PNG, WEBP, GIF, TIFF, BMP, PPM"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "none of JPEG, PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "none of JPEG, PNG"),
        (b"\0" * 1_000, "none of JPEG, PNG"),
        (b"RIFF\0\0\0\0WAVEfmt ", "not a WEBP"),
    ],
)
def test_other_files_are_refused(content, why):
    assert why in reason(content)


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT"])
def test_a_png_with_a_wrong_checksum_is_damaged(name):
    content = bytearray(saved(NOISE, "PNG"))
    start = content.index(name)
    (length,) = struct.unpack(">I", content[start - 4 : start])
    content[start + 4 + length] ^= 1
    assert reason(bytes(content))


def test_too_many_pixels_are_refused_before_they_take_memory():
    huge = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", huge) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    assert reason(content) == "30000 x 30000 pixels, more than 500,000,000"


@either_decoder
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "PPM"])
def test_the_limit_is_ours_whatever_pillows_is(kind, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read(saved(NOISE, kind)).shape == NOISE.shape
    monkeypatch.setattr(photographs, "MOST_PIXELS", NOISE.size // 3 - 1)
    assert reason(saved(NOISE, kind)) == "17 x 12 pixels, more than 203"


def test_pillows_warnings_are_silent_in_threads_and_others_are_not():
    odd = saved(PARTS, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\1\3\0\xff\xff\xff\xff\6\0\0\0")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(read, [odd] * 20))
        warnings.warn("ours", stacklevel=1)
    assert [str(each.message) for each in seen] == ["ours"]


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["PNG", "BMP", "PPM", "TIFF", "WEBP"]), st.randoms())
def test_what_is_stored_without_loss_comes_back(height, width, kind, random):
    pixels = np.random.default_rng(random.getrandbits(32)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    more = {"lossless": True} if kind == "WEBP" else {}
    assert np.array_equal(read(saved(pixels, kind, **more)), pixels)


@pytest.mark.skipif(photographs.simplejpeg is None, reason="simplejpeg is not installed")
@settings(max_examples=60)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["444", "422", "420", "440", "411", "gray", "progressive", "rgb"]),
    st.integers(5, 100),
    st.randoms(),
)
def test_both_decoders_give_the_same_pixels(height, width, sampling, quality, random):
    pixels = np.random.default_rng(random.getrandbits(32)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if sampling.isdecimal():
        content = photographs.simplejpeg.encode_jpeg(pixels, quality, "RGB", sampling)
    else:
        more = {"progressive": {"progressive": True}, "rgb": {"keep_rgb": True}}.get(sampling, {})
        content = saved(pixels[..., 0] if sampling == "gray" else pixels, "JPEG", quality=quality, **more)
    assert np.array_equal(read(content), np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))


@settings(max_examples=150)
@given(
    st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM"]), st.lists(st.integers(0, 10**6)), st.randoms()
)
def test_whatever_is_in_the_bytes_is_an_image_or_an_error(kind, places, random):
    content = bytearray(saved(NOISE, kind))
    for place in places:
        content[place % len(content)] = random.randrange(256)
    try:
        read(bytes(content))
    except InputError as error:
        assert "\n" not in str(error)
