"""Reads the PTX text that NVRTC emits: functions and variables.

This is no general PTX parser. It knows the regular form in which NVRTC writes PTX.
"""

from __future__ import annotations

import functools
import math
import os
import re
from dataclasses import dataclass, field

from .statements import PARAMETER, Instruction, Statement, Variable, parse_statements, variable


@dataclass
class Function:
    """A kernel, or a device function that was not inlined.

    PTX types pointers u64, like integers. ``parameters`` has a device function's results first.
    ``files`` are the names of the source files by their numbers.
    """

    name: str
    parameters: list[Variable]
    max_threads: int | None
    body: str
    files: dict[str, str]
    shared: list[Variable] = field(default_factory=list)
    local: list[Variable] = field(default_factory=list)

    @functools.cached_property
    def statements(self) -> list[Statement]:
        """The body, parsed."""
        return list(parse_statements(self.body, self.files))

    @property
    def instructions(self) -> list[Instruction]:
        """The statements that do something."""
        return [s for s in self.statements if isinstance(s, Instruction)]


@dataclass
class Program:
    """Everything that a PTX file declares."""

    kernels: dict[str, Function] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    globals: list[Variable] = field(default_factory=list)
    shared: list[Variable] = field(default_factory=list)
    dynamic_shared: list[Variable] = field(default_factory=list)


_BRACE = re.compile(r"[{}]")
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
_VARIABLE = re.compile(
    r"(?P<extern>\.extern\s+)?(?:\.visible\s+|\.weak\s+)?"
    r"\.(?P<space>global|const|shared|local)\s+"
    r"(?:\.align\s+(?P<align>\d+)\s+)?\.(?P<type>\w+)\s+"
    r"(?P<name>[\w$]+)(?:\[(?P<count>\d*)\])?"
    r"(?:\s*=\s*(?P<values>[^;]*))?\s*;"
)
_MAX_THREADS = re.compile(r"\.(?:maxntid|reqntid)\s+([\d,\s]+)")


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


def _closing_brace(text: str, position: int) -> int:
    """The position after the brace that closes the open one."""
    depth = 1
    while depth:
        brace = _BRACE.search(text, position)
        depth += 1 if brace[0] == "{" else -1
        position = brace.end()
    return position


def _add_variables(program: Program, text: str) -> None:
    for match in _VARIABLE.finditer(text):
        if match["space"] in ("global", "const"):
            program.globals.append(variable(match))
        elif match["extern"]:
            program.dynamic_shared.append(variable(match))
        else:
            program.shared.append(variable(match))


def _function(match: re.Match[str], body: str, files: dict[str, str]) -> Function:
    declared = (match["results"] or "") + "," + (match["parameters"] or "")
    directive = _MAX_THREADS.search(match["directives"])
    function = Function(
        match["name"],
        [variable(parameter) for parameter in PARAMETER.finditer(declared)],
        math.prod(map(int, directive[1].split(","))) if directive else None,
        _VARIABLE.sub("", body),
        files,
    )
    for declaration in _VARIABLE.finditer(body):
        group = function.shared if declaration["space"] == "shared" else function.local
        group.append(variable(declaration))
    return function
