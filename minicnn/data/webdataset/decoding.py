"""Decodes the members of a sample, each by the end of its name."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from ...tensor import Tensor
from ..image_folder import IMG_EXTENSIONS
from ..picture import decode_picture

__all__ = ["PICTURES", "Handler", "PictureDecoder", "Refused", "decode_member"]

PICTURES = tuple(name.removeprefix(".") for name in IMG_EXTENSIONS)

Handler = Callable[[str, bytes], Any]


class Refused(Exception):
    """A member that is not broken, but must not be decoded."""


def decode_member(end: str, data: bytes, handlers: tuple[Handler, ...]) -> object:
    """What a member contains; its bytes if nobody knows what that is.

    Args:
        end: of its name, in lower case.
        data: its bytes.
        handlers: called in turn with the end, a point before it, and the data, until one returns
            something other than None.

    Raises:
        Refused: if it is pickled.
        Exception: if it cannot be decoded, of any type.
    """
    for handler in handlers:
        value = handler(f".{end}", data)
        if value is not None:
            return value
    decoder = _DECODERS.get(_last(end))
    return data if decoder is None else decoder(data)


def _last(end: str) -> str:
    return end.rpartition(".")[2]


def _integer(data: bytes) -> int:
    try:
        number = int(data)
    except ValueError:
        raise ValueError(f"expected an integer, got {data[:40]!r}") from None
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"expected an integer of 64 bits, got {number}")
    return number


def _array(data: bytes) -> np.ndarray:
    return npy.read_array(io.BytesIO(data), allow_pickle=False)


def _refuse(data: bytes) -> None:
    raise Refused(
        "pickled data can run code while it is loaded; give decode() a function of your own for it, "
        "or name the others with only="
    )


_DECODERS: dict[str, Callable[[bytes], Any]] = {
    **dict.fromkeys(("txt", "text", "transcript"), bytes.decode),
    **dict.fromkeys(("cls", "cls2", "index", "inx", "id"), _integer),
    **dict.fromkeys(("json", "jsn"), json.loads),
    "npy": _array,
    **dict.fromkeys(("pickle", "pkl", "pth", "pyd"), _refuse),
}


class PictureDecoder:
    """A handler that decodes pictures, as :func:`~minicnn.data.picture.decode_picture` does.

    Args:
        form: what they become: ``"pil"`` or ``"pill"``, a PIL image in colour or grey; ``"rgb"`` or
            ``"l"``, an array (H, W, 3) or (H, W), float32 from 0 to 1; ``"rgb8"`` or ``"l8"``, the
            same as uint8 from 0 to 255; with ``torch`` before it a tensor, (3, H, W) or (H, W).

    Raises:
        ValueError: for another form.
    """

    def __init__(self, form: str) -> None:
        if form not in _FORMS:
            raise ValueError(f"pictures are decoded to one of {', '.join(_FORMS)}, got {form!r}")
        self._form = form

    def __call__(self, key: str, data: bytes) -> Image.Image | np.ndarray | Tensor | None:
        if _last(key) not in PICTURES:
            return None
        kind, mode, in_floats = _FORMS[self._form]
        picture = decode_picture(lambda: data, key)
        if mode == "L":
            picture = picture.convert("L")
        if kind == "pil":
            return picture
        array = np.asarray(picture)
        if in_floats:
            array = array.astype(np.float32) / np.float32(255)
        if kind == "array":
            return array
        channels_first = array.transpose(2, 0, 1) if array.ndim == 3 else array
        return Tensor.of(np.ascontiguousarray(channels_first))


_FORMS = {  # webdataset's names: what comes out, the picture's mode, and whether in floats
    "pil": ("pil", "RGB", False),
    "pilrgb": ("pil", "RGB", False),
    "pill": ("pil", "L", False),
    "rgb8": ("array", "RGB", False),
    "rgb": ("array", "RGB", True),
    "l8": ("array", "L", False),
    "l": ("array", "L", True),
    "torchrgb8": ("tensor", "RGB", False),
    "torchrgb": ("tensor", "RGB", True),
    "torch": ("tensor", "RGB", True),
    "torchl8": ("tensor", "L", False),
    "torchl": ("tensor", "L", True),
}
