"""A module's hooks: functions that it calls before or after ``forward``, or in backward."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..autograd import Function
from ..tensor import RemovableHandle, Tensor
from ..typing import Array

if TYPE_CHECKING:
    from .module import Module

__all__ = ["HookMethods", "add_hook", "watch_backward"]

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
    forward: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> object:
    """Run ``forward(*args, **kwargs)`` so that the backward pass calls the module's hooks.

    First come those on ``grad_output``, which may replace it. Each of the others gets ``(module, grad_input, grad_output)``, tuples with one entry per positional
    argument and per output (None where no gradient flows), and may return a replacement for
    ``grad_input``. As in torch, hooks are called even if no input requires a gradient.
    """
    seen: list[Grads] = []

    def note_outputs(grads: Grads) -> Grads:
        for hook in tuple(module._backward_pre_hooks.values()):
            grads = _replaced(grads, hook(module, grads))
        seen[:] = [grads]
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            call_hooks((None,) * len(args))
        return grads

    def call_hooks(grads: Grads) -> Grads:
        for hook in tuple(module._backward_hooks.values()):
            grads = _replaced(grads, hook(module, grads, seen[0]))
        return grads

    out = forward(*_pass_boundary(args, call_hooks), **kwargs)
    if isinstance(out, tuple):
        return _pass_boundary(out, note_outputs)
    return _pass_boundary((out,), note_outputs)[0]


def _replaced(grads: Grads, answer: Any) -> Grads:
    """What a hook returned in place of gradients; the gradients themselves for None."""
    if answer is None:
        return grads
    answer = answer if isinstance(answer, tuple) else (answer,)
    if len(answer) != len(grads):
        raise RuntimeError(
            f"a backward hook must return as many gradients as it got, "
            f"got {len(answer)} for {len(grads)}"
        )
    return answer


class HookMethods:
    """The methods of ``Module`` that register hooks. Each returns a handle that removes the hook."""

    _forward_pre_hooks: OrderedDict[int, Any]
    _forward_hooks: OrderedDict[int, Any]
    _backward_hooks: OrderedDict[int, Any]
    # Rare hooks: a module has dictionaries of its own once it gets one of them. A class may have some
    # for all of its modules, which can be saved all the same.
    _backward_pre_hooks: Mapping[int, Any] = {}
    _forward_hooks_always_called: Mapping[int, Any] = {}
    _state_dict_pre_hooks: Mapping[int, Any] = {}
    _state_dict_hooks: Mapping[int, Any] = {}
    _load_state_dict_pre_hooks: Mapping[int, Any] = {}
    _load_state_dict_post_hooks: Mapping[int, Any] = {}

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``; its result replaces the arguments."""
        return add_hook(self._forward_pre_hooks, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``; its result replaces the output.

        With ``always_call`` it is also called, with None, if there was an error.
        """
        handle = add_hook(self._forward_hooks, (hook, with_kwargs), prepend)
        if always_call:
            handle.also_in(self._own("_forward_hooks_always_called"), (hook, with_kwargs))
        return handle

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` in the backward pass.

        Both are tuples; what it returns, unless None, replaces ``grad_input``.
        """
        return add_hook(self._backward_hooks, hook, prepend)

    register_backward_hook = register_full_backward_hook

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` in the backward pass, before the gradient of the module.

        What it returns, unless None, replaces ``grad_output``, a tuple.
        """
        return add_hook(self._own("_backward_pre_hooks"), hook, prepend)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before ``state_dict`` reads the module."""
        return add_hook(self._own("_state_dict_pre_hooks"), hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after ``state_dict``."""
        return add_hook(self._own("_state_dict_hooks"), hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook before ``load_state_dict``, which may change the values, a copy of the mapping:
        ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)``.
        """
        return add_hook(self._own("_load_state_dict_pre_hooks"), hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        given = hook if with_module else (lambda module, *args: hook(*args))
        return self.register_load_state_dict_pre_hook(given)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` in ``load_state_dict``; it may change the keys."""
        return add_hook(self._own("_load_state_dict_post_hooks"), hook)

    def _own(self, hooks: str) -> OrderedDict[int, Any]:
        """This module's dictionary of some rare hooks, which begins with its class's."""
        of_class = getattr(type(self), hooks)
        return self.__dict__.setdefault(hooks, OrderedDict(of_class))  # type: ignore[no-any-return]
