"""What a PTX file consists of, as far as NVRTC writes it."""

from __future__ import annotations

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


@dataclass
class Function:
    """A kernel, or a device function that was not inlined.

    PTX types pointers u64, like integers. ``parameters`` has a device function's results first.
    """

    name: str
    parameters: list[Variable]
    max_threads: int | None = None
    statements: list[Statement] = field(default_factory=list)
    shared: list[Variable] = field(default_factory=list)
    local: list[Variable] = field(default_factory=list)

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
    dynamic_shared: set[str] = field(default_factory=set)
