"""Switches: which kernels compute, and between exactness and speed.

``use_kernels("plain")`` replaces the fast kernels by readable ones. The other switches have the
names of ``torch.backends``.

On tensor cores float32 numbers are multiplied with 10 bits of their mantissa (TF32), several times
as fast as with all 23. ``backends.cuda.matmul.allow_tf32`` allows it for linear layers and
``backends.cudnn.allow_tf32`` for convolutions; both are False. torch's switch for convolutions is
True by default: here float32 means float32 until it is asked for less. The switches concern CUDA
alone and can be set on any machine.
"""

from __future__ import annotations

from . import kernels
from .kernels.tf32 import allow_tf32

__all__ = [
    "cuda",
    "cudnn",
    "get_float32_matmul_precision",
    "set_float32_matmul_precision",
    "use_kernels",
]


class use_kernels:
    """Chooses the kernels from here on; as a ``with`` block only within it.

    Args:
        name: ``"fast"``, or ``"plain"`` for the readable kernels in ``kernels/plain`` (on a GPU
            those in ``kernels/cuda/plain``). If a wrong number goes away with them, the fault is in
            a fast kernel.

    Raises:
        ValueError: for another word.

    For all threads. ``MINICNN_KERNELS=plain`` in the environment does the same for a whole program.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._outside: list[str] = [kernels.selected()]  # more, if it is entered more than once
        self._entered = False
        kernels.select(name)

    def __enter__(self) -> None:
        if self._entered:
            self._outside.append(kernels.selected())
        self._entered = True
        kernels.select(self._name)

    def __exit__(self, *exception: object) -> None:
        kernels.select(self._outside.pop())


class _Switch:
    """``allow_tf32`` for one kind of layer."""

    def __init__(self, layer: str) -> None:
        self._layer = layer

    @property
    def allow_tf32(self) -> bool:
        """Whether float32 products may be rounded to TF32."""
        return allow_tf32[self._layer]

    @allow_tf32.setter
    def allow_tf32(self, allow: bool) -> None:
        if not isinstance(allow, bool):
            raise TypeError(f"allow_tf32 must be True or False, got {allow!r}")
        allow_tf32[self._layer] = allow


class _Cuda:
    """``backends.cuda``."""

    matmul = _Switch("linear")


cuda = _Cuda()
cudnn = _Switch("conv")  # the name is torch's: cuDNN itself is not used

_PRECISIONS = ("highest", "high", "medium")
_below_highest = "high"  # which of the lower two was asked for last


def set_float32_matmul_precision(precision: str) -> None:
    """Allows TF32 in linear layers, or no longer.

    Args:
        precision: ``"highest"`` for float32, ``"high"`` or ``"medium"`` for TF32.

    Raises:
        ValueError: for another word.

    As ``torch.set_float32_matmul_precision``, whose ``"medium"`` may also mean bfloat16.
    """
    global _below_highest
    if precision not in _PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, got {precision!r}")
    cuda.matmul.allow_tf32 = precision != "highest"
    if precision != "highest":
        _below_highest = precision


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` was given last, ``"highest"`` by default."""
    return _below_highest if cuda.matmul.allow_tf32 else "highest"
