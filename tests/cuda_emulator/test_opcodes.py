"""Single PTX instructions against models in Python.

Every row is one inline PTX instruction in a kernel. Operands are edge cases and random numbers.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

import cuda_emulator

C_TYPES = {
    "u32": "unsigned",
    "s32": "int",
    "u64": "unsigned long long",
    "s64": "long long",
    "f32": "float",
    "f64": "double",
    "b16": "unsigned short",
}
CONSTRAINTS = {"u32": "r", "s32": "r", "u64": "l", "s64": "l", "f32": "f", "f64": "d", "b16": "h"}
DTYPES = {
    "u32": np.uint32,
    "s32": np.int32,
    "u64": np.uint64,
    "s64": np.int64,
    "f32": np.float32,
    "f64": np.float64,
    "b16": np.uint16,
}
BITS = {"u32": 32, "s32": 32, "u64": 64, "s64": 64, "b16": 16}


def wrap(value, kind):
    """Reduce an integer to the range of its type."""
    bits = BITS[kind]
    value %= 1 << bits
    if kind[0] == "s" and value >> (bits - 1):
        value -= 1 << bits
    return value


def shift_right(kind):
    return lambda a, n: wrap(a >> min(n, BITS[kind]), kind)


def extract(kind):
    """Model bfe, bit by bit as the PTX ISA has it."""
    bits = BITS[kind]

    def model(a, position, length):
        position, length = position & 255, length & 255
        a %= 1 << bits
        sign = 0
        if kind[0] == "s" and length:
            sign = a >> min(position + length - 1, bits - 1) & 1
        result = 0
        for i in range(bits):
            inside = i < length and position + i < bits
            result |= (a >> (position + i) & 1 if inside else sign) << i
        return wrap(result, kind)

    return model


def insert(kind):
    """Model bfi, bit by bit."""
    bits = BITS[kind]

    def model(field, into, position, length):
        position, length = position & 255, length & 255
        for i in range(length):
            if position + i < bits:
                into &= ~(1 << (position + i))
                into |= (field >> i & 1) << (position + i)
        return into

    return model


def highest_bit(kind, shift_amount=False):
    """Model bfind."""

    def model(a):
        if kind[0] == "s" and a < 0:
            a = ~a
        if a == 0:
            return 0xFFFFFFFF
        position = a.bit_length() - 1
        return BITS[kind] - 1 - position if shift_amount else position

    return model


def permute(a, b, selector):
    data = (a | b << 32).to_bytes(8, "little")
    result = 0
    for i in range(4):
        nibble = selector >> 4 * i & 15
        byte = data[nibble & 7]
        if nibble & 8:
            byte = 255 if byte & 128 else 0
        result |= byte << 8 * i
    return result


def funnel(left, wraps):
    def model(low, high, count):
        count = count & 31 if wraps else min(count, 32)
        both = high << 32 | low
        shifted = both << count >> 32 if left else both >> count
        return shifted & 0xFFFFFFFF

    return model


def truncated_division(a, b):
    if b == 0:
        return 0  # rows with division avoid it
    quotient = abs(a) // abs(b)
    return wrap(quotient if (a < 0) == (b < 0) else -quotient, "s32")


def to_integer(kind, function):
    low = -(1 << (BITS[kind] - 1)) if kind[0] == "s" else 0
    high = (1 << (BITS[kind] - (kind[0] == "s"))) - 1

    def model(x):
        if math.isnan(x):
            return 0
        if math.isinf(x):
            return high if x > 0 else low
        return min(max(function(x), low), high)

    return model


def directed(operation, direction):
    """Round the exact result down, up or towards zero."""

    def model(*operands):
        if not all(map(math.isfinite, operands)):
            return None  # not compared
        exact = operation(*map(Fraction, map(float, operands)))
        if exact == 0 or abs(exact) > Fraction(3.4e38):
            return None
        nearest = np.float32(float(exact))
        value = Fraction(float(nearest))
        down = exact > 0 if direction == "rz" else direction == "rm"
        if down and value > exact:
            nearest = np.nextafter(nearest, np.float32(-np.inf))
        elif not down and value < exact:
            nearest = np.nextafter(nearest, np.float32(np.inf))
        return nearest

    return model


def bfloat16_bits(x):
    x = np.float32(x)
    bits = int(x.view(np.uint32))
    if np.isnan(x):
        return 0x7FFF
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def half_bits(x):
    if math.isnan(x):
        return 0x7FFF
    return int(np.float16(x).view(np.uint16))


def relu(x):
    return x if math.isnan(x) or x > 0 else 0.0


def compare(function, unordered):
    def model(a, b):
        if math.isnan(a) or math.isnan(b):
            return int(unordered)
        return int(function(a, b))

    return model


# name: (PTX, operand types, result type, model); %0 is the result.
ROWS = {
    "mul.hi.s32": ("mul.hi.s32 %0, %1, %2;", "s32 s32", "s32", lambda a, b: a * b >> 32),
    "mul.hi.u64": ("mul.hi.u64 %0, %1, %2;", "u64 u64", "u64", lambda a, b: a * b >> 64),
    "mul.hi.s64": ("mul.hi.s64 %0, %1, %2;", "s64 s64", "s64", lambda a, b: a * b >> 64),
    "mul.wide.s32": ("mul.wide.s32 %0, %1, %2;", "s32 s32", "s64", lambda a, b: a * b),
    "mad.lo.s32": (
        "mad.lo.s32 %0, %1, %2, %3;",
        "s32 s32 s32",
        "s32",
        lambda a, b, c: wrap(a * b + c, "s32"),
    ),
    "mad.wide.u32": (
        "mad.wide.u32 %0, %1, %2, %3;",
        "u32 u32 u64",
        "u64",
        lambda a, b, c: wrap(a * b + c, "u64"),
    ),
    "mad.hi.u32": (
        "mad.hi.u32 %0, %1, %2, %3;",
        "u32 u32 u32",
        "u32",
        lambda a, b, c: wrap((a * b >> 32) + c, "u32"),
    ),
    "add.cc": (
        "{ .reg .u32 t; add.cc.u32 t, %1, %2; addc.u32 %0, %3, %3; }",
        "u32 u32 u32",
        "u32",
        lambda a, b, c: wrap(2 * c + (a + b >> 32), "u32"),
    ),
    "sub.cc": (
        "{ .reg .u64 t; sub.cc.u64 t, %1, %2; subc.cc.u64 t, 0, 0; subc.u64 %0, %3, 0; }",
        "u64 u64 u64",
        "u64",
        lambda a, b, c: wrap(c - (a < b), "u64"),
    ),
    "mad.cc": (
        "{ .reg .u32 t; mad.lo.cc.u32 t, %1, %2, %3; madc.hi.u32 %0, %1, %2, 0; }",
        "u32 u32 u32",
        "u32",
        lambda a, b, c: a * b + c >> 32,
    ),
    "div.s32": (
        (
            "{ .reg .pred p; .reg .s32 d; setp.eq.s32 p, %2, 0; "
            "selp.s32 d, 1, %2, p; div.s32 %0, %1, d; "
            "selp.s32 %0, 0, %0, p; }"
        ),
        "s32 s32",
        "s32",
        truncated_division,
    ),
    "neg.s32": ("neg.s32 %0, %1;", "s32", "s32", lambda a: wrap(-a, "s32")),
    "abs.s32": ("abs.s32 %0, %1;", "s32", "s32", lambda a: wrap(abs(a), "s32")),
    "min.u32": ("min.u32 %0, %1, %2;", "u32 u32", "u32", min),
    "max.s32": ("max.s32 %0, %1, %2;", "s32 s32", "s32", max),
    "shl.b32": (
        "shl.b32 %0, %1, %2;",
        "u32 u32",
        "u32",
        lambda a, n: 0 if n > 31 else wrap(a << n, "u32"),
    ),
    "shl.b64": (
        "shl.b64 %0, %1, %2;",
        "u64 u32",
        "u64",
        lambda a, n: 0 if n > 63 else wrap(a << n, "u64"),
    ),
    "shr.u32": ("shr.u32 %0, %1, %2;", "u32 u32", "u32", shift_right("u32")),
    "shr.s32": ("shr.s32 %0, %1, %2;", "s32 u32", "s32", shift_right("s32")),
    "shr.s64": ("shr.s64 %0, %1, %2;", "s64 u32", "s64", shift_right("s64")),
    "shf.l.wrap": ("shf.l.wrap.b32 %0, %1, %2, %3;", "u32 u32 u32", "u32", funnel(True, True)),
    "shf.l.clamp": ("shf.l.clamp.b32 %0, %1, %2, %3;", "u32 u32 u32", "u32", funnel(True, False)),
    "shf.r.wrap": ("shf.r.wrap.b32 %0, %1, %2, %3;", "u32 u32 u32", "u32", funnel(False, True)),
    "shf.r.clamp": ("shf.r.clamp.b32 %0, %1, %2, %3;", "u32 u32 u32", "u32", funnel(False, False)),
    "bfe.u32": ("bfe.u32 %0, %1, %2, %3;", "u32 u32 u32", "u32", extract("u32")),
    "bfe.s32": ("bfe.s32 %0, %1, %2, %3;", "s32 u32 u32", "s32", extract("s32")),
    "bfe.u64": ("bfe.u64 %0, %1, %2, %3;", "u64 u32 u32", "u64", extract("u64")),
    "bfe.s64": ("bfe.s64 %0, %1, %2, %3;", "s64 u32 u32", "s64", extract("s64")),
    "bfi.b32": ("bfi.b32 %0, %1, %2, %3, %4;", "u32 u32 u32 u32", "u32", insert("u32")),
    "bfi.b64": ("bfi.b64 %0, %1, %2, %3, %4;", "u64 u64 u32 u32", "u64", insert("u64")),
    "bfind.u32": ("bfind.u32 %0, %1;", "u32", "u32", highest_bit("u32")),
    "bfind.s64": ("bfind.s64 %0, %1;", "s64", "u32", highest_bit("s64")),
    "bfind.shiftamt": ("bfind.shiftamt.u32 %0, %1;", "u32", "u32", highest_bit("u32", True)),
    "clz.b32": ("clz.b32 %0, %1;", "u32", "u32", lambda a: 32 - a.bit_length()),
    "clz.b64": ("clz.b64 %0, %1;", "u64", "u32", lambda a: 64 - a.bit_length()),
    "popc.b64": ("popc.b64 %0, %1;", "u64", "u32", int.bit_count),
    "brev.b64": ("brev.b64 %0, %1;", "u64", "u64", lambda a: int(f"{a:064b}"[::-1], 2)),
    "prmt.b32": ("prmt.b32 %0, %1, %2, %3;", "u32 u32 u32", "u32", permute),
    "lop3.b32": (
        "lop3.b32 %0, %1, %2, %3, 0xD8;",
        "u32 u32 u32",
        "u32",
        lambda a, b, c: (c & b | ~c & a) & 0xFFFFFFFF,
    ),
    "not.b64": ("not.b64 %0, %1;", "u64", "u64", lambda a: a ^ 0xFFFFFFFFFFFFFFFF),
    "mov pack": ("mov.b64 %0, {%1, %2};", "u32 u32", "u64", lambda a, b: a | b << 32),
    "mov unpack": ("{ .reg .b32 low; mov.b64 {low, %0}, %1; }", "u64", "u32", lambda a: a >> 32),
    "cvt.s8": (
        "{ .reg .s32 t; cvt.s32.s8 t, %1; mov.b32 %0, t; }",
        "s32",
        "s32",
        lambda a: (a & 255) - (a & 128) * 2,
    ),
    "cvt.rni.s32.f32": ("cvt.rni.s32.f32 %0, %1;", "f32", "s32", to_integer("s32", round)),
    "cvt.rzi.u32.f32": ("cvt.rzi.u32.f32 %0, %1;", "f32", "u32", to_integer("u32", math.trunc)),
    "cvt.rmi.s32.f32": ("cvt.rmi.s32.f32 %0, %1;", "f32", "s32", to_integer("s32", math.floor)),
    "cvt.rpi.s32.f64": ("cvt.rpi.s32.f64 %0, %1;", "f64", "s32", to_integer("s32", math.ceil)),
    "cvt.rn.f32.s64": ("cvt.rn.f32.s64 %0, %1;", "s64", "f32", np.float32),
    "cvt.rn.f32.f64": ("cvt.rn.f32.f64 %0, %1;", "f64", "f32", np.float32),
    "cvt.rz.f32.f64": ("cvt.rz.f32.f64 %0, %1;", "f64", "f32", directed(lambda a: a, "rz")),
    "cvt.rn.f16.f32": ("cvt.rn.f16.f32 %0, %1;", "f32", "b16", half_bits),
    "cvt.f32.f16": ("cvt.f32.f16 %0, %1;", "b16", "f32", lambda a: np.uint16(a).view(np.float16)),
    "cvt.rn.bf16x2.f32": (
        "cvt.rn.bf16x2.f32 %0, %1, %2;",
        "f32 f32",
        "u32",
        lambda a, b: bfloat16_bits(a) << 16 | bfloat16_bits(b),
    ),
    "cvt.rn.relu.f16x2.f32": (
        "cvt.rn.relu.f16x2.f32 %0, %1, %2;",
        "f32 f32",
        "u32",
        lambda a, b: half_bits(relu(a)) << 16 | half_bits(relu(b)),
    ),
    "cvt.sat.f32": (
        "cvt.sat.f32.f32 %0, %1;",
        "f32",
        "f32",
        lambda a: min(a, 1.0) if a > 0 else 0.0,
    ),
    "add.rz.f32": ("add.rz.f32 %0, %1, %2;", "f32 f32", "f32", directed(lambda a, b: a + b, "rz")),
    "sub.rp.f32": ("sub.rp.f32 %0, %1, %2;", "f32 f32", "f32", directed(lambda a, b: a - b, "rp")),
    "fma.rm.f32": (
        "fma.rm.f32 %0, %1, %2, %3;",
        "f32 f32 f32",
        "f32",
        directed(lambda a, b, c: a * b + c, "rm"),
    ),
    "mul.rm.f32": ("mul.rm.f32 %0, %1, %2;", "f32 f32", "f32", directed(lambda a, b: a * b, "rm")),
    "mul.rp.f32": ("mul.rp.f32 %0, %1, %2;", "f32 f32", "f32", directed(lambda a, b: a * b, "rp")),
    "copysign.f32": (
        "copysign.f32 %0, %1, %2;",
        "f32 f32",
        "f32",
        lambda a, b: np.copysign(np.float32(b), np.float32(a)),
    ),
    "max.NaN.f32": ("max.NaN.f32 %0, %1, %2;", "f32 f32", "f32", np.maximum),
    "min.f32": ("min.f32 %0, %1, %2;", "f32 f32", "f32", np.fmin),
    "setp.ne.f32": (
        "{ .reg .pred p; setp.ne.f32 p, %1, %2; selp.u32 %0, 1, 0, p; }",
        "f32 f32",
        "u32",
        compare(lambda a, b: a != b, False),
    ),
    "setp.ltu.f32": (
        "{ .reg .pred p; setp.ltu.f32 p, %1, %2; selp.u32 %0, 1, 0, p; }",
        "f32 f32",
        "u32",
        compare(lambda a, b: a < b, True),
    ),
    "setp.nan.f32": (
        "{ .reg .pred p; setp.nan.f32 p, %1, %2; selp.u32 %0, 1, 0, p; }",
        "f32 f32",
        "u32",
        compare(lambda a, b: False, True),
    ),
    "setp.hi.u32": (
        "{ .reg .pred p; setp.hi.u32 p, %1, %2; selp.u32 %0, 1, 0, p; }",
        "u32 u32",
        "u32",
        lambda a, b: int(a > b),
    ),
    "setp.lt|ge": (
        "{ .reg .pred p, q; setp.lt.s32 p|q, %1, %2; selp.u32 %0, 1, 0, q; }",
        "s32 s32",
        "u32",
        lambda a, b: int(a >= b),
    ),
    "setp.and": (
        (
            "{ .reg .pred p, q; setp.gt.s32 q, %2, 0; "
            "setp.lt.and.s32 p, %1, %2, q; selp.u32 %0, 1, 0, p; }"
        ),
        "s32 s32",
        "u32",
        lambda a, b: int(a < b and b > 0),
    ),
}


def signature(row):
    """Rows with the same types share a kernel."""
    _, operand_types, result_type, _ = row
    return f"{operand_types} {result_type}".replace(" ", "_")


def kernel_source(name, rows):
    """One kernel for rows of one signature, which it tells by their numbers."""
    _, operand_types, result_type, _ = rows[0][1]
    types = operand_types.split()
    parameters = "".join(f"const {C_TYPES[kind]}* a{i}, " for i, kind in enumerate(types))
    operands = ", ".join(f'"{CONSTRAINTS[kind]}"(a{i}[i])' for i, kind in enumerate(types))
    cases = "\n".join(
        f'    case {number}: asm volatile("{ptx}" : "=&{CONSTRAINTS[result_type]}"(out) '
        f": {operands}); break;"
        for number, (ptx, *_) in rows
    )
    return f"""
extern "C" __global__ void {name}(int row, {parameters}{C_TYPES[result_type]}* result) {{
  int i = threadIdx.x;
  {C_TYPES[result_type]} out;
  switch (row) {{
{cases}
  }}
  result[i] = out;
}}
"""


@pytest.fixture(scope="module")
def module():
    groups = {}
    for number, row in enumerate(ROWS.values()):
        groups.setdefault(signature(row), []).append((number, row))
    return cuda_emulator.Module("".join(kernel_source(*group) for group in groups.items()))


def operands(kind, rng, count):
    dtype = DTYPES[kind]
    if kind[0] == "f":
        values = rng.standard_normal(count) * 10.0 ** rng.integers(-6, 12, count)
        values = values.astype(dtype)
        edges = [
            0.0,
            -0.0,
            0.5,
            1.5,
            2.5,
            -2.5,
            np.inf,
            -np.inf,
            np.nan,
            65504,
            65520,
            1e-7,
            3e9,
            -3e9,
        ]
    else:
        bits = BITS[kind]
        low = -(1 << (bits - 1)) if kind[0] == "s" else 0
        high = (1 << (bits - (kind[0] == "s"))) - 1
        values = rng.integers(low, high, count, dtype=dtype, endpoint=True)
        small = rng.random(count) < 0.5  # shift counts, positions, lengths
        values[small] %= 40
        edges = [0, 1, high, low, 31, 32, 33]
    chosen = rng.random(count) < 0.3
    values[chosen] = rng.choice(np.array(edges, dtype), count)[chosen]
    return values


@pytest.mark.parametrize("name", ROWS)
def test_opcode(module, name):
    number = list(ROWS).index(name)
    _, operand_types, result_type, model = ROWS[name]
    rng = np.random.default_rng(number)
    count = 512
    arrays = [operands(kind, rng, count) for kind in operand_types.split()]
    result = np.empty(count, DTYPES[result_type])
    kernel = module.get(signature(ROWS[name]))
    kernel((1,), (count,), (np.int32(number), *arrays, result))
    for i in range(count):
        values = [array[i].item() for array in arrays]
        with np.errstate(all="ignore"):
            expected = model(*values)
        if expected is None:
            continue
        got = result[i]
        expected = np.asarray(expected).astype(result.dtype)
        same = got == expected or (np.isnan(got) and np.isnan(expected))
        assert same, f"{values}: {got}, not {expected}"
        if result_type == "f32" and got == 0 and name[:3] not in ("min", "max"):
            assert np.signbit(got) == np.signbit(expected), values
