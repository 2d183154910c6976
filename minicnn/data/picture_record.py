"""A decoded picture as bytes, and back."""

from __future__ import annotations

import json
import struct
from typing import Any

from PIL import Image

__all__ = ["pack_picture", "unpack_picture"]

_LENGTH = struct.Struct("<I")  # of the JSON before the pixels


def pack_picture(picture: Image.Image) -> bytes:
    """Pixels, palette, and those values of ``info`` that are numbers, text, bytes, or tuples of numbers.

    EXIF data and what is transparent are among them. What else a file's own class has, such as the
    tables of a JPEG, is left out.
    """
    palette = picture.palette
    about = {
        "mode": picture.mode,
        "size": picture.size,
        "palette": palette and {palette.mode: picture.getpalette(palette.mode)},
        "info": {name: _plain(v) for name, v in picture.info.items() if _is_plain(v)},
    }
    text = json.dumps(about).encode()
    return b"".join([_LENGTH.pack(len(text)), text, picture.tobytes()])


def unpack_picture(record: bytes) -> Image.Image:
    """The picture in the bytes that :func:`pack_picture` made."""
    (length,) = _LENGTH.unpack_from(record)
    start = _LENGTH.size + length
    about = json.loads(record[_LENGTH.size : start])
    picture = Image.frombytes(about["mode"], tuple(about["size"]), memoryview(record)[start:])
    for mode, colors in (about["palette"] or {}).items():
        picture.putpalette(colors, mode)
    picture.info = {name: _original(value) for name, value in about["info"].items()}
    return picture


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(type(number) in (int, float) for number in value)
    return type(value) in (bool, int, float, str, bytes)


def _plain(value: Any) -> Any:
    """A value for JSON, which has no bytes and no tuples."""
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    return {"tuple": value} if isinstance(value, tuple) else value


def _original(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(value["tuple"]) if "tuple" in value else value["bytes"].encode("latin-1")
    return value
