"""Names of a model's inputs and outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..graph import Value
from ..tensor import Tensor

__all__ = ["bound", "input_names_of", "output_names_of"]


def bound(
    model: Callable[..., Any], call: tuple[tuple[Any, ...], Mapping[str, Any]]
) -> list[tuple[str, Any]]:
    """The arguments of a call, in their order, with the names that ``forward`` gives them."""
    args, kwargs = call
    try:
        parameters = list(inspect.signature(getattr(model, "forward", model)).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = [
        p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    positional += [f"input_{i + 1}" for i in range(len(positional), len(args))]
    return [*zip(positional, args, strict=False), *kwargs.items()]


def input_names_of(
    model: Callable[..., Any],
    call: tuple[tuple[Any, ...], Mapping[str, Any]],
    given: Sequence[str] | None,
) -> list[str]:
    """The names of a model's inputs: given ones first, then those of the arguments.

    Raises:
        ValueError: for more names than inputs, or one that comes twice.
    """
    names = [name for key, value in bound(model, call) for name in _paths(value, key, Tensor)]
    return _chosen("input", names, given)


def output_names_of(result: Any, given: Sequence[str] | None, inputs: Sequence[str]) -> list[str]:
    """The names of a model's outputs: given ones first, then the keys of dicts, or ``output``.

    Raises:
        ValueError: for more names than outputs, or one that comes twice, or is an input's.
    """
    names = _paths(result, "", Value)
    names = ["output" if not name else name if not name.isdigit() else f"output_{int(name) + 1}"
             for name in names]  # fmt: skip
    names = [f"{name}_output" if name in inputs else name for name in names]
    chosen = _chosen("output", names, given)
    both = set(chosen) & set(inputs)
    if both:
        raise ValueError(f"inputs and outputs need names of their own, got {sorted(both)} for both")
    return chosen


def _paths(structure: Any, path: str, kind: type) -> list[str]:
    """The path to each tensor or value within nested tuples, lists and dicts."""
    if isinstance(structure, kind):
        return [path]
    parts: Any = ()
    if isinstance(structure, Mapping):
        parts = structure.items()
    elif isinstance(structure, (tuple, list)):
        parts = zip(getattr(structure, "_fields", range(len(structure))), structure, strict=True)
    return [
        found
        for key, part in parts
        for found in _paths(part, f"{path}.{key}" if path else str(key), kind)
    ]


def _chosen(what: str, names: list[str], given: Sequence[str] | None) -> list[str]:
    given = [given] if isinstance(given, str) else list(given or ())
    if len(given) > len(names):
        raise ValueError(f"the model has {len(names)} {what}s, got names {given}")
    chosen = given + names[len(given) :]
    if len(set(chosen)) != len(chosen):
        raise ValueError(f"each {what} needs a name of its own, got {chosen}")
    return chosen
