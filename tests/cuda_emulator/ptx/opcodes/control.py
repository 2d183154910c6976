"""Branches, calls, barriers."""

from __future__ import annotations

from ...errors import UnsupportedPtx
from ..operation import Operation, identifier
from ..statements import split_operands
from .registry import translates


@translates("ret", "exit", modifiers="uni")
def _ret(op: Operation) -> str:
    return "return;"


@translates("bra", modifiers="uni")
def _bra(op: Operation) -> str:
    return f"goto {op.label(0)};"


@translates("brx", modifiers="idx")
def _brx(op: Operation) -> str:
    """brx.idx %r1, targets; an index past the end is undefined"""
    labels = op.branch_targets(1)
    cases = " ".join(f"case {i}: goto {label};" for i, label in enumerate(labels))
    index = op.value(0, "u32")
    return f"switch ({index}) {{ {cases} }} " + op.at_site('emu_fail("brx.idx past its targets");')


@translates("call", modifiers="uni")
def _call(op: Operation) -> str:
    """call (result), function, (argument, argument)"""
    function = op.operands[1] if op.operands[0].startswith("(") else op.operands[0]
    if function not in op.context.functions:
        raise UnsupportedPtx("a call of a function that the file does not define")
    arguments = [
        f"(void*){identifier(name)}"
        for operand in op.operands
        if operand.startswith("(")
        for name in split_operands(operand[1:-1])
    ]
    pointers = f"void* arguments[] = {{{', '.join(arguments)}}};" if arguments else ""
    return f"{{ {pointers} {identifier(function)}({'arguments' if arguments else 'nullptr'}); }}"


@translates("trap")
def _trap(op: Operation) -> str:
    return op.at_site('emu_fail("trap");')


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
    "fence",
    modifiers="""
    cta gl gpu sys sc acq_rel acquire release proxy async global shared::cta shared::cluster""",
)
def _fence(op: Operation) -> str:
    if not op.has("proxy") or op.has("global"):
        return ";"
    if not op.has("async"):
        raise UnsupportedPtx("a fence of this proxy")
    return "emu_fence_proxy_async();"


@translates("membar", "nanosleep", modifiers="cta gl gpu sys")
def _no_operation(op: Operation) -> str:
    return ";"
