"""Damaged pictures, zips and lists: a right answer, or one error that names the file."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damage import damaged
from pictures import jpeg, train_files, write_folder, write_zip
from PIL import Image, features

from minicnn.data import BrokenPicture, DogsVsCats, VOCSegmentation
from minicnn.data.picture import decode_picture

pytestmark = pytest.mark.cpu_only

LONG = 1000  # damaged files of each format in the slow tests
SHORT = 8


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8).repeat(3, 0).repeat(3, 1)


def written(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        picture.save(file, kind, **options)
    return file.getvalue()


RGB, GREY = Image.fromarray(noise(12, 12, 3)), Image.fromarray(noise(12, 12))
WIDE = Image.fromarray(noise(12, 12).astype(np.uint16) * 257)
INTEGERS, FLOATS = (Image.fromarray(noise(12, 12).astype(t)) for t in (np.int32, np.float32))
PALETTE, ALPHA, BITS = RGB.quantize(16), RGB.convert("RGBA"), GREY.convert("1")
EXIF = Image.Exif()
EXIF[0x112], EXIF[0x10F] = 6, "maker"


def wave(kind: str, **options) -> Callable[[], bytes]:
    return lambda: written(RGB, kind, **options)


def icns(png: bytes) -> bytes:
    """An icon file around a picture of 128 x 128; Pillow's own would hold 1024 x 1024, slowly."""
    part = b"ic07" + struct.pack(">I", 8 + len(png)) + png
    return b"icns" + struct.pack(">I", 8 + len(part)) + part


WRITERS = {
    "AVIF": [wave("AVIF"), lambda: written(ALPHA, "AVIF", exif=EXIF)],
    "BLP": [lambda: written(PALETTE, "BLP")],
    "BMP": [wave("BMP"), lambda: written(PALETTE, "BMP"), lambda: written(BITS, "BMP")],
    "DDS": [wave("DDS"), lambda: written(ALPHA, "DDS", pixel_format="DXT5")],
    "DIB": [wave("DIB")],
    "GIF": [
        lambda: written(PALETTE, "GIF"),
        lambda: written(GREY, "GIF", save_all=True, append_images=[GREY.rotate(90)]),
    ],
    "ICNS": [lambda: icns(written(ALPHA.resize((128, 128)), "PNG"))],
    "ICO": [wave("ICO", sizes=[(16, 16), (32, 32)]), wave("ICO", bitmap_format="bmp")],
    "IM": [wave("IM"), lambda: written(FLOATS, "IM")],
    "JPEG": [
        wave("JPEG", exif=EXIF),
        wave("JPEG", progressive=True),
        lambda: written(RGB.convert("CMYK"), "JPEG"),
    ],
    "JPEG2000": [wave("JPEG2000"), lambda: written(WIDE, "JPEG2000", irreversible=False)],
    "MPO": [lambda: written(RGB, "MPO", save_all=True, append_images=[RGB])],
    "MSP": [lambda: written(BITS, "MSP")],
    "PCX": [wave("PCX"), lambda: written(PALETTE, "PCX")],
    "PNG": [
        wave("PNG", exif=EXIF),
        lambda: written(PALETTE, "PNG", transparency=1),
        lambda: written(WIDE, "PNG"),
        lambda: written(RGB, "PNG", save_all=True, append_images=[RGB.rotate(90)]),
    ],
    "PPM": [wave("PPM"), lambda: written(WIDE, "PPM"), lambda: b"P3 2 1 255 1 2 3 4 5 6\n"],
    "QOI": [wave("QOI")],
    "SGI": [wave("SGI"), lambda: written(GREY, "SGI")],
    "SPIDER": [lambda: written(FLOATS, "SPIDER")],
    "TGA": [wave("TGA", compression="tga_rle"), lambda: written(PALETTE, "TGA")],
    "TIFF": [
        wave("TIFF"),
        wave("TIFF", compression="tiff_lzw", exif=EXIF),
        wave("TIFF", compression="jpeg"),
        lambda: written(INTEGERS, "TIFF", compression="tiff_adobe_deflate"),
        lambda: written(BITS, "TIFF", compression="group4"),
        lambda: written(FLOATS, "TIFF"),
    ],
    "WEBP": [wave("WEBP", exif=EXIF), lambda: written(ALPHA, "WEBP", lossless=True)],
    "XBM": [lambda: written(BITS, "XBM")],
}
# Formats that Pillow reads and does not write, by hand.
WRITERS |= {
    "CUR": [lambda: b"\0\0\2\0" + written(RGB, "ICO", bitmap_format="bmp")[4:]],
    "DCX": [lambda: struct.pack("<3I", 0x3ADE68B1, 12, 0) + written(RGB, "PCX")],
    "FITS": [
        lambda: "".join(
            card.ljust(80)
            for card in ("SIMPLE  =  T", "BITPIX  =  8", "NAXIS   =  2", "NAXIS1  =  4",
                         "NAXIS2  =  4", "END")
        ).ljust(2880).encode() + bytes(range(16)).ljust(2880)
    ],
    "PSD": [
        lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">H2I2H", 3, 4, 4, 8, 3) + bytes(14)
        + bytes(range(48))
    ],
    "SUN": [lambda: struct.pack(">8I", 0x59A66A95, 4, 4, 24, 48, 1, 0, 0) + bytes(range(48))],
    "XPM": [
        lambda: b'/* XPM */\nstatic char * a[] = {\n"2 2 2 1",\n"a c #ff0000",\n"b c #00ff00",\n'
        b'"ab",\n"ba"\n};\n'
    ],
    "XVTHUMB": [lambda: b"P7 332\n#END_OF_COMMENTS\n4 4 255\n" + bytes(range(16))],
}  # fmt: skip
# Other formats: their first bytes, followed by random ones.
BEGINS = {
    "FLI": b"\0\0\0\0\x12\xaf\1\0",
    "FTEX": b"FTEX\1\0\0\0\x10\0\0\0\x10\0\0\0\1\0\0\0\1\0\0\0",
    "GBR": b"\0\0\0\x20\0\0\0\2\0\0\0\4\0\0\0\4\0\0\0\3GIMP",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "IPTC": b"\x1c\3\x3c\0\2\1\1",
    "MCIDAS": b"\0\0\0\0\0\0\0\4",
    "MPEG": b"\0\0\1\xb3",
    "PCD": b"PCD_" * 600,
    "PIXAR": b"\x80\xe8\0\0",
    "WMF": b"\xd7\xcd\xc6\x9a\0\0",
    "GRIB": b"GRIB\0\0\0\1",
    "BUFR": b"BUFR",
}


@pytest.fixture
def small_bombs(monkeypatch):
    """A low limit, so that a damaged size does not cost seconds and gigabytes."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2**20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_pictures(files: list[bytes], count: int, seed: str) -> int:
    """Decodes ``count`` damaged copies; returns how many were recognized as broken."""
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    broken = 0
    for number in range(count):
        data = damaged(files[number % len(files)], rng)
        try:
            picture = decode_picture(lambda data=data: data, "some/name")
            assert picture.mode == "RGB" and min(picture.size) > 0
        except BrokenPicture as error:
            assert str(error).startswith("some/name: ")
            assert len(str(error)) > len("some/name: ")
            broken += 1
    return broken


def undamaged(kind: str) -> list[bytes]:
    if kind in BEGINS:
        rng = np.random.default_rng(1)
        return [BEGINS[kind] + rng.bytes(size) for size in (0, 20, 3000)]
    if kind in ("AVIF", "WEBP") and not features.check(kind.lower()):
        pytest.skip(f"this Pillow has no {kind}")
    files = [write() for write in WRITERS[kind]]
    for data in files:
        assert decode_picture(lambda data=data: data, "x").size >= (1, 1)
    return files


@pytest.mark.usefixtures("small_bombs")
@pytest.mark.parametrize("kind", sorted({**WRITERS, **BEGINS}))
def test_damaged_pictures(kind: str) -> None:
    check_pictures(undamaged(kind), SHORT, kind)


@pytest.mark.slow
@pytest.mark.usefixtures("small_bombs")
@pytest.mark.parametrize("kind", sorted({**WRITERS, **BEGINS}))
def test_many_damaged_pictures(kind: str, record_property) -> None:
    broken = check_pictures(undamaged(kind), LONG, f"{kind} long")
    record_property("broken", broken)
    print(f"{kind}: {broken} of {LONG} broken")


def test_every_format_that_pillow_opens_is_tried() -> None:
    Image.init()
    assert set(Image.OPEN) <= {*WRITERS, *BEGINS, "EPS", "IMT"}


def zips(folder: Path) -> list[bytes]:
    files = train_files(2, 2)
    stored = write_zip(folder / "stored", files).read_bytes()
    deflated = write_zip(folder / "deflated", files, zipfile.ZIP_DEFLATED).read_bytes()
    nested = {"a/train.zip": stored, "test.zip": deflated, "readme.txt": b"hello"}
    return [
        stored,
        deflated,
        write_zip(folder / "nested", nested).read_bytes(),
        write_zip(folder / "packed", nested, zipfile.ZIP_DEFLATED).read_bytes(),
    ]


def check_zips(folder: Path, count: int, seed: int) -> tuple[int, int]:
    """How many of the damaged zips were refused, and how many pictures in the others."""
    rng, originals = np.random.default_rng(seed), zips(folder)
    path, refused, broken = folder / "train.zip", 0, 0
    for number in range(count):
        path.write_bytes(damaged(originals[number % len(originals)], rng))
        try:
            dataset = DogsVsCats(path)
        except (ValueError, FileNotFoundError) as error:
            assert str(path) in str(error)
            refused += 1
            continue
        broken += len(dataset.verify(1))
        assert all(dataset.describe(i).startswith(str(path)) for i in range(len(dataset)))
    return refused, broken


@pytest.mark.usefixtures("small_bombs")
def test_damaged_zips(tmp_path: Path) -> None:
    check_zips(tmp_path, 60, 0)


@pytest.mark.slow
@pytest.mark.usefixtures("small_bombs")
def test_many_damaged_zips(tmp_path: Path) -> None:
    refused, broken = check_zips(tmp_path, 4 * LONG, 1)
    print(f"zips: {refused} of {4 * LONG} refused, {broken} pictures broken in the others")


def write_voc(root: Path) -> Path:
    mask = Image.fromarray(np.zeros((10, 12), np.uint8)).convert("P")
    folder = "VOCdevkit/VOC2012"
    return write_folder(
        root,
        {
            f"{folder}/ImageSets/Segmentation/train.txt": b"2007_000032\n2007_000039\n",
            **{f"{folder}/JPEGImages/2007_0000{n}.jpg": jpeg(n) for n in (32, 39)},
            **{f"{folder}/SegmentationClass/2007_0000{n}.png": written(mask, "PNG")
               for n in (32, 39)},
        },
    )  # fmt: skip


def check_voc(root: Path, count: int, seed: int) -> int:
    rng, refused = np.random.default_rng(seed), 0
    files = [path for path in sorted(write_voc(root).rglob("*")) if path.is_file()]
    for number in range(count):
        path = files[number % len(files)]
        original = path.read_bytes()
        path.write_bytes(damaged(original, rng))
        try:
            dataset = VOCSegmentation(root)
            for image, mask in (dataset[i] for i in range(len(dataset))):
                assert image.mode == "RGB" and min(mask.size) > 0
        except (ValueError, FileNotFoundError) as error:
            assert str(path) in str(error)
            refused += 1
        path.write_bytes(original)
    return refused


@pytest.mark.usefixtures("small_bombs")
def test_damaged_voc(tmp_path: Path) -> None:
    check_voc(tmp_path, 50, 0)


@pytest.mark.slow
@pytest.mark.usefixtures("small_bombs")
def test_many_times_damaged_voc(tmp_path: Path) -> None:
    refused = check_voc(tmp_path, 5 * LONG, 1)
    print(f"VOC: {refused} of {5 * LONG} refused")
