"""PTX opcodes as C++: one function per opcode or family of opcodes."""

from . import arithmetic, bits, control, conversion, memory, warp  # noqa: F401 (they register)
from .registry import translate_operation

__all__ = ["translate_operation"]
