"""Pictures as tensors: what Pillow writes is read, and the other way round."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn.io import pictures
from minicnn.io.pictures import ImageReadMode

pytestmark = pytest.mark.cpu_only

PIXELS = np.random.default_rng(0).integers(0, 256, (10, 14, 4), np.uint8)
SMOOTH = np.linspace(0, 255, 16 * 24 * 3).astype(np.uint8).reshape(16, 24, 3)


def picture(mode: str) -> Image.Image:
    return Image.fromarray(PIXELS if mode.endswith("A") else PIXELS[..., :3].copy()).convert(mode)


@pytest.mark.parametrize(
    ("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4), ("P", 3), ("1", 1)]
)
def test_channels_of_a_png(mode: str, channels: int, tmp_path: Path) -> None:
    source = picture(mode)
    source.save(tmp_path / "x.png")
    image = pictures.read_image(tmp_path / "x.png")
    assert image.shape == (channels, 10, 14) and image.dtype == mc.uint8
    plain = source.convert({"P": "RGB", "1": "L"}.get(mode, mode))
    expected = np.asarray(plain).reshape(10, 14, channels).transpose(2, 0, 1)
    np.testing.assert_array_equal(image.numpy(), expected)
    data = pictures.read_file(str(tmp_path / "x.png"))
    for read_mode, wanted in (
        ("rgb", "RGB"),
        ("GRAY", "L"),
        ("gray_alpha", "LA"),
        ("RGBA", "RGBA"),
    ):
        converted = np.asarray(Image.open(tmp_path / "x.png").convert(wanted)).reshape(10, 14, -1)
        for found in (
            pictures.decode_image(tmp_path / "x.png", read_mode),
            pictures.decode_png(data, ImageReadMode[read_mode.upper()]),
        ):
            np.testing.assert_array_equal(found.numpy().transpose(1, 2, 0), converted)
    assert ImageReadMode.RGB_ALPHA is ImageReadMode.RGBA and ImageReadMode.RGB.value == 3


def test_grey_of_a_jpeg_is_the_brightness_in_the_file(tmp_path: Path) -> None:
    Image.fromarray(SMOOTH).save(tmp_path / "x.jpg", quality=95)
    ycbcr = Image.open(tmp_path / "x.jpg")
    ycbcr.draft("YCbCr", ycbcr.size)
    grey = pictures.read_image(str(tmp_path / "x.jpg"), ImageReadMode.GRAY)
    np.testing.assert_array_equal(grey.numpy()[0], np.asarray(ycbcr)[..., 0])


def test_sixteen_bits(tmp_path: Path) -> None:
    values = np.arange(0, 65536, 800, dtype=np.uint16)[:80].reshape(8, 10)
    Image.fromarray(values).save(tmp_path / "x.png")
    image = pictures.read_image(tmp_path / "x.png")
    assert image.dtype == mc.int32 and image.shape == (1, 8, 10)
    np.testing.assert_array_equal(image.numpy()[0], values)


def test_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(SMOOTH).save(tmp_path / "x.jpg", exif=exif)
    assert pictures.read_image(tmp_path / "x.jpg").shape == (3, 16, 24)
    assert pictures.read_image(tmp_path / "x.jpg", apply_exif_orientation=True).shape == (3, 24, 16)


def test_frames_of_a_gif(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert pictures.decode_image(tmp_path / "x.gif")[:, :, 0, 0].tolist() == [
        [255, 0, 0], [0, 0, 255]
    ]  # fmt: skip
    frames[0].save(tmp_path / "y.gif")
    assert pictures.decode_image(tmp_path / "y.gif").shape == (3, 3, 4)


@pytest.mark.parametrize("channels", [1, 3])
def test_written_pictures(channels: int, tmp_path: Path) -> None:
    image = mc.tensor(PIXELS[..., :channels].transpose(2, 0, 1))
    pictures.write_png(image, tmp_path / "x.png", compression_level=9)
    np.testing.assert_array_equal(pictures.read_image(tmp_path / "x.png").numpy(), image.numpy())
    smooth = mc.tensor(SMOOTH[..., :channels].transpose(2, 0, 1).copy())
    sizes = []
    for quality in (10, 95):
        pictures.write_jpeg(smooth, str(tmp_path / "x.jpg"), quality)
        expected = io.BytesIO()
        plain = SMOOTH[..., 0] if channels == 1 else SMOOTH
        Image.fromarray(np.ascontiguousarray(plain)).save(expected, "JPEG", quality=quality)
        assert (tmp_path / "x.jpg").read_bytes() == expected.getvalue()
        sizes.append(len(expected.getvalue()))
    assert sizes[0] < sizes[1]
    encoded = pictures.encode_jpeg([smooth, smooth], quality=95)
    assert [len(data) for data in encoded] == [sizes[1]] * 2
    for decoded in pictures.decode_jpeg(list(encoded)):
        assert decoded.shape == smooth.shape


def test_files(tmp_path: Path) -> None:
    data = mc.tensor(np.arange(256, dtype=np.uint8))
    pictures.write_file(tmp_path / "x", data)
    assert (tmp_path / "x").read_bytes() == bytes(range(256))
    assert pictures.read_file(tmp_path / "x").tolist() == list(range(256))
    with pytest.raises(FileNotFoundError):
        pictures.read_image(tmp_path / "y.png")


def test_what_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    picture("RGB").save(tmp_path / "y.jpg")
    cut = (tmp_path / "y.jpg").read_bytes()[:300]
    (tmp_path / "y.jpg").write_bytes(cut)
    bytes_of = mc.tensor(np.frombuffer(cut, np.uint8).copy())
    image: Any = mc.zeros(3, 4, 4, dtype=mc.uint8)
    for call, error, message in (
        (
            lambda: pictures.read_image(tmp_path / "x.png"),
            RuntimeError,
            r"cannot decode '.*x\.png'",
        ),
        (
            lambda: pictures.read_image(tmp_path / "y.jpg"),
            RuntimeError,
            r"cannot decode '.*y\.jpg'",
        ),
        (lambda: pictures.decode_jpeg(bytes_of), RuntimeError, "cannot decode the picture"),
        (lambda: pictures.decode_image(image), RuntimeError, r"\(N,\) of uint8, got \(3, 4, 4\)"),
        (
            lambda: pictures.encode_png(image.float()),
            RuntimeError,
            r"of uint8, got .* of torch.float32",
        ),
        (lambda: pictures.encode_png(image[:2]), RuntimeError, r"got \(2, 4, 4\)"),
        (lambda: pictures.encode_png(image, 10), RuntimeError, "between 0 and 9, got 10"),
        (lambda: pictures.encode_jpeg(image, 0), ValueError, "between 1 and 100, got 0"),
    ):
        with pytest.raises(error, match=message):
            call()
