"""Decodes pictures; in most collections some are broken."""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from .dataset import SkipSample

__all__ = ["BrokenPicture", "decode_picture", "load_picture"]

# What Pillow raises for broken files depends on their format.
_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


class BrokenPicture(ValueError):
    """A picture that cannot be decoded; the message gives its path and the reason."""


class SkippedPicture(BrokenPicture, SkipSample):
    """A broken picture that a ``DataLoader`` leaves out, with one warning for all of them."""


class SkippedPictureWarning(SkippedPicture):
    """A broken picture that a ``DataLoader`` leaves out with a warning of its own."""

    warn = True


BROKEN = {"raise": BrokenPicture, "skip": SkippedPicture, "warn": SkippedPictureWarning}


def decode_picture(read: Callable[[], bytes], path: str, on_error: str = "raise") -> Image.Image:
    """The picture in a file's bytes, in mode RGB.

    16-bit grey values keep their upper 8 bits. Pillow's own conversion, which torchvision uses,
    makes all values above 255 white.

    Args:
        read: returns the bytes.
        path: the file's name in errors.
        on_error: ``"raise"``, ``"skip"`` or ``"warn"``: which of :data:`BROKEN` to raise.

    Raises:
        BrokenPicture: if it cannot be read and decoded.
    """
    try:
        data = read()
        if not data:
            raise ValueError("the file is empty")
        picture: Image.Image = Image.open(BytesIO(data))
        picture.load()
    except _DECODE_ERRORS as error:
        # Pillow's message contains the buffer's address, which tells the user nothing.
        reason = re.sub(r" <_io\.BytesIO object at 0x\w+>", "", str(error))
        raise BROKEN[on_error](f"{path}: {reason}") from error
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.asarray(picture).clip(0, 65535) >> 8).astype(np.uint8))
    return picture if picture.mode == "RGB" else picture.convert("RGB")  # convert() copies


def load_picture(path: str | os.PathLike[str], on_error: str = "raise") -> Image.Image:
    """The picture at ``path``, in mode RGB.

    Args:
        path: the file.
        on_error: what a ``DataLoader`` does with a broken picture: ``"raise"`` an error, ``"skip"``
            it with one warning for all, or ``"warn"`` for each. For a folder, write
            ``ImageFolder(root, loader=functools.partial(load_picture, on_error="warn"))``.

    Raises:
        OSError: if the file cannot be read.
        BrokenPicture: if it cannot be decoded, whatever ``on_error`` is.
    """
    data = Path(path).read_bytes()
    return decode_picture(lambda: data, os.fspath(path), on_error)
