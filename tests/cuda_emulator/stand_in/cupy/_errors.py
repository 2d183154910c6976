"""CuPy's errors about the GPU and its memory."""

from __future__ import annotations

MEMORY_ALLOCATION = 2  # a number of CUDA


class CUDARuntimeError(RuntimeError):
    """What CUDA refused; its number is ``status``."""

    def __init__(self, status: int | str) -> None:
        self.status = status
        super().__init__(
            "cudaErrorMemoryAllocation: out of memory" if status == MEMORY_ALLOCATION else status
        )


class OutOfMemoryError(MemoryError):
    """A pool got no memory from the GPU, or has reached its limit."""

    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        limited = f", limit set to: {limit:,} bytes" if limit else ""
        super().__init__(
            f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes{limited})."
        )
