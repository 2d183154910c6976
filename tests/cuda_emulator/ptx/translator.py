"""Translates PTX into C++ that runs on the emulator's runtime.

Each PTX instruction becomes one C++ statement: registers are local variables, labels stay labels,
and branches are gotos. The function of a kernel runs one thread from start to end. Parameters come
as an array of pointers, those of a called function after its results.
"""

from __future__ import annotations

import re
from collections import ChainMap

from ..errors import UnsupportedPtx
from .accumulators import Accumulators
from .layout import Layout
from .opcodes import translate_operation
from .operation import C_TYPES, FLOAT_C_TYPES, Operation, identifier
from .program import Function, Program
from .statements import (
    BranchTargets,
    CallParameter,
    Instruction,
    Label,
    Registers,
    ScopeBegin,
    ScopeEnd,
)

_WORD = re.compile(r"[\w$]+")


def translate(program: Program, name: str) -> str:
    """A C++ file with the kernel ``name`` and the device functions that it calls."""
    kernel = program.kernels[name]
    functions = [*_called(program, kernel), kernel]
    shared = _shared_layout(program, functions)
    sites = {"": 0}
    uses_wgmma = any(i.opcode.startswith("wgmma") for f in functions for i in f.instructions)
    texts = [_FunctionTranslator(program, f, shared, sites, uses_wgmma).text() for f in functions]
    return "\n".join(
        [
            '#include "ptx_ops.h"\n',
            "static const char* const sites[] = {",
            *(f'  "{site}",' for site in sites),
            "};\n",
            *(f"static void {identifier(f.name)}(void** parameters);" for f in functions),
            *texts,
            'extern "C" __attribute__((visibility("default")))',
            "const EmuKernel emu_kernel = {",
            f"  {identifier(name)}, {shared.nbytes}, {str(uses_wgmma).lower()}, sites, &emu_checked,",
            "  &emu_variables};\n",
        ]
    )


def _called(program: Program, kernel: Function) -> list[Function]:
    """The device functions that a kernel may call, directly or not."""
    found: dict[str, Function] = {}
    waiting = [kernel]
    while waiting:
        for instruction in waiting.pop().instructions:
            if not instruction.opcode.startswith("call"):
                continue
            for name in _WORD.findall(instruction.text):
                if name in program.functions and name not in found:
                    found[name] = program.functions[name]
                    waiting.append(found[name])
    return list(found.values())


def _shared_layout(program: Program, functions: list[Function]) -> Layout:
    """Static shared memory of a kernel with all it calls; the dynamic one lies behind."""
    used = {
        word
        for function in functions
        for instruction in function.instructions
        for word in _WORD.findall(instruction.text)
    }
    own = [variable for function in functions for variable in function.shared]
    layout = Layout.of(own + [variable for variable in program.shared if variable.name in used])
    dynamic = [variable for variable in program.dynamic_shared if variable.name in used]
    layout.align_end(max((variable.align for variable in dynamic), default=1))
    for variable in dynamic:  # they all start at the same place
        layout.offsets[variable.name] = layout.nbytes
    return layout


class _FunctionTranslator:
    """Turns one function into a C++ function.

    Args:
        program: what the function is part of.
        function: the function.
        shared: the shared memory of the kernel that it belongs to.
        sites: source locations with their numbers; new ones are added.
        uses_wgmma: whether the kernel does.
    """

    def __init__(
        self,
        program: Program,
        function: Function,
        shared: Layout,
        sites: dict[str, int],
        uses_wgmma: bool,
    ) -> None:
        self.function = function
        self.uses_wgmma = uses_wgmma
        self.accumulators = Accumulators(function)
        self.accumulator_lists = self.accumulators.lists
        self.sites = sites
        self.functions = program.functions
        self.variables = {v.name: number for number, v in enumerate(program.globals)}
        self.register_types: ChainMap[str, str] = ChainMap()  # innermost scope first
        self.call_parameters: set[str] = set()
        self.labels = _labels_by_scope(function)
        self.branch_targets: dict[str, tuple[str, ...]] = {}
        self.scopes = [0]  # numbers of the open scopes
        self.parameter_index = {p.name: i for i, p in enumerate(function.parameters)}
        self.local = Layout.of(function.local)
        self.shared = shared

    def text(self) -> str:
        """The C++ function."""
        registers, body = self._body()
        used = set(re.findall(r"\b[rn]_\w+", body))
        declared = "".join(
            f"  {C_TYPES[kind]} {name} = {_poison(kind)};\n"
            for name, kind in registers
            if name in used
        )
        declared += self.accumulators.declarations()
        if "carry_flag" in body:
            declared += "  bool carry_flag = false;\n"
        frame = ""
        if self.local.nbytes:
            frame = (
                f"  alignas(16) char local_frame[{self.local.nbytes}];\n"
                "  memset(local_frame, 0xff, sizeof local_frame);\n"
            )
        name = identifier(self.function.name)
        return f"static void {name}(void** parameters) {{\n{declared}{frame}{body}}}\n"

    def _body(self) -> tuple[list[tuple[str, str]], str]:
        """The function's own registers and its statements."""
        registers = []
        lines = []
        scope_count = 0
        for statement in self.function.statements:
            match statement:
                case Registers(kind, names):
                    self.register_types.update(dict.fromkeys(names, kind))
                    own = (name for name in names if name not in self.accumulators.numbers)
                    declared = [(identifier(name), kind) for name in own]
                    if len(self.scopes) > 1:  # a goto may enter: no initial values
                        lines += [f"{C_TYPES[kind]} {name};" for name, kind in declared]
                    else:
                        registers += declared
                case CallParameter(variable):
                    self.call_parameters.add(variable.name)
                    name = identifier(variable.name)
                    lines.append(f"alignas({variable.align}) char {name}[{variable.nbytes}];")
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
                    self.accumulators.forget_touches()
                    lines.append(f"{self.label(name)}:;")
                case BranchTargets(name, labels):
                    self.branch_targets[name] = labels
                case Instruction():
                    lines.append(self._statement(statement))
        return registers, "".join(f"  {line}\n" for line in lines)

    def label(self, name: str) -> str:
        """The C++ label for a PTX label that is visible here."""
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
        statement = self.accumulators.touches(instruction, operation.site) + statement
        if instruction.guard:
            guard = operation.expression(instruction.guard, "pred")
            return f"if ({guard}) {{ {statement} }}"
        return statement


def _labels_by_scope(function: Function) -> list[set[str]]:
    """The labels of every scope, in the order of opening braces.

    Inline PTX that is expanded twice repeats its labels, which C++ takes for the whole function's.
    """
    labels: list[set[str]] = [set()]
    scopes = [0]
    for statement in function.statements:
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
