"""Logic, shifts, and other work on the bits of a register."""

from __future__ import annotations

from ..operation import Operation
from .registry import translates

_BITWISE = {"and": "&", "or": "|", "xor": "^"}


@translates("and", "or", "xor")
def _bitwise(op: Operation) -> str:
    return op.assign(f"({op.c_type})({op.value(1)} {_BITWISE[op.name]} {op.value(2)})")


@translates("not")
def _not(op: Operation) -> str:
    symbol = "!" if op.type == "pred" else f"({op.c_type})~"
    return op.assign(f"{symbol}{op.value(1)}")


@translates("shl", "shr")
def _shift(op: Operation) -> str:
    function = "shift_left" if op.name == "shl" else "shift_right"
    return op.assign(f"{function}<{op.c_type}>({op.value(1)}, {op.value(2, 'u32')})")


@translates("shf", modifiers="l r wrap clamp")
def _shf(op: Operation) -> str:
    left = "true" if op.has("l") else "false"
    wrap = "true" if op.has("wrap") else "false"
    return op.assign(f"funnel_shift({op.value(1)}, {op.value(2)}, {op.value(3)}, {left}, {wrap})")


@translates("bfe")
def _bfe(op: Operation) -> str:
    return op.assign(
        f"extract_bits<{op.c_type}>({op.value(1)}, {op.value(2, 'u32')}, {op.value(3, 'u32')})"
    )


@translates("bfi")
def _bfi(op: Operation) -> str:
    return op.assign(
        f"insert_bits<{op.c_type}>({op.value(1)}, {op.value(2)}, "
        f"{op.value(3, 'u32')}, {op.value(4, 'u32')})"
    )


@translates("bfind", modifiers="shiftamt")
def _bfind(op: Operation) -> str:
    shift = "true" if op.has("shiftamt") else "false"
    return op.assign(f"find_highest_bit<{op.c_type}>({op.value(1)}, {shift})", kind="u32")


@translates("prmt")
def _prmt(op: Operation) -> str:
    return op.assign(f"permute_bytes({op.value(1)}, {op.value(2)}, {op.value(3)})")


@translates("lop3")
def _lop3(op: Operation) -> str:
    return op.assign(f"lop3({op.value(1)}, {op.value(2)}, {op.value(3)}, {op.value(4)})")


@translates("popc")
def _popc(op: Operation) -> str:
    return op.assign(f"__builtin_popcountll({op.value(1)})", kind="u32")


@translates("clz")
def _clz(op: Operation) -> str:
    return op.assign(f"count_leading_zeros({op.value(1)})", kind="u32")


@translates("brev")
def _brev(op: Operation) -> str:
    return op.assign(f"reverse_bits({op.value(1)})")
