"""``Function``: one differentiable operation, and a node of the graph when it is recorded."""

from __future__ import annotations

import functools
import itertools
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..devices import Device, current_device_of, device_of, xp_of
from ..dtype import DType
from ..dtypes import all_ignored, numpy_errors
from ..tensor import Tensor
from ..typing import Array
from ..warn import warn
from .grad_mode import is_grad_enabled, mode, no_grad
from .view import View

_numbers = itertools.count()
# bound once, as an attribute of an imported name takes as long as a step of the arithmetic
_tensor_of = Tensor.of
_numpy_errors = numpy_errors.get
_set_numpy_errors, _reset_numpy_errors = numpy_errors.set, numpy_errors.reset


class Function:
    """One differentiable operation; an instance is one use of it, and a node of the graph.

    Subclasses define ``forward``, which takes arrays and returns an array or a tuple of arrays, and
    ``backward``, which takes a gradient for each output and returns a gradient, or None, for each
    positional argument. Gradients are tensors, and ``backward`` uses operations on them, so that
    they can be differentiated again. Call it as ``Sub.apply(*tensors, **options)``.

    As ``torch.autograd.Function``, except that ``forward`` is given arrays, and that the instance
    itself is torch's ``ctx``. A static ``forward(ctx, …)`` is given tensors as in torch, with all that
    torch has for it (static_function.py).
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_inputs",
        "_outputs",
        "_saved",
        "_stack",
        "_to_save",
        "called",
        "edges",
        "freed",
        "needs_input_grad",
        "number",
        "output_hooks",
    )

    edges: list[Any]  # where each argument's gradient goes, None where it is not needed
    needs_input_grad: tuple[bool, ...]
    output_hooks: dict[int, dict[int, Callable[[Any], Any]]]
    freed: bool
    number: int  # of nodes recorded before
    _saved: Sequence[Any]
    _to_save: tuple[Any, ...]
    called: str  # torch's name for it, where that is not the one of its class
    returns_view = False  # True if the result may share memory with the first argument
    takes_float32 = False  # True if the gradient of a half-precision result may be float32
    never_warns = False  # True if NumPy has no reason for a floating-point warning in ``forward``
    materialize_grads = True  # whether ``backward`` gets zeros for an output that was not used

    adapt_static: Callable[[type[Function]], None]  # static_function.py defines it

    def __init_subclass__(cls) -> None:
        if isinstance(vars(cls).get("forward"), staticmethod):
            Function.adapt_static(cls)

    def forward(self, *arrays: Any, **options: Any) -> Array | tuple[Array, ...]:
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def backward(self, *grads: Any) -> Tensor | tuple[Tensor | Deferred | None, ...]:
        raise NotImplementedError(f"{type(self).__name__} does not define backward")

    @classmethod
    def apply(cls, *inputs: Any, **options: Any) -> Tensor:
        """Runs the operation on tensors, and records it if one of them requires a gradient.

        Args:
            inputs: tensors; anything else is passed to ``forward`` unchanged and gets no gradient.
            options: passed to ``forward`` unchanged.

        Returns:
            A tensor. Where ``forward`` returns a tuple, a tuple of tensors: the annotation leaves
            that out, as no type checker could tell the two apart.

        Raises:
            RuntimeError: if the tensors are not all on one device.
        """
        # As little work as possible if nothing is recorded: a small tensor's operation takes about
        # as long as this function.
        node, arrays, perhaps, all_numpy = cls(), [], False, True
        for x in inputs:
            if isinstance(x, Tensor):
                if x._requires_grad or x.view_of is not None:
                    perhaps = True
                x = x.array
                if type(x) is not ndarray:
                    all_numpy = False
            elif hasattr(x, "shape"):
                all_numpy = False
            arrays.append(x)
        needs = _needs(inputs) if perhaps and mode.grad else _no_needs(len(arrays))
        node.needs_input_grad = needs
        node._to_save = ()
        before = None
        if not (cls.never_warns or _numpy_errors() is all_ignored):
            before = _set_numpy_errors(all_ignored)
        results: Any
        out: Any
        try:
            if not all_numpy:
                _check_one_device(cls, arrays)
                with current_device_of(arrays):
                    results = node.forward(*arrays, **options)
            elif len(arrays) == 2 and not options:  # to unpack them takes longer than to pass them
                results = node.forward(arrays[0], arrays[1])
            else:
                results = node.forward(*arrays, **options)
        finally:
            if before:
                _reset_numpy_errors(before)
        many = type(results) is not ndarray and isinstance(results, tuple)
        out = tuple(map(_tensor_of, results)) if many else _tensor_of(results)
        if cls.returns_view:
            _share_version(inputs[0], out if many else (out,), cls, options)
        if True in needs:
            results, outputs = (results, out) if many else ((results,), (out,))
            node._record(inputs, arrays, results, outputs)
        return out

    def save_for_backward(self, *values: Any) -> None:
        """Keeps arrays (inputs, outputs or others) for ``backward``, as ``saved_tensors``."""
        self._to_save = values

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` was given, as tensors that belong to the graph.

        Raises:
            RuntimeError: if one of them was changed in place since.
        """
        return tuple([saved.unpack(self) for saved in self._saved])  # faster than a generator

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        """The old name of :attr:`saved_tensors`, with torch's warning."""
        warn("'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning)
        return self.saved_tensors

    # ------------------------------------------------------------------ the node's own bookkeeping

    def _record(
        self,
        inputs: Sequence[Any],
        arrays: Sequence[Any],
        results: Sequence[Any],
        outputs: Sequence[Any],
    ) -> None:
        """Makes this instance a node of the graph: its edges, what it saves, its outputs."""
        edges: list[Any] = []
        forms: list[Any] = []
        for x, array, needed in zip(inputs, arrays, self.needs_input_grad):
            edges.append(edge_of(x) if needed else None)
            forms.append((array.shape, array.dtype) if needed else None)
        self.edges, self._inputs = edges, forms
        self.output_hooks = {}
        self.freed = False
        self.number = next(_numbers)
        self._stack = traceback.extract_stack()[:-2] if mode.anomaly else None
        saved = []
        for value in self._to_save:
            save = value is not None
            saved.append(_save(value, inputs, arrays, results, outputs) if save else _NOTHING)
        self._saved, self._to_save = saved, ()
        forms = []
        for index, out in enumerate(outputs):
            dtype = out.array.dtype
            forms.append((out.array.shape, dtype))
            if dtype.kind in "fV":  # integer results (indices) have no gradient
                out._requires_grad = True
                out._grad_fn = self
                out.output_index = index
        self._outputs = forms

    def _free(self) -> None:
        """Drops what was saved; a later ``backward`` through this node is an error.

        A node that saved no arrays, such as a view's, stays usable, as it does in torch.
        """
        if self._saved or not _is_plain(tuple(self.__dict__.values())):
            self._saved = ()
            self.__dict__.clear()
            self.freed = True

    def keeps(self, array: Any) -> bool:
        """Whether this array, or a view of it, was saved or is an attribute of the node."""
        for saved in self._saved:
            value = saved.array if isinstance(saved, _Saved) else saved.value
            if owner_of(getattr(value, "array", value)) is array:
                return True
        for value in self.__dict__.values():
            if owner_of(getattr(value, "array", value)) is array:
                return True
        return False

    def keep_own_copies(self, before: Tensor, memory: Array) -> None:
        """Copies what this node needs of the ``memory`` that an operation in place will rewrite.

        Args:
            before: the tensor that the operation was given in place of the one to overwrite.
            memory: the array of both.
        """
        overlaps = xp_of(memory).may_share_memory

        def kept(value: Any) -> Any:
            array = getattr(value, "array", value)
            if not isinstance(array, type(memory)) or not overlaps(array, memory):
                return value
            copy = array.copy(order="K")
            return copy if array is value else Tensor.of(copy)

        for saved in self._saved:
            if isinstance(saved, _Constant):
                saved.value = kept(saved.value)
            elif saved.version is before.version and overlaps(saved.array, memory):
                saved.copy()
        for name, value in self.__dict__.items():
            self.__dict__[name] = kept(value)

    def save_in_place(self, output_index: int, tensor: Tensor) -> None:
        """Notes that an output now lies in the memory of ``tensor``, whose changes then count."""
        for saved in self._saved:
            if isinstance(saved, _Saved) and saved.output_index == output_index:
                saved.array, saved.version = tensor.array, tensor.version
                saved.expected = tensor.version.writes

    @property
    def next_functions(self) -> tuple[tuple[Function | AccumulateGrad | None, int], ...]:
        """Where the gradient of each argument goes: (node, number of its output).

        (None, 0) stands for an argument without a gradient.
        """
        ends = (edge or (None, 0) for edge in self.edges)
        return tuple(
            (AccumulateGrad(node) if isinstance(node, Tensor) else node, i) for node, i in ends
        )

    def name(self) -> str:
        """What torch calls this node, as ``print(tensor)`` shows."""
        from .names import name_of

        return name_of(self)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class Deferred:
    """What ``backward`` may return in place of a gradient: an operation that was not run yet.

    Nobody needs the gradient of a weight before the walk ends, whereas the next node waits for the
    gradient of the input. So the engine starts such an operation in another thread and goes on.

    Args:
        run_later: takes a function, has it run in any thread, and returns a function that waits for
            its result.
        operation: computes the gradient.
        inputs, options: of the operation.
    """

    __slots__ = ("inputs", "operation", "options", "run_later")

    def __init__(
        self,
        run_later: Callable[[Callable[[], Tensor]], Callable[[], Tensor]],
        operation: type[Function],
        *inputs: Tensor,
        **options: Any,
    ) -> None:
        self.run_later = run_later
        self.operation = operation
        self.inputs = inputs
        self.options = options

    def start(self) -> Callable[[], Tensor]:
        """Has the operation run in any thread; returns a function that waits for the gradient."""
        return self.run_later(self.compute)

    @no_grad()
    def compute(self) -> Tensor:
        """Runs the operation in this thread."""
        return self.operation.apply(*self.inputs, **self.options)


class AccumulateGrad:
    """The end of the walk at a leaf, ``variable``, as ``next_functions`` shows it."""

    next_functions = ()

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    def name(self) -> str:
        """torch's name of it."""
        return "torch::autograd::AccumulateGrad"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self.variable):#x}>"


class _Saved:
    """A tensor kept for ``backward``, with its version; of an output, only the array."""

    __slots__ = ("array", "expected", "output_index", "tensor", "version")

    def __init__(self, tensor: Any, output_index: int | None) -> None:
        self.output_index = output_index
        self.tensor = tensor if output_index is None else None
        self.array = tensor.array
        self.version = tensor.version
        self.expected = tensor.version.writes

    def copy(self) -> None:
        """Continues with a copy of the numbers, which all nodes that saved the tensor share."""
        if self.tensor is None:
            self.array = self.array.copy(order="K")
            return
        if self.tensor.array is self.array:
            self.tensor.array = self.array.copy(order="K")
        self.array = self.tensor.array

    def unpack(self, node: Function) -> Tensor:
        """The tensor, after a check that it was not changed in place."""
        if self.version.writes != self.expected:
            raise RuntimeError(
                "a tensor needed for the gradient was changed in place: a "
                f"{self.array.dtype} tensor of shape {tuple(self.array.shape)}, saved by "
                f"{type(node).__name__}, is at version {self.version.writes}, "
                f"expected {self.expected}"
            )
        if self.output_index is None:
            return self.tensor  # type: ignore[return-value]
        out = Tensor.of(self.array)
        out.version = self.version
        if self.array.dtype.kind in "fV":  # outputs such as indices have no gradient
            out._requires_grad = True
            out._grad_fn, out.output_index = node, self.output_index
        return out


class _Constant:
    """A value kept for ``backward`` that is neither input nor output: an index array, a number."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = Tensor.of(value) if hasattr(value, "shape") else value

    def unpack(self, node: Function) -> object:
        return self.value


_NOTHING = _Constant(None)


def _save(
    value: Any,
    inputs: Sequence[Any],
    arrays: Sequence[Any],
    results: Sequence[Any],
    outputs: Sequence[Any],
) -> Any:
    for x, array in zip(inputs, arrays):
        if value is array and isinstance(x, Tensor):
            return _Saved(x, None)
    for index, result in enumerate(results):
        if value is result:
            return _Saved(outputs[index], index)
    return _Constant(value)


def _is_plain(value: Any) -> bool:
    """Whether a value consists of numbers, strings and the like, without arrays or functions."""
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or value is Ellipsis or isinstance(value, _PLAIN)


_PLAIN = (bool, int, float, str, slice, np.dtype, DType, np.integer, Device)


def _needs(inputs: Sequence[Any]) -> tuple[bool, ...]:
    """Which inputs require a gradient, views by the present history of their bases."""
    needs = []
    for x in inputs:
        needed = False
        if isinstance(x, Tensor):
            needed = x._requires_grad
            if x.view_of is not None:
                x.refresh_history()
                needed = x.requires_grad
        needs.append(needed)
    return tuple(needs)


@functools.cache
def _no_needs(count: int) -> tuple[bool, ...]:
    return (False,) * count


def next_number() -> int:
    """A number between those of the nodes recorded before and after the call."""
    return next(_numbers)


def edge_of(tensor: Any) -> tuple[Any, int] | None:
    """Where a tensor's gradient goes: (node, number of its output), or (leaf tensor, 0).

    None for a view without history that requires a gradient because its base does.
    """
    if tensor._grad_fn is not None:
        return tensor._grad_fn, tensor.output_index
    return (tensor, 0) if tensor._requires_grad else None


def owner_of(array: Any) -> object:
    """The array whose memory a view shows; any other array, or value, is returned itself."""
    base = getattr(array, "base", None)
    return array if base is None or not isinstance(base, type(array)) else base


def _check_one_device(cls: type[Function], arrays: Sequence[Any]) -> None:
    kinds = {type(array) for array in arrays if hasattr(array, "shape")}
    if len(kinds) > 1 or (kinds and np.ndarray not in kinds and len(arrays) > 1):
        devices = {str(device_of(a)) for a in arrays if hasattr(a, "shape")}
        if len(devices) > 1:
            raise RuntimeError(
                f"{cls.__name__} expects all tensors on one device, "
                f"got {' and '.join(sorted(devices))}"
            )


def _share_version(
    base: Any, outputs: Sequence[Any], operation: type[Function], options: dict[str, Any]
) -> None:
    """Makes views count changes together with the tensor whose memory they share."""
    owner = owner_of(base.array)
    for out in outputs:
        shares = out.array.size == 0 or owner_of(out.array) is owner
        if shares or xp_of(out.array).may_share_memory(out.array, base.array):
            out.version = base.version
            out.view_of = View(base, operation, options)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a ``backward`` that has no derivative of its own: asking for it is an error."""

    @functools.wraps(backward)
    def wrapped(self: Function, *grads: Any) -> Any:
        with no_grad():
            results = backward(self, *grads)
        if not is_grad_enabled():
            return results
        many = results if isinstance(results, tuple) else (results,)
        blocked = tuple(
            None
            if r is None
            else _Blocked.apply(r.detach().requires_grad_(), name=type(self).__name__)
            for r in many
        )
        return blocked if isinstance(results, tuple) else blocked[0]

    return wrapped


class _Blocked(Function):
    def forward(self, x: Array, name: str) -> Array:
        self.operation = name
        return x

    def backward(self, grad: Tensor) -> Tensor:
        raise RuntimeError(f"{self.operation} can be differentiated once, not twice")
