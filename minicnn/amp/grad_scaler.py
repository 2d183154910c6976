"""``GradScaler``: training in float16, where small gradients would underflow to zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from .. import kernels
from ..devices import xp_of
from ..dtypes import float16, float32, int32
from ..tensor import Tensor
from ..typing import Array
from .autocast import is_there

if TYPE_CHECKING:
    from ..optim import Optimizer


@dataclass
class _Scale:
    """The scale in the memory of the loss's device; each array has one element."""

    value: Array
    inverse: Array
    growth_tracker: Array  # number of steps in a row without overflow

    def set(self, value: Array | float) -> None:
        self.value[...] = value
        self.inverse[...] = 1 / self.value


@dataclass
class _Progress:
    """What has been done with an optimizer's gradients in this step."""

    found_inf: Array | None = None  # one float32, after the gradients were checked
    stepped: bool = False


class GradScaler:
    """Scales the loss up, so that float16 gradients do not underflow, and the gradients back down.

    The smallest positive float16 is 6e-8, and many gradients are smaller. If the scale is too large
    and gradients overflow, the step is skipped and the scale reduced. After a number of steps
    without overflow it is increased. bfloat16 has the range of float32 and needs no scaling.

    ::

        scaler = GradScaler()
        with minicnn.autocast(dtype=minicnn.float16):
            loss = criterion(model(images), target)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    Args:
        device: the scale is stored on the loss's device in any case, but for ``"cuda"`` the scaler is
            enabled only where there is a GPU, and otherwise warns, as torch's.
        init_scale: the scale of the first loss.
        growth_factor: factor of the scale after ``growth_interval`` steps in a row without overflow.
        backoff_factor: factor of the scale after an overflow.
        growth_interval: number of steps.
        enabled: if False, :meth:`scale` returns its argument, :meth:`step` calls ``optimizer.step``
            and all other methods do nothing.

    Raises:
        ValueError: unless ``growth_factor > 1 > backoff_factor``.
        RuntimeError: for a device that does not exist.

    As ``torch.amp.GradScaler``, except that the optimizer's kernel skips the step: scale and
    overflow stay in device memory, and no step waits for the GPU. For this reason Adam's step number
    counts skipped steps, too, and momentum starts with the first step even if that is skipped.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if not growth_factor > 1.0 > backoff_factor:
            raise ValueError(
                "GradScaler expects growth_factor > 1 > backoff_factor, "
                f"got {growth_factor} and {backoff_factor}"
            )
        self._enabled = enabled and is_there(device, "GradScaler")
        self._init_scale = float(init_scale)
        self._init_growth_tracker = 0
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._scale: _Scale | None = None  # created on the device of the first loss
        self._progress: dict[int, _Progress] = {}  # by the optimizer's id

    @overload
    def scale(self, outputs: Tensor) -> Tensor: ...

    @overload
    def scale(self, outputs: Iterable[Any]) -> Iterable[Any]: ...

    def scale(self, outputs: Tensor | Iterable[Any]) -> Tensor | Iterable[Any]:
        """The loss times the scale.

        Args:
            outputs: a tensor, or an iterable of tensors, which may be nested.

        Returns:
            The same with every tensor multiplied.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            if self._scale is None:
                self._scale = self._beside(outputs)
            # a copy for backward, because update() overwrites the scale
            return outputs * Tensor.of(self._scale.value.copy())
        if isinstance(outputs, Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled
        raise ValueError(f"outputs must be a tensor or tensors, got {type(outputs).__name__}")

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divides the gradients of an optimizer by the scale, for example to clip them.

        Without this call, :meth:`step` does it.

        Raises:
            RuntimeError: if they are divided already, after :meth:`step`, or before a loss was scaled.
            ValueError: for float16 gradients, which float16 weights have.
        """
        if not self._enabled:
            return
        scale, progress = self._state_of(optimizer)
        if progress.stepped:
            raise RuntimeError("unscale_() is being called after step().")
        if progress.found_inf is not None:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        grads = _grads(optimizer)
        if any(grad.dtype == float16 for grad in grads):
            raise ValueError("Attempting to unscale FP16 gradients.")
        progress.found_inf = _check_and_scale(grads, scale.inverse)
        for grad in grads:
            grad.bump_version()

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> object:
        """Updates the parameters with unscaled gradients, unless one is infinite or NaN.

        Args:
            optimizer: whose gradients come from a scaled loss.
            args, kwargs: for ``optimizer.step`` if the scaler is not enabled.

        Returns:
            None, or the result of ``optimizer.step`` if the scaler is not enabled, or if the
            optimizer has a ``step`` of its own or hooks and the step is not skipped.

        Raises:
            RuntimeError: for a closure, a second call before :meth:`update`, or before a loss was
                scaled.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if args or kwargs:
            raise RuntimeError("a closure is not supported if GradScaler is enabled")
        scale, progress = self._state_of(optimizer)
        if progress.stepped:
            raise RuntimeError("step() has already been called since the last update().")
        if optimizer.has_own_step():
            return self._step_unscaled(optimizer, progress)
        factor = xp_of(scale.value).ones((), float32)
        if progress.found_inf is None:  # not unscaled yet: the optimizer's kernel does it
            progress.found_inf = _check_and_scale(_grads(optimizer), None)
            factor = scale.inverse
        optimizer.apply_gradients(scaling=(factor, progress.found_inf))
        progress.stepped = True
        return None

    def _step_unscaled(self, optimizer: Optimizer, progress: _Progress) -> object:
        """:meth:`step` for an optimizer whose step knows no scaling; the CPU waits for the GPU."""
        if progress.found_inf is None:
            self.unscale_(optimizer)
        progress.stepped = True
        return None if progress.found_inf else optimizer.step()

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Chooses the scale of the next step, or sets it to ``new_scale``.

        Raises:
            RuntimeError: without ``new_scale``, if no optimizer stepped since the last update.
        """
        if not self._enabled:
            return
        if self._scale is None:
            raise RuntimeError("update() expects that a loss was scaled before, got none")
        scale = self._scale
        if new_scale is not None:
            scale.set(new_scale.array if isinstance(new_scale, Tensor) else new_scale)
        else:
            found = [p.found_inf for p in self._progress.values() if p.found_inf is not None]
            if not found:
                raise RuntimeError("No inf checks were recorded prior to update.")
            kernels.of(scale.value).update_scale_step(
                scale.value,
                scale.inverse,
                scale.growth_tracker,
                sum(found[1:], found[0]),
                self._growth_factor,
                self._backoff_factor,
                self._growth_interval,
            )
        self._progress.clear()

    def get_scale(self) -> float:
        """The scale, or 1 if the scaler is not enabled; this waits for the GPU."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else float(self._scale.value)

    def get_growth_factor(self) -> float:
        """The factor of the scale after steps without overflow."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Chooses it."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """The factor of the scale after an overflow."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Chooses it."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """The number of steps without overflow before the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Chooses it."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Whether the scaler does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The scale and the options, with torch's keys; empty if the scaler is not enabled."""
        if not self._enabled:
            return {}
        scale = self._scale
        tracker = self._init_growth_tracker if scale is None else int(scale.growth_tracker)
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Loads the result of :meth:`state_dict`.

        Raises:
            RuntimeError: for an empty state, which a scaler that is not enabled returns.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._init_scale = float(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._init_growth_tracker = int(state_dict["_growth_tracker"])
        if self._scale is not None:
            self._scale.set(self._init_scale)
            self._scale.growth_tracker[...] = self._init_growth_tracker

    def _beside(self, loss: Tensor) -> _Scale:
        """The initial scale, on the device of the loss."""
        xp = xp_of(loss.array)
        return _Scale(
            value=xp.full((), self._init_scale, float32),
            inverse=xp.full((), 1 / self._init_scale, float32),
            growth_tracker=xp.full((), self._init_growth_tracker, int32),
        )

    def _state_of(self, optimizer: Optimizer) -> tuple[_Scale, _Progress]:
        if self._scale is None:
            raise RuntimeError("GradScaler expects a loss that it scaled, got none before the step")
        return self._scale, self._progress.setdefault(id(optimizer), _Progress())


def _check_and_scale(grads: list[Tensor], factor: Array | None) -> Array:
    """1 if any gradient is infinite or NaN, else 0; multiplies gradients by ``factor`` if given."""
    found_inf = xp_of(grads[0].array).zeros((), float32)
    kernels.of(found_inf).unscale_step([grad.array for grad in grads], factor, found_inf)
    return found_inf


def _grads(optimizer: Optimizer) -> list[Tensor]:
    """The gradients of an optimizer's parameters.

    Raises:
        RuntimeError: if no parameter has one.
    """
    params = [param for group in optimizer.param_groups for param in group["params"]]
    grads = [param.grad for param in params if param.grad is not None]
    if not grads:
        raise RuntimeError("GradScaler expects an optimizer with gradients, got none")
    return grads
