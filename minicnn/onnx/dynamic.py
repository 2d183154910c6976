"""torch's two ways to say which lengths of the inputs a model leaves open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..graph.structure import tensors_in
from ..tensor import Tensor
from .axes import Symbol, lengths_of
from .names import bound

__all__ = ["from_dynamic_axes", "from_dynamic_shapes"]


def from_dynamic_axes(
    axes: Mapping[str, Any], names: Sequence[str], inputs: Sequence[Tensor]
) -> list[Symbol]:
    """The open lengths of ``dynamic_axes``: ``{"input": {0: "batch"}}`` or ``{"input": [0]}``.

    Names that no input has are outputs', whose lengths follow.
    """
    wanted = []
    for name, some in axes.items():
        if name in names:
            named = isinstance(some, Mapping)
            pairs = some.items() if named else ((a, f"{name}_dynamic_axes_{a}") for a in some)
            wanted += [(names.index(name), axis, label) for axis, label in pairs]
    return _symbols(wanted, inputs)


def from_dynamic_shapes(
    shapes: Any, model: Callable[..., Any], call: tuple[tuple[Any, ...], dict[str, Any]]
) -> list[Symbol]:
    """The open lengths of ``dynamic_shapes``: in the structure of the arguments, or by their names.

    In the place of each tensor is a dict ``{axis: name}``, a list with an entry for each axis, or
    None. A name is a string, or an object with a ``__name__``; any other entry, such as
    ``Dim.AUTO``, opens an axis under a name that is made up.
    """
    arguments = bound(model, call)
    if isinstance(shapes, Mapping):
        pairs = [(shapes.get(name), value) for name, value in arguments]
    else:
        pairs = list(zip(shapes, (value for _, value in arguments), strict=False))
    inputs, wanted = tensors_in(call), []
    numbers = {id(x): i for i, x in enumerate(inputs)}
    while pairs:
        shape, value = pairs.pop(0)
        if isinstance(value, Tensor):
            number = numbers[id(value)]
            entries = shape.items() if isinstance(shape, Mapping) else enumerate(shape or ())
            wanted += [
                (number, axis, _label(entry, number, axis))
                for axis, entry in entries
                if entry is not None and not isinstance(entry, int)
            ]
        elif isinstance(value, Mapping) and shape:
            pairs += [(shape.get(key), part) for key, part in value.items()]
        elif isinstance(value, (tuple, list)) and shape:
            pairs += list(zip(shape, value, strict=False))
    return _symbols(wanted, inputs)


def _label(entry: Any, number: int, axis: int) -> str:
    return str(getattr(entry, "__name__", entry if isinstance(entry, str) else f"s{number}_{axis}"))


def _symbols(wanted: Sequence[tuple[int, int, str]], inputs: Sequence[Tensor]) -> list[Symbol]:
    symbols: dict[str, Symbol] = {}
    for number, axis, label in wanted:
        shape = inputs[number].shape
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"a dynamic axis must be within {tuple(shape)}, got axis {axis}")
        axis %= len(shape)
        lengths = lengths_of(axis, shape)
        symbols.setdefault(label, Symbol(label, lengths)).places.append((number, axis))
    return list(symbols.values())
