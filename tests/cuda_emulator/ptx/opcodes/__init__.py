"""PTX opcodes as C++: one function per opcode or family of opcodes."""

from . import (  # noqa: F401 (they register)
    arithmetic,
    bits,
    control,
    conversion,
    memory,
    warp,
    warpgroup,
)
from .registry import translate_operation

__all__ = ["translate_operation"]
