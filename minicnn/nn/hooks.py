"""A module's hooks: functions that it calls before or after ``forward``, or in backward."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..autograd import Function
from ..tensor import RemovableHandle, Tensor
from ..typing import Array

if TYPE_CHECKING:
    from .module import Module

__all__ = ["add_hook", "watch_backward"]

Grads = tuple["Tensor | None", ...]


def add_hook(hooks: OrderedDict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
    """Add ``hook`` at the end of ``hooks``, or at the start; the handle removes it."""
    handle = RemovableHandle(hooks, hook)
    if prepend:
        hooks.move_to_end(next(reversed(hooks)), last=False)
    return handle


class _Boundary(Function):
    """The identity on several tensors; backward passes all their gradients through ``tell``."""

    def forward(self, *arrays: Array, tell: Callable[[Grads], Grads]) -> tuple[Array, ...]:
        self.tell = tell
        return arrays

    def backward(self, *grads: Tensor | None) -> Grads:
        return self.tell(grads)


def _pass_boundary(tensors: tuple[Any, ...], tell: Callable[[Grads], Grads]) -> tuple[Any, ...]:
    """``tensors``, of which those that require gradients went through a ``_Boundary``."""
    watched = [i for i, t in enumerate(tensors) if isinstance(t, Tensor) and t.requires_grad]
    if not watched:
        return tensors
    passed = list(tensors)

    def tell_all(grads: Grads) -> Grads:
        every: list[Tensor | None] = [None] * len(tensors)
        for i, grad in zip(watched, grads, strict=True):
            every[i] = grad
        answer = tell(tuple(every))
        return tuple(answer[i] for i in watched)

    out = _Boundary.apply(*(tensors[i] for i in watched), tell=tell_all)
    for i, t in zip(watched, out if isinstance(out, tuple) else (out,), strict=True):
        passed[i] = t
    return tuple(passed)


def watch_backward(
    module: Module,
    hooks: OrderedDict[int, Any],
    forward: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> object:
    """Run ``forward(*args, **kwargs)`` so that the backward pass calls ``hooks``.

    Each hook gets ``(module, grad_input, grad_output)``, tuples with one entry per positional
    argument and per output (None where no gradient flows), and may return a replacement for
    ``grad_input``. As in torch, hooks are called even if no input requires a gradient.
    """
    seen: list[Grads] = []

    def note_outputs(grads: Grads) -> Grads:
        seen[:] = [grads]
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            call_hooks((None,) * len(args))
        return grads

    def call_hooks(grads: Grads) -> Grads:
        for hook in tuple(hooks.values()):
            answer = hook(module, grads, seen[0])
            if answer is None:
                continue
            answer = answer if isinstance(answer, tuple) else (answer,)
            if len(answer) != len(grads):
                raise RuntimeError(
                    f"a backward hook must return as many gradients as it got, "
                    f"got {len(answer)} for {len(grads)}"
                )
            grads = answer
        return grads

    out = forward(*_pass_boundary(args, call_hooks), **kwargs)
    if isinstance(out, tuple):
        return _pass_boundary(out, note_outputs)
    return _pass_boundary((out,), note_outputs)[0]
