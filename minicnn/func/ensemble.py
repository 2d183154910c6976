"""The parameters of several networks of one kind as one batch, for ``vmap``."""

from __future__ import annotations

from collections.abc import Sequence

from ..nn.module import Module
from ..ops.shape import stack
from ..tensor import Tensor

__all__ = ["stack_module_state"]


def stack_module_state(
    models: Sequence[Module],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of networks, by name, each with a first dimension for all.

    Args:
        models: networks of one class, all training or all evaluating.

    Returns:
        Two dicts of new tensors, leaves that require gradients as the originals do.

    Raises:
        RuntimeError: for no networks, or networks that differ in class or mode.

    As ``torch.func.stack_module_state``.
    """
    if len({(type(model), model.training) for model in models}) != 1:
        kinds = ", ".join(f"{type(m).__name__} (training={m.training})" for m in models)
        raise RuntimeError(
            f"stack_module_state expects networks of one kind, got {kinds or 'none'}"
        )
    return (
        _stacked([dict(model.named_parameters()) for model in models]),
        _stacked([dict(model.named_buffers()) for model in models]),
    )


def _stacked(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {
        name: stack([state[name].detach() for state in states]).requires_grad_(first.requires_grad)
        for name, first in states[0].items()
    }
