"""An optimizer's step beside ``backward``, on a second stream of the GPU."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from ..cuda import Stream, current_stream, device, stream
from ..devices import Device
from ..tensor import Tensor
from .optimizer import Optimizer

__all__ = ["step_in_backward"]

_LEAST_WEIGHTS = (
    1 << 20
)  # at a time: to update fewer takes a GPU hardly longer than to launch the kernel


@contextlib.contextmanager
def step_in_backward(optimizer: Optimizer) -> Iterator[None]:
    """``optimizer.step()`` for the ``backward`` in the block, on a second stream while it goes on.

    ::

        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        with optim.step_in_backward(optimizer):
            loss.backward()

    When the gradients of a layer are complete, nothing in ``backward`` needs its weights any more. So
    a GPU can update them while it computes the gradients of the layers before, which takes
    arithmetic where an update takes memory. The numbers are those of ``backward()`` and ``step()``,
    bit for bit. It is made for steps that are captured as a graph (``cuda.graph``); in others, Python
    launches a few kernels more.

    When the block ends the gradients have been used: what clips or unscales them needs ``step()``
    instead. Parameters on the CPU are updated at the end of the block, and so are those with
    hooks on their complete gradients, which DistributedDataParallel has. If something in
    the block raises an error, some parameters may be updated already.

    Args:
        optimizer: of the parameters; it takes one step.

    Raises:
        TypeError: for anything but an optimizer.
        ValueError: for an optimizer with a ``step`` of its own, as LBFGS has, or with hooks.
        RuntimeError: for a second ``backward`` in the block that reaches an updated parameter.

    As torch's recipe for an optimizer step in backward hooks, which has no second stream.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"step_in_backward expects an optimizer, got {type(optimizer).__name__}")
    if optimizer.has_own_step():
        raise ValueError(
            f"step_in_backward expects an optimizer without a step of its own and without hooks, got "
            f"{type(optimizer).__name__}"
        )
    params = [param for group in optimizer.param_groups for param in group["params"]]
    updates = _Updates(optimizer)
    with contextlib.ExitStack() as stack:
        stack.callback(updates.join)
        for param in filter(_can_be_early, params):
            stack.enter_context(param.register_post_accumulate_grad_hook(updates.add))
        yield
    optimizer.apply_gradients(params=set(params) - updates.begun)


def _can_be_early(param: Tensor) -> bool:
    """Whether a parameter is on a GPU, and nobody else waits for its gradient."""
    return (
        param.device.type == "cuda"
        and param.requires_grad
        and param.is_leaf
        and not getattr(param, "after_accumulation", None)
    )


class _Updates:
    """The updates during one ``backward``."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.begun: set[Tensor] = set()
        self._optimizer = optimizer
        self._waiting: dict[Device, set[Tensor]] = {}
        self._busy: set[Device] = set()  # whose second streams have work

    def add(self, param: Tensor) -> None:
        """Updates a parameter, whose gradient is complete, together with others that wait."""
        if param in self.begun:
            raise RuntimeError(
                "step_in_backward expects one backward in its block, got another gradient for an "
                f"updated parameter of shape {tuple(param.shape)}"
            )
        waiting = self._waiting.setdefault(param.device, set())
        waiting.add(param)
        if sum(each.numel() for each in waiting) >= _LEAST_WEIGHTS:
            del self._waiting[param.device]
            self._begin(waiting, param.device)

    def _begin(self, params: set[Tensor], gpu: Device) -> None:
        self.begun |= params
        self._busy.add(gpu)
        second = _second_stream(gpu)
        with device(gpu):
            second.wait_stream(current_stream())
            with stream(second):
                self._optimizer.apply_gradients(params=params)

    def join(self) -> None:
        """Lets the current streams wait for the updates."""
        for gpu in self._busy:
            with device(gpu):
                current_stream().wait_stream(_second_stream(gpu))


@functools.cache
def _second_stream(gpu: Device) -> Stream:
    with device(gpu):
        return Stream()
