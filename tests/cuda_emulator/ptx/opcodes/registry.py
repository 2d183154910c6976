"""Which function translates which opcode.

An opcode or modifier that nobody registered is refused, so that no instruction is executed with
its meaning half understood.
"""

from __future__ import annotations

from collections.abc import Callable

from ...errors import UnsupportedPtx
from ..operation import Operation

Translator = Callable[[Operation], str]
_TRANSLATORS: dict[str, tuple[Translator, frozenset[str]]] = {}


def translates(*opcodes: str, modifiers: str = "") -> Callable[[Translator], Translator]:
    """Registers a function that translates opcodes with these modifiers, or none, to C++."""

    def register(function: Translator) -> Translator:
        for opcode in opcodes:
            _TRANSLATORS[opcode] = (function, frozenset(modifiers.split()))
        return function

    return register


def translate_operation(op: Operation) -> str:
    """The C++ statement for an instruction."""
    if op.name not in _TRANSLATORS:
        raise UnsupportedPtx(f"opcode {op.name}")
    function, known = _TRANSLATORS[op.name]
    unknown = [modifier for modifier in op.modifiers if modifier not in known]
    if unknown:
        raise UnsupportedPtx(f"modifier .{unknown[0]} of {op.name}")
    return function(op)
