"""Which library decodes JPEG files: Pillow, or simplejpeg where a program asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from ..kernels.cpu.runtime.threads import scratch

__all__ = ["get_image_backend", "set_image_backend"]

_decode_jpeg: Callable[..., Any] | None = None  # simplejpeg's


def set_image_backend(backend: str) -> None:
    """Says what decodes JPEG files from here on, in this process and its loaders' workers.

    Args:
        backend: ``"PIL"``, or ``"simplejpeg"``, which saves up to a tenth of the time. Both use
            libjpeg-turbo with its exact transform, so the pixels are equal. What simplejpeg cannot
            decode without a complaint is left to Pillow, and so are grey and CMYK pictures.

    Raises:
        ValueError: for another name.
        ModuleNotFoundError: if simplejpeg is not installed.

    As ``torchvision.set_image_backend``, which knows ``"accimage"`` instead.
    """
    global _decode_jpeg
    if backend not in ("PIL", "simplejpeg"):
        raise ValueError(f"image backend must be 'PIL' or 'simplejpeg', got {backend!r}")
    if backend == "PIL":
        _decode_jpeg = None
        return
    try:
        from simplejpeg import decode_jpeg
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "image backend 'simplejpeg' needs the package simplejpeg, which is not installed: "
            "pip install simplejpeg"
        ) from error
    _decode_jpeg = decode_jpeg


def get_image_backend() -> str:
    """What decodes JPEG files: ``"PIL"`` or ``"simplejpeg"``."""
    return "PIL" if _decode_jpeg is None else "simplejpeg"


def decode_by_simplejpeg(picture: Image.Image, data: bytes) -> Image.Image | None:
    """The pixels of a picture that Pillow has opened; None where Pillow has to decode it.

    Args:
        picture: as Pillow opened it.
        data: the file.
    """
    if _decode_jpeg is None or picture.format != "JPEG" or picture.mode != "RGB":
        return None
    width, height = picture.size
    buffer = scratch("decode_by_simplejpeg", (height, width, 3), np.dtype(np.uint8))
    try:
        pixels = _decode_jpeg(data, buffer=buffer)
    except ValueError:
        return None  # Pillow decodes what is there, or says what is wrong
    decoded = Image.frombuffer("RGB", picture.size, pixels, "raw", "RGB", 0, 1)  # a copy
    decoded.info = picture.info
    return decoded
