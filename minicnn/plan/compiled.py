"""``minicnn.compile``: which calls of a network get a plan, and which run as they are written."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import kernels
from ..autograd.grad_mode import mode
from ..dtypes import float32
from ..graph import CannotRecord, Graph, record
from ..graph.recorder import is_recording
from ..graph.structure import replaced, tensors_in
from ..kernels.cpu import conv
from ..kernels.cpu.runtime.threads import drop_scratch, num_threads
from ..memory import empty_cache
from ..nn.module import Module
from ..size import Size
from ..tensor import Tensor
from ..warn import warn
from .choice import Choices
from .guard import Guard
from .plan import Plan

__all__ = ["OptimizedModule", "compile"]

_MAX_PLANS = 8
_EAGER_BACKENDS = ("eager", "aot_eager")
_COMPARABLE = (bool, int, float, complex, str, bytes, type(None), Size, np.dtype, type)
_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Callable[..., Any]:
    """Makes inference fast: the first call with each input shape is recorded, the next ones follow a plan.

    A plan is made for calls in evaluation mode under ``no_grad`` or ``inference_mode``, of float32
    tensors on the CPU. All others run as they are written: training, calls of which a gradient may be
    wanted, other dtypes, GPUs, autocast, empty batches, the plain kernels, and an algorithm that
    ``MINICNN_CONV`` prefers. Results equal those of the network up to the rounding of float32.

    If the network changes (its weights, its modules or their attributes), its plans are made again. At
    most 8 are kept, for the shapes used last. A network that cannot be recorded, because ``forward``
    reads the numbers of a tensor or draws random ones, runs as it is written, with one warning.

    Args:
        model: a module or a function of tensors; without one, a decorator is returned.
        fullgraph: whether a network that cannot be recorded is an error.
        dynamic: without effect, since each shape has its own plan.
        backend: ``"eager"`` runs everything as it is written; other names have no effect.
        mode: without effect.
        options: ``{"cache": False}`` measures the algorithms again, and keeps no file of them. Others
            have no effect.
        disable: whether to return the model itself.

    Returns:
        For a module an :class:`OptimizedModule`, for a function a function.

    Raises:
        RuntimeError: for an unknown mode, or a backend that is a function, which would need torch's
            graphs; with ``fullgraph``, in a call, a :class:`~minicnn.graph.CannotRecord`.
        TypeError: for a model that cannot be called.

    As ``torch.compile``, but for inference alone. Writes by NumPy to the array of a parameter are not
    noticed, nor are values that ``forward`` takes from elsewhere than tensors and attributes.
    """
    if callable(backend):
        raise RuntimeError(  # noqa: TRY004 -- torch takes one
            "compile has no graphs of torch for a backend that is a function"
        )
    if mode not in (None, *_MODES):
        raise RuntimeError(f"mode must be one of {', '.join(_MODES)}, got {mode!r}")
    if model is None:
        return functools.partial(
            compile, fullgraph=fullgraph, backend=backend, options=options, disable=disable
        )
    if not callable(model):
        raise TypeError(f"compile expects a module or a function, got {type(model).__name__}")
    if disable or backend in _EAGER_BACKENDS:
        return model
    if isinstance(model, Module):
        return OptimizedModule(model, fullgraph, options)
    plans = _Plans(model, fullgraph, options)

    @functools.wraps(model)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        return plans(args, kwargs)

    return compiled


class OptimizedModule(Module):
    """A module with plans. The module itself is ``_orig_mod``, and its attributes are found here, too.

    The keys of its ``state_dict`` begin with ``_orig_mod.``, as torch's do.
    """

    _orig_mod: Module

    def __init__(
        self, module: Module, fullgraph: bool = False, options: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.__dict__.pop("training")  # the module has one
        self.__dict__["_options"] = fullgraph, options
        self.__dict__["_plans"] = _Plans(module, fullgraph, options)
        self._modules["_orig_mod"] = module

    def forward(self, *args: Any, **kwargs: Any) -> object:
        """The result of the module, by a plan where there is one."""
        return self._plans(args, kwargs)

    def __reduce__(self) -> Any:
        return type(self), (self._orig_mod, *self._options)

    def __deepcopy__(self, memo: dict[int, Any]) -> OptimizedModule:
        import copy

        return type(self)(copy.deepcopy(self._orig_mod, memo), *self._options)

    @property
    def training(self) -> bool:  # type: ignore[override]
        """The mode of the module."""
        return self._orig_mod.training

    @training.setter
    def training(self, training: bool) -> None:
        self._orig_mod.training = training

    def __len__(self) -> int:
        return len(self._orig_mod)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        return True  # even if the module has no layers

    def __getattr__(self, name: str) -> Any:
        module = self.__dict__["_modules"].get("_orig_mod")
        return module if name == "_orig_mod" else getattr(module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(type(self), name):
            object.__setattr__(self, name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._orig_mod, name)


@dataclass
class _Entry:
    """What is known about one shape of the inputs."""

    guard: Guard
    plan: Plan | None = None
    failed: bool = False


class _Plans:
    """The plans of a network, by the shapes of the inputs; the one used last is at the end."""

    def __init__(
        self, net: Callable[..., Any], fullgraph: bool, options: dict[str, Any] | None
    ) -> None:
        self.net, self.fullgraph = net, fullgraph
        self.uses_cache = (options or {}).get("cache", True)
        self.entries: OrderedDict[Any, _Entry] = OrderedDict()
        self.lock = threading.RLock()
        self.warned = False
        _all_plans.add(self)

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensors = tensors_in((args, kwargs))
        if not self._may_plan(tensors):
            return self.net(*args, **kwargs)
        key = _key(args, kwargs)
        with self.lock:
            plan = None if key is None else self._plan(key, args, kwargs)
        if plan is None:
            return self.net(*args, **kwargs)
        return plan([x.array for x in tensors])

    def _may_plan(self, tensors: list[Tensor]) -> bool:
        """Whether a call is one of those that follow a plan."""
        net = self.net
        if isinstance(net, Module):
            if net.training or (mode.grad and any(p.requires_grad for p in net.parameters())):
                return False
        elif mode.grad:
            return False
        return (
            bool(tensors)
            and not (mode.grad and any(x.requires_grad for x in tensors))
            and mode.autocast is None
            and not mode.anomaly
            and kernels.selected() == "fast"
            and conv.selected() == "auto"
            and all(map(_is_planned, tensors))
            and not is_recording()
        )

    def _plan(self, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan | None:
        """The plan for a call, made if necessary; None if the network should run as it is written.

        After a change of the network, its plan is made again in the second call, so that a network
        that changes before each call is not recorded each time.
        """
        entry = self.entries.get(key)
        if entry is not None and not entry.guard.holds():
            tensors = entry.guard.tensors if not isinstance(self.net, Module) else []
            entry = _Entry(self._guard(tensors))
            self._keep(key, entry)
            return None
        if entry is None or (entry.plan is None and not entry.failed):
            entry = self._made(args, kwargs)
        self._keep(key, entry)
        return entry.plan

    def _keep(self, key: Any, entry: _Entry) -> None:
        self.entries[key] = entry
        self.entries.move_to_end(key)
        if len(self.entries) > _MAX_PLANS:
            self.entries.popitem(last=False)

    def _guard(self, tensors: list[Tensor]) -> Guard:
        modules = self.net.modules() if isinstance(self.net, Module) else ()
        return Guard(modules, tensors)

    def _made(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Entry:
        """Records the network and makes a plan."""
        before, put_back = self._guard([]), _copy_buffers(self.net)
        try:
            graph = record(self.net, *args, **kwargs)
            drop_scratch()  # what the recording took, a plan does not need
            empty_cache()
            if not before.holds():
                raise CannotRecord("changes attributes of the network in forward")
            tensors = _tensors_of(graph, of_module=isinstance(self.net, Module))
            plan = Plan(graph, Choices.of_machine() if self.uses_cache else Choices(None))
        except CannotRecord as error:
            put_back()  # the network runs again, as it is written
            if self.fullgraph:
                raise
            if not self.warned:
                self.warned = True
                warn(f"{error}; it runs as it is written")
            return _Entry(before, failed=True)
        return _Entry(Guard(graph.modules, tensors), plan)


_all_plans: weakref.WeakSet[_Plans] = weakref.WeakSet()


def _renew_locks() -> None:
    """After a fork: the thread that held a lock is not there to release it."""
    for plans in list(_all_plans):
        plans.lock = threading.RLock()
        for entry in plans.entries.values():
            if entry.plan is not None:
                entry.plan.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def _copy_buffers(net: Callable[..., Any]) -> Callable[[], None]:
    """Copies the buffers of a network; what is returned undoes what happens to them from now on."""
    modules = net.modules() if isinstance(net, Module) else ()
    kept = [
        (module._buffers, name, buffer, buffer.array.copy())
        for module in modules
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]

    def put_back() -> None:
        for buffers, name, buffer, array in kept:
            buffer.array[...] = array
            buffers[name] = buffer

    return put_back


def _tensors_of(graph: Graph, of_module: bool) -> list[Tensor]:
    """The tensors that a graph took from elsewhere than its modules."""
    values = [v for node in graph.nodes for v in node.values if v.tensor is not None]
    return [
        v.tensor
        for v in values
        if v.tensor is not None and not (of_module and v.kind in ("parameter", "buffer"))
    ]


def _key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Equal for calls that can follow the same plan; None for arguments that cannot be compared."""
    leaves: list[Any] = [num_threads()]
    known = True

    def note(leaf: Any) -> object:
        nonlocal known
        if isinstance(leaf, Tensor):
            leaves.append((leaf.array.shape, leaf.array.dtype))
        else:
            known = known and isinstance(leaf, _COMPARABLE)
            leaves.append((type(leaf), leaf))
        return None

    key = repr(replaced((args, kwargs), note))
    return (key, tuple(leaves)) if known else None


def _is_planned(tensor: Tensor) -> bool:
    """Whether a tensor is one that plans take: on the CPU, not empty, float32 or integers."""
    array = tensor.array
    return (
        type(array) is np.ndarray
        and array.size > 0
        and (array.dtype == float32 or array.dtype.kind in "iub")
    )
