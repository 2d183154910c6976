"""wgmma: what the 128 threads of a warpgroup do together."""

from __future__ import annotations

from ...errors import UnsupportedPtx
from ..operation import Operation
from .registry import translates

_ELEMENTS = {
    "f32 bf16 bf16": ("EMU_BF16", 16),
    "f32 f16 f16": ("EMU_F16", 16),
    "f32 tf32 tf32": ("EMU_TF32", 8),
}
_SHAPES = {
    f"m64n{columns}k{depth}": (columns, depth) for columns in range(8, 257, 8) for depth in (8, 16)
}


@translates(
    "wgmma",
    modifiers="mma_async fence commit_group wait_group sync aligned " + " ".join(_SHAPES),
)
def _wgmma(op: Operation) -> str:
    if op.has("fence"):
        return "accumulators.fence();" if op.context.accumulator_lists else ";"
    if op.has("commit_group"):
        return op.at_site("emu_wgmma_commit();")
    if op.has("wait_group"):
        return op.at_site(f"emu_wgmma_wait({op.value(0, 's32')});")
    return _mma_async(op)


def _mma_async(op: Operation) -> str:
    """wgmma.mma_async d, a-desc, b-desc, scale-d, imm-scale-a, -b [, imm-trans-a, -b]"""
    columns, depth = _SHAPES[op.one_of(*_SHAPES)]
    element, element_depth = _ELEMENTS.get(" ".join(op.types), ("", 0))
    if depth != element_depth:
        raise UnsupportedPtx("this shape or type of wgmma")
    if op.operands[1].startswith("{"):
        raise UnsupportedPtx("wgmma with A in registers")
    negations = [str(op.immediate(i, 1, -1) == -1).lower() for i in (4, 5)]
    transposed = element != "EMU_TF32"  # has these operands
    majors = [str(transposed and op.immediate(i, 0, 1) == 1).lower() for i in (6, 7)]
    fields = [element, f"{columns}", op.value(1, "b64"), op.value(2, "b64"), op.value(3, "pred")]
    registers = op.context.accumulator_lists[tuple(op.vector(0))]
    call = op.at_site(f"emu_wgmma(&wgmma, accumulators.values, accumulators.states, {registers});")
    return f"{{ EmuWgmma wgmma = {{{', '.join(fields + negations + majors)}}}; {call} }}"
