"""PTX opcodes as C++: one function per opcode or family of opcodes.

To add an opcode, write a function that returns the C++ statement and register
it with @translates. An opcode or modifier nobody registered is refused, so
that no instruction is executed with its meaning half understood.
"""

from __future__ import annotations

from collections.abc import Callable

from .ptx_operation import C_TYPES, Operation
from .ptx_parser import TYPE_BYTES, UnsupportedPtx

Translator = Callable[[Operation], str]
_TRANSLATORS: dict[str, tuple[Translator, frozenset[str]]] = {}


def translates(*opcodes: str, modifiers: str = ""):
    """Register a function for opcodes with these modifiers, or none."""

    def register(function: Translator) -> Translator:
        for opcode in opcodes:
            _TRANSLATORS[opcode] = (function, frozenset(modifiers.split()))
        return function

    return register


def translate_operation(op: Operation) -> str:
    """Return the C++ statement for an instruction."""
    if op.name not in _TRANSLATORS:
        raise UnsupportedPtx(f"opcode {op.name}")
    function, known = _TRANSLATORS[op.name]
    unknown = [modifier for modifier in op.modifiers if modifier not in known]
    if unknown:
        raise UnsupportedPtx(f"modifier .{unknown[0]} of {op.name}")
    return function(op)


def supported_opcodes() -> dict[str, list[str]]:
    """Return each opcode with the modifiers it may have."""
    return {opcode: sorted(modifiers) for opcode, (_, modifiers) in sorted(_TRANSLATORS.items())}


# control flow


@translates("ret", "exit", modifiers="uni")
def _ret(op: Operation) -> str:
    return "return;"


@translates("bra", modifiers="uni")
def _bra(op: Operation) -> str:
    return f"goto {op.label(0)};"


@translates("trap")
def _trap(op: Operation) -> str:
    return op.at_site('emu_fail("trap");')


# moving data


@translates("mov")
def _mov(op: Operation) -> str:
    if op.operands[0].startswith("{"):
        return _unpack(op)
    if op.operands[1].startswith("{"):
        return _pack(op)
    return op.assign(op.value(1))


def _unpack(op: Operation) -> str:
    """mov.b64 {%r1, %r2}, %rd1"""
    parts = op.vector(0)
    bits = TYPE_BYTES[op.type] * 8
    width = bits // len(parts)
    stores = " ".join(
        op.store_in(part, f"(uint{width}_t)(whole >> {i * width})", f"b{width}")
        for i, part in enumerate(parts)
    )
    whole = op.value(1, f"b{bits}")
    return f"{{ uint{bits}_t whole = {whole}; {stores} }}"


def _pack(op: Operation) -> str:
    """mov.b64 %rd1, {%r1, %r2}"""
    parts = op.vector(1)
    bits = TYPE_BYTES[op.type] * 8
    width = bits // len(parts)
    terms = []
    for i, part in enumerate(parts):
        value = op.expression(part, f"b{width}")
        terms.append(f"(uint{bits}_t){value} << {i * width}")
    return op.assign(" | ".join(terms), kind=f"b{bits}")


@translates(
    "ld",
    modifiers="""
    global shared local param const shared::cta param::entry nc volatile weak
    relaxed acquire cta gpu sys v2 v4 v8 ca cg cs lu cv L1::no_allocate
    L1::evict_first L1::evict_last L1::evict_normal L1::evict_unchanged
    L2::64B L2::128B L2::256B""",
)
def _ld(op: Operation) -> str:
    parts = op.vector(0)
    size = TYPE_BYTES[op.type]
    if op.space == "param":
        address = op.parameter(1)
    else:
        access = "EMU_READ"
        if op.has("nc"):
            access = "EMU_READ_CONSTANT"
        elif op.one_of("relaxed", "acquire"):
            access = "EMU_ATOMIC"
        address = op.address(1, size * len(parts), access)
    if len(parts) == 1:
        return op.assign(f"get<{op.c_type}>({address})")
    loads = " ".join(
        op.store_in(part, f"get<{op.c_type}>(from + {i * size})", op.type)
        for i, part in enumerate(parts)
    )
    return f"{{ const char* from = {address}; {loads} }}"


@translates(
    "st",
    modifiers="""
    global shared local shared::cta volatile weak relaxed release cta gpu sys
    v2 v4 v8 wb cg cs wt L1::no_allocate L1::evict_first L1::evict_last
    L1::evict_normal L1::evict_unchanged""",
)
def _st(op: Operation) -> str:
    parts = op.vector(1)
    size = TYPE_BYTES[op.type]
    access = "EMU_WRITE"
    if op.one_of("relaxed", "release"):
        access = "EMU_ATOMIC"
    address = op.address(0, size * len(parts), access)
    stores = " ".join(
        f"put<{op.c_type}>(to + {i * size}, {op.expression(part, op.type)});"
        for i, part in enumerate(parts)
    )
    return f"{{ char* to = {address}; {stores} }}"


@translates("cvta", modifiers="to global shared shared::cta local const param")
def _cvta(op: Operation) -> str:
    if op.space == "param":
        raise UnsupportedPtx("the address of a kernel parameter")
    if op.space != "shared":
        return op.assign(op.value(1))
    sign = "-" if op.has("to") else "+"
    return op.assign(f"{op.value(1)} {sign} (uint64_t)emu_shared")


@translates("prefetch", "prefetchu", modifiers="global local L1 L2 L2::evict_last L2::evict_normal")
def _prefetch(op: Operation) -> str:
    return ";"


@translates("selp")
def _selp(op: Operation) -> str:
    return op.assign(f"{op.value(3, 'pred')} ? {op.value(1)} : {op.value(2)}")


# conversion

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


# comparison

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


# arithmetic

_SYMBOLS = {"add": "+", "sub": "-", "mul": "*"}


@translates("add", "sub", modifiers="rn rz rm rp ftz sat")
def _add(op: Operation) -> str:
    return _plain_arithmetic(op)


@translates("mul", modifiers="lo hi wide rn rz rm rp ftz sat")
def _mul(op: Operation) -> str:
    if op.is_float or op.has("lo"):
        return _plain_arithmetic(op)
    if op.has("wide"):
        product, kind = _wide_product(op)
        return op.assign(product, kind=kind)
    return op.assign(f"mul_hi<{op.c_type}>({op.value(1)}, {op.value(2)})")


@translates("mad", modifiers="lo hi wide rn ftz")
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


@translates("min", "max", modifiers="ftz")
def _min_max(op: Operation) -> str:
    function = "minimum" if op.name == "min" else "maximum"
    template = "" if op.is_float else f"<{op.c_type}>"
    return op.assign(f"{function}{template}({op.value(1)}, {op.value(2)})")


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


# bits

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


# barriers and fences


@translates("bar", "barrier", modifiers="sync red warp cta aligned popc and or")
def _bar(op: Operation) -> str:
    if op.has("warp"):
        mask = op.value(0, "u32")
        return op.at_site(f'emu_collective({mask}, "bar.warp.sync", nullptr, nullptr);')
    if op.has("red"):
        return _bar_red(op)
    count = op.value(1, "s32") if len(op.operands) > 1 else "-1"
    return op.at_site(f"emu_barrier({op.value(0, 's32')}, {count}, false);")


def _bar_red(op: Operation) -> str:
    """bar.red.and.pred %p2, barrier[, count], %p1"""
    count = op.value(2, "s32") if len(op.operands) > 3 else "-1"
    vote = op.expression(op.operands[-1], "pred")
    if op.has("and"):
        vote = f"!({vote})"
    votes = f"emu_barrier({op.value(1, 's32')}, {count}, {vote})"
    if op.has("and"):
        votes = f"{votes} == 0"
    elif op.has("or"):
        votes = f"{votes} != 0"
    return op.at_site(op.assign(votes))


@translates(
    "membar",
    "fence",
    "nanosleep",
    modifiers="""
    cta gl gpu sys sc acq_rel acquire release""",
)
def _no_operation(op: Operation) -> str:
    return ";"


# warp collectives


@translates("shfl", modifiers="sync idx up down bfly")
def _shfl(op: Operation) -> str:
    mode = op.one_of("idx", "up", "down", "bfly").upper()
    targets = op.operands[0].split("|")
    call = (
        f"emu_shuffle(EMU_SHUFFLE_{mode}, {op.value(4)}, {op.value(1)}, "
        f"{op.value(2)}, {op.value(3)}, &in_range)"
    )
    statement = op.store_in(targets[0], call, op.type)
    if len(targets) > 1:
        statement += " " + op.store_in(targets[1], "in_range", "pred")
    return f"{{ bool in_range; {op.at_site(statement)} }}"


@translates("vote", modifiers="sync ballot any all uni")
def _vote(op: Operation) -> str:
    mask = op.value(2, "u32")
    call = f"emu_ballot({mask}, {op.value(1, 'pred')})"
    if op.has("ballot"):
        return op.at_site(op.assign(call))
    result = {"any": "ballot != 0", "all": "ballot == mask", "uni": "ballot == 0 || ballot == mask"}
    store = op.assign(result[op.one_of("any", "all", "uni")])
    return op.at_site(f"{{ uint32_t mask = {mask}; uint32_t ballot = {call}; {store} }}")


@translates("redux", modifiers="sync add min max and or xor")
def _redux(op: Operation) -> str:
    operation = op.one_of("add", "min", "max", "and", "or", "xor").upper()
    if operation in ("MIN", "MAX"):
        operation += f"_{op.type.upper()}"
    op.require("s32", "u32", "b32")
    call = f"emu_reduce(EMU_REDUCE_{operation}, {op.value(2, 'u32')}, {op.value(1, 'u32')})"
    return op.at_site(op.assign(call, kind="u32"))


@translates("activemask")
def _activemask(op: Operation) -> str:
    raise UnsupportedPtx("activemask, whose result is not well defined (pass an explicit mask)")


# atomics

_ATOMICS = {
    "add": "old + value",
    "exch": "value",
    "min": "minimum(old, value)",
    "max": "maximum(old, value)",
    "and": "old & value",
    "or": "old | value",
    "xor": "old ^ value",
    "inc": "old >= value ? 0 : old + 1",
    "dec": "old == 0 || old > value ? value : old - 1",
    "cas": "old == expected ? value : old",
}


@translates(
    "atom",
    "red",
    modifiers=" ".join(_ATOMICS)
    + """
    global shared shared::cta relaxed acquire release acq_rel cta gpu sys""",
)
def _atom(op: Operation) -> str:
    operation = op.one_of(*_ATOMICS)
    wanted = op.name == "atom"  # red has no result
    first = 2 if wanted else 1
    names = ["expected", "value"] if operation == "cas" else ["value"]
    if op.is_float and operation not in ("add", "exch"):
        raise UnsupportedPtx(f"atom.{operation} of type {op.type}")
    if TYPE_BYTES[op.type] < 4:
        raise UnsupportedPtx(f"atom of type {op.type}")
    address = op.address(first - 1, TYPE_BYTES[op.type], "EMU_ATOMIC")
    values = " ".join(
        f"{op.c_type} {name} = {op.value(first + i)};" for i, name in enumerate(names)
    )
    call = (
        f"atomic<{op.c_type}>({address}, [=]({op.c_type} old) -> "
        f"{op.c_type} {{ return {_ATOMICS[operation]}; }})"
    )
    statement = op.assign(call) if wanted else f"{call};"
    return f"{{ {values} {statement} }}"


# asynchronous copies


@translates(
    "cp",
    modifiers="""
    async ca cg shared shared::cta global commit_group wait_group wait_all
    L2::64B L2::128B L2::256B""",
)
def _cp_async(op: Operation) -> str:
    if op.has("commit_group"):
        return "emu_cp_async_commit();"
    if op.has("wait_group"):
        return op.at_site(f"emu_cp_async_wait({op.value(0, 's32')});")
    if op.has("wait_all"):
        return op.at_site("emu_cp_async_wait(-1);")
    size = int(op.operands[2])
    if size not in ((16,) if op.has("cg") else (4, 8, 16)):
        raise UnsupportedPtx(f"cp.async of {size} bytes")
    destination = op.address(0, size, "EMU_WRITE", "shared")
    source = op.address_value(1, "global")
    source_bytes = f"{size}u"
    if len(op.operands) > 3:
        if op.is_predicate(3):  # true: ignore the source
            source_bytes = f"{op.value(3, 'pred')} ? 0 : {size}u"
        else:
            source_bytes = op.value(3, "u32")
    return op.at_site(
        f"emu_cp_async({destination}, (const char*)({source}), {size}, {source_bytes});"
    )


# matrices


@translates(
    "ldmatrix",
    modifiers="""
    sync aligned m8n8 x1 x2 x4 trans shared shared::cta""",
)
def _ldmatrix(op: Operation) -> str:
    parts = op.vector(0)
    count = len(parts)
    trans = "true" if op.has("trans") else "false"
    # Only the first 8 * count lanes give row addresses.
    row = op.address(1, 16, "EMU_READ", "shared")
    stores = " ".join(op.store_in(part, f"tile[{i}]", "b32") for i, part in enumerate(parts))
    return (
        f"{{ uint32_t tile[4]; "
        f"const char* row = emu_current->lane < {8 * count} "
        f"? {row} : nullptr; "
        + op.at_site(f"emu_ldmatrix(tile, row, {count}, {trans}); ")
        + f"{stores} }}"
    )


_MMA = {
    ("m16n8k16", "f32", "bf16", "bf16", "f32"): "emu_mma_m16n8k16(EMU_BF16, ",
    ("m16n8k16", "f32", "f16", "f16", "f32"): "emu_mma_m16n8k16(EMU_F16, ",
    ("m16n8k8", "f32", "tf32", "tf32", "f32"): "emu_mma_m16n8k8_tf32(",
}


@translates("mma", modifiers="sync aligned m16n8k16 m16n8k8 row col")
def _mma(op: Operation) -> str:
    shape = (op.one_of("m16n8k16", "m16n8k8"), *op.types)
    if shape not in _MMA or op.modifiers[-2:] != ["row", "col"]:
        raise UnsupportedPtx("this shape or type of mma")
    arrays = []
    for name, kind, index in (("a", "b32", 1), ("b", "b32", 2), ("c", "f32", 3)):
        values = ", ".join(op.expression(part, kind) for part in op.vector(index))
        arrays.append(f"{C_TYPES[kind]} {name}[] = {{{values}}};")
    stores = " ".join(op.store_in(part, f"d[{i}]", "f32") for i, part in enumerate(op.vector(0)))
    call = op.at_site(f"{_MMA[shape]}d, a, b, c);")
    return f"{{ {' '.join(arrays)} float d[4]; {call} {stores} }}"
