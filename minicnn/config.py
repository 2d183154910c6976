"""What minicnn runs on, under the names of ``torch.__config__``."""

from __future__ import annotations

import platform

import numpy as np

from . import version
from .kernels.cpu.runtime.threads import num_threads

__all__ = ["parallel_info", "show"]


def show() -> str:
    """Versions of minicnn, Python, NumPy and CUDA, a line each."""
    return (
        f"minicnn {version.__version__}\n"
        f"  - Python {platform.python_version()}, {platform.platform()}\n"
        f"  - NumPy {np.__version__}\n"
        f"  - CUDA {version.cuda or 'not in use'}\n"
    )


def parallel_info() -> str:
    """The number of threads that compute."""
    return f"minicnn computes with {num_threads()} threads\n"
