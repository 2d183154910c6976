"""The statements of a PTX function, as NVRTC writes them.

Inline PTX is among them, whose scopes in braces may declare registers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import UnsupportedPtx

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


@dataclass(frozen=True)
class Variable:
    """A variable or array in global, const, shared, local or parameter memory."""

    name: str
    type: str
    count: int
    align: int
    values: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Its size; structs are arrays of bytes."""
        return TYPE_BYTES[self.type] * self.count


@dataclass(frozen=True)
class Label:
    """A jump target."""

    name: str


@dataclass(frozen=True)
class BranchTargets:
    """The labels that a ``brx.idx`` may jump to, under a name of their own."""

    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class ScopeBegin:
    """An opening brace."""


@dataclass(frozen=True)
class ScopeEnd:
    """A closing brace."""


@dataclass(frozen=True)
class Registers:
    """A ``.reg`` declaration, its ranges spelled out."""

    type: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class CallParameter:
    """A ``.param`` declaration before a call: an argument, or room for a result."""

    variable: Variable


@dataclass(frozen=True)
class Instruction:
    """An instruction; ``guard`` is its predicate, such as ``!%p1``, or empty."""

    text: str
    guard: str
    opcode: str
    operands: tuple[str, ...]
    site: str


Statement = Label | BranchTargets | ScopeBegin | ScopeEnd | Registers | CallParameter | Instruction

PARAMETER = re.compile(
    r"\.param\s+(?:\.align\s+(?P<align>\d+)\s+)?\.(?P<type>\w+)\s+"
    r"(?:\.ptr\s+(?:\.(?:global|const|shared|local)\s+)?(?:\.align\s+\d+\s+)?)?"
    r"(?P<name>[\w$]+)(?:\[(?P<count>\d+)\])?"
)
_STATEMENT = re.compile(
    r"\s*(?:(?P<begin>\{)|(?P<end>\})|"
    r"(?P<label>[\w$]+):(?!:)(?:\s*\.branchtargets(?P<targets>[^;]*);)?|"
    r"(?P<text>[^;]*);)"
)
_INSTRUCTION = re.compile(
    r"(?:@(?P<guard>!?\s*[%\w$]+)\s+)?(?P<opcode>\S+)\s*(?P<operands>.*)", re.DOTALL
)
_INLINED = re.compile(r"\.loc\s+(\d+)\s+(\d+)\s+\d+(?:.*?inlined_at\s+(\d+)\s+(\d+))?")


def parse_statements(body: str, files: dict[str, str]) -> Iterator[Statement]:
    """Parses what stands between a function's braces; ``files`` are those that .loc numbers."""
    site = ""
    position = 0
    while match := _STATEMENT.match(body, position):
        position = match.end()
        if match["begin"]:
            yield ScopeBegin()
        elif match["end"]:
            yield ScopeEnd()
        elif match["targets"]:
            yield BranchTargets(match["label"], tuple(split_operands(match["targets"])))
        elif match["label"]:
            yield Label(match["label"])
        else:
            text = " ".join(match["text"].split())
            if text.startswith(".loc"):
                site = _location(text, files) or site
            elif text.startswith(".reg"):
                yield _registers(text)
            elif parameter := PARAMETER.fullmatch(text):
                yield CallParameter(variable(parameter))
            elif text and not text.startswith(".pragma"):
                yield _instruction(text, site)
    rest = body[position:].strip()
    if rest:
        raise UnsupportedPtx(f"cannot parse {rest[:80]!r}")


def _location(text: str, files: dict[str, str]) -> str:
    """'ptx.cuh:12 (inlined at conv.cu:40)'; empty for code without a line."""
    file, line, outer_file, outer_line = _INLINED.match(text).groups()
    if line == "0":
        return ""
    place = f"{files.get(file, '?')}:{line}"
    if outer_file:
        place += f" (inlined at {files.get(outer_file, '?')}:{outer_line})"
    return place


def _registers(text: str) -> Registers:
    _, kind, names = text.split(None, 2)
    all_names = []
    for name in map(str.strip, names.split(",")):
        ranged = re.fullmatch(r"([%\w$]+)<(\d+)>", name)
        if ranged:
            all_names += [f"{ranged[1]}{i}" for i in range(int(ranged[2]))]
        else:
            all_names.append(name)
    return Registers(kind.lstrip("."), tuple(all_names))


def _instruction(text: str, site: str) -> Instruction:
    match = _INSTRUCTION.fullmatch(text)
    guard = (match["guard"] or "").replace(" ", "")
    operands = tuple(split_operands(match["operands"]))
    return Instruction(text, guard, match["opcode"], operands, site)


def variable(match: re.Match[str]) -> Variable:
    """A declaration, from its parts."""
    values = match.groupdict().get("values") or ""
    return Variable(
        name=match["name"],
        type=match["type"],
        count=int(match["count"] or 1),
        align=int(match["align"] or TYPE_BYTES[match["type"]]),
        values=tuple(value.strip() for value in values.strip("{} \n").split(",") if value.strip()),
    )


def split_operands(text: str) -> list[str]:
    """Splits at the commas that are outside of any brackets."""
    operands = []
    depth = 0
    current = ""
    for character in text:
        depth += (character in "{[(") - (character in "}])")
        if character == "," and depth == 0:
            operands.append(current.strip())
            current = ""
        else:
            current += character
    if current.strip():
        operands.append(current.strip())
    return operands
