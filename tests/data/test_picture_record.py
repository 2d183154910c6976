"""Pictures as bytes: every mode, palettes, EXIF data."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from minicnn.data.picture_record import pack_picture, unpack_picture

pytestmark = pytest.mark.cpu_only


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def again(picture: Image.Image) -> Image.Image:
    return unpack_picture(pack_picture(picture))


def reopened(picture: Image.Image, kind: str, **options: object) -> Image.Image:
    """The picture as it is read from a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    opened = Image.open(file)
    opened.load()
    return opened


def assert_same(got: Image.Image, expected: Image.Image) -> None:
    assert (got.mode, got.size) == (expected.mode, expected.size)
    assert got.tobytes() == expected.tobytes()
    assert got.convert("RGBA").tobytes() == expected.convert("RGBA").tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"])
def test_modes(mode: str):
    picture = Image.fromarray(noise(5, 7, 3)).convert("L" if mode == "LA" else "RGB").convert(mode)
    assert_same(again(picture), picture)


def test_sixteen_bits():
    picture = Image.fromarray(noise(5, 7).astype(np.uint16) * 257)
    assert picture.mode == "I;16"
    assert again(picture).mode == picture.mode
    assert np.array_equal(np.asarray(again(picture)), np.asarray(picture))


@pytest.mark.parametrize("transparency", [None, 3, bytes(range(16))])
def test_palettes(transparency: int | bytes | None):
    picture = Image.fromarray(noise(5, 7) % 16).convert("P")
    picture.putpalette(noise(48).tolist())
    options = {} if transparency is None else {"transparency": transparency}
    mask = reopened(picture, "PNG", **options)
    assert mask.mode == "P"
    assert_same(again(mask), mask)
    assert again(mask).getpalette() == mask.getpalette()
    assert again(mask).info == mask.info
    with_alpha = Image.fromarray(noise(5, 7, 4), "RGBA").quantize(8)
    assert_same(again(with_alpha), with_alpha)


def test_exif_data():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    photograph = reopened(Image.fromarray(noise(5, 7, 3)), "JPEG", exif=exif, dpi=(72, 72))
    copy = again(photograph)
    assert copy.info == photograph.info and copy.info["dpi"] == (72, 72)
    assert copy.getexif()[0x0112] == 6
    assert_same(ImageOps.exif_transpose(copy), ImageOps.exif_transpose(photograph))


def test_what_is_no_plain_value_is_left_out():
    picture = Image.fromarray(noise(5, 7))
    picture.info = {"a": 1, "b": b"\x00\xff", "c": (1, 2.5), "d": "ö", "e": {"f": 1}, "g": [1]}
    assert again(picture).info == {"a": 1, "b": b"\x00\xff", "c": (1, 2.5), "d": "ö"}
