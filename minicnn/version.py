"""The version of minicnn, and what it was built for, under the names of ``torch.version``."""

from __future__ import annotations

from .devices import cuda_is_available, cupy

__all__ = ["__version__", "cuda", "debug", "git_version", "hip"]

__version__ = "0.3.0"

cuda: str | None  # the version of CUDA, such as "13.0"; None without a GPU
debug = False
git_version = f"minicnn-{__version__}"
hip: str | None = None


def __getattr__(name: str) -> str | None:
    """``cuda``, which is only asked for when it is needed."""
    if name != "cuda":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not cuda_is_available():
        return None
    number = cupy().cuda.runtime.runtimeGetVersion()
    return f"{number // 1000}.{number % 1000 // 10}"
