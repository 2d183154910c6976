"""Moves between registers and memory, atomics, asynchronous copies."""

from __future__ import annotations

from ...errors import UnsupportedPtx
from ..operation import Operation
from ..statements import TYPE_BYTES
from .registry import translates


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
    global shared local param const shared::cta param::entry param::func nc volatile weak
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
    global shared local param param::func shared::cta volatile weak relaxed release cta gpu sys
    v2 v4 v8 wb cg cs wt L1::no_allocate L1::evict_first L1::evict_last
    L1::evict_normal L1::evict_unchanged""",
)
def _st(op: Operation) -> str:
    parts = op.vector(1)
    size = TYPE_BYTES[op.type]
    access = "EMU_WRITE"
    if op.one_of("relaxed", "release"):
        access = "EMU_ATOMIC"
    if op.space == "param":
        address = op.parameter(0)
    else:
        address = op.address(0, size * len(parts), access)
    stores = " ".join(
        f"put<{op.c_type}>(to + {i * size}, {op.expression(part, op.type)});"
        for i, part in enumerate(parts)
    )
    if op.context.uses_wgmma and op.space in ("shared", ""):
        stores += f" emu_generic_store(to, {size * len(parts)});"
    return f"{{ char* to = {address}; {stores} }}"


@translates("cvta", modifiers="to global shared shared::cta local const param")
def _cvta(op: Operation) -> str:
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
    if TYPE_BYTES[op.type] < 4 and operation != "cas":
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
