"""Arithmetic and comparison of integers and floats."""

from __future__ import annotations

from ...errors import UnsupportedPtx
from ..operation import C_TYPES, Operation
from ..statements import TYPE_BYTES
from .registry import translates

_SYMBOLS = {"add": "+", "sub": "-", "mul": "*"}


@translates("add", "sub", modifiers="rn rz rm rp ftz sat cc")
def _add(op: Operation) -> str:
    if op.has("cc"):
        return _add_with_carry(op)
    return _plain_arithmetic(op)


@translates("addc", "subc", modifiers="cc")
def _add_with_carry(op: Operation) -> str:
    """Additions of numbers that take several registers; sub keeps a borrow as its carry."""
    unsigned = _unsigned(op)
    return _carried(op, op.value(1, unsigned), op.value(2, unsigned))


def _carried(op: Operation, a: str, b: str) -> str:
    """a + b (or -) with the carry flag, which opcodes with a c at their end add, and cc sets."""
    unsigned = _unsigned(op)
    function = "subtract" if op.name.startswith("sub") else "add"
    incoming = "carry_flag" if op.name.endswith("c") else "false"
    call = f"{function}_with_carry<{C_TYPES[unsigned]}>({a}, {b}, {incoming}, &carry)"
    keep = " carry_flag = carry;" if op.has("cc") else ""
    return f"{{ bool carry; {op.assign(call, kind=unsigned)}{keep} }}"


@translates("mul", modifiers="lo hi wide rn rz rm rp ftz sat")
def _mul(op: Operation) -> str:
    if op.is_float or op.has("lo"):
        return _plain_arithmetic(op)
    if op.has("wide"):
        product, kind = _wide_product(op)
        return op.assign(product, kind=kind)
    return op.assign(f"mul_hi<{op.c_type}>({op.value(1)}, {op.value(2)})")


@translates("mad", "madc", modifiers="lo hi wide rn ftz cc")
def _mad(op: Operation) -> str:
    if op.is_float:
        return _fma(op)
    if op.has("wide"):
        product, kind = _wide_product(op)
        total = f"({C_TYPES[kind]})({product} + {op.value(3, kind)})"
        return op.assign(total, kind=kind)
    unsigned = _unsigned(op)
    if op.has("hi"):
        product = f"mul_hi<{op.c_type}>({op.value(1)}, {op.value(2)})"
    else:
        product = f"{op.value(1, unsigned)} * {op.value(2, unsigned)}"
    if op.name == "madc" or op.has("cc"):
        return _carried(op, product, op.value(3, unsigned))
    return op.assign(f"({C_TYPES[unsigned]})({product} + {op.value(3, unsigned)})", kind=unsigned)


def _plain_arithmetic(op: Operation) -> str:
    symbol = _SYMBOLS[op.name]
    if not op.is_float:
        if op.has("sat"):
            raise UnsupportedPtx("saturating integer arithmetic")
        unsigned = _unsigned(op)
        value = f"{op.value(1, unsigned)} {symbol} {op.value(2, unsigned)}"
        return op.assign(f"({C_TYPES[unsigned]})({value})", kind=unsigned)
    a, b = op.value(1), op.value(2)
    direction = op.one_of("rz", "rm", "rp")
    if direction:
        op.require("f32")
        if op.name == "mul":
            exact = f"{{(double){a} * (double){b}, 0}}"
        else:
            exact = f"exact_sum((double){a}, {symbol}(double){b})"
        value = f"round_{direction}({exact})"
    else:
        value = f"{a} {symbol} {b}"
    return op.assign(f"saturate({value})" if op.has("sat") else value)


def _unsigned(op: Operation) -> str:
    """Return the unsigned type of the same size, which wraps around."""
    return f"u{TYPE_BYTES[op.type] * 8}"


def _wide_product(op: Operation) -> tuple[str, str]:
    kind = f"{op.type[0]}{TYPE_BYTES[op.type] * 16}"
    c_type = C_TYPES[kind]
    return f"({c_type}){op.value(1)} * ({c_type}){op.value(2)}", kind


@translates("fma", modifiers="rn rz rm rp ftz sat")
def _fma(op: Operation) -> str:
    if not op.is_float:
        raise UnsupportedPtx(f"fma of type {op.type}")
    a, b, c = op.value(1), op.value(2), op.value(3)
    direction = op.one_of("rz", "rm", "rp")
    if direction:
        op.require("f32")
        exact = f"exact_sum((double){a} * (double){b}, (double){c})"
        value = f"round_{direction}({exact})"
    else:
        value = f"fused_multiply_add({a}, {b}, {c})"
    return op.assign(f"saturate({value})" if op.has("sat") else value)


@translates("div", modifiers="rn full approx ftz")
def _div(op: Operation) -> str:
    if op.is_float:
        return op.assign(f"{op.value(1)} / {op.value(2)}")
    return op.assign(f"divide<{op.c_type}>({op.value(1)}, {op.value(2)}, {op.site})")


@translates("rem")
def _rem(op: Operation) -> str:
    return op.assign(f"remainder<{op.c_type}>({op.value(1)}, {op.value(2)}, {op.site})")


@translates("min", "max", modifiers="ftz NaN")
def _min_max(op: Operation) -> str:
    function = "minimum" if op.name == "min" else "maximum"
    template = "" if op.is_float else f"<{op.c_type}>"
    a, b = op.value(1), op.value(2)
    result = f"{function}{template}({a}, {b})"
    return op.assign(f"({a} != {a} || {b} != {b} ? NAN : {result})" if op.has("NaN") else result)


@translates("neg", modifiers="ftz")
def _neg(op: Operation) -> str:
    if op.is_float:
        return op.assign(f"-{op.value(1)}")
    unsigned = _unsigned(op)
    return op.assign(f"({C_TYPES[unsigned]})-{op.value(1, unsigned)}", kind=unsigned)


@translates("abs", modifiers="ftz")
def _abs(op: Operation) -> str:
    function = "fabs" if op.is_float else f"absolute<{op.c_type}>"
    return op.assign(f"({op.c_type}){function}({op.value(1)})")


@translates("copysign")
def _copysign(op: Operation) -> str:
    # PTX takes the sign from the first operand, C from the second.
    return op.assign(f"({op.c_type})copysign({op.value(2)}, {op.value(1)})")


# The approximate functions are computed exactly and then rounded.
_MATH = {
    "rcp": "1 / {}",
    "sqrt": "sqrt({})",
    "rsqrt": "1 / sqrt({})",
    "ex2": "exp2({})",
    "lg2": "log2({})",
    "sin": "sin({})",
    "cos": "cos({})",
    "tanh": "tanh({})",
}


@translates(*_MATH, modifiers="rn approx ftz")
def _math(op: Operation) -> str:
    op.require("f32", "f64")
    return op.assign(f"({op.c_type})({_MATH[op.name].format(op.value(1))})")


_COMPARISONS = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "lo": "<",
    "ls": "<=",
    "hi": ">",
    "hs": ">=",
}
_BOOLEANS = {"and": "&&", "or": "||", "xor": "!="}


@translates(
    "setp",
    modifiers="""
    eq ne lt le gt ge lo ls hi hs equ neu ltu leu gtu geu num nan
    and or xor ftz""",
)
def _setp(op: Operation) -> str:
    a, b = op.value(1), op.value(2)
    result = _compare(op.modifiers[0], a, b, op.is_float)
    combine = op.one_of(*_BOOLEANS)
    targets = op.operands[0].split("|")
    stores = op.store_in(targets[0], "result", "pred")
    if len(targets) > 1:
        if combine:
            raise UnsupportedPtx("setp with two results and a combination")
        stores += " " + op.store_in(targets[1], "!result", "pred")
    if combine:
        result = f"({result} {_BOOLEANS[combine]} {op.value(3, 'pred')})"
    return f"{{ bool result = {result}; {stores} }}"


def _compare(comparison: str, a: str, b: str, is_float: bool) -> str:
    """Compare as PTX does: ne is false for NaN, neu and its like are true."""
    unordered = f"({a} != {a} || {b} != {b})"
    if comparison == "nan":
        return unordered
    if comparison == "num":
        return f"!{unordered}"
    if is_float and len(comparison) == 3:
        symbol = _COMPARISONS[comparison[:2]]
        return f"({a} {symbol} {b} || {unordered})"
    result = f"({a} {_COMPARISONS[comparison]} {b})"
    if is_float and comparison == "ne":
        return f"({result} && !{unordered})"
    return result
