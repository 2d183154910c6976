"""What the lanes of a warp do together: shuffles, votes, reductions, matrices."""

from __future__ import annotations

from ...errors import UnsupportedPtx
from ..operation import C_TYPES, Operation
from .registry import translates


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
