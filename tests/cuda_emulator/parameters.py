"""A kernel's parameters, as far as PTX and the source text tell."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .ptx.program import Function
from .ptx.statements import Variable


@dataclass(frozen=True)
class ParameterType:
    """The type of a kernel's parameter.

    ``kind`` is "P" for a pointer, "f", "i" or "u" for numbers, "V" for structs. For a pointer to a
    known type ``element`` is its (kind, size in bytes).
    """

    kind: str
    nbytes: int
    element: tuple[str, int] | None = None


_ELEMENT_TYPES = {
    "float": ("f", 4),
    "double": ("f", 8),
    "float2": ("f", 4),
    "float4": ("f", 4),
    "float16": ("u", 2),
    "bfloat16": ("u", 2),
    "int": ("i", 4),
    "int32_t": ("i", 4),
    "unsigned": ("u", 4),
    "unsigned int": ("u", 4),
    "uint32_t": ("u", 4),
    "short": ("i", 2),
    "unsigned short": ("u", 2),
    "uint16_t": ("u", 2),
    "long long": ("i", 8),
    "int64_t": ("i", 8),
    "unsigned long long": ("u", 8),
    "uint64_t": ("u", 8),
    "unsigned char": ("u", 1),
    "uint8_t": ("u", 1),
}
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_QUALIFIER = re.compile(r"\b(?:const|volatile|__restrict__|__restrict|__grid_constant__)\b")


def parameter_types(kernel: Function, name: str, source: str) -> list[ParameterType]:
    """Combines PTX's types with those of the source text, which knows pointers.

    Args:
        kernel: the kernel.
        name: its name or name expression in the source text.
        source: the text, with its headers.
    """
    declared: list[str | None] = [*_declarations(_COMMENT.sub(" ", source), name)]
    if len(declared) != len(kernel.parameters):
        declared = [None] * len(kernel.parameters)
    return [_type(variable, text) for variable, text in zip(kernel.parameters, declared)]


def _declarations(text: str, kernel: str) -> list[str]:
    """The parameter declarations of a kernel; none if it is not found."""
    name = re.escape(kernel.split("<")[0].split("::")[-1])
    match = re.search(rf"__global__[^;{{]*?\b{name}\s*\(", text)
    if not match:
        return []
    end = match.end()
    depth = 1
    while depth and end < len(text):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    declarations = text[match.end() : end - 1].split(",")
    return [declaration.strip() for declaration in declarations if declaration.strip()]


def _type(variable: Variable, declaration: str | None) -> ParameterType:
    nbytes = variable.nbytes
    kind = {"f": "f", "s": "i"}.get(variable.type[0], "i")
    if nbytes not in (1, 2, 4, 8) or variable.type == "b8":
        return ParameterType("V", nbytes)
    if declaration is None:  # 64-bit integers are most likely pointers
        return ParameterType("P" if variable.type in ("u64", "b64") else kind, nbytes)
    spaced = _QUALIFIER.sub(" ", declaration.replace("*", " * "))
    words = re.sub(r"\w+\s*$", "", spaced).split()
    if words.count("*") == 1:
        element = _ELEMENT_TYPES.get(" ".join(word for word in words if word != "*"))
        return ParameterType("P", nbytes, element)
    return ParameterType("P" if "*" in words else kind, nbytes)
