"""Reads the PTX text that NVRTC emits: functions, their statements, variables.

This is no general PTX parser. It knows the regular form in which NVRTC writes PTX, and inline PTX,
whose scopes in braces may declare registers of their own.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator

from ..errors import UnsupportedPtx
from .statements import (
    TYPE_BYTES,
    BranchTargets,
    CallParameter,
    Function,
    Instruction,
    Label,
    Program,
    Registers,
    ScopeBegin,
    ScopeEnd,
    Statement,
    Variable,
)

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_FILE = re.compile(r'^\s*\.file\s+(\d+)\s+"([^"]*)".*$', re.MULTILINE)
_LOCATION = re.compile(r"^\s*(\.loc\s[^\n]*)$", re.MULTILINE)
_SECTION = re.compile(r"^\s*\.section\s[^{]*\{.*?^\s*\}", re.MULTILINE | re.DOTALL)
# Declarations end with a semicolon, definitions with a body in braces.
_FUNCTION = re.compile(
    r"(?:\.(?:visible|weak|extern)\s+)?\.(?P<kind>entry|func)\s+"
    r"(?:\((?P<results>[^)]*)\)\s*)?(?P<name>[\w$]+)\s*"
    r"(?:\((?P<parameters>[^)]*)\)\s*)?(?P<directives>(?:\.\w[^{;]*)?)(?P<end>[{;])"
)
_PARAMETER = re.compile(
    r"\.param\s+(?:\.align\s+(?P<align>\d+)\s+)?\.(?P<type>\w+)\s+"
    r"(?:\.ptr\s+(?:\.(?:global|const|shared|local)\s+)?(?:\.align\s+\d+\s+)?)?"
    r"(?P<name>[\w$]+)(?:\[(?P<count>\d+)\])?"
)
_VARIABLE = re.compile(
    r"(?P<extern>\.extern\s+)?(?:\.visible\s+|\.weak\s+)?"
    r"\.(?P<space>global|const|shared|local)\s+"
    r"(?:\.align\s+(?P<align>\d+)\s+)?\.(?P<type>\w+)\s+"
    r"(?P<name>[\w$]+)(?:\[(?P<count>\d*)\])?"
    r"(?:\s*=\s*(?P<values>[^;]*))?\s*;"
)
_MAX_THREADS = re.compile(r"\.(?:maxntid|reqntid)\s+([\d,\s]+)")
_STATEMENT = re.compile(
    r"\s*(?:(?P<begin>\{)|(?P<end>\})|(?P<label>[\w$]+):(?!:)(?:\s*\.branchtargets(?P<targets>[^;]*);)?|"
    r"(?P<text>[^;]*);)"
)
_INSTRUCTION = re.compile(
    r"(?:@(?P<guard>!?\s*[%\w$]+)\s+)?(?P<opcode>\S+)\s*(?P<operands>.*)", re.DOTALL
)
_INLINED = re.compile(r"\.loc\s+(\d+)\s+(\d+)\s+\d+(?:.*?inlined_at\s+(\d+)\s+(\d+))?")


def parse(ptx: str) -> Program:
    """Parses a whole PTX file."""
    files = {number: os.path.basename(path) for number, path in _FILE.findall(ptx)}
    for pattern, replacement in (
        (_FILE, ""),
        (_COMMENT, " "),
        (_SECTION, ""),
        (_LOCATION, r"\1;"),  # a statement like the others
    ):
        ptx = pattern.sub(replacement, ptx)
    program = Program()
    outside = []
    position = 0
    while match := _FUNCTION.search(ptx, position):
        outside.append(ptx[position : match.start()])
        position = match.end()
        if match["end"] == ";":
            continue
        position = _closing_brace(ptx, match.end())
        function = _function(match, ptx[match.end() : position - 1], files)
        group = program.kernels if match["kind"] == "entry" else program.functions
        group[function.name] = function
    outside.append(ptx[position:])
    _add_variables(program, "".join(outside))
    return program


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


def _closing_brace(text: str, position: int) -> int:
    """The position after the brace that closes the open one."""
    depth = 1
    while depth:
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
    return position


def _variable(match: re.Match[str]) -> Variable:
    values = match.groupdict().get("values") or ""
    return Variable(
        name=match["name"],
        type=match["type"],
        count=int(match["count"] or 1),
        align=int(match["align"] or TYPE_BYTES[match["type"]]),
        values=tuple(value.strip() for value in values.strip("{} \n").split(",") if value.strip()),
    )


def _add_variables(program: Program, text: str) -> None:
    for match in _VARIABLE.finditer(text):
        variable = _variable(match)
        if match["space"] in ("global", "const"):
            program.globals.append(variable)
        elif match["extern"]:
            program.dynamic_shared.add(variable.name)
        else:
            program.shared.append(variable)


def _function(match: re.Match[str], body: str, files: dict[str, str]) -> Function:
    declared = (match["results"] or "") + "," + (match["parameters"] or "")
    directive = _MAX_THREADS.search(match["directives"])
    function = Function(
        match["name"],
        [_variable(parameter) for parameter in _PARAMETER.finditer(declared)],
        math.prod(map(int, directive[1].split(","))) if directive else None,
    )
    for variable in _VARIABLE.finditer(body):
        group = function.shared if variable["space"] == "shared" else function.local
        group.append(_variable(variable))
    function.statements = list(_statements(_VARIABLE.sub("", body), files))
    return function


def _statements(body: str, files: dict[str, str]) -> Iterator[Statement]:
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
            elif parameter := _PARAMETER.fullmatch(text):
                yield CallParameter(_variable(parameter))
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
