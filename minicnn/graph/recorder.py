"""Recording a graph: run the network once, and note each operation on the way.

As the profiler does, a recording replaces ``Function.apply`` while it runs, so that there is no cost
outside. Values are known by their arrays. Layers run one by one, without the fused operations.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Function, no_grad
from ..autograd.grad_mode import mode
from ..nn import branches, fusion
from ..nn.containers import Sequential
from ..nn.module import Module
from ..ops import assign, in_place
from ..ops.assign import IndexPut
from ..random import Generator, default_generator
from ..size import Size
from ..tensor import Tensor, Version
from .constants import check_constants, has_constants
from .errors import CannotRecord
from .graph import Graph, Node, Value
from .one_image import apply_to_one_image
from .reads import array_of, reading
from .structure import leaves, replaced, tensors_in

__all__ = ["CannotRecord", "is_recording", "record", "record_call"]


def record(net: Callable[..., Any], *args: Any, **kwargs: Any) -> Graph:
    """Runs a network once and returns its operations as a graph.

    The network is in evaluation mode, and no gradients are recorded. Batch norm is one operation with
    its running statistics, dropout does nothing, and layers that a ``Sequential`` would run as one
    are separate.

    Args:
        net: a module, or a function of tensors.
        args, kwargs: its arguments, with tensors on the CPU; tuples, lists and dicts may hold them.

    Returns:
        The graph, for inputs of these shapes.

    Raises:
        CannotRecord: if another call could take another way: for a network in training mode, random
            numbers, numbers of tensors that Python reads (``x.item()``, ``if x > 0``, ``x.numpy()``,
            ``x[mask]``), hooks, and changes of parameters, buffers, attributes or arguments.
    """
    return record_call(net, args, kwargs)


def record_call(
    net: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    computed_options: bool = False,
    as_function: bool = False,
) -> Graph:
    """:func:`record` with the arguments in a tuple and a dict.

    Args:
        computed_options: whether a node's options may contain values: ``x[indices]``, where another
            operation computed the indices. Otherwise that is an error.
        as_function: whether only the result counts: modules may have hooks, whose operations are part
            of the graph, and ``forward`` may write to its arguments and to parts of tensors
            (``x[:, 0] = 0``). Otherwise these are errors.
    """
    graph = _Recording(net, args, kwargs, computed_options, as_function).run()
    if has_constants(graph):
        others: Any = replaced((args, kwargs), _other_numbers)
        other_args, other_kwargs = others
        other = _Recording(net, other_args, other_kwargs, computed_options, as_function)
        check_constants(graph, other.run())
    return graph


def is_recording() -> bool:
    """Whether this thread is recording a graph."""
    return _here.recording is not None


def _other_numbers(leaf: Any) -> object:
    """A tensor of the same shape and dtype with other numbers, and other signs, in it."""
    if not isinstance(leaf, Tensor):
        return leaf
    array = np.flip(leaf.array)
    if array.dtype.kind != "f":
        return Tensor.of(array.copy())
    other = np.asarray(0.25 - array)
    other.flat[1::2] = 0  # for what asks whether numbers are zero
    return Tensor.of(other)


def _copied(leaf: Any) -> object:
    """A tensor of its own for each argument: one may be given twice, and ``forward`` may write to it."""
    return Tensor.of(leaf.array.copy(order="K")) if isinstance(leaf, Tensor) else leaf


@dataclass
class _Known:
    """What an array stands for, until its memory is written to."""

    value: Value
    array: weakref.ref[np.ndarray]
    version: Version
    writes: int

    def is_current(self) -> bool:
        return self.version.all_writes == self.writes


class _Here(threading.local):
    recording: _Recording | None = None


_here = _Here()


class _Recording:
    """One run of a network."""

    def __init__(
        self,
        net: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        computed_options: bool,
        as_function: bool,
    ) -> None:
        self.net = net
        self.computed_options, self.as_function = computed_options, as_function
        copies: Any = replaced((args, kwargs), _copied)
        self.args, self.kwargs = copies
        self.graph = Graph([])
        self.known: dict[int, _Known] = {}
        self.held: list[_Known] = []  # of arguments, parameters and buffers
        self.modules = dict[int, str]()
        self.path = [""]
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.inside = False  # whether an operation is running

    def run(self) -> Graph:
        """Calls the network.

        Raises:
            CannotRecord: for the first thing that does not fit into a graph.
        """
        if mode.autocast is not None:
            raise CannotRecord("autocast is active")
        if isinstance(self.net, Module):
            self._enter_network(self.net)
        for i, tensor in enumerate(tensors_in((self.args, self.kwargs))):
            self._hold(Value(f"input_{i + 1}", "input", *_form(tensor)), tensor)
            self.graph.inputs.append(self.held[-1].value)
        state = default_generator.get_state().array
        with no_grad(), _running(self):
            result = self.net(*self.args, **self.kwargs)
        if not np.array_equal(state, default_generator.get_state().array):
            default_generator.set_state(Tensor.of(state))
            self.problems.append("draws random numbers in forward")
        for held in self.held:
            may_change = self.as_function and held.value.kind == "input"
            if not (may_change or held.is_current()):
                self.problems.append(f"writes to the {held.value.kind} {held.value.name}")
        self.graph.result = replaced(result, self._output)
        if self.problems:
            raise CannotRecord(self.problems[0])
        return self.graph

    # ------------------------------------------------------------------ what runs

    def apply(self, operation: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> object:
        """Runs an operation and notes it."""
        if self.inside or hasattr(operation, "given_forward"):
            # a static forward consists of operations, which are noted one by one
            return _apply_original(operation, *inputs, **options)
        taken = tuple(self.value_of(x) if isinstance(x, Tensor) else x for x in inputs)
        for extra in leaves((options, [x for x in inputs if not isinstance(x, Tensor)])):
            if isinstance(extra, Generator):
                self.problems.append(f"draws random numbers in forward ({operation.__name__})")
            elif self._is_known(extra) and not self.computed_options:
                self.problems.append(f"indexes by a computed tensor ({operation.__name__})")
        noted: Any = replaced(options, self._option) if self.computed_options else options
        self.inside = True
        try:
            out: Any = apply_to_one_image(_apply_original, operation, inputs, options)
        finally:
            self.inside = False
        first = inputs[0] if inputs and isinstance(inputs[0], Tensor) else None
        results = out if isinstance(out, tuple) else (out,)
        self.graph.nodes.append(
            Node(
                operation,
                taken,
                noted,
                tuple(self._result(operation.__name__, tensor) for tensor in results),
                self.path[-1],
                first is not None
                and not operation.returns_view
                and np.may_share_memory(first.array, results[0].array),
            )
        )
        return out

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """Calls a module, in whose name operations are noted."""
        if id(module) not in self.modules:  # of a function
            self._enter_network(module)
        self.path.append(self.modules[id(module)])
        try:
            return _call_original(module, *args, **kwargs)
        finally:
            self.path.pop()

    def note_read(self, tensor: Tensor, how: str) -> None:
        """Notes that Python reads the numbers of a tensor."""
        if self.inside:
            return
        known = self.known.get(id(array_of(tensor)))
        if known is None or known.value.kind in ("input", "result"):
            name = "a tensor" if known is None else known.value.name
            where = f"forward of module {self.path[-1]!r}" if self.path[-1] else "forward"
            self.problems.append(f"reads the numbers of {name} in {where} ({how})")

    def written_at(self, x: Tensor, index: tuple[Any, ...], values: Any) -> None:
        """Writes values to x at an index, and notes it as an operation whose result x is from now on."""
        if not self._is_known(array_of(x)):  # that forward has made: without what is written now
            form = Tensor.of(array_of(x).copy())
            self._know(Value(self._name("constant"), "constant", *_form(form), form), x)
        given = Tensor.of(values) if isinstance(values, np.ndarray) else values
        result: Any = self.apply(IndexPut, (x, given), {"index": index})
        x.bump_version()
        self.overwritten(x, result)

    def overwritten(self, x: Tensor, result: Tensor) -> None:
        """Notes that ``x`` now has the numbers of ``result``."""
        known = self.known.get(id(array_of(result)))
        if known is not None:
            self._know(known.value, x)

    # ------------------------------------------------------------------ what is known

    def value_of(self, tensor: Tensor) -> Value:
        """The value that a tensor stands for; a constant if no operation has made it."""
        known = self.known.get(id(array_of(tensor)))
        if known is None:
            kind = "parameter" if type(tensor).__name__ == "Parameter" else "constant"
            return self._hold(Value(self._name(kind), kind, *_form(tensor), tensor), tensor)
        if not known.is_current():
            self.problems.append(
                f"uses {known.value.name} after its memory was changed in place through another tensor, "
                "or by x[...] = y: where, cat and masked_fill make a new tensor instead"
            )
        return known.value

    def _is_known(self, leaf: Any) -> bool:
        return isinstance(leaf, np.ndarray) and id(leaf) in self.known

    def _option(self, leaf: Any) -> object:
        """An option, or the value that it stands for."""
        return self.known[id(leaf)].value if self._is_known(leaf) else leaf

    def _enter_network(self, net: Module) -> None:
        """Knows the modules of a network, its parameters and its buffers.

        ``forward`` may make a ``Sequential`` of layers that are known, as ``layers[:3]`` does: they keep
        their names, and its own mode, which is that of a new module, has no effect.
        """
        for name, module in net.named_modules():
            if id(module) in self.modules:
                continue
            self.modules[id(module)] = name
            self.graph.modules.append(module)
            if module.training and not self._is_made_of_known(module):
                raise CannotRecord(
                    f"has {_called(name)} in training mode: call eval() on the network"
                )
            if not (self.as_function or fusion.is_plain(module)):
                raise CannotRecord(f"has hooks, or a forward of its own, in {_called(name)}")
        for kind, members in (
            ("parameter", net.named_parameters()),
            ("buffer", net.named_buffers()),
        ):
            for name, tensor in members:
                if not self._is_known(array_of(tensor)):
                    self._hold(Value(name, kind, *_form(tensor), tensor), tensor)

    def _is_made_of_known(self, module: Module) -> bool:
        children = list(module.children())
        return type(module) is Sequential and all(id(child) in self.modules for child in children)

    def _hold(self, value: Value, tensor: Tensor) -> Value:
        self.held.append(self._know(value, tensor))
        return value

    def _result(self, operation: str, tensor: Tensor) -> Value:
        value = Value(self._name(operation.lower()), "result", *_form(tensor))
        self._know(value, tensor)
        return value

    def _know(self, value: Value, tensor: Tensor) -> _Known:
        array, known = array_of(tensor), self.known
        key = id(array)
        reference = weakref.ref(array, lambda _: known.pop(key, None))
        entry = _Known(value, reference, tensor.version, tensor.version.all_writes)
        known[key] = entry
        return entry

    def _name(self, kind: str) -> str:
        self.counts[kind] += 1
        return f"{kind}_{self.counts[kind]}"

    def _output(self, leaf: Any) -> object:
        if isinstance(leaf, Tensor):
            value = self.value_of(leaf)
            self.graph.outputs.append(value)
            return value
        if leaf is None or isinstance(leaf, (bool, int, float, str, Size)):
            return leaf
        raise CannotRecord(f"returns a {type(leaf).__name__}")


def _form(tensor: Tensor) -> tuple[tuple[int, ...], np.dtype]:
    array = array_of(tensor)
    return array.shape, array.dtype


def _called(name: str) -> str:
    return f"module {name!r}" if name else "its outermost module"


# ------------------------------------------------------------------ what is replaced meanwhile

_apply_original: Callable[..., Any] = vars(Function)["apply"].__func__
_call_original: Callable[..., Any] = Module.__call__
_run_original: Callable[..., Any] = fusion.run
_run_branches_original: Callable[..., Any] = branches.run
_overwrite_original: Callable[..., Any] = in_place._overwrite
_set_original: Callable[..., Any] = assign._set_untracked


def _apply(operation: type[Function], *inputs: Any, **options: Any) -> Any:
    """Replaces ``Function.apply``."""
    if (recording := _here.recording) is None:
        return _apply_original(operation, *inputs, **options)
    return recording.apply(operation, inputs, options)


def _call(module: Module, *args: Any, **kwargs: Any) -> Any:
    """Replaces ``Module.__call__``."""
    if (recording := _here.recording) is None:
        return _call_original(module, *args, **kwargs)
    return recording.call(module, args, kwargs)


def _run(input: Any, modules: Any) -> Any:
    """Replaces ``fusion.run``: the modules of a ``Sequential`` run one by one."""
    if _here.recording is None:
        return _run_original(input, modules)
    for module in modules:
        input = module(input)
    return input


def _run_branches(input: Tensor, modules: Sequence[Module]) -> list[Tensor]:
    """Replaces ``branches.run``: in this thread, which alone is recorded."""
    if _here.recording is None:
        return _run_branches_original(input, modules)
    return [module(input) for module in modules]


def _overwrite(x: Tensor, result: Tensor) -> Tensor:
    """Replaces what operations in place write with."""
    out = _overwrite_original(x, result)
    if (recording := _here.recording) is not None:
        recording.overwritten(x, result)
    return out


def _set(x: Tensor, index: tuple[Any, ...], values: Any) -> None:
    """Replaces ``x[index] = values`` without a history."""
    recording = _here.recording
    if recording is None or recording.inside or not recording.as_function:
        _set_original(x, index, values)
    else:
        recording.written_at(x, index, values)


def _note_read(tensor: Tensor, how: str) -> None:
    if (recording := _here.recording) is not None:
        recording.note_read(tensor, how)


_REPLACEMENTS: list[tuple[Any, str, Any]] = [
    (Function, "apply", classmethod(_apply)),
    (Module, "__call__", _call),
    (fusion, "run", _run),
    (branches, "run", _run_branches),
    (in_place, "_overwrite", _overwrite),
    (assign, "_set_untracked", _set),
    *reading(_note_read),
]
_lock = threading.Lock()
_saved: list[Any] = []
_recordings = 0  # that are running, in all threads


@contextlib.contextmanager
def _running(recording: _Recording) -> Iterator[None]:
    """Puts the replacements in place; the last of several recordings removes them."""
    global _recordings
    with _lock:
        if not _recordings:
            _saved[:] = [vars(owner)[name] for owner, name, _ in _REPLACEMENTS]
            for owner, name, replacement in _REPLACEMENTS:
                setattr(owner, name, replacement)
        _recordings += 1
    _here.recording = recording
    try:
        yield
    finally:
        _here.recording = None
        with _lock:
            _recordings -= 1
            if not _recordings:
                for (owner, name, _), original in zip(_REPLACEMENTS, _saved, strict=True):
                    setattr(owner, name, original)
