"""Less memory for more time: parts of a network whose results are computed again in backward."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..autograd import Function, backward, enable_grad, is_grad_enabled, once_differentiable
from ..autograd.grad_mode import mode, set_mode
from ..creation import empty
from ..nn import Sequential
from ..random import cuda_generator, default_generator
from ..tensor import Tensor

__all__ = ["checkpoint", "checkpoint_sequential"]

Contexts = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Contexts = lambda: (nullcontext(), nullcontext()),
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> object:
    """``function(*args, **kwargs)``, of which only the arguments are kept for backward.

    Backward runs the function a second time, now with recording, and walks back through it.

    Args:
        function: returns a tensor or a tuple of tensors.
        args, kwargs: its arguments; gradients go to the tensors among ``args``.
        use_reentrant: True gives a result without gradient if no argument requires one, even if the
            function's parameters do.
        preserve_rng_state: whether dropout draws the same masks the second time.
        context_fn: makes two ``with`` blocks, for the first and for the second run.
        determinism_check, debug, early_stop: accepted for torch's scripts, but have no effect.

    As ``torch.utils.checkpoint.checkpoint``. Both ways of torch are one here: the gradients of
    parameters are added to their ``grad`` also by ``autograd.grad``, and second derivatives are a
    RuntimeError.
    """
    first, second = context_fn()
    if not is_grad_enabled():
        with first:
            return function(*args, **kwargs)
    requires = not use_reentrant
    # a tensor that requires a gradient makes the result require one
    trigger = empty(0).requires_grad_(requires)

    def run(again: bool, *args: Any) -> object:
        with second if again else first:
            return function(*args, **kwargs)

    return _Checkpoint.apply(run, preserve_rng_state, trigger, *args)


class _Checkpoint(Function):
    """A function as one node of the graph, which runs it again in backward."""

    @staticmethod
    def forward(  # type: ignore[override]  # of tensors: see static_function.py
        ctx: Any, run: Any, preserve: bool, trigger: Tensor, *args: Any
    ) -> object:
        ctx.run, ctx.preserve, ctx.autocast = run, preserve, mode.autocast
        ctx.random_state = _random_state()
        ctx.save_for_backward(*args)
        return run(False, *args)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        args = [_leaf(x) if isinstance(x, Tensor) else x for x in ctx.saved_tensors]
        outside = _random_state()
        if ctx.preserve:
            _continue_from(ctx.random_state)
        try:
            with enable_grad(), set_mode("autocast", ctx.autocast):
                out = ctx.run(True, *args)
        finally:
            if ctx.preserve:
                _continue_from(outside)
        pairs = [
            (result, grad)
            for result, grad in zip(out if isinstance(out, tuple) else (out,), grads)
            if grad is not None and result.requires_grad
        ]
        backward([result for result, _ in pairs], [grad for _, grad in pairs])
        found = (x.grad if isinstance(x, Tensor) else None for x in args)
        return None, None, None, *found


def _random_state() -> tuple[Tensor, ...]:
    """The states of the generators that a module may draw from."""
    return default_generator.get_state(), cuda_generator.get_state()


def _continue_from(states: tuple[Tensor, ...]) -> None:
    for generator, state in zip((default_generator, cuda_generator), states):
        generator.set_state(state)


def _leaf(x: Tensor) -> Tensor:
    return x.detach().requires_grad_(x.requires_grad)


def checkpoint_sequential(
    functions: Sequential | Iterable[Callable[..., Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    **kwargs: Any,
) -> object:
    """Runs modules in a row in ``segments`` parts, all but the last as :func:`checkpoint` does.

    Args:
        functions: a ``Sequential`` or the modules themselves.
        segments: the number of parts.
        input: of the first module.
        use_reentrant, kwargs: as in :func:`checkpoint`.

    As ``torch.utils.checkpoint.checkpoint_sequential``.
    """
    modules = list(functions)
    size = len(modules) // segments
    for start in range(0, size * (segments - 1), size or 1):
        part = _in_a_row(modules[start : start + size])
        input = checkpoint(part, input, use_reentrant=use_reentrant, **kwargs)
    return _in_a_row(modules[size * (segments - 1) :])(input)


def _in_a_row(modules: list[Callable[..., Any]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for module in modules:
            x = module(x)
        return x

    return run
