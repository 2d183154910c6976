"""Samples converted between kinds and dtypes, normalized, or given to any function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image as pil

from ...dtype import DType
from ...dtypes import float32
from ...tensor import Tensor
from ...tv_tensors import Image, TVTensor, Video
from ...tv_tensors.base import is_pure_tensor, plain
from ...typing import DTypeLike
from ...warn import warn
from .. import conversion
from ..normalize import Numbers, in_a_list
from . import functional as F
from ._samples import has_any
from ._transform import Transform

__all__ = [
    "ConvertImageDtype",
    "Identity",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "ToDtype",
    "ToImage",
    "ToPILImage",
    "ToPureTensor",
    "ToTensor",
]

Params = dict[str, Any]


class Identity(Transform):
    """Changes nothing."""

    def transform(self, inpt: Any, params: Params) -> object:
        return inpt


class Lambda(Transform):
    """Applies any function to the parts of a sample.

    Args:
        lambd: the function.
        types: the classes of the parts; all parts if there are none, but of the plain tensors only
            the one that every transform takes, so that labels stay.
    """

    _transformed_types = (object,)

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        super().__init__()
        self.lambd, self.types = lambd, types or (object,)

    def transform(self, inpt: Any, params: Params) -> object:
        return self.lambd(inpt) if isinstance(inpt, self.types) else inpt

    def extra_repr(self) -> str:
        name = getattr(self.lambd, "__name__", "<lambda>")
        names = [] if name == "<lambda>" else [name]
        return ", ".join([*names, f"types={[kind.__name__ for kind in self.types]}"])


class ToImage(Transform):
    """Makes PIL images, arrays and the first plain tensor an ``Image``, without scaling them."""

    _transformed_types = (is_pure_tensor, pil.Image, np.ndarray)

    def transform(self, inpt: Any, params: Params) -> object:
        return F.to_image(inpt)


class ToPILImage(Transform):
    """Makes images, arrays and the first plain tensor PIL images.

    Args:
        mode: of the PIL images, as for :func:`minicnn.transforms.functional.to_pil_image`.
    """

    _transformed_types = (is_pure_tensor, Image, np.ndarray)

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def transform(self, inpt: Any, params: Params) -> object:
        return F.to_pil_image(inpt, self.mode)


class PILToTensor(Transform):
    """Makes PIL images plain tensors of the same type."""

    _transformed_types = (pil.Image,)

    def transform(self, inpt: Any, params: Params) -> object:
        return F.pil_to_tensor(inpt)


class ToTensor(Transform):
    """Makes PIL images and arrays plain tensors of floats, with torchvision's warning.

    It is deprecated there: use :class:`ToImage`, then :class:`ToDtype` with ``scale=True``.
    """

    _transformed_types = (pil.Image, np.ndarray)

    def __init__(self) -> None:
        super().__init__()
        warn("ToTensor is deprecated: use ToImage, then ToDtype with scale=True")

    def transform(self, inpt: Any, params: Params) -> object:
        return conversion.to_tensor(inpt)


class ToPureTensor(Transform):
    """Makes all :class:`~minicnn.tv_tensors.TVTensor` plain tensors."""

    _transformed_types = (TVTensor,)

    def transform(self, inpt: Any, params: Params) -> object:
        return plain(inpt)


class ToDtype(Transform):
    """Converts tensors to other dtypes.

    Args:
        dtype: for images, videos and the first plain tensor; or a dict with a dtype for each class,
            and for all other tensors under ``"others"``. None leaves them as they are.
        scale: whether images and videos are scaled to the dtype's range.

    Raises:
        ValueError: for anything else, or when called with a tensor of a class that the dict lacks.
    """

    _transformed_types = (Tensor,)

    def __init__(
        self,
        dtype: DTypeLike | Mapping[type | str, DTypeLike | None],
        scale: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(dtype, (Mapping, DType, np.dtype, type)):
            raise ValueError(f"dtype must be a dtype or a dict of dtypes, got {dtype!r}")  # noqa: TRY004
        self.dtype, self.scale = dtype, scale

    def transform(self, inpt: Any, params: Params) -> object:
        dtype = self._dtype_of(inpt)
        return inpt if dtype is None else self._call_kernel(F.to_dtype, inpt, dtype, self.scale)

    def _dtype_of(self, inpt: Tensor) -> Any:
        if not isinstance(self.dtype, Mapping):
            is_picture = is_pure_tensor(inpt) or isinstance(inpt, (Image, Video))
            return self.dtype if is_picture else None
        if type(inpt) in self.dtype:
            return self.dtype[type(inpt)]
        if "others" not in self.dtype:
            raise ValueError(f"dtype has no entry for {type(inpt).__name__}, and none for 'others'")
        return self.dtype["others"]


class ConvertImageDtype(Transform):
    """Converts tensors to another dtype and its range: :class:`ToDtype` with ``scale=True``."""

    def __init__(self, dtype: DTypeLike = float32) -> None:
        super().__init__()
        self.dtype = dtype

    def transform(self, inpt: Any, params: Params) -> object:
        return self._call_kernel(F.to_dtype, inpt, self.dtype, True)

    def extra_repr(self) -> str:
        return ""


class Normalize(Transform):
    """(tensor - mean) / std for each channel of images and videos.

    Args:
        mean, std: one number for each channel, or one for all.
        inplace: change the tensors of the sample.

    Raises:
        TypeError: when called with a PIL image, or a tensor of integers.
        ValueError: as :func:`minicnn.transforms.functional.normalize`.
    """

    def __init__(self, mean: Numbers, std: Numbers, inplace: bool = False) -> None:
        super().__init__()
        self.mean, self.std, self.inplace = in_a_list(mean), in_a_list(std), inplace

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, pil.Image):
            raise TypeError(f"{type(self).__name__} expects tensors, got a PIL image")

    def transform(self, inpt: Any, params: Params) -> object:
        return self._call_kernel(F.normalize, inpt, self.mean, self.std, self.inplace)
