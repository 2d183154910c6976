"""JPEG files decoded by simplejpeg are Pillow's pixel for pixel; what it cannot do Pillow does."""

from __future__ import annotations

import io
import sys
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageFile

from minicnn import data
from minicnn.data import DataLoader, Dataset, image_backend
from minicnn.data.picture import BrokenPicture, decode_picture

pytest.importorskip("simplejpeg")
pytestmark = pytest.mark.cpu_only


@pytest.fixture(autouse=True)
def simplejpeg():
    data.set_image_backend("simplejpeg")
    yield
    data.set_image_backend("PIL")


def photograph(height: int, width: int) -> Image.Image:
    rng = np.random.default_rng([height, width])
    coarse = rng.integers(0, 256, (height // 6 + 2, width // 6 + 2, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    return Image.fromarray(
        np.clip(smooth + rng.normal(0, 9, smooth.shape), 0, 255).astype(np.uint8)
    )


def as_file(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def decoded_by_both(content: bytes) -> tuple[Image.Image, Image.Image]:
    ours = decode_picture(lambda: content, "picture")
    data.set_image_backend("PIL")
    expected = decode_picture(lambda: content, "picture")
    data.set_image_backend("simplejpeg")
    return ours, expected


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 92},
        {"quality": 30},
        {"subsampling": "4:4:4"},
        {"subsampling": "4:2:2"},
        {"subsampling": "4:2:0"},
        {"subsampling": "4:1:1"},
        {"progressive": True},
        {"restart_marker_blocks": 3},
        {"keep_rgb": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (16, 16), (37, 50), (375, 500)], ids=str)
def test_the_pixels_are_pillows(options, size, monkeypatch):
    content = as_file(photograph(*size), **options)
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)  # nobody decodes with Pillow
    ours = decode_picture(lambda: content, "picture")
    monkeypatch.undo()
    with Image.open(io.BytesIO(content)) as expected:
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(expected))
    assert ours.mode == "RGB"


def test_exif_data_is_kept():
    exif = Image.Exif()
    exif[0x0112] = 6
    ours, expected = decoded_by_both(as_file(photograph(20, 30), exif=exif))
    assert ours.getexif()[0x0112] == 6
    assert ours.info == expected.info


@pytest.mark.parametrize(
    "picture, kind",
    [
        (photograph(30, 20).convert("L"), "JPEG"),
        (photograph(30, 20).convert("CMYK"), "JPEG"),
        (photograph(30, 20), "PNG"),
    ],
    ids=["grey", "CMYK", "PNG"],
)
def test_other_pictures_are_left_to_pillow(picture, kind):
    ours, expected = decoded_by_both(as_file(picture, kind))
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(expected))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_cut_file_is_reported_as_by_pillow(share):
    content = as_file(photograph(60, 80))
    cut = content[: int(share * len(content))]
    messages = []
    for backend in ("simplejpeg", "PIL"):
        data.set_image_backend(backend)
        with pytest.raises(BrokenPicture) as caught:
            decode_picture(lambda: cut, "picture")
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_damaged_files_end_as_with_pillow():
    content = as_file(photograph(60, 80))
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        for place in rng.integers(2, len(content), 3):
            damaged[place] = rng.integers(256)
        found = []
        for backend in ("simplejpeg", "PIL"):
            data.set_image_backend(backend)
            try:
                found.append(
                    np.asarray(decode_picture(partial(bytes, damaged), "picture")).tobytes()
                )
            except BrokenPicture as error:
                found.append(str(error))
        assert found[0] == found[1]


class Backends(Dataset):
    """Tells what decodes where it is loaded."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> str:
        return data.get_image_backend()


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_worker_processes_decode_alike(context):
    loader = DataLoader(Backends(), num_workers=1, multiprocessing_context=context)
    assert list(loader) == [["simplejpeg"], ["simplejpeg"]]


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="image backend must be 'PIL' or 'simplejpeg', got 'gd'"):
        data.set_image_backend("gd")
    assert data.get_image_backend() == "simplejpeg"


def test_a_missing_package_is_named(monkeypatch):
    data.set_image_backend("PIL")
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    with pytest.raises(ModuleNotFoundError, match="needs the package simplejpeg"):
        data.set_image_backend("simplejpeg")
    assert image_backend.get_image_backend() == "PIL"
