"""Translate PTX into C++ that runs on the emulator's runtime.

Each PTX instruction becomes one C++ statement: registers are local variables,
labels stay labels, and branches are gotos. The compiled function runs one
thread of a kernel from start to end.
"""

from __future__ import annotations

import re
from collections import ChainMap
from dataclasses import dataclass

from .ptx_opcodes import translate_operation
from .ptx_operation import C_TYPES, FLOAT_C_TYPES, Operation, identifier
from .ptx_parser import (
    TYPE_BYTES,
    Instruction,
    Label,
    PtxKernel,
    PtxModule,
    Registers,
    ScopeBegin,
    ScopeEnd,
    UnsupportedPtx,
    Variable,
)


@dataclass
class TranslatedKernel:
    """What the caller needs to know about one kernel of the C++ text."""

    name: str
    symbol: str
    parameters: list[tuple[str, int]]  # PTX type and size in bytes
    max_threads: int | None


@dataclass
class Translation:
    """C++ text and the kernels in it; those that failed have a reason."""

    cpp: str
    kernels: list[TranslatedKernel]
    unsupported: dict[str, str]


def translate(module: PtxModule) -> Translation:
    """Translate every kernel of a PTX module."""
    sites = {"": 0}
    texts = []
    kernels = []
    unsupported = {}
    for number, kernel in enumerate(module.kernels):
        translator = _KernelTranslator(module, kernel, sites)
        try:
            texts.append(translator.function(number))
        except UnsupportedPtx as error:
            unsupported[kernel.name] = str(error)
            continue
        kernels.append(
            TranslatedKernel(
                kernel.name,
                f"emu_kernel_{number}",
                [(p.type, p.nbytes) for p in kernel.parameters],
                kernel.max_threads,
            )
        )
    parts = [
        '#include "ptx_ops.h"',
        *map(_global_variable, module.globals),
        _global_table(module.globals),
        _site_table(sites),
        *texts,
    ]
    return Translation("\n".join(parts), kernels, unsupported)


# ---- tables ----


def _global_variable(variable: Variable) -> str:
    """Define a __device__ or __constant__ variable, as raw bits."""
    size = TYPE_BYTES[variable.type]
    values = ", ".join(str(_initial_bits(value, size)) for value in variable.values)
    initial = f" = {{{values}}}" if values else ""
    return (
        f"alignas({variable.align}) static uint{size * 8}_t "
        f"{identifier(variable.name)}[{variable.count}]{initial};"
    )


def _initial_bits(value: str, size: int) -> str:
    float_bits = re.fullmatch(r"0[fFdD]([0-9a-fA-F]+)", value)
    if float_bits:
        return f"0x{float_bits[1]}u"
    if not re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)U?", value):
        raise UnsupportedPtx(f"{value!r} as the initial value of a variable")
    return f"{int(value.rstrip('U'), 0) % (1 << size * 8)}u"


def _global_table(variables: list[Variable]) -> str:
    names = [identifier(variable.name) for variable in variables]
    rows = "".join(f"  {{{name}, sizeof {name}}},\n" for name in names)
    return f"static const EmuRange module_globals[] = {{\n{rows}  {{nullptr, 0}}}};"


def _site_table(sites: dict[str, int]) -> str:
    rows = "".join(f'  "{site}",\n' for site in sites)
    return f"static const char* const sites[] = {{\n{rows}}};"


# ---- one kernel ----


class _KernelTranslator:
    """Turns one kernel into a C++ function."""

    def __init__(self, module: PtxModule, kernel: PtxKernel, sites: dict[str, int]):
        self.kernel = kernel
        self.sites = sites
        self.globals = {v.name for v in module.globals}
        self.register_types = ChainMap()  # innermost scope first
        self.labels = _labels_by_scope(kernel)
        self.scopes = [0]  # numbers of the open scopes
        self.parameter_index = {p.name: i for i, p in enumerate(kernel.parameters)}
        self.local_offset, self.local_bytes = _layout(kernel.local)
        text = " ".join(s.text for s in kernel.statements if isinstance(s, Instruction))
        used = set(re.findall(r"[\w$]+", text))
        self.shared_offset, self.static_shared = _layout(
            kernel.shared + [v for v in module.shared if v.name in used]
        )
        for name in module.dynamic_shared:  # they all start at the same place
            self.shared_offset[name] = self.static_shared

    def function(self, number: int) -> str:
        """Return the C++ function of the kernel and its descriptor."""
        registers, body = self._body()
        used = set(re.findall(r"\b[rn]_\w+", body))
        declared = "".join(
            f"  {C_TYPES[kind]} {name} = {_poison(kind)};\n"
            for name, kind in registers
            if name in used
        )
        frame = ""
        if self.local_bytes:
            frame = (
                f"  alignas(16) char local_frame[{self.local_bytes}];\n"
                "  memset(local_frame, 0xff, sizeof local_frame);\n"
            )
        return (
            f"// {self.kernel.name}\n"
            f"static void kernel_{number}(void** parameters) {{\n"
            f"{declared}{frame}{body}}}\n"
            f'extern "C" __attribute__((visibility("default")))\n'
            f"const EmuKernel emu_kernel_{number} = {{\n"
            f"  kernel_{number}, {self.static_shared}, sites, &emu_checked,\n"
            f"  module_globals,\n"
            f"  sizeof module_globals / sizeof *module_globals - 1}};\n"
        )

    def _body(self) -> tuple[list[tuple[str, str]], str]:
        """Return the function's own registers and its statements."""
        registers = []
        lines = []
        scope_count = 0
        for statement in self.kernel.statements:
            match statement:
                case Registers(kind, names):
                    self.register_types.update(dict.fromkeys(names, kind))
                    declared = [(identifier(name), kind) for name in names]
                    if len(self.scopes) > 1:
                        # A goto may enter this scope: no initial values.
                        lines += [f"{C_TYPES[kind]} {name};" for name, kind in declared]
                    else:
                        registers += declared
                case ScopeBegin():
                    scope_count += 1
                    self.scopes.append(scope_count)
                    self.register_types = self.register_types.new_child()
                    lines.append("{")
                case ScopeEnd():
                    self.scopes.pop()
                    self.register_types = self.register_types.parents
                    lines.append("}")
                case Label(name):
                    lines.append(f"{self.label(name)}:;")
                case Instruction():
                    lines.append(self._statement(statement))
        return registers, "".join(f"  {line}\n" for line in lines)

    def label(self, name: str) -> str:
        """Return the C++ label for a PTX label that is visible here."""
        for scope in reversed(self.scopes):
            if name in self.labels[scope]:
                return f"{identifier(name)}_{scope}"
        raise UnsupportedPtx(f"label {name}")

    def _statement(self, instruction: Instruction) -> str:
        operation = Operation(self, instruction)
        try:
            statement = translate_operation(operation)
        except UnsupportedPtx as error:
            where = instruction.site or "unknown source line"
            raise UnsupportedPtx(f'{error} in "{instruction.text}" at {where}') from None
        if instruction.guard:
            guard = operation.expression(instruction.guard, "pred")
            return f"if ({guard}) {{ {statement} }}"
        return statement


def _labels_by_scope(kernel: PtxKernel) -> list[set[str]]:
    """Return the labels of every scope, in the order of opening braces.

    Inline PTX that is expanded twice repeats its labels, which C++ takes for
    the whole function's.
    """
    labels = [set()]
    scopes = [0]
    for statement in kernel.statements:
        match statement:
            case ScopeBegin():
                scopes.append(len(labels))
                labels.append(set())
            case ScopeEnd():
                scopes.pop()
            case Label(name):
                labels[scopes[-1]].add(name)
    return labels


def _poison(kind: str) -> str:
    """An initial value that shows if a register is read before it is set."""
    if kind == "pred":
        return "false"
    c_type = C_TYPES[kind]
    if c_type in FLOAT_C_TYPES:
        return "NAN"
    return f"({c_type})~0ull"


def _layout(variables: list[Variable]) -> tuple[dict[str, int], int]:
    """Give every array an offset; return those and the total size."""
    offsets = {}
    end = 0
    for variable in variables:
        end = _round_up(end, variable.align)
        offsets[variable.name] = end
        end += variable.nbytes
    return offsets, _round_up(end, 16)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
