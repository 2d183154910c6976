"""Pictures of every mode become RGB, upright; broken ones are one kind of error."""

from __future__ import annotations

import io
import os
import struct
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pictures import jpeg, write_folder
from PIL import Image, ImageOps, UnidentifiedImageError, features

from minicnn.data import BrokenPicture, DataLoader, ImageFolder, PictureCache, load_picture
from minicnn.data.picture import decode_picture, looking_in

pytestmark = pytest.mark.cpu_only

GREY = np.linspace(0, 255, 40).astype(np.uint8)[None].repeat(30, 0)


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def decoded(data: bytes, on_error: str = "raise") -> np.ndarray:
    picture = decode_picture(lambda: data, "x", on_error)
    assert picture.mode == "RGB"
    return np.asarray(picture)


@pytest.mark.parametrize("scale", [1, 257, 2**23])
def test_32_bit_integers_show_whatever_their_range(scale: int) -> None:
    picture = Image.fromarray(GREY.astype(np.int32) * scale)
    assert picture.mode == "I"
    shown = decoded(encoded(picture, "TIFF"))
    assert abs(shown[..., 0].astype(int) - GREY).max() <= (scale > 257)


def test_unsigned_32_bit_tiffs() -> None:
    values = GREY.astype(np.uint32) * (2**32 // 256)
    data = encoded(Image.fromarray(values.view(np.int32)), "TIFF")
    signed, unsigned = (struct.pack("<HHIH", 339, 3, 1, kind) for kind in (2, 1))  # SampleFormat
    assert data.count(signed) == 1
    assert abs(decoded(data.replace(signed, unsigned))[..., 0].astype(int) - GREY).max() <= 1


def test_12_bit_tiffs_are_not_dark() -> None:
    values = [0, 0x800, 0xABC, 0xFFF]
    tags = [(256, 4), (257, 1), (258, 12), (259, 1), (262, 1), (273, 122), (277, 1), (278, 1),
            (279, 6)]  # fmt: skip
    data = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    data += b"".join(struct.pack("<HHII", number, 3, 1, value) for number, value in tags)
    bits = "".join(f"{value:012b}" for value in values)
    data += bytes(4) + int(bits, 2).to_bytes(6, "big")
    assert decoded(data)[0, :, 0].tolist() == [value >> 4 for value in values]


@pytest.mark.parametrize("kind", ["TIFF", "PPM"])
@pytest.mark.parametrize("scale", [1 / 255, 1, 257])
def test_floats_show_whatever_their_range(kind: str, scale: float) -> None:
    data = encoded(Image.fromarray(GREY.astype(np.float32) * np.float32(scale)), kind)
    np.testing.assert_array_equal(decoded(data)[..., 1], GREY)


def test_floats_that_are_no_numbers() -> None:
    values = np.array([[np.nan, -np.inf, -1, 0, 0.5, 1, np.inf]], np.float32)
    assert decoded(encoded(Image.fromarray(values), "TIFF"))[0, :, 2].tolist() == [
        0, 0, 0, 0, 128, 255, 255,
    ]  # fmt: skip


def test_dark_16_bit_pictures_stay_dark() -> None:
    picture = Image.fromarray(GREY.astype(np.uint16))
    for kind in ("PNG", "TIFF", "PPM"):
        assert decoded(encoded(picture, kind)).max() == 0


WRITABLE = {  # the modes that Pillow writes
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"],
    "TIFF": ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "I;16B", "F"],
    "JPEG": ["L", "RGB", "CMYK"],
    "WEBP": ["RGB", "RGBA"],
    "AVIF": ["RGB", "RGBA"],
}


@pytest.mark.parametrize(("kind", "mode"), [(k, mode) for k in WRITABLE for mode in WRITABLE[k]])
def test_every_mode_can_be_turned_upright(kind: str, mode: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    exif = Image.Exif()
    exif[0x112] = 6  # Orientation: turn by 90 degrees
    left_white = np.zeros((40, 64), np.uint8)
    left_white[:, :32] = 255
    if mode.startswith("I;16"):
        picture = Image.fromarray(left_white.astype(f"{'>' if mode == 'I;16B' else '<'}u2") * 257)
    else:
        picture = Image.fromarray(left_white).convert(mode)
    data = encoded(picture, kind, exif=exif)
    upright = ImageOps.exif_transpose(decode_picture(lambda: data, "x"))
    assert upright.size == (40, 64)
    assert upright.getpixel((20, 10))[0] > 240 and upright.getpixel((20, 54))[0] < 15


def test_lab() -> None:
    picture = Image.fromarray(GREY).convert("RGB").convert("LAB")
    assert abs(decoded(encoded(picture, "TIFF")).astype(int) - GREY[..., None]).max() <= 3


@pytest.mark.parametrize(
    "error",
    [RuntimeError("a"), NotImplementedError(), MemoryError(), KeyError("a"), IndexError("a"),
     TypeError("a"), Image.DecompressionBombError("a"), SystemError("a"), AssertionError()],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_whatever_pillow_raises_is_one_error(monkeypatch, error: Exception) -> None:
    def fail(file):
        raise error

    monkeypatch.setattr(Image, "open", fail)
    assert issubclass(BrokenPicture, UnidentifiedImageError)  # and so an OSError
    with pytest.raises(BrokenPicture, match=f"^some/x.jpg: {type(error).__name__}"):
        decode_picture(lambda: b"data", "some/x.jpg")


def test_a_missing_picture_is_named_once(tmp_path: Path) -> None:
    path = str(tmp_path / "x.jpg")
    with pytest.raises(BrokenPicture, match=f"^{path}: No such file or directory$"):
        decode_picture(Path(path).read_bytes, path)


def test_a_decompression_bomb_is_a_broken_picture(tmp_path: Path) -> None:
    data = bytearray(encoded(Image.new("L", (4, 4)), "BMP"))
    data[18:26] = (40_000).to_bytes(4, "little") * 2  # width and height
    (tmp_path / "bomb.bmp").write_bytes(data)
    with pytest.raises(BrokenPicture, match=r"bomb\.bmp: DecompressionBombError"):
        load_picture(tmp_path / "bomb.bmp")


def test_postscript_is_not_run() -> None:
    data = encoded(Image.new("RGB", (4, 4)), "EPS")
    with pytest.raises(BrokenPicture, match="x: it is PostScript, a program"):
        decoded(data)


@pytest.mark.parametrize("on_error", ["skip", "warn"])
def test_files_that_vanish_are_left_out(tmp_path: Path, on_error: str) -> None:
    write_folder(tmp_path, {"a/1.jpg": jpeg(), "a/2.jpg": jpeg()})
    dataset = ImageFolder(tmp_path, np.asarray, loader=partial(load_picture, on_error=on_error))
    (tmp_path / "a/1.jpg").unlink()
    with pytest.warns(UserWarning, match="left out"):
        (batch,) = DataLoader(dataset, 2)
    assert batch[0].shape[0] == 1


def test_a_mistake_in_a_transform_is_not_a_broken_picture(tmp_path: Path) -> None:
    def transform(picture):
        raise TypeError("a mistake")

    write_folder(tmp_path, {"a/1.jpg": jpeg()})
    dataset = ImageFolder(tmp_path, transform, loader=partial(load_picture, on_error="warn"))
    with pytest.raises(TypeError, match="a mistake"):
        list(DataLoader(dataset))


def test_an_unknown_on_error() -> None:
    with pytest.raises(ValueError, match="on_error must be one of raise, skip, warn, got 'wran'"):
        load_picture("x.jpg", on_error="wran")


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode on Windows")
def test_a_name_that_is_not_utf8_can_be_printed(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    write_folder(tmp_path, {f"a/{name}": b"broken"})
    dataset = ImageFolder(tmp_path, loader=partial(load_picture, on_error="warn"))
    loader = DataLoader(dataset)
    with pytest.warns(UserWarning, match=r"caf.udce9\.jpg") as warned:
        assert list(loader) == []
    str(warned[0].message).encode("utf-8")
    loader.skipped[0].encode("utf-8")


def test_a_draft_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(size=(500, 375)))
    (tmp_path / "a.png").write_bytes(path.read_bytes())  # a JPEG file by another name
    Image.new("RGB", (500, 375)).save(tmp_path / "b.png")
    cache = PictureCache()
    for _ in range(2):
        with looking_in(cache):  # which tells drafts from whole pictures
            assert load_picture(path).size == (500, 375)
            assert load_picture(path, draft=180).size == (250, 188)
            assert load_picture(path, draft=188).size == (500, 375)
            assert load_picture(tmp_path / "a.png", draft=32).size == (63, 47)
            assert load_picture(tmp_path / "b.png", draft=32).size == (500, 375)
    expected = Image.open(path)
    expected.draft(None, (180, 180))
    assert np.array_equal(load_picture(path, draft=180), expected)
