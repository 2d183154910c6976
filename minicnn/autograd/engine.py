"""The walk from results back to leaves.

``backward`` visits the nodes of the graph from the result to the leaves, each as soon as the
gradients of all its outputs are complete. The engine also does what all operations have in common:
it undoes broadcasts, skips gradients that nobody needs, sums the gradients of a tensor that was
used twice, and frees what was saved.
"""

from __future__ import annotations

import traceback
from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from ..devices import current_device_of, xp_of
from ..dtypes import all_ignored, float32, numpy_errors
from ..memory import is_pooled
from ..tensor import Tensor
from .function import Deferred, Function, edge_of, owner_of
from .grad_mode import mode
from .view import check_writable

_NUMBER = attrgetter("number")

Node = Function | Tensor  # a tensor is the end of the walk, a leaf


class _Gradients:
    """The gradients that have reached one node so far, one slot per output.

    An ``owned`` slot holds an array that nothing else refers to, so the next gradient can be added
    in place; an incoming gradient is never written to.
    """

    __slots__ = ("owned", "values")

    def __init__(self) -> None:
        self.values: dict[int, Tensor] = {}
        self.owned: dict[int, bool] = {}

    def add(self, index: int, grad: Tensor, owned: bool) -> None:
        """Adds a gradient to the sum for output ``index``."""
        if index not in self.values:
            self.values[index], self.owned[index] = grad, owned
        elif self.owned[index] and not mode.grad:
            with current_device_of((grad.array,)):
                self.values[index].array += grad.array
        else:
            self.values[index] = self.values[index] + grad
            self.owned[index] = True


class _Walk:
    """One run from ``roots`` back to the leaves, or to ``targets`` if given.

    It adds the gradients to the leaves' own, unless they are ``captured`` for ``grad``.
    """

    def __init__(
        self,
        roots: Sequence[Tensor],
        targets: Sequence[Tensor] | None,
        accumulates: bool,
        keep: bool,
        recorded: bool,
    ) -> None:
        self.accumulates = accumulates
        self.keep = keep
        self.recorded = recorded
        self.pending: dict[Node, int] = {}  # by node: edges that have not delivered a gradient yet
        self.gradients: dict[Node, _Gradients] = {}
        self.captured: dict[tuple[int, int], Tensor] = {}
        self.deferred: list[tuple[Function, int, Callable[[], Tensor]]] = []  # of edges to leaves
        order = self._count(root._grad_fn or root for root in roots)
        self.targets = None if targets is None else {(id(n), i) for n, i in _edges_of(targets)}
        self.wanted = None if targets is None else self._leading_to(targets, order)

    def _count(self, starts: Iterable[Node]) -> list[Node]:
        """Counts the edges into each node; returns all nodes, in the order they were found."""
        found: list[Node] = []
        pending, stack = self.pending, []
        for start in starts:
            if start not in pending:
                pending[start] = 0
                stack.append(start)
        while stack:
            node = stack.pop()
            found.append(node)
            for edge in node.edges if isinstance(node, Function) else ():
                if edge is not None:
                    target = edge[0]
                    count = pending.get(target)
                    pending[target] = 1 if count is None else count + 1
                    if count is None:
                        stack.append(target)
        return found

    def _leading_to(self, targets: Sequence[Tensor], nodes: list[Node]) -> set[int]:
        """The nodes from which a target can be reached; the other nodes are skipped."""
        parents: dict[int, list[Node]] = {}
        for node in nodes:
            for edge in node.edges if isinstance(node, Function) else ():
                if edge is not None:
                    parents.setdefault(id(edge[0]), []).append(node)
        stack = [edge[0] for edge in _edges_of(targets)]
        reached = {id(node) for node in stack}
        while stack:
            for parent in parents.get(id(stack.pop()), ()):
                if id(parent) not in reached:
                    reached.add(id(parent))
                    stack.append(parent)
        return reached

    def deliver(self, edge: tuple[Node, int], grad: Tensor, owned: bool) -> None:
        """Adds a gradient to the others that have reached the node at the end of ``edge``."""
        node, index = edge
        gradients = self.gradients.get(node)
        if gradients is None:
            gradients = self.gradients[node] = _Gradients()
        gradients.add(index, grad, owned)

    def run(self) -> None:
        """Visits each node when no gradient is missing there: of several, the one recorded last.

        That is torch's order, which hooks can see.
        """
        pending = self.pending
        ready: list[Function] = []
        for node, count in list(pending.items()):
            if count == 0:
                self._arrive(node, ready)
        while ready:
            node = ready.pop()
            gradients = self.gradients.pop(node, None)
            if gradients is not None:
                self._visit(node, gradients)
            for edge in node.edges:
                if edge is not None:
                    target = edge[0]
                    left = pending[target] = pending[target] - 1
                    if left == 0:
                        self._arrive(target, ready)
        self._wait_for_deferred()

    def _wait_for_deferred(self) -> None:
        """Delivers what other threads have computed; those began with the first."""
        leaves: dict[Tensor, None] = {}
        while self.deferred:
            node, i, wait = self.deferred.pop()
            self._pass_on(node, i, wait(), (), _Gradients())
            leaves[node.edges[i][0]] = None
        for leaf in leaves:
            self._reach_leaf(leaf, self.gradients.pop(leaf))

    def _arrive(self, node: Node, ready: list[Function]) -> None:
        """Ends the walk at a leaf, or puts a node among those to visit, the last one at the end."""
        if not isinstance(node, Function):
            gradients = self.gradients.pop(node, None)
            if gradients is not None:
                self._reach_leaf(node, gradients)
        elif ready:
            insort(ready, node, key=_NUMBER)
        else:
            ready.append(node)

    def _reach_leaf(self, leaf: Tensor, gradients: _Gradients) -> None:
        """Adds the gradient to ``leaf.grad``, or captures it for ``grad``."""
        if self.targets is not None and (id(leaf), 0) not in self.targets:
            return
        grad, owned = gradients.values[0], gradients.owned[0]
        if leaf.hooks:  # which may keep the gradient, or return one that they keep
            grad, owned = _run_hooks(leaf.hooks, grad), False
        if self.accumulates:
            if leaf._grad_fn is not None:
                raise RuntimeError(
                    f"a leaf of shape {leaf.array.shape} was used, and then became the result of a change "
                    "in place: it has no gradient of its own any more"
                )
            if leaf._requires_grad:  # still
                _accumulate(leaf, grad, owned)
                for hook in tuple(getattr(leaf, "after_accumulation", {}).values()):
                    hook(leaf)
        else:
            self.captured[id(leaf), 0] = grad

    def _visit(self, node: Function, gradients: _Gradients) -> None:
        """Differentiates a node and delivers the gradients of its inputs."""
        needed = node.needs_input_grad
        if self.wanted is not None:
            needed = tuple(e is not None and id(e[0]) in self.wanted for e in node.edges)
            if not any(needed):  # the walk ends here, and as at a leaf the hooks come first
                _run_output_hooks(node, gradients)
                self._capture(node, gradients)
                return
            self._capture(node, gradients)
        _run_output_hooks(node, gradients)
        if node.freed:
            raise RuntimeError(
                f"backward reached {type(node).__name__} a second time, after what it saved was "
                "freed; call backward with retain_graph=True the first time"
            )
        results = self._differentiate(node, gradients, needed)
        for i, (edge, result) in enumerate(zip(node.edges, results)):
            if edge is not None and result is not None and needed[i]:
                self._pass_on(node, i, result, results, gradients)
        if not self.keep:
            node._free()

    def _now_or_later(self, node: Function, index: int, result: Deferred) -> Tensor | None:
        """None if a gradient can be computed while the walk goes on, else the gradient."""
        leaf = node.edges[index][0]
        if (
            self.targets is not None
            or isinstance(leaf, Function)
            or leaf.hooks
            or getattr(leaf, "after_accumulation", None)
        ):
            return result.compute()
        self.deferred.append((node, index, result.start()))
        return None

    def _pass_on(
        self,
        node: Function,
        index: int,
        result: Tensor,
        results: tuple[Tensor | None, ...],
        gradients: _Gradients,
    ) -> None:
        """Delivers one of the ``results`` of a node, given the ``gradients`` of its outputs."""
        edge = node.edges[index]
        grad = _fit(node, index, result)
        matters = not self.recorded and self._may_be_written_to(edge[0])
        owned = matters and _is_fresh(result, index, results, gradients, node)
        if node._stack is not None:
            _check_for_nan(node, index, grad)
        self.deliver(edge, grad, owned)

    def _may_be_written_to(self, target: Node) -> bool:
        """Whether a gradient may be added to, kept or passed on at ``target``.

        Most operations get a single gradient, and make new ones from it.
        """
        return self.pending[target] > 1 or isinstance(target, Tensor) or _passes_on(target)

    def _capture(self, node: Function, gradients: _Gradients) -> None:
        """Keeps the gradients that ``grad`` was asked for."""
        assert self.targets is not None
        for index, grad in gradients.values.items():
            if (id(node), index) in self.targets:
                self.captured[id(node), index] = grad
                gradients.owned[index] = False

    def _differentiate(
        self, node: Function, gradients: _Gradients, needed: tuple[bool, ...]
    ) -> tuple[Tensor | None, ...]:
        """The gradients of a node's inputs, by its ``backward``."""
        given = next(iter(gradients.values.values()))
        incoming: list[Tensor | None] = [given]
        if len(node._outputs) > 1:
            _add_zeros(node, gradients, given)
            incoming = [gradients.values.get(i) for i in range(len(node._outputs))]
        asked, node.needs_input_grad = node.needs_input_grad, needed
        try:
            if type(given.array) is np.ndarray:  # without the time that a context takes
                results = type(node).backward(node, *incoming)
            else:
                with current_device_of((given.array,)):
                    results = type(node).backward(node, *incoming)
        finally:
            node.needs_input_grad = asked
        results = results if isinstance(results, tuple) else (results,)
        if len(results) < len(node.edges):
            raise RuntimeError(
                f"{type(node).__name__}.backward returns one gradient per argument of apply: "
                f"expected {len(node.edges)}, got {len(results)}"
            )
        return tuple(
            [
                self._now_or_later(node, i, result) if isinstance(result, Deferred) else result
                for i, result in enumerate(results)
            ]
        )


def _add_zeros(node: Function, gradients: _Gradients, given: Tensor) -> None:
    """Adds zeros as the gradients of the outputs that were not used, where ``node`` wants them."""
    for i, (shape, dtype) in enumerate(node._outputs):
        if i not in gradients.values and dtype.kind in "fV" and node.materialize_grads:
            gradients.add(i, Tensor.of(xp_of(given.array).zeros(shape, dtype)), owned=False)


def _fit(node: Function, index: int, grad: Tensor) -> Tensor:
    """A gradient in the shape and dtype of its input: broadcast dimensions are summed."""
    shape, dtype = node._inputs[index]  # type: ignore[misc]
    if grad.array.shape != shape:
        axes = tuple(range(grad.ndim - len(shape)))
        kept = range(len(axes), grad.ndim)
        if len(kept) != len(shape) or any(
            grad.array.shape[a] != n and n != 1 for a, n in zip(kept, shape)
        ):
            raise RuntimeError(
                f"{type(node).__name__}.backward returned a gradient of shape {grad.array.shape} "
                f"for an input of shape {shape}"
            )
        axes += tuple(a for a, n in zip(kept, shape) if n == 1 and grad.array.shape[a] != 1)
        grad = grad.sum(axes).reshape(shape)
    if grad.array.dtype == dtype or (
        grad.array.dtype == float32 and _takes_float32(node.edges[index][0])
    ):
        return grad
    return grad.to(dtype)


def _takes_float32(target: Node) -> bool:
    return isinstance(target, Function) and target.takes_float32


def _is_fresh(
    grad: Tensor,
    index: int,
    results: tuple[Tensor | None, ...],
    gradients: _Gradients,
    node: Function,
) -> bool:
    """Whether the array of a gradient is new and nothing else refers to it.

    Then ``backward`` made it, or passed on an incoming gradient that is owned, as views do. It may
    also be a view of a whole array of that kind, as channels-last gradients are.
    """
    array = grad.array
    owner: Any = owner_of(array)
    if not (owner.flags.owndata or is_pooled(owner)):
        return False
    # not all of the memory, or a view in which several elements share it
    if array is not owner and (array.nbytes != owner.nbytes or 0 in array.strides):
        return False
    for i, other in enumerate(results):
        if i != index and other is not None and owner_of(other.array) is owner:
            return False
    passes_on = _passes_on(node)
    for i, other in gradients.values.items():
        if owner_of(other.array) is owner and not (passes_on and gradients.owned[i]):
            return False
    return not node.keeps(owner)


def _passes_on(node: Function) -> bool:
    """Whether a node hands on the gradient that it gets; other operations may keep what they see."""
    return node.returns_view or node.takes_float32


def _check_for_nan(node: Function, index: int, grad: Tensor) -> None:
    if bool(xp_of(grad.array).isnan(grad.array).any()):
        lines = "".join(traceback.format_list(node._stack or []))
        raise RuntimeError(
            f"{type(node).__name__} returned a gradient with NaN for its argument {index}; "
            f"its forward pass was called here:\n{lines}"
        )


def _run_output_hooks(node: Function, gradients: _Gradients) -> None:
    """Runs the hooks of a node's outputs, which may keep or replace the gradients."""
    for index, hooks in node.output_hooks.items():
        if hooks and index in gradients.values:
            gradients.values[index] = _run_hooks(hooks, gradients.values[index])
            gradients.owned[index] = False


def _run_hooks(hooks: dict[int, Callable[[Tensor], Any]], grad: Tensor) -> Tensor:
    for hook in list(hooks.values()):
        replaced = hook(grad)
        if replaced is not None:
            _check_replacement(hook, grad, replaced)
            grad = replaced
    return grad


def _check_replacement(hook: Callable[[Tensor], Any], grad: Tensor, replaced: Any) -> None:
    """Checks what a hook returns instead of a gradient.

    Raises:
        TypeError: for anything but a tensor.
        RuntimeError: for one of another shape or dtype.
    """
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(replaced, Tensor):
        raise TypeError(f"hook {name} must return a tensor or None, got {type(replaced).__name__}")
    if (replaced.array.shape, replaced.array.dtype) != (grad.array.shape, grad.array.dtype):
        raise RuntimeError(
            f"hook {name} must return a gradient of shape {grad.array.shape} and dtype {grad.array.dtype}, "
            f"got {replaced.array.shape} and {replaced.array.dtype}"
        )


def _accumulate(leaf: Tensor, grad: Tensor, owned: bool) -> None:
    """Adds to ``leaf.grad``: in place, unless the walk is recorded.

    A new one has the memory layout of the leaf, as optimizers run over both at once.
    """
    if grad.array.shape != leaf.array.shape:
        raise RuntimeError(
            f"a leaf got a gradient of shape {grad.array.shape} after its own was changed to {leaf.array.shape}"
        )
    if leaf._grad is not None:
        leaf._grad = leaf._grad + grad if mode.grad else _added_in_place(leaf._grad, grad)
    elif owned and grad.array.strides == leaf.array.strides:
        leaf._grad = grad
    elif mode.grad:
        leaf._grad = grad.clone()
    else:
        with current_device_of((grad.array,)):
            copy = xp_of(grad.array).empty_like(leaf.array)
            copy[...] = grad.array
        leaf._grad = Tensor.of(copy)


def _added_in_place(total: Tensor, grad: Tensor) -> Tensor:
    """``total`` after ``grad`` was added to its memory, which flat gradient buffers share."""
    check_writable(total.array)
    with current_device_of((total.array,)):
        total.array += grad.array
    total.bump_version()
    return total


def _root_gradients(roots: Sequence[Any], gradients: Sequence[Any]) -> list[Tensor]:
    """The gradients to start from: 1 for a scalar, otherwise what the caller gave."""
    if len(gradients) != len(roots):
        raise RuntimeError(
            f"backward expects one gradient for each of {len(roots)} tensors, got {len(gradients)}"
        )
    checked = []
    for root, grad in zip(roots, gradients):
        root.refresh_history()
        if grad is not None and not isinstance(grad, Tensor):
            raise TypeError(f"gradient must be a tensor or None, got {type(grad).__name__}")
        if edge_of(root) is None:
            raise RuntimeError(
                "backward expects a tensor that requires a gradient or was computed from one that "
                f"does, got one of shape {root.array.shape} without"
            )
        if grad is None:
            if root.array.size != 1:
                raise RuntimeError(
                    "backward without gradient= expects a scalar (a grad can be implicitly created "
                    f"only for scalar outputs), got shape {root.array.shape}"
                )
            grad = Tensor.of(xp_of(root.array).ones_like(root.array))
        elif grad.array.shape != root.array.shape:
            raise RuntimeError(
                f"gradient must have the tensor's shape {root.array.shape}, got shape {grad.array.shape}"
            )
        checked.append(grad if grad.array.dtype == root.array.dtype else grad.to(root.array.dtype))
    return checked


def _walk(
    roots: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    targets: Sequence[Tensor] | None,
    accumulates: bool,
    retain_graph: bool | None,
    create_graph: bool,
) -> _Walk:
    """Walks the graph from ``roots`` to ``targets``, or to all leaves.

    Raises:
        RuntimeError: for a root without a history, or a target without a gradient.
    """
    gradients = _root_gradients(roots, gradients)
    for target in targets or ():
        target.refresh_history()
        if edge_of(target) is None:
            raise RuntimeError(
                f"{'backward' if accumulates else 'grad'} expects inputs that require a gradient, "
                f"got one of shape {target.array.shape} without"
            )
        if accumulates:
            target.retain_grad()
    keep = create_graph if retain_graph is None else retain_graph
    walk = _Walk(roots, targets, accumulates, keep, recorded=create_graph)
    # without autocast: backward has the dtypes of the forward pass, whose casts were recorded
    outside = mode.grad, mode.autocast, mode.after_backward
    calls = (
        [] if outside[2] is None else outside[2]
    )  # a walk within a walk, as checkpoints have, leaves them to the outer one
    mode.grad, mode.autocast, mode.after_backward = create_graph, None, calls
    before = numpy_errors.set(all_ignored)
    try:
        for root, gradient in zip(roots, gradients):
            walk.deliver(edge_of(root), gradient, owned=False)  # type: ignore[arg-type]
        walk.run()
    finally:
        mode.grad, mode.autocast, mode.after_backward = outside
        numpy_errors.reset(before)
    if mode.after_backward is None:
        for call in calls:
            call()
    return walk


def call_after_backward(function: Callable[[], object]) -> None:
    """Calls a function at the end of the ``backward`` that is going on; hooks use it."""
    assert mode.after_backward is not None
    mode.after_backward.append(function)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    *,
    inputs: Any = None,
) -> None:
    """Adds the gradients of ``tensors`` to the ``.grad`` of the leaves they were computed from.

    Args:
        tensors: a tensor or a sequence of them.
        grad_tensors: gradients to start from, of the same shapes; optional for scalars.
        retain_graph: keep what was saved, for another walk through the graph; by default the value
            of ``create_graph``.
        create_graph: record the walk itself, to differentiate the gradients.
        inputs: a tensor or a sequence of them, leaves or not: the only ones that get a gradient.

    Raises:
        RuntimeError: for a tensor that is not a scalar and has no gradient given, a gradient of
            another shape, a freed graph, or a saved tensor that was changed in place; for no inputs,
            or one that requires no gradient.

    As ``torch.autograd.backward``.
    """
    roots = _as_tuple(tensors)
    gradients = (None,) * len(roots) if grad_tensors is None else _as_tuple(grad_tensors)
    targets = None if inputs is None else _as_tuple(inputs)
    if targets is not None and not targets:
        raise RuntimeError("backward expects one tensor or more as inputs, got none")
    _walk(
        roots,
        gradients,
        targets,
        accumulates=True,
        retain_graph=retain_graph,
        create_graph=create_graph,
    )


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``; the leaves' ``.grad`` stays unchanged.

    Args:
        outputs: a tensor or a sequence of them.
        inputs: a tensor or a sequence of them, leaves or not.
        grad_outputs: gradients to start from; optional for scalars.
        retain_graph, create_graph: as in :func:`backward`.
        only_inputs: without effect, as in torch: no other gradients are computed.
        allow_unused: give None for an input that the outputs do not depend on.
        materialize_grads: give zeros for such an input.

    Returns:
        One tensor (or None) for each input.

    Raises:
        RuntimeError: as :func:`backward`, and for an unused input unless ``allow_unused``.

    As ``torch.autograd.grad``.
    """
    roots, targets = _as_tuple(outputs), _as_tuple(inputs)
    gradients = (None,) * len(roots) if grad_outputs is None else _as_tuple(grad_outputs)
    walk = _walk(
        roots,
        gradients,
        targets,
        accumulates=False,
        retain_graph=retain_graph,
        create_graph=create_graph,
    )
    found = []
    for position, target in enumerate(targets):
        ((node, index),) = _edges_of((target,))
        found.append(walk.captured.get((id(node), index)))
        if found[-1] is None and materialize_grads:
            found[-1] = Tensor.of(xp_of(target.array).zeros_like(target.array))
        elif found[-1] is None and not allow_unused:
            raise RuntimeError(
                f"input {position} of shape {target.array.shape} was not used to compute the outputs; "
                "pass allow_unused=True to get None for it"
            )
    return tuple(found)


def _edges_of(tensors: Iterable[Tensor]) -> list[tuple[Node, int]]:
    """Where the gradients of tensors with a history, or leaves that require one, go."""
    return [edge for edge in map(edge_of, tensors) if edge is not None]


def _as_tuple(tensors: Any) -> tuple[Any, ...]:
    # an array is one value, too: the checks then name the mistake
    return (tensors,) if hasattr(tensors, "__array__") else tuple(tensors)
