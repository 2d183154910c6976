"""NumPy arrays in memory of their own that ends at an inaccessible page."""

from __future__ import annotations

import ctypes
import mmap
import weakref

import numpy as np

ALIGNMENT = 16  # of an array's last byte; vector accesses need it
_PAGE = mmap.PAGESIZE
_POISON = 0xFF  # NaN in every float format
_CANARY = 0xCB

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

# Bytes between an array's end and its fence, by the address where they start.
_slack: dict[int, np.ndarray] = {}


def fenced(nbytes: int) -> np.ndarray:
    """Poisoned bytes; touching what lies behind them is an error.

    The fence is exact to 16 bytes; :func:`overwritten` checks the few between.
    """
    padded = _round_up(max(nbytes, 1), ALIGNMENT)
    pages = _round_up(padded, _PAGE)
    total = pages + 2 * _PAGE
    base = _libc.mmap(
        None, total, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0
    )
    if base in (None, ctypes.c_void_p(-1).value):
        raise MemoryError(f"cannot map {total} bytes for an array")
    _libc.mprotect(base, _PAGE, 0)
    _libc.mprotect(base + _PAGE + pages, _PAGE, 0)
    start = base + _PAGE + pages - padded
    memory = (ctypes.c_char * padded).from_address(start)
    array = np.frombuffer(memory, np.uint8)
    array[:nbytes] = _POISON
    array[nbytes:] = _CANARY
    end = start + nbytes
    if nbytes < padded:
        # A view by address: it must not keep the memory alive.
        _slack[end] = np.frombuffer((ctypes.c_char * (padded - nbytes)).from_address(end), np.uint8)
    finalizer = weakref.finalize(memory, _release, base, total, end)
    finalizer.atexit = False  # others may still use it then
    return array[:nbytes]


def fenced_copy(array: np.ndarray) -> np.ndarray:
    """A C-contiguous copy of an array in fenced memory."""
    array = np.asarray(array)
    copy = fenced(array.nbytes).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def overwritten(end: int) -> bool:
    """Whether anything was written between an array's end address and its fence."""
    slack = _slack.get(end)
    return slack is not None and bool((slack != _CANARY).any())


def _release(base: int, total: int, end: int) -> None:
    _slack.pop(end, None)
    _libc.munmap(base, total)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
