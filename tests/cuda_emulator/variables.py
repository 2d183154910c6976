"""``__device__`` and ``__constant__`` variables: one memory for all kernels of a module."""

from __future__ import annotations

import ctypes
import re

import numpy as np

from .errors import UnsupportedPtx
from .ptx.layout import Layout
from .ptx.statements import TYPE_BYTES, Variable

_ALIGNMENT = 256


class Range(ctypes.Structure):
    """A piece of memory, EmuRange in runtime.h."""

    _fields_ = (("start", ctypes.c_void_p), ("bytes", ctypes.c_size_t))


class Variables:
    """Memory that holds variables, with their initial values.

    Args:
        variables: as the PTX declares them; ``ranges`` has the same order.
    """

    def __init__(self, variables: list[Variable]) -> None:
        layout = Layout.of(variables)
        self._memory = np.zeros(layout.nbytes + _ALIGNMENT, np.uint8)
        padding = -self._memory.ctypes.data % _ALIGNMENT
        self.ranges = (Range * max(1, len(variables)))()
        self.count = len(variables)
        for range_, variable in zip(self.ranges, variables):
            start = padding + layout.offsets[variable.name]
            values = np.frombuffer(_initial_bytes(variable), np.uint8)
            self._memory[start : start + values.size] = values
            range_.start = self._memory.ctypes.data + start
            range_.bytes = variable.nbytes


def _initial_bytes(variable: Variable) -> bytes:
    size = TYPE_BYTES[variable.type]
    return b"".join(_bits(value, size).to_bytes(size, "little") for value in variable.values)


def _bits(value: str, size: int) -> int:
    if bits := re.fullmatch(r"0[fFdD]([0-9a-fA-F]+)", value):
        return int(bits[1], 16)
    if not re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)U?", value):
        raise UnsupportedPtx(f"{value!r} as the initial value of a variable")
    return int(value.rstrip("U"), 0) % (1 << size * 8)
