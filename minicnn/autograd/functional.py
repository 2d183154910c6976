"""Derivatives of functions: Jacobian and Hessian matrices, and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..devices import xp_of
from ..tensor import Tensor
from .engine import grad
from .grad_mode import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]
Tensors = Tensor | tuple[Any, ...]  # tuples may hold tuples


def _tuple(values: Any) -> tuple[Any, ...]:
    return values if isinstance(values, tuple) else (values,)


def _one(values: tuple[Any, ...], like: Any) -> Any:
    """A tuple, or its only entry if ``like`` is no tuple."""
    return values if isinstance(like, tuple) else values[0]


def tracked(inputs: Any, keep: bool) -> tuple[Tensor, ...]:
    """The inputs as tensors to differentiate by, with their history if it shall be kept."""
    if keep:
        return tuple(
            x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in _tuple(inputs)
        )
    return tuple(x.detach().clone().requires_grad_() for x in _tuple(inputs))


def gradients(
    outputs: Any, inputs: Any, vectors: Any, create_graph: bool, strict: bool
) -> tuple[Tensor, ...]:
    """The gradients, with zeros where an input was not used, which ``strict`` forbids."""
    used = [(y, v) for y, v in zip(outputs, vectors) if y.requires_grad]
    if strict and len(used) < len(outputs):
        raise RuntimeError("an output does not depend on the inputs, which strict=True forbids")
    found: Any = [None] * len(inputs)
    if used:
        ys, vs = zip(*used)
        found = grad(
            ys, inputs, vs, retain_graph=True, create_graph=create_graph, allow_unused=True
        )
    if strict and any(g is None for g in found):
        raise RuntimeError("an input was not used, which strict=True forbids")
    return tuple(
        Tensor.of(xp_of(x.array).zeros_like(x.array)) if g is None else g
        for g, x in zip(found, inputs)
    )


def _run(func: Function, inputs: tuple[Tensor, ...]) -> Any:
    with enable_grad():
        return func(*inputs)


def _ones_like(outputs: tuple[Tensor, ...], v: Any, name: str) -> tuple[Tensor, ...]:
    """The vector, which may be left out for a single number."""
    if v is not None:
        return _tuple(v)
    if len(outputs) > 1 or outputs[0].array.size != 1:
        raise RuntimeError(f"{name} expects a vector v unless the result is a single number")
    return (Tensor.of(xp_of(outputs[0].array).ones_like(outputs[0].array)),)


def _detached(values: Any, keep: bool) -> Tensors:
    if isinstance(values, tuple):
        return tuple(_detached(value, keep) for value in values)
    return values if keep else values.detach()  # type: ignore[no-any-return]


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Tensors:
    """The derivatives of all results of ``func`` by all its inputs.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        create_graph: whether the derivatives can be differentiated.
        strict: whether an input that is not used is an error, or has zeros.
        vectorize, strategy: accepted for torch's scripts, but have no effect.

    Returns:
        A tensor of the shape of the result followed by that of the input; a tuple of them for
        several inputs, and a tuple of these for several results.

    As ``torch.autograd.functional.jacobian``.
    """
    leaves = tracked(inputs, create_graph)
    results = _run(func, leaves)
    rows = tuple(
        _one(jacobian_of(y, leaves, create_graph, strict), inputs) for y in _tuple(results)
    )
    return _detached(_one(rows, results), create_graph)


def jacobian_of(
    y: Tensor, leaves: tuple[Tensor, ...], create_graph: bool, strict: bool
) -> tuple[Tensor, ...]:
    """The derivatives of all elements of one result, of its shape followed by that of each input."""
    columns: list[list[Tensor]] = [[] for _ in leaves]
    for i in range(y.array.size):
        unit = xp_of(y.array).zeros(y.array.size, y.array.dtype)
        unit[i] = 1
        vector = Tensor.of(unit.reshape(y.array.shape))
        for column, g in zip(columns, gradients((y,), leaves, (vector,), create_graph, strict)):
            column.append(g)
    return tuple(
        _stacked(column, x).reshape(*y.array.shape, *x.array.shape)
        for column, x in zip(columns, leaves)
    )


def _stacked(tensors: list[Tensor], like: Tensor) -> Tensor:
    total = Tensor.of(xp_of(like.array).zeros((len(tensors), *like.array.shape), like.array.dtype))
    for i, tensor in enumerate(tensors):
        total[i] = tensor
    return total


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Tensors:
    """The second derivatives of ``func``, which returns a single number.

    Arguments as in :func:`jacobian`. As ``torch.autograd.functional.hessian``.

    Raises:
        RuntimeError: if ``func`` returns more than one number.
    """

    def first(*leaves: Tensor) -> Any:
        y = func(*leaves)
        if not isinstance(y, Tensor) or y.array.size != 1:
            got = f"shape {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
            raise RuntimeError(
                f"hessian expects a function that returns a single number, got {got}"
            )
        found = gradients((y.reshape(()),), leaves, (_one_of(y),), True, strict)
        return _one(found, inputs)

    return jacobian(first, inputs, create_graph)


def _one_of(y: Tensor) -> Tensor:
    return Tensor.of(xp_of(y.array).ones((), y.array.dtype))


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Tensors, Tensors]:
    """The results of ``func``, and ``v`` times its Jacobian matrix: what ``backward`` computes.

    As ``torch.autograd.functional.vjp``.
    """
    leaves = tracked(inputs, create_graph)
    results = _run(func, leaves)
    outputs = _tuple(results)
    found = gradients(outputs, leaves, _ones_like(outputs, v, "vjp"), create_graph, strict)
    return _detached(results, create_graph), _detached(_one(found, inputs), create_graph)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Tensors, Tensors]:
    """The results of ``func``, and its Jacobian matrix times ``v``, by two walks back.

    As ``torch.autograd.functional.jvp``.
    """
    leaves = tracked(inputs, create_graph)
    results = _run(func, leaves)
    outputs = _tuple(results)
    seeds = tuple(
        Tensor.of(xp_of(y.array).zeros_like(y.array), requires_grad=True) for y in outputs
    )
    products = gradients(outputs, leaves, seeds, True, strict)
    vectors = _ones_like(leaves, v, "jvp")
    found = gradients(products, seeds, vectors, create_graph, False)
    return _detached(results, create_graph), _detached(_one(found, results), create_graph)


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Tensors, Tensors]:
    """The result of ``func``, a single number, and ``v`` times its Hessian matrix.

    As ``torch.autograd.functional.vhp``.
    """
    leaves = tracked(inputs, create_graph)
    result = _run(func, leaves)
    first = gradients((result,), leaves, _ones_like((result,), None, "vhp"), True, strict)
    found = gradients(first, leaves, _ones_like(leaves, v, "vhp"), create_graph, False)
    return _detached(result, create_graph), _detached(_one(found, inputs), create_graph)


hvp = vhp  # a Hessian matrix is symmetric
