"""From an operation and its arrays to a call without arguments.

For a convolution there are several candidates, of which choice.py takes the fastest. Images are
(n, H, W, C) here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import Value
from ..kernels import cpu
from .memory import to_nchw, to_nhwc
from .operations import Operation, run_forward

__all__ = ["Step", "candidates"]

Step = Callable[[], Any]
Arrays = Callable[[Value], np.ndarray]


class Call:
    """A step under a name."""

    def __init__(self, name: str, call: Step) -> None:
        self.name = name
        self.call = call

    def __call__(self) -> None:
        self.call()


def candidates(
    operation: Operation, array_of: Arrays, given: list[np.ndarray], images: slice, threads: int
) -> list[Any]:
    """Steps that compute the same, each with a ``name``.

    Args:
        operation: what to compute.
        array_of: gives the array of a value, the one that is always used.
        given: the arguments of the call, which ``input`` copies.
        images: which of the arguments' images belong to these arrays.
        threads: how many a matrix product may use.
    """
    kind, out = operation.kind, array_of(operation.output)
    taken = [array_of(x) for x in operation.inputs]
    if kind == "input":
        return [Call(kind, _copy_input(given, operation.options["index"], images, out))]
    if kind == "cat":
        return [Call(kind, _concatenate(taken, out))]
    if kind == "flatten":
        return [Call(kind, _copy_flat(taken[0], out))]
    if kind in ("generic", "view"):
        return [Call(kind, _generic(operation, array_of, out))]
    residual = None if operation.residual is None else array_of(operation.residual)
    return [Call("eager", _eager(operation, taken, residual, out))]


def _copy_input(given: list[np.ndarray], index: int, images: slice, out: np.ndarray) -> Step:
    def step() -> None:
        array = given[index]
        np.copyto(out, to_nhwc(array[images] if array.ndim else array))

    return step


def _concatenate(branches: list[np.ndarray], out: np.ndarray) -> Step:
    parts, start = [], 0
    for branch in branches:
        part = out[..., start : start + branch.shape[-1]]
        start += branch.shape[-1]
        if not np.shares_memory(part, branch, max_work=1) or part.ctypes.data != branch.ctypes.data:
            parts.append((part, branch))

    def step() -> None:
        for part, branch in parts:
            np.copyto(part, branch)

    return step


def _copy_flat(images: np.ndarray, out: np.ndarray) -> Step:
    source = to_nchw(images)
    target = out.reshape(source.shape)
    return lambda: np.copyto(target, source)


def _generic(operation: Operation, array_of: Arrays, out: np.ndarray) -> Step:
    """The operation's own ``forward``; its result is copied."""
    node: Any = operation.node
    index, target = operation.options["index"], to_nchw(out)
    arrays = [_argument(x, operation.inputs, array_of) for x in node.inputs]
    return lambda: np.copyto(target, run_forward(node, arrays, node.options)[index])


def _argument(x: Any, changing: list[Value], array_of: Arrays) -> Any:
    if not isinstance(x, Value):
        return x
    return to_nchw(array_of(x)) if x in changing else x.tensor.array


def _eager(
    operation: Operation, taken: list[np.ndarray], residual: np.ndarray | None, out: np.ndarray
) -> Step:
    """The kernel of the operation; its result is copied, with what follows."""
    kernel = _KERNELS[operation.kind](operation, [to_nchw(x) for x in taken])
    relu = operation.relu

    def step() -> None:
        result = to_nhwc(kernel())
        if residual is not None:
            np.add(result, residual, out=out)
            result = out
        if relu:
            np.maximum(result, 0, out=out)
        elif result is not out:
            np.copyto(out, result)

    return step


def _conv(operation: Operation, taken: list[np.ndarray]) -> Step:
    weight, bias = operation.arrays["weight"], operation.arrays["bias"]
    geometry = operation.options["geometry"]
    return lambda: cpu.conv2d(taken[0], weight, bias, geometry)


def _linear(operation: Operation, taken: list[np.ndarray]) -> Step:
    weight, bias = operation.arrays["weight"], operation.arrays["bias"]
    return lambda: cpu.linear(taken[0], weight, bias)


def _affine(operation: Operation, taken: list[np.ndarray]) -> Step:
    scale, shift = operation.arrays["scale"], operation.arrays["shift"]
    return lambda: cpu.channel_affine(taken[0], scale, shift)


def _max_pool(operation: Operation, taken: list[np.ndarray]) -> Step:
    geometry = operation.options["geometry"]
    return lambda: cpu.max_pool2d(taken[0], geometry, with_argmax=False)[0]


def _avg_pool(operation: Operation, taken: list[np.ndarray]) -> Step:
    scale, geometry = operation.arrays["scale"], operation.options["geometry"]
    return lambda: cpu.avg_pool2d(taken[0], scale, geometry)


_KERNELS: dict[str, Callable[[Operation, list[np.ndarray]], Step]] = {
    "add": lambda operation, taken: lambda: np.add(*taken),
    "affine": _affine,
    "avg_pool": _avg_pool,
    "conv": _conv,
    "linear": _linear,
    "lrn": lambda operation, taken: lambda: cpu.local_response_norm(taken[0], **operation.options),
    "max_pool": _max_pool,
    "relu": lambda operation, taken: lambda: cpu.relu(taken[0]),
}
