"""Several optimizers that are used as one."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..tensor import Tensor
from .optimizer import Optimizer, Scaling

__all__ = ["Combined"]


class Combined(Optimizer):
    """An optimizer for each part of a network, used, scheduled and saved as one.

    ::

        filters = [p for p in net.parameters() if p.ndim == 4]
        others = [p for p in net.parameters() if p.ndim != 4]
        optimizer = optim.Combined(optim.Muon(filters, lr=0.02), optim.AdamW(others, lr=3e-4))
        schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)

    Args:
        optimizers: no tensor may belong to two of them.

    Attributes:
        optimizers: as they were given.
        param_groups: those of all optimizers, in their order; a schedule sets all their rates.

    Raises:
        TypeError: for anything but optimizers.
        ValueError: for no optimizer, or a tensor in two of them.

    torch has no such class: its scripts step, schedule and save each optimizer by itself.
    """

    def __init__(self, *optimizers: Optimizer) -> None:
        if not optimizers:
            raise ValueError("Combined takes at least one optimizer, got none")
        for optimizer in optimizers:
            if not isinstance(optimizer, Optimizer):
                raise TypeError(f"Combined takes optimizers, got {type(optimizer).__name__}")
        self.optimizers = optimizers
        # the same dicts: what is changed here is changed there
        super().__init__([group for each in optimizers for group in each.param_groups], {})

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "optimizers": self.optimizers}

    def apply_gradients(
        self, scaling: Scaling | None = None, params: Container[Tensor] | None = None
    ) -> None:
        self.step_called = True
        for optimizer in self.optimizers:
            if optimizer.has_own_step():  # then so has this one: no scaling, no choice of params
                optimizer.step()
            else:
                optimizer.apply_gradients(scaling, params)

    def has_own_step(self) -> bool:
        return super().has_own_step() or any(each.has_own_step() for each in self.optimizers)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Only for the groups of the optimizers themselves: a new group belongs to one of them."""
        if not any(param_group is own for each in self.optimizers for own in each.param_groups):
            raise ValueError("add the group to one of the optimizers before they are combined")
        self._check_tensors(param_group["params"])
        self.param_groups.append(param_group)

    def state_dict(self) -> dict[str, Any]:
        """The state of each optimizer, in a list."""
        for hook in self._hooks("state_dict_pre").values():
            hook(self)
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        return self._replaced("state_dict_post", {"optimizers": states})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the result of :meth:`state_dict`.

        Raises:
            ValueError: for the state of one optimizer or of another number of them, or if one of
                them refuses its state.
        """
        state_dict = self._replaced("load_state_dict_pre", state_dict.copy())
        if "optimizers" not in state_dict:
            raise ValueError(
                "the state of combined optimizers has 'optimizers', got one with "
                f"{sorted(state_dict)}"
            )
        states = state_dict["optimizers"]
        if len(states) != len(self.optimizers):
            raise ValueError(
                f"the state is that of {len(states)} combined optimizers, these are "
                f"{len(self.optimizers)}"
            )
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict(state)
        for hook in self._hooks("load_state_dict_post").values():
            hook(self)

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        raise RuntimeError("combined optimizers update their own parameters")
