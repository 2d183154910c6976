"""Switches: readable or fast kernels, exact or fast products.

``use_kernels("plain")`` replaces the fast kernels by readable ones. ``backends.cpu.conv`` chooses how
convolutions are computed on the CPU. The other switches have the names of ``torch.backends``.

Tensor cores multiply float32 numbers with 10 bits of their mantissa (TF32), several times as fast
as with all 23. ``backends.cuda.matmul.allow_tf32`` allows this for linear layers and
``backends.cudnn.allow_tf32`` for convolutions. Both are False by default; torch's switch for
convolutions is True. The switches only affect CUDA, but can be set on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import kernels
from .absent import AbsentLibrary
from .devices import cuda_is_available
from .kernels.cpu import conv as cpu_conv
from .kernels.tf32 import allow_tf32

__all__ = [
    "cpu",
    "cuda",
    "cudnn",
    "get_float32_matmul_precision",
    "mkl",
    "mkldnn",
    "mps",
    "openmp",
    "set_float32_matmul_precision",
    "use_kernels",
]


class use_kernels:
    """Selects the kernels from here on, in all threads; as a ``with`` block only inside it.

    Args:
        name: ``"fast"``, or ``"plain"`` for the readable kernels in ``kernels/plain`` (on a GPU
            ``kernels/cuda/plain``). If they make a wrong result right, the bug is in a fast kernel.

    Raises:
        ValueError: for another name.

    ``MINICNN_KERNELS=plain`` in the environment does the same for a whole program.
    """

    def __init__(self, name: str) -> None:
        self._name, self._outside = name, kernels.selected()
        kernels.select(name)

    def __enter__(self) -> None:
        kernels.select(self._name)

    def __exit__(self, *exception: object) -> None:
        kernels.select(self._outside)


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


class _Cpu:
    """``backends.cpu``."""

    @property
    def conv(self) -> str:
        """How convolutions are computed: ``"im2col"``, where each window is computed by itself;
        ``"winograd"`` wherever it is possible; or ``"auto"``, what should be faster.

        Winograd's algorithm spreads a NaN over the tiles it lies in, so look for its origin with
        ``"im2col"``. A value that was set overrides ``MINICNN_CONV`` in the environment.
        """
        return cpu_conv.selected()

    @conv.setter
    def conv(self, algorithm: str) -> None:
        cpu_conv.select(algorithm)


class _Cuda:
    """``backends.cuda``."""

    matmul = _Switch("linear")

    def is_built(self) -> bool:
        """Whether there is a GPU that CuPy can use."""
        return cuda_is_available()


class _Cudnn(_Switch):
    """``backends.cudnn``: settings of a library that is not used, and ``allow_tf32``.

    ``benchmark``, ``deterministic`` and ``enabled`` can be set and change nothing: the kernels are
    minicnn's own, which always give the same numbers.
    """

    benchmark = False
    benchmark_limit: int | None = None
    deterministic = False
    enabled = True

    def is_available(self) -> bool:
        """Whether there is a GPU, as scripts ask before they set ``benchmark``."""
        return cuda_is_available()

    def version(self) -> int | None:
        """None: cuDNN is not used."""
        return None

    @contextmanager
    def flags(self, **settings: bool) -> Iterator[None]:
        """Changes settings inside a ``with`` block: ``flags(benchmark=True)``."""
        outside = {name: getattr(self, name) for name in settings}
        for name, value in settings.items():
            setattr(self, name, value)
        try:
            yield
        finally:
            for name, value in outside.items():
                setattr(self, name, value)


cpu = _Cpu()
cuda = _Cuda()
cudnn = _Cudnn("conv")
mps, mkl, mkldnn, openmp = (AbsentLibrary() for _ in range(4))

_PRECISIONS = ("highest", "high", "medium")
_below_highest = "high"  # which of the lower two was set last


def set_float32_matmul_precision(precision: str) -> None:
    """Allows or forbids TF32 in linear layers.

    Args:
        precision: ``"highest"`` for float32, ``"high"`` or ``"medium"`` for TF32.

    Raises:
        ValueError: for another name.

    As ``torch.set_float32_matmul_precision``, whose ``"medium"`` may also mean bfloat16.
    """
    global _below_highest
    if precision not in _PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, got {precision!r}")
    cuda.matmul.allow_tf32 = precision != "highest"
    if precision != "highest":
        _below_highest = precision


def get_float32_matmul_precision() -> str:
    """The precision set by :func:`set_float32_matmul_precision`, ``"highest"`` by default."""
    return _below_highest if cuda.matmul.allow_tf32 else "highest"
