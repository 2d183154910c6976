"""What a tensor is: its dtype, its device, its kind. Functions, and methods of ``Tensor``."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from ..constructors import convert
from ..dtype import DType
from ..dtypes import is_floating as _is_floating
from ..memory_format import Layout, strided
from ..tensor import Tensor
from .transfer import to


def is_tensor(obj: object) -> builtins.bool:
    """Whether something is a tensor."""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> builtins.int:
    """The number of elements.

    Raises:
        TypeError: for anything but a tensor.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"numel expects a tensor, got {type(input).__name__}")
    return input.array.size


def is_nonzero(input: Tensor) -> builtins.bool:
    """Whether the single number of a tensor is not 0.

    Raises:
        RuntimeError: for more numbers, or none.
    """
    return builtins.bool(input)


def is_floating_point(input: Tensor | DType) -> builtins.bool:
    """Whether a tensor, or a dtype, is floating point."""
    return _is_floating((input.array if isinstance(input, Tensor) else input).dtype)


def is_complex(input: Tensor) -> builtins.bool:
    """False: there are no complex tensors."""
    return False


def is_signed(input: Tensor) -> builtins.bool:
    """Whether the dtype holds negative numbers."""
    return input.dtype.is_signed


def is_inference(input: Tensor) -> builtins.bool:
    """False: a tensor made under ``inference_mode`` may be used everywhere, unlike in torch."""
    return False


def is_same_size(input: Tensor, other: Tensor) -> builtins.bool:
    """Whether two tensors have one shape."""
    return input.array.shape == other.array.shape


def get_device(input: Tensor) -> builtins.int:
    """The number of the GPU that a tensor is on, -1 on the CPU."""
    index = input.device.index
    return -1 if index is None else index


def typename(obj: Any) -> str:
    """The name of a tensor's type, such as ``"torch.FloatTensor"``, or of another object's class."""
    if isinstance(obj, Tensor):
        return str(convert(obj))
    cls = obj if isinstance(obj, type) else type(obj)
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )


def type_as(input: Tensor, other: Tensor) -> Tensor:
    """This tensor in the dtype and on the device of another."""
    return to(input, other.device, other.dtype)


def contains(x: Tensor, element: Any) -> builtins.bool:
    """Whether one of the elements equals a number, or one number of a tensor.

    Raises:
        RuntimeError: for anything else.
    """
    if not isinstance(element, (builtins.bool, builtins.int, builtins.float, np.generic, Tensor)):
        raise RuntimeError(  # noqa: TRY004 -- as torch
            f"`in` expects a tensor or a number, got {type(element).__name__}"
        )
    return builtins.bool((x == element).any())


def apply_(input: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replaces each number by what a Python function makes of it; slow, on the CPU only.

    Raises:
        TypeError: for a tensor on a GPU.

    As ``torch.Tensor.apply_``.
    """
    return map_(input, None, lambda x, _: callable(x))


def map_(input: Tensor, other: Tensor | None, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replaces each number x by ``callable(x, y)``, with the y of another tensor; on the CPU only.

    Raises:
        TypeError: for a tensor on a GPU.

    As ``torch.Tensor.map_``.
    """
    if input.device.type != "cpu":
        raise TypeError(
            f"a Python function is applied on the CPU only, got a tensor on {input.device}"
        )
    numbers = input.array.reshape(-1).tolist()
    others = (
        numbers if other is None else np.broadcast_to(other.array, input.array.shape).reshape(-1)
    )
    results = [callable(x, y) for x, y in zip(numbers, others)]
    input.array[...] = np.array(results, input.array.dtype).reshape(input.array.shape)
    input.bump_version()
    return input


def _fixed(value: Any, doc: str) -> Any:
    return property(lambda self: value, doc=doc)


class Attributes:
    """The attributes and methods of ``Tensor`` that tell what it is."""

    type, type_as = convert, type_as
    is_floating_point, is_complex, is_signed = is_floating_point, is_complex, is_signed
    is_nonzero, is_inference, is_same_size = is_nonzero, is_inference, is_same_size
    get_device, nelement = get_device, numel
    apply_, map_ = apply_, map_
    __contains__ = contains

    is_sparse: builtins.bool = _fixed(False, "Whether it is sparse, which no tensor is.")
    is_quantized: builtins.bool = _fixed(False, "Whether it is quantised, which no tensor is.")
    is_nested: builtins.bool = _fixed(False, "Whether it is nested, which no tensor is.")
    is_meta: builtins.bool = _fixed(False, "Whether it has no numbers; all tensors have.")
    is_mps: builtins.bool = _fixed(False, "Whether it is on an Apple GPU, which is not supported.")
    is_xpu: builtins.bool = _fixed(False, "Whether it is on an Intel GPU, which is not supported.")

    @property
    def layout(self: Any) -> Layout:
        """How it is stored: strided."""
        return strided

    @property
    def is_cuda(self: Any) -> builtins.bool:
        """Whether it is on an NVIDIA GPU."""
        return self.device.type == "cuda"

    @property
    def is_cpu(self: Any) -> builtins.bool:
        """Whether it is in the memory of the CPU."""
        return self.device.type == "cpu"

    @property
    def output_nr(self: Any) -> builtins.int:
        """Which output of its ``grad_fn`` it is."""
        return self.output_index

    @property
    def _version(self: Any) -> builtins.int:
        """The number of changes in place so far."""
        return self.version.writes

    def ndimension(self: Any) -> builtins.int:
        """The number of dimensions."""
        return self.array.ndim

    def is_conj(self: Any) -> builtins.bool:
        """False: there are no complex tensors."""
        return False

    def is_neg(self: Any) -> builtins.bool:
        """False: a negated tensor holds its own numbers."""
        return False
