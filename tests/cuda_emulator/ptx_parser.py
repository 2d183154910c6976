"""Read the PTX text that NVRTC emits: kernels, their statements, variables.

This is no general PTX parser. It knows the regular form in which NVRTC writes
PTX, and inline PTX, whose scopes in braces may declare registers of their own.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

TYPE_BYTES = {
    "s8": 1,
    "s16": 2,
    "s32": 4,
    "s64": 8,
    "u8": 1,
    "u16": 2,
    "u32": 4,
    "u64": 8,
    "b8": 1,
    "b16": 2,
    "b32": 4,
    "b64": 8,
    "f16": 2,
    "bf16": 2,
    "f16x2": 4,
    "bf16x2": 4,
    "tf32": 4,
    "f32": 4,
    "f64": 8,
    "pred": 1,
}


class UnsupportedPtx(NotImplementedError):
    """The PTX uses something that the emulator does not know."""


@dataclass(frozen=True)
class Variable:
    """A variable or array in global, const, shared or local memory."""

    name: str
    type: str
    count: int
    align: int
    values: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Its size."""
        return TYPE_BYTES[self.type] * self.count


@dataclass(frozen=True)
class Parameter:
    """A kernel parameter; PTX types pointers u64, like integers."""

    name: str
    type: str
    count: int

    @property
    def nbytes(self) -> int:
        """Its size; structs are passed as arrays of bytes."""
        return TYPE_BYTES[self.type] * self.count


@dataclass(frozen=True)
class Label:
    """A jump target."""

    name: str


@dataclass(frozen=True)
class ScopeBegin:
    """An opening brace."""


@dataclass(frozen=True)
class ScopeEnd:
    """A closing brace."""


@dataclass(frozen=True)
class Registers:
    """A .reg declaration, its ranges spelled out."""

    type: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Instruction:
    """An instruction; `guard` is its predicate, such as '!%p1', or ''."""

    text: str
    guard: str
    opcode: str
    operands: tuple[str, ...]
    site: str


Statement = Label | ScopeBegin | ScopeEnd | Registers | Instruction


@dataclass
class PtxKernel:
    """An .entry function."""

    name: str
    parameters: list[Parameter]
    max_threads: int | None
    statements: list[Statement] = field(default_factory=list)
    shared: list[Variable] = field(default_factory=list)
    local: list[Variable] = field(default_factory=list)


@dataclass
class PtxModule:
    """Everything a PTX file declares."""

    kernels: list[PtxKernel] = field(default_factory=list)
    globals: list[Variable] = field(default_factory=list)
    shared: list[Variable] = field(default_factory=list)
    dynamic_shared: set[str] = field(default_factory=set)


_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_FILE = re.compile(r'^\s*\.file\s+(\d+)\s+"([^"]*)".*$', re.MULTILINE)
_LOCATION = re.compile(r"^\s*(\.loc\s[^\n]*)$", re.MULTILINE)
_SECTION = re.compile(r"^\s*\.section\s[^{]*\{.*?^\s*\}", re.MULTILINE | re.DOTALL)
_FUNCTION = re.compile(r"^\s*(?:\.\w+\s+)*\.func\b", re.MULTILINE)
_ENTRY = re.compile(
    r"(?:\.visible\s+|\.weak\s+)?\.entry\s+([\w$]+)\s*"
    r"(?:\((?P<parameters>.*?)\)\s*)?(?P<directives>(?:\.\w[^{]*)?)\{",
    re.DOTALL,
)
_PARAMETER = re.compile(
    r"\.param\s+(?:\.align\s+\d+\s+)?\.(\w+)\s+"
    r"(?:\.ptr\s+(?:\.(?:global|const|shared|local)\s+)?"
    r"(?:\.align\s+\d+\s+)?)?([\w$]+)(?:\[(\d+)\])?"
)
_VARIABLE = re.compile(
    r"(?P<extern>\.extern\s+)?(?:\.visible\s+|\.weak\s+)?"
    r"\.(?P<space>global|const|shared|local)\s+"
    r"(?:\.align\s+(?P<align>\d+)\s+)?\.(?P<type>\w+)\s+"
    r"(?P<name>[\w$]+)(?P<array>\[(?P<count>\d*)\])?"
    r"(?:\s*=\s*(?P<values>[^;]*))?\s*;"
)
_MAX_THREADS = re.compile(r"\.(?:maxntid|reqntid)\s+([\d,\s]+)")
_STATEMENT = re.compile(
    r"\s*(?:(?P<begin>\{)|(?P<end>\})|(?P<label>[\w$]+):(?!:)|"
    r"(?P<text>[^;]*);)"
)
_INSTRUCTION = re.compile(
    r"(?:@(?P<guard>!?\s*[%\w$]+)\s+)?(?P<opcode>\S+)\s*(?P<operands>.*)", re.DOTALL
)
_INLINED = re.compile(r"\.loc\s+(\d+)\s+(\d+)\s+\d+(?:.*?inlined_at\s+(\d+)\s+(\d+))?")


def parse(ptx: str) -> PtxModule:
    """Parse a whole PTX file."""
    files = {number: os.path.basename(path) for number, path in _FILE.findall(ptx)}
    ptx = _FILE.sub("", ptx)
    ptx = _COMMENT.sub(" ", ptx)
    ptx = _SECTION.sub("", ptx)
    ptx = _LOCATION.sub(r"\1;", ptx)  # a statement like the others
    if _FUNCTION.search(ptx):
        raise UnsupportedPtx(
            "a call of a device function that was not inlined (or printf or "
            "assert); mark the function __forceinline__"
        )
    module = PtxModule()
    outside = []
    position = 0
    for entry in _ENTRY.finditer(ptx):
        end = _closing_brace(ptx, entry.end())
        outside.append(ptx[position : entry.start()])
        position = end
        module.kernels.append(_parse_kernel(entry, ptx[entry.end() : end - 1], files))
    outside.append(ptx[position:])
    _parse_variables(module, "".join(outside))
    return module


def split_operands(text: str) -> list[str]:
    """Split at the commas that are outside of {} and []."""
    operands = []
    depth = 0
    current = ""
    for character in text:
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            operands.append(current.strip())
            current = ""
        else:
            current += character
    if current.strip():
        operands.append(current.strip())
    return operands


def _closing_brace(text: str, position: int) -> int:
    """Return the position after the brace that closes the open one."""
    depth = 1
    while depth:
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
    return position


def _variable(match: re.Match) -> Variable:
    values = match["values"] or ""
    return Variable(
        name=match["name"],
        type=match["type"],
        count=int(match["count"] or 1),
        align=int(match["align"] or TYPE_BYTES[match["type"]]),
        values=tuple(value.strip() for value in values.strip("{} \n").split(",") if value.strip()),
    )


def _parse_variables(module: PtxModule, text: str) -> None:
    for match in _VARIABLE.finditer(text):
        variable = _variable(match)
        if match["space"] in ("global", "const"):
            module.globals.append(variable)
        elif match["extern"]:
            module.dynamic_shared.add(variable.name)
        else:
            module.shared.append(variable)


def _parse_kernel(entry: re.Match, body: str, files: dict[str, str]) -> PtxKernel:
    parameters = [
        Parameter(name, kind, int(count or 1))
        for kind, name, count in _PARAMETER.findall(entry["parameters"] or "")
    ]
    max_threads = None
    directive = _MAX_THREADS.search(entry["directives"])
    if directive:
        max_threads = 1
        for extent in directive[1].split(","):
            max_threads *= int(extent)
    kernel = PtxKernel(entry[1], parameters, max_threads)
    for match in _VARIABLE.finditer(body):
        target = kernel.shared if match["space"] == "shared" else kernel.local
        target.append(_variable(match))
    body = _VARIABLE.sub("", body)
    kernel.statements = list(_parse_statements(body, files))
    return kernel


def _parse_statements(body: str, files: dict[str, str]):
    site = ""
    position = 0
    while match := _STATEMENT.match(body, position):
        position = match.end()
        if match["begin"]:
            yield ScopeBegin()
        elif match["end"]:
            yield ScopeEnd()
        elif match["label"]:
            yield Label(match["label"])
        else:
            text = " ".join(match["text"].split())
            if text.startswith(".loc"):
                site = _describe_location(text, files) or site
            elif text.startswith(".reg"):
                yield _parse_registers(text)
            elif text and not text.startswith(".pragma"):
                yield _parse_instruction(text, site)
    rest = body[position:].strip()
    if rest:
        raise UnsupportedPtx(f"cannot parse {rest[:80]!r}")


def _describe_location(text: str, files: dict[str, str]) -> str:
    """'ptx.cuh:12 (inlined at conv.cu:40)'; '' for code without a line."""
    file, line, outer_file, outer_line = _INLINED.match(text).groups()
    if line == "0":
        return ""
    place = f"{files.get(file, '?')}:{line}"
    if outer_file:
        place += f" (inlined at {files.get(outer_file, '?')}:{outer_line})"
    return place


def _parse_registers(text: str) -> Registers:
    _, kind, names = text.split(None, 2)
    all_names = []
    for name in map(str.strip, names.split(",")):
        ranged = re.fullmatch(r"([%\w$]+)<(\d+)>", name)
        if ranged:
            all_names += [f"{ranged[1]}{i}" for i in range(int(ranged[2]))]
        else:
            all_names.append(name)
    return Registers(kind.lstrip("."), tuple(all_names))


def _parse_instruction(text: str, site: str) -> Instruction:
    match = _INSTRUCTION.fullmatch(text)
    guard = (match["guard"] or "").replace(" ", "")
    operands = tuple(split_operands(match["operands"]))
    return Instruction(text, guard, match["opcode"], operands, site)
