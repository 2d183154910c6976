"""Hooks of optimizers: functions that run before or after a step, or around saving and loading."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..nn.hooks import add_hook
from ..tensor import RemovableHandle

__all__ = [
    "OptimizerHooks",
    "hooked",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
]

Hooks = OrderedDict[int, Callable[..., Any]]

_before_all: Hooks = OrderedDict()
_after_all: Hooks = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before each step of every optimizer."""
    return add_hook(_before_all, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after each step of every optimizer."""
    return add_hook(_after_all, hook)


class OptimizerHooks:
    """The hooks of one optimizer; every ``register_`` method returns a handle that removes the hook.

    ``prepend`` puts a hook before those that are there already.
    """

    def _hooks(self, name: str) -> Hooks:
        # made here, since not every subclass calls the constructor
        hooks: Hooks = self.__dict__.setdefault(f"_optimizer_{name}_hooks", OrderedDict())
        return hooks

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step.

        ``args`` begin with the optimizer. The hook may return other ``(args, kwargs)``.
        """
        return add_hook(self._hooks("step_pre"), hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return add_hook(self._hooks("step_post"), hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict``."""
        return add_hook(self._hooks("state_dict_pre"), hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another one."""
        return add_hook(self._hooks("state_dict_post"), hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another one."""
        return add_hook(self._hooks("load_state_dict_pre"), hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after loading."""
        return add_hook(self._hooks("load_state_dict_post"), hook, prepend)

    def has_step_hooks(self) -> bool:
        """Whether a hook runs before or after a step."""
        own = self._hooks("step_pre") or self._hooks("step_post")
        return bool(own or _before_all or _after_all)

    def _replaced(self, name: str, state_dict: dict[str, Any]) -> dict[str, Any]:
        """``state_dict``, or what the hooks of this name make of it."""
        for hook in self._hooks(name).values():
            result = hook(self, state_dict)
            state_dict = state_dict if result is None else result
        return state_dict


def hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """The ``step`` method of an optimizer with its hooks; it also notes for schedules that it ran."""

    @functools.wraps(step)
    def with_hooks(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.step_called = True
        if not self.has_step_hooks():
            return step(self, *args, **kwargs)
        args = (self, *args)
        for hook in (*_before_all.values(), *self._hooks("step_pre").values()):
            result = hook(self, args, kwargs)
            if result is not None:
                if not isinstance(result, tuple) or len(result) != 2:
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {result}."
                    )
                args, kwargs = result
        out = step(*args, **kwargs)
        for hook in (*self._hooks("step_post").values(), *_after_all.values()):
            hook(self, args, kwargs)
        return out

    return with_hooks
