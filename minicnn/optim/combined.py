"""Several optimizers that are used as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

from ..tensor import Tensor
from .optimizer import Optimizer, Scaling, check_state_dict

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
        param_groups: those of all optimizers, in their order, also such as are added to one of them
            later; a schedule sets all their rates.

    Raises:
        TypeError: for anything but optimizers.
        ValueError: for no optimizer, a tensor in two of them (of groups that are added later, this
            is not checked), or one like LBFGS, whose step computes the loss several times.

    torch has no such class: its scripts step, schedule and save each optimizer by itself.
    """

    def __init__(self, *optimizers: Optimizer) -> None:
        if not optimizers:
            raise ValueError("Combined takes at least one optimizer, got none")
        seen: set[Tensor] = set()
        for optimizer in optimizers:
            if not isinstance(optimizer, Optimizer):
                raise TypeError(f"Combined takes optimizers, got {type(optimizer).__name__}")
            if _needs_closure(optimizer):
                raise ValueError(
                    "Combined takes optimizers whose step needs no closure, got "
                    f"{type(optimizer).__name__}"
                )
            params = {param for group in optimizer.param_groups for param in group["params"]}
            if params & seen:
                shape = tuple((params & seen).pop().shape)
                raise ValueError(
                    "the tensors of combined optimizers must differ, got one of shape "
                    f"{shape} in two of them"
                )
            seen |= params
        # not the base class's constructor, which would add groups of its own
        self.optimizers = optimizers
        self.defaults = {}
        self.state = defaultdict(dict)

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The groups of all optimizers; the dicts are their own."""
        return [group for each in self.optimizers for group in each.param_groups]

    def __getstate__(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in ("defaults", "state", "optimizers")}

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
        """Refused: a group belongs to one of the optimizers, which adds it."""
        raise ValueError(
            "add the group to one of the combined optimizers, as "
            "combined.optimizers[0].add_param_group(...)"
        )

    def state_dict(self) -> dict[str, Any]:
        """The state of each optimizer, in a list."""
        for hook in self._hooks("state_dict_pre").values():
            hook(self)
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        return self._replaced("state_dict_post", {"optimizers": states})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the result of :meth:`state_dict`; after an error, nothing is loaded.

        Raises:
            TypeError: for anything but a dict with a list of dicts.
            ValueError: for the state of one optimizer or of another number of them, or if one of
                them refuses its state.
        """
        check_state_dict(state_dict)
        state_dict = self._replaced("load_state_dict_pre", state_dict.copy())
        if "optimizers" not in state_dict:
            raise ValueError(
                "the state of combined optimizers has 'optimizers', got one with "
                f"{sorted(state_dict)}"
            )
        states = state_dict["optimizers"]
        if not isinstance(states, (list, tuple)):
            raise TypeError(
                "'optimizers' in the state of combined optimizers must be a list, got "
                f"{type(states).__name__}"
            )
        if len(states) != len(self.optimizers):
            raise ValueError(
                f"the state is that of {len(states)} combined optimizers, these are "
                f"{len(self.optimizers)}"
            )
        with self._all_or_nothing():
            for optimizer, state in zip(self.optimizers, states, strict=True):
                optimizer.load_state_dict(state)
        for hook in self._hooks("load_state_dict_post").values():
            hook(self)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Puts back the states and options of all optimizers if the block raises an error."""
        states = [(each, each.state) for each in self._single()]
        groups = [(group, dict(group)) for group in self.param_groups]
        try:
            yield
        except BaseException:
            for optimizer, state in states:
                optimizer.state = state
            for group, options in groups:
                group.clear()
                group.update(options)
            raise

    def _single(self) -> Iterator[Optimizer]:
        """All optimizers, with those that are combined of these."""
        for each in self.optimizers:
            if isinstance(each, Combined):
                yield from each._single()
            else:
                yield each

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        raise RuntimeError("combined optimizers update their own parameters")


def _needs_closure(optimizer: Optimizer) -> bool:
    """Whether ``step`` has an argument without default."""
    return any(
        each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
        for each in signature(optimizer.step).parameters.values()
    )
