"""One PTX instruction, seen by the functions that translate it to C++."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from ..errors import UnsupportedPtx
from .layout import Layout
from .program import Function
from .statements import TYPE_BYTES, Instruction

C_TYPES = {
    "s8": "int8_t",
    "s16": "int16_t",
    "s32": "int32_t",
    "s64": "int64_t",
    "u8": "uint8_t",
    "u16": "uint16_t",
    "u32": "uint32_t",
    "u64": "uint64_t",
    "b8": "uint8_t",
    "b16": "uint16_t",
    "b32": "uint32_t",
    "b64": "uint64_t",
    "f16": "uint16_t",
    "bf16": "uint16_t",
    "f16x2": "uint32_t",
    "bf16x2": "uint32_t",
    "tf32": "uint32_t",
    "f32": "float",
    "f64": "double",
    "pred": "bool",
}
FLOAT_C_TYPES = ("float", "double")

# Special registers as C++; those that measure time or place read as 0.
_SPECIAL_REGISTERS = {
    "%laneid": "emu_current->lane",
    "%warpid": "emu_current->warp",
    "%lanemask_eq": "(1u << emu_current->lane)",
    "%lanemask_lt": "((1u << emu_current->lane) - 1)",
    "%lanemask_le": "((2u << emu_current->lane) - 1)",
    "%lanemask_gt": "~((2u << emu_current->lane) - 1)",
    "%lanemask_ge": "~((1u << emu_current->lane) - 1)",
    "%total_smem_size": "(uint32_t)emu_shared_size",
    "%clock": "0u",
    "%clock64": "0u",
    "%globaltimer": "0u",
    "%smid": "0u",
    "WARP_SZ": "32u",
}
for _axis in "xyz":
    _SPECIAL_REGISTERS[f"%tid.{_axis}"] = f"emu_current->index.{_axis}"
    _SPECIAL_REGISTERS[f"%ctaid.{_axis}"] = f"emu_block.index.{_axis}"
    _SPECIAL_REGISTERS[f"%ntid.{_axis}"] = f"emu_block.size.{_axis}"
    _SPECIAL_REGISTERS[f"%nctaid.{_axis}"] = f"emu_block.grid.{_axis}"


class Context(Protocol):
    """What an instruction asks of the function that it is in."""

    sites: dict[str, int]  # source locations, numbered
    register_types: Mapping[str, str]
    shared: Layout
    local: Layout
    variables: dict[str, int]  # in global memory, numbered
    parameter_index: dict[str, int]
    call_parameters: set[str]
    branch_targets: dict[str, tuple[str, ...]]
    functions: dict[str, Function]
    accumulator_lists: dict[tuple[str, ...], str]  # wgmma's operand d to the name of a table
    uses_wgmma: bool  # the kernel does

    def label(self, name: str) -> str:
        """The C++ label for a PTX label."""


def identifier(name: str) -> str:
    """A PTX name as one that cannot clash with a C++ name."""
    prefix = "r_" if name.startswith("%") else "n_"
    return prefix + re.sub(r"\W", "_", name.lstrip("%"))


def vector_elements(text: str) -> list[str]:
    """The elements of an operand's text such as {%f1, %f2}."""
    if text.startswith("{"):
        return [part.strip() for part in text[1:-1].split(",")]
    return [text]


class Operation:
    """An instruction with what a translating function needs to ask of it."""

    def __init__(self, context: Context, instruction: Instruction) -> None:
        self.context = context
        self.operands = instruction.operands
        self.name, *parts = instruction.opcode.split(".")
        self.types = [part for part in parts if part in TYPE_BYTES]
        self.modifiers = [part for part in parts if part not in TYPE_BYTES]
        sites = context.sites
        self.site = sites.setdefault(instruction.site, len(sites))

    @property
    def type(self) -> str:
        """The type that the instruction ends with."""
        if not self.types:
            raise UnsupportedPtx(f"{self.name} without a type")
        return self.types[-1]

    @property
    def c_type(self) -> str:
        """The C++ type of `type`."""
        return C_TYPES[self.type]

    @property
    def is_float(self) -> bool:
        """Whether to compute in float or double; integers otherwise."""
        if self.type in ("f16", "bf16", "f16x2", "bf16x2"):
            raise UnsupportedPtx(f"{self.type} arithmetic")
        return self.c_type in FLOAT_C_TYPES

    def has(self, modifier: str) -> bool:
        """Whether the opcode carries the modifier."""
        return modifier in self.modifiers

    def one_of(self, *modifiers: str) -> str:
        """Whichever of the modifiers is there, or ''."""
        return next((m for m in self.modifiers if m in modifiers), "")

    def require(self, *types: str) -> None:
        """Refuses any type but these."""
        if self.type not in types:
            raise UnsupportedPtx(f"{self.name} of type {self.type}")

    def value(self, index: int, kind: str | None = None) -> str:
        """Operand `index` as a C++ expression."""
        if index >= len(self.operands):
            raise UnsupportedPtx("too few operands")
        return self.expression(self.operands[index], kind or self.type)

    def expression(self, text: str, kind: str) -> str:
        """An operand's text as a C++ expression of a PTX type."""
        text = text.strip()
        if text.startswith("!"):
            return f"!{self.expression(text[1:], 'pred')}"
        literal = _literal(text, kind)
        if literal:
            return literal
        register = self.context.register_types.get(text)
        if register:
            return _convert(identifier(text), C_TYPES[register], C_TYPES[kind])
        if text in _SPECIAL_REGISTERS:
            return f"({C_TYPES[kind]}){_SPECIAL_REGISTERS[text]}"
        return f"({C_TYPES[kind]}){self._symbol(text)}"

    def _symbol(self, name: str) -> str:
        """The address of a variable; in shared memory its offset."""
        context = self.context
        if name in context.shared.offsets:
            return f"{context.shared.offsets[name]}u"
        if name in context.local.offsets:
            return f"((uint64_t)local_frame + {context.local.offsets[name]})"
        if name in context.variables:
            return f"(uint64_t)emu_variables[{context.variables[name]}].start"
        if name in context.parameter_index:
            return f"(uint64_t)parameters[{context.parameter_index[name]}]"
        raise UnsupportedPtx(f"operand {name}")

    def label(self, index: int) -> str:
        """Operand `index`, a label, for a goto."""
        return self.context.label(self.operands[index])

    def branch_targets(self, index: int) -> list[str]:
        """The labels that operand `index`, their list's name, stands for."""
        targets = self.context.branch_targets.get(self.operands[index], ())
        return [self.context.label(label) for label in targets]

    def is_predicate(self, index: int) -> bool:
        """Whether the operand is a predicate register."""
        name = self.operands[index].lstrip("!")
        return self.context.register_types.get(name) == "pred"

    def assign(self, value: str, index: int = 0, kind: str | None = None) -> str:
        """The statement that stores `value` in an operand."""
        return self.store_in(self.operands[index], value, kind or self.type)

    def store_in(self, register: str, value: str, kind: str) -> str:
        """Like assign, for a register by name; '_' takes nothing."""
        register = register.strip()
        if register == "_":
            return f"{value};"
        register_type = self.context.register_types.get(register)
        if not register_type:
            raise UnsupportedPtx(f"destination {register}")
        if C_TYPES[kind] != C_TYPES[register_type]:
            value = _convert(f"({value})", C_TYPES[kind], C_TYPES[register_type])
        return f"{identifier(register)} = {value};"

    def vector(self, index: int) -> list[str]:
        """The elements of an operand such as {%f1, %f2}."""
        return vector_elements(self.operands[index])

    def immediate(self, index: int, *allowed: int) -> int:
        """Operand `index`, one of a few constants."""
        text = self.operands[index] if index < len(self.operands) else ""
        if text not in map(str, allowed):
            raise UnsupportedPtx(f"operand {index} (={text}), must be one of {allowed}")
        return int(text)

    @property
    def space(self) -> str:
        """The state space among the modifiers; '' is generic."""
        names = {"shared::cta": "shared", "param::entry": "param", "param::func": "param"}
        for modifier in self.modifiers:
            space = names.get(modifier, modifier)
            if space in ("global", "shared", "local", "param", "const"):
                return space
        return ""

    def address(self, index: int, nbytes: int | str, access: str, space: str | None = None) -> str:
        """A checked host pointer for an operand such as [%rd1+8]."""
        space = self.space if space is None else space
        where = self.address_value(index, space)
        if space == "shared":
            return f"shared_memory({where}, {nbytes}, {access}, {self.site})"
        if space == "local":
            return f"local_memory({where}, {nbytes}, local_frame, sizeof local_frame, {self.site})"
        function = "global_memory" if space else "generic_memory"
        return f"{function}({where}, {nbytes}, {access}, {self.site})"

    def address_value(self, index: int, space: str) -> str:
        """The address itself, 32 bits wide in shared memory."""
        match = re.fullmatch(r"\[\s*(.+?)\s*(?:\+\s*(-?\d+))?\s*\]", self.operands[index])
        if not match:
            raise UnsupportedPtx(f"address {self.operands[index]}")
        kind = "u32" if space == "shared" else "u64"
        base = self.expression(match[1], kind)
        return f"{base} + {match[2]}" if match[2] else base

    def parameter(self, index: int) -> str:
        """The host pointer for an operand such as [kernel_param_0+8]."""
        match = re.fullmatch(r"\[([%\w$]+)(?:\+(\d+))?\]", self.operands[index].replace(" ", ""))
        if not match:
            raise UnsupportedPtx(f"parameter {self.operands[index]}")
        name = match[1]
        if name in self.context.call_parameters:
            pointer = identifier(name)
        else:
            pointer = f"((char*){self.expression(name, 'u64')})"
        return f"{pointer} + {match[2]}" if match[2] else pointer

    def at_site(self, statement: str) -> str:
        """Notes the source line before a statement that may fail or block."""
        return f"emu_site = {self.site}; {statement}"


def _literal(text: str, kind: str) -> str:
    """A constant as C++, or '' if the text is none."""
    c_type = C_TYPES[kind]
    is_float = c_type in FLOAT_C_TYPES
    match = re.fullmatch(r"0([fFdD])([0-9a-fA-F]+)", text)
    if match and len(match[2]) == (8 if match[1] in "fF" else 16):
        suffix = "u" if match[1] in "fF" else "ull"
        bits = f"0x{match[2]}{suffix}"
        if is_float:
            return f"bitcast<{c_type}>({bits})"
        return f"({c_type}){bits}"
    if not re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)U?", text):
        return ""
    if is_float:
        raise UnsupportedPtx(f"integer constant {text} as {kind}")
    number = int(text.rstrip("U"), 0)
    if kind == "pred":
        return "true" if number else "false"
    return f"({c_type}){number % (1 << 64)}ull"


def _convert(value: str, c_from: str, c_to: str) -> str:
    """Reinterprets registers as PTX does: by bits, integers resize."""
    if c_from == c_to:
        return value
    if c_from in FLOAT_C_TYPES or c_to in FLOAT_C_TYPES:
        return f"bitcast<{c_to}>({value})"
    return f"({c_to}){value}"
