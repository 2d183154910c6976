"""From an operation and its arrays to steps: NumPy calls that are bound to these arrays.

Images are (n, H, W, C) here. What has no fast step calls the ``forward`` that also runs without a plan,
and copies its result.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..graph import Value
from ..kernels.cpu import planned
from ..kernels.cpu.planned import Part, Scratch, Step
from ..kernels.cpu.runtime.windows import even_slices
from .memory import to_nchw, to_nhwc
from .operations import Operation, run_forward

__all__ = ["Place", "candidates"]

Arrays = Callable[[Value], np.ndarray]


@dataclass
class Place:
    """Where a step runs.

    Attributes:
        array_of: gives the array of a value, always the same one.
        images: which of the images of the call they are.
        scratch: memory of each thread that takes part.
        given: the arguments of the call.
        prepared: transformed weights of each operation, which the threads share.
    """

    array_of: Arrays
    images: slice
    scratch: list[Scratch]
    given: list[np.ndarray]
    prepared: dict[Operation, dict[Hashable, np.ndarray]]


def candidates(operation: Operation, place: Place, only: str | None = None) -> Iterable[Step]:
    """Steps that compute the same, or the one with a certain name; each is made when it is wanted."""
    return _MAKERS.get(operation.kind, _one_input)(operation, place, only)


def _conv(operation: Operation, place: Place, only: str | None) -> Iterable[Step]:
    residual = operation.residual
    return planned.candidates(
        place.array_of(operation.inputs[0]),
        operation.arrays["weight"],
        operation.arrays["bias"],
        operation.options["geometry"],
        place.array_of(operation.output),
        operation.limits,
        None if residual is None else place.array_of(residual),
        len(place.scratch),
        place.scratch,
        place.prepared.setdefault(operation, {}),
        only,
    )


def _activation(operation: Operation, place: Place, only: str | None) -> list[Step]:
    x, out = place.array_of(operation.inputs[0]), place.array_of(operation.output)
    return [planned.activation(operation.options["name"], x, out, len(place.scratch))]


def _scale(operation: Operation, place: Place, only: str | None) -> list[Step]:
    x, factors = map(place.array_of, operation.inputs)
    return [planned.scale(x, factors, place.array_of(operation.output), place.scratch)]


def _shuffle(operation: Operation, place: Place, only: str | None) -> list[Step]:
    sources, out = list(map(place.array_of, operation.inputs)), place.array_of(operation.output)
    if len(sources) == 1:
        sources = np.split(sources[0], operation.options["groups"], axis=3)
    return [planned.shuffle(sources, out, len(place.scratch))]


def _spatial_sum(operation: Operation, place: Place, only: str | None) -> list[Step]:
    x, out = place.array_of(operation.inputs[0]), place.array_of(operation.output)
    return [planned.spatial_sum(x, 1.0, out.reshape(len(x), -1), len(place.scratch))]


def _one_input(operation: Operation, place: Place, only: str | None) -> list[Step]:
    """Operations on one value that have one fast step."""
    x, out = place.array_of(operation.inputs[0]), place.array_of(operation.output)
    arrays, options, threads = operation.arrays, operation.options, len(place.scratch)
    kind, limits = operation.kind, operation.limits
    if kind == "affine" and x.ndim == 2:
        x, out = x[:, None, None], out[:, None, None]
    if kind == "affine":
        return [planned.channel_affine(x, **arrays, out=out, limits=limits, threads=threads)]
    if kind == "linear":
        found = planned.linear(x, **arrays, out=out, limits=limits, threads=threads)
        return [step for step in found if only in (None, step.name)]
    if kind == "clip":
        assert limits is not None
        return [planned.clip(x, limits, out, threads)]
    more: dict[str, Any] = {"out": out, "threads": threads, "scratch": place.scratch}
    if kind == "max_pool":
        return [planned.max_pool2d(x, **options, limits=limits, **more)]
    if kind == "avg_pool":
        return [planned.avg_pool2d(x, **arrays, **options, **more)]
    return [planned.local_response_norm(x, **options, **more)]


def _add(operation: Operation, place: Place, only: str | None) -> list[Step]:
    a, b = map(place.array_of, operation.inputs)
    out = place.array_of(operation.output)
    return [planned.add(a, b, out, operation.limits, len(place.scratch))]


def _input(operation: Operation, place: Place, only: str | None) -> list[Step]:
    """Copies an argument of the call, some rows of images on each thread."""
    out, index, given = place.array_of(operation.output), operation.options["index"], place.given

    def copy(rows: slice, target: np.ndarray) -> None:
        images = given[index][place.images] if operation.by_image else given[index]
        np.copyto(target, to_nhwc(images)[:, rows] if out.ndim == 4 else images)

    if out.ndim != 4:
        return [Step("copy", [Part([partial(copy, slice(None), out)])])]
    rows = even_slices(out.shape[1], len(place.scratch))
    return [Step("copy", [Part([partial(copy, some, out[:, some])]) for some in rows])]


def _cat(operation: Operation, place: Place, only: str | None) -> list[Step]:
    """Copies the branches that do not lie in the result."""
    out, start, calls = place.array_of(operation.output), 0, []
    for value in operation.inputs:
        branch = place.array_of(value)
        part = out[..., start : start + branch.shape[-1]]
        start += branch.shape[-1]
        if part.ctypes.data != branch.ctypes.data:
            calls.append(partial(np.copyto, part, branch))
    return [Step("copy", [Part(calls)])]


def _flatten(operation: Operation, place: Place, only: str | None) -> list[Step]:
    images, out = to_nchw(place.array_of(operation.inputs[0])), place.array_of(operation.output)
    return [Step("copy", [Part([partial(np.copyto, out.reshape(images.shape), images)])])]


def _generic(operation: Operation, place: Place, only: str | None) -> list[Step]:
    """The operation's own ``forward``."""
    node: Any = operation.node
    arrays = [_argument(x, operation.inputs, place.array_of) for x in node.inputs]
    out = to_nchw(place.array_of(operation.output))
    return [
        Step("forward", [Part([partial(_forward, node, operation.options["index"], out, *arrays)])])
    ]


def _forward(node: Any, index: int, out: np.ndarray, *arrays: Any) -> None:
    np.copyto(out, run_forward(node, list(arrays), node.options)[index])


def _argument(x: Any, changing: list[Value], array_of: Arrays) -> Any:
    if not isinstance(x, Value):
        return x
    return to_nchw(array_of(x)) if x in changing else x.tensor.array  # type: ignore[union-attr]


_MAKERS: dict[str, Callable[[Operation, Place, str | None], Iterable[Step]]] = {
    "activation": _activation,
    "add": _add,
    "cat": _cat,
    "conv": _conv,
    "flatten": _flatten,
    "generic": _generic,
    "input": _input,
    "scale": _scale,
    "shuffle": _shuffle,
    "spatial_sum": _spatial_sum,
    "view": _generic,
}
