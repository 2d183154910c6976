"""``cvt``: from one type to another."""

from __future__ import annotations

from ...errors import UnsupportedPtx
from ..operation import C_TYPES, Operation
from .registry import translates

_ROUND_TO_INTEGER = {"rni": "nearbyint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}


@translates("cvt", modifiers="rn rz rm rp rna rni rzi rmi rpi ftz sat relu")
def _cvt(op: Operation) -> str:
    to, source = op.types
    if to in ("bf16x2", "f16x2"):
        return _cvt_pair(op)
    if to == "tf32":
        if not op.has("rna"):
            raise UnsupportedPtx("rounding to tf32 other than rna")
        return op.assign(f"float_to_tf32({op.value(1)})", kind="b32")
    value = op.value(1)
    if source in ("f16", "bf16"):
        function = "half_to_float" if source == "f16" else "bf16_to_float"
        value = f"{function}({value})"
        source = "f32"
    if to in ("f16", "bf16"):
        return op.assign(_narrow(op, to, source, value), kind=to)
    c_to = C_TYPES[to]
    from_float = source in ("f32", "f64")
    if to in ("f32", "f64"):
        value = _convert_to_float(op, to, source, value)
    elif from_float:
        rounding = op.one_of(*_ROUND_TO_INTEGER)
        if not rounding:
            raise UnsupportedPtx("conversion without rounding to an integer")
        function = _ROUND_TO_INTEGER[rounding]
        value = f"float_to_integer<{c_to}>({function}((double){value}))"
    elif op.has("sat"):
        raise UnsupportedPtx("saturating conversion between integers")
    else:
        value = f"({c_to}){value}"
    return op.assign(value, kind=to)


def _convert_to_float(op: Operation, to: str, source: str, value: str) -> str:
    to_integer = op.one_of(*_ROUND_TO_INTEGER)
    direction = op.one_of("rz", "rm", "rp")
    if to_integer and source in ("f32", "f64"):
        value = f"{_ROUND_TO_INTEGER[to_integer]}({value})"
    elif direction:
        # A 64-bit integer is not exact in double; nor would f64 be narrowed.
        if to != "f32" or source in ("s64", "u64"):
            raise UnsupportedPtx(f"rounding .{direction} from {source} to {to}")
        value = f"round_{direction}({{(double){value}, 0}})"
    value = f"({C_TYPES[to]}){value}"
    return f"saturate({value})" if op.has("sat") else value


def _narrow(op: Operation, to: str, source: str, value: str) -> str:
    """Convert to one 16-bit float."""
    if source != "f32" or op.one_of("rz", "rm", "rp", "sat"):
        raise UnsupportedPtx(f"conversion from {source} to {to}")
    if op.has("relu"):
        value = f"relu({value})"
    function = "float_to_half" if to == "f16" else "float_to_bf16"
    return f"{function}({value})"


def _cvt_pair(op: Operation) -> str:
    """cvt.rn.bf16x2.f32 %r1, high, low"""
    to = op.types[0].removesuffix("x2")
    high = _narrow(op, to, op.types[1], op.value(1))
    low = _narrow(op, to, op.types[1], op.value(2))
    return op.assign(f"(uint32_t){high} << 16 | {low}", kind="b32")
