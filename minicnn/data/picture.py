"""Decodes pictures; in most collections some are broken."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..output import printable
from .dataset import SkipSample
from .image_backend import decode_by_simplejpeg

__all__ = ["BrokenPicture", "decode_picture", "load_picture", "open_picture"]


class BrokenPicture(UnidentifiedImageError, ValueError):
    """A picture that cannot be decoded; the message gives its path and the reason.

    It is also an OSError, as Pillow's own error is, which programs may be prepared for.
    """


class SkippedPicture(BrokenPicture, SkipSample):
    """A broken picture that a ``DataLoader`` leaves out, with one warning for all of them."""


class SkippedPictureWarning(SkippedPicture):
    """A broken picture that a ``DataLoader`` leaves out with a warning of its own."""

    warn = True


BROKEN = {"raise": BrokenPicture, "skip": SkippedPicture, "warn": SkippedPictureWarning}


def check_on_error(on_error: str) -> None:
    """Raises a ValueError unless ``on_error`` is one of :data:`BROKEN`."""
    if on_error not in BROKEN:
        raise ValueError(f"on_error must be one of {', '.join(BROKEN)}, got {on_error!r}")


def load_picture(
    path: str | os.PathLike[str], on_error: str = "raise", draft: int | None = None
) -> Image.Image:
    """The picture at ``path``, in mode RGB; see :func:`decode_picture` for how modes become RGB.

    Args:
        path: the file.
        on_error: what a ``DataLoader`` does with a broken picture: ``"raise"`` an error, ``"skip"``
            it with one warning for all, or ``"warn"`` for each. For a folder, write
            ``ImageFolder(root, loader=functools.partial(load_picture, on_error="warn"))``.
        draft: the least side, in pixels, that a JPEG file must be decoded to. Larger ones are decoded
            at a half, a quarter or an eighth of their size (``PIL.Image.Image.draft``), which takes
            less time and gives other pixels than decoding and resizing.

    Raises:
        OSError: if the file cannot be read, and ``on_error`` is ``"raise"``.
        BrokenPicture: an OSError, too, if it cannot be decoded, whatever ``on_error`` is.
    """
    check_on_error(on_error)
    name = os.fspath(path)

    def decode() -> Image.Image:
        try:
            data = Path(name).read_bytes()
        except (OSError, ValueError) as error:  # a ValueError for a name that has a null character
            if on_error == "raise" and isinstance(error, OSError):
                raise
            raise _broken(error, name, on_error) from error
        return _decode_rgb(lambda: data, name, on_error, draft)

    return _kept(name, "RGB" if draft is None else f"RGB, draft {draft}", decode)


def decode_picture(read: Callable[[], bytes], path: str, on_error: str = "raise") -> Image.Image:
    """The picture in a file's bytes, in mode RGB.

    Most modes become RGB as Pillow and torchvision do it: an alpha channel is dropped, a palette
    is looked up, CMYK, YCbCr, LAB and HSV are converted. Pillow would make all values above 255
    white, so these differ:

    - 16-bit grey (``I;16``, in any byte order): the upper 8 bits; of 12-bit TIFFs the upper 8 of 12.
    - 32-bit grey (``I``, ``F``): no value is white by definition. White is the first of 1 (for
      floats), 255 and 65535 that no value in the picture exceeds, else the largest value. PNG and
      PPM have 16 bits here. Negative values and NaN are black.

    The orientation in the picture's EXIF data is kept, not applied: ``ImageOps.exif_transpose``
    turns the result. (Pillow itself turns TIFFs.)

    Args:
        read: returns the bytes.
        path: the file's name in errors.
        on_error: ``"raise"``, ``"skip"`` or ``"warn"``: which of :data:`BROKEN` to raise.

    Raises:
        BrokenPicture: if it cannot be read and decoded.
    """
    return _kept(path, "RGB", lambda: _decode_rgb(read, path, on_error))


def _decode_rgb(
    read: Callable[[], bytes], path: str, on_error: str, draft: int | None = None
) -> Image.Image:
    try:
        picture = _decode(read(), draft)
        if picture.mode == "F" or picture.mode.startswith("I"):
            return _eight_bits(picture).convert("RGB")
        return picture if picture.mode == "RGB" else picture.convert("RGB")  # convert() copies
    except Exception as error:
        raise _broken(error, path, on_error) from error


def open_picture(
    path: str, on_error: str = "raise", read: Callable[[], bytes] | None = None
) -> Image.Image:
    """The picture at ``path`` in its own mode, such as a mask with a palette.

    Args:
        path: the file.
        on_error: as for :func:`decode_picture`.
        read: returns the bytes, if the picture is no file of its own.

    Raises:
        BrokenPicture: if it cannot be read and decoded.
    """

    def decode() -> Image.Image:
        try:
            return _decode(Path(path).read_bytes() if read is None else read())
        except Exception as error:
            raise _broken(error, path, on_error) from error

    return _kept(path, "own mode", decode)


class Cache(Protocol):
    """What keeps decoded pictures, such as a :class:`~minicnn.data.cache.PictureCache`."""

    def get(self, path: str, kind: str, decode: Callable[[], Image.Image]) -> Image.Image:
        """The picture that ``decode`` returns, or has returned before."""


_local = threading.local()


@contextlib.contextmanager
def looking_in(cache: Cache) -> Iterator[None]:
    """A context in which this thread looks in a cache before it decodes a picture."""
    before = getattr(_local, "cache", None)
    _local.cache = cache
    try:
        yield
    finally:
        _local.cache = before


def _kept(path: str, kind: str, decode: Callable[[], Image.Image]) -> Image.Image:
    cache = getattr(_local, "cache", None)
    return decode() if cache is None else cache.get(path, kind, decode)


def _decode(data: bytes, draft: int | None = None) -> Image.Image:
    if not data:
        raise ValueError("the file is empty")
    picture: Any = Image.open(BytesIO(data))
    if picture.format == "EPS":
        raise ValueError("it is PostScript, a program that Ghostscript would have to run")
    if draft is not None:
        picture.draft(None, (draft, draft))
    elif (decoded := decode_by_simplejpeg(picture, data)) is not None:
        return decoded
    picture.decodermaxblock = len(data)  # the decoder takes it at once, not in pieces of 64 KiB
    picture.load()
    return picture


def _broken(error: Exception, path: str, on_error: str) -> BrokenPicture:
    """What to raise for an error of any type: Pillow's decoders raise nearly all there are."""
    # Pillow's message contains the buffer's address, which tells the user nothing.
    reason = re.sub(r" <_io\.BytesIO object at 0x\w+>", "", str(error))
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror  # without the number of the error and the path once more
    if not isinstance(error, (OSError, SyntaxError, ValueError)) or not reason:
        reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    return BROKEN[on_error](printable(f"{path}: {reason}"))


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A grey picture of 8 bits, with the EXIF data, from one of more."""
    values = np.asarray(picture)
    bits, kind = (_tiff_tag(picture, number) for number in (_BITS_PER_SAMPLE, _SAMPLE_FORMAT))
    if (bits, kind) == (32, _UNSIGNED):
        values = values.view(np.uint32)  # Pillow takes the upper half for negative
    if picture.mode != "F":
        white = _white(picture, values, bits)
        grey = values.clip(0, white) * (256 / (white + 1))  # cut off below, as a shift does
    else:
        values = np.nan_to_num(values, nan=0, posinf=np.inf, neginf=0)
        white = _white(picture, values[np.isfinite(values)], bits)
        grey = np.rint(values.clip(0, white) * (255 / white))
    result = Image.fromarray(grey.astype(np.uint8))
    result.info = picture.info
    return result


_BITS_PER_SAMPLE, _SAMPLE_FORMAT, _UNSIGNED = 258, 339, 1  # in TIFF


def _tiff_tag(picture: Image.Image, number: int) -> int:
    """The tag's first value, 1 (the default of both tags) where there is none."""
    return getattr(picture, "tag_v2", {}).get(number, (1,))[0]


def _white(picture: Image.Image, values: np.ndarray, bits: int) -> float:
    """The value that becomes white."""
    if picture.mode.startswith("I;16"):
        return 4095 if bits == 12 else 65535
    if picture.mode == "I" and picture.format in ("PNG", "PPM"):
        return 65535
    top = values.max(initial=0).item()
    usual = (1, 255, 65535) if picture.mode == "F" else (255, 65535)
    return next((white for white in usual if top <= white), top)
