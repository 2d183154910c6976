"""Derivatives of functions, as functions: ``grad``, ``vjp``, Jacobian and Hessian matrices."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from ..autograd import enable_grad, is_grad_enabled
from ..autograd.function import edge_of
from ..autograd.functional import gradients, jacobian_of, tracked
from ..creation import ones_like
from ..graph.structure import Structure, leaves, replaced, with_leaves
from ..tensor import Tensor

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "vjp"]

Function = Callable[..., Any]
Positions = int | tuple[int, ...]

# By id: the inputs of functions that have returned. Nobody else has them to differentiate by.
_gone: WeakValueDictionary[int, Tensor] = WeakValueDictionary()


def grad(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """The function that returns the gradient of ``func``.

    Args:
        func: returns a single number, or a pair of it and anything else if ``has_aux``.
        argnums: the positions of the arguments to differentiate by: tensors, or dicts, lists and
            tuples of them.
        has_aux: whether to return a pair, too, of the gradient and what else ``func`` returns.

    Returns:
        A function of the arguments of ``func``. Its result has the form of the argument, or is a
        tuple of such results for a tuple of positions.

    Raises:
        RuntimeError: when called, unless ``func`` returns a single number, or a pair if ``has_aux``,
            and for positions that no argument has.
        ValueError: when called, if what to differentiate by is no tensor.

    As ``torch.func.grad``.
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Function, argnums: Positions = 0, has_aux: bool = False) -> Function:
    """The function that returns a pair of the gradient of ``func`` and its value.

    Arguments as for :func:`grad`. With ``has_aux`` the value is the pair that ``func`` returns. As
    ``torch.func.grad_and_value``.
    """

    several = isinstance(argnums, tuple)
    positions = argnums if isinstance(argnums, tuple) else (argnums,)

    @functools.wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        run = _run(func, args, kwargs, positions, has_aux)
        value = run.result
        if not isinstance(value, Tensor) or value.array.size != 1 or value.ndim:
            raise RuntimeError(
                f"grad expects a function that returns a single number, {_got(value)}"
            )
        found = gradients((value,), run.inputs, (ones_like(value),), run.is_known(value), False)
        trees = run.for_caller(with_leaves(run.chosen, found))
        value = run.for_caller((value, run.aux) if has_aux else value)
        return trees if several else trees[0], value

    return both


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The result of ``func(*primals)``, and a function that multiplies a tree by its Jacobian matrix.

    Args:
        func: returns a tensor or a tree of them, or a pair of it and anything else if ``has_aux``.
        primals: tensors, or dicts, lists and tuples of them.
        has_aux: whether to return what else ``func`` returns as third.

    Returns:
        The result, and a function that takes a tree of its form and returns a tuple: what
        ``backward`` computes for each of ``primals``.

    Raises:
        RuntimeError: if ``func`` returns anything else, and, when called, for a tree of another form.
        ValueError: if one of ``primals`` is no tensor.

    As ``torch.func.vjp``.
    """
    run = _run(func, primals, {}, tuple(range(len(primals))), has_aux)
    outputs = _tensors_of(run.result)

    def product(cotangents: Any) -> Any:
        if _form(cotangents) != _form(run.result):
            raise RuntimeError(
                f"vjp expects a tree of the form {_form(run.result)}, got {_form(cotangents)}"
            )
        vectors = leaves(cotangents)
        keep = is_grad_enabled() and any(map(run.is_known, (*outputs, *vectors)))
        found = gradients(outputs, run.inputs, vectors, keep, False)
        return run.for_caller(with_leaves(run.chosen, found))

    result = run.for_caller(run.result)
    return (result, product, run.for_caller(run.aux)) if has_aux else (result, product)


def jacrev(
    func: Function, argnums: Positions = 0, has_aux: bool = False, *, chunk_size: int | None = None
) -> Function:
    """The function that returns the Jacobian matrix of ``func``, row by row.

    Args:
        func: returns a tensor or a tree of them, or a pair of it and anything else if ``has_aux``.
        argnums, has_aux: as for :func:`grad`.
        chunk_size: accepted for torch's scripts, but has no effect.

    Returns:
        A function of the arguments of ``func``. Its result has the form of ``func``'s, and at each
        place the form of the argument, whose tensors have both shapes one after the other.

    As ``torch.func.jacrev``.
    """
    several = isinstance(argnums, tuple)
    positions = argnums if isinstance(argnums, tuple) else (argnums,)

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run = _run(func, args, kwargs, positions, has_aux)
        outputs = _tensors_of(run.result)
        rows = [jacobian_of(y, run.inputs, run.is_known(y), False) for y in outputs]
        trees = [run.for_caller(with_leaves(run.chosen, row)) for row in rows]
        matrix = with_leaves(run.result, [row if several else row[0] for row in trees])
        return (matrix, run.for_caller(run.aux)) if has_aux else matrix

    return jacobian


def jacfwd(
    func: Function,
    argnums: Positions = 0,
    has_aux: bool = False,
    *,
    chunk_size: int | None = None,
    randomness: str = "error",
) -> Function:
    """What :func:`jacrev` returns; there is no forward mode, which torch uses here."""
    return jacrev(func, argnums, has_aux)


def hessian(func: Function, argnums: Positions = 0) -> Function:
    """The function that returns the second derivatives of ``func``: the Jacobian matrix of its own.

    Arguments as for :func:`jacrev`. As ``torch.func.hessian``.
    """
    return jacrev(jacrev(func, argnums), argnums)


class _Run(NamedTuple):
    chosen: tuple[Any, ...]  # the arguments to differentiate by
    inputs: tuple[Tensor, ...]  # their tensors, as the function got them
    result: Any
    aux: Any
    recorded: bool  # whether the caller records what is computed

    def is_known(self, value: Any) -> bool:
        """Whether the caller can differentiate a value, by tensors that are not gone."""
        if not self.recorded or not isinstance(value, Tensor) or not value.requires_grad:
            return False
        return any(id(end) not in _gone for end in _ends(value))

    def for_caller(self, tree: Structure) -> Structure:
        """A tree whose tensors have a history only if the caller can differentiate them."""

        def given(value: Any) -> Any:
            ends_here = isinstance(value, Tensor) and not self.is_known(value)
            return value.detach() if ends_here else value

        return replaced(tree, given)  # type: ignore[return-value]


def _ends(value: Tensor) -> Iterator[Tensor]:
    """The leaves to which ``backward`` comes."""
    edges, seen = [edge_of(value)], set()
    while edges:
        edge = edges.pop()
        if edge is None or id(edge[0]) in seen:
            continue
        node = edge[0]
        seen.add(id(node))
        if isinstance(node, Tensor):
            yield node
        else:
            edges += node.edges


def _run(
    func: Function,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    positions: tuple[int, ...],
    has_aux: bool,
) -> _Run:
    """A call of ``func`` that is recorded."""
    chosen, recorded = _chosen(args, positions), is_grad_enabled()
    inputs = tracked(tuple(leaves(chosen)), recorded)
    given = list(args)
    for position, tree in zip(positions, with_leaves(chosen, inputs), strict=True):
        given[position] = tree
    with enable_grad():
        out = func(*given, **kwargs)
    _gone.update((id(x), x) for x in inputs)
    if not has_aux:
        return _Run(chosen, inputs, out, None, recorded)
    if not isinstance(out, tuple) or len(out) != 2:
        raise RuntimeError(f"has_aux expects a function that returns a pair, {_got(out)}")
    return _Run(chosen, inputs, *out, recorded)


def _chosen(args: tuple[Any, ...], positions: tuple[int, ...]) -> tuple[Any, ...]:
    count = len(args)
    if not all(isinstance(each, int) and -count <= each < count for each in positions):
        raise RuntimeError(f"argnums must be positions of the {count} arguments, got {positions}")
    chosen = tuple(args[position] for position in positions)
    for leaf in leaves(chosen):
        if not isinstance(leaf, Tensor):
            raise ValueError(f"arguments to differentiate by must be tensors, {_got(leaf)}")  # noqa: TRY004 -- as torch
    return chosen


def _tensors_of(result: Any) -> list[Tensor]:
    found = leaves(result)
    for leaf in found:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"results to differentiate must be tensors, {_got(leaf)}")  # noqa: TRY004 -- as torch
    return found


def _form(tree: Any) -> str:
    """The form of a tree; those of dicts with their keys in another order differ."""
    return str(replaced(tree, lambda _: "tensor"))


def _got(value: Any) -> str:
    return f"got {tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__}"
