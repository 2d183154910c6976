"""``GradScaler``: training in float16, whose gradients would vanish without help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .. import kernels
from ..devices import xp_of
from ..dtypes import float16, float32, int32
from ..tensor import Tensor
from .autocast import check_device_type

if TYPE_CHECKING:
    from ..optim import Optimizer


class _Progress:
    """How far an optimizer is in this step."""

    def __init__(self) -> None:
        self.found_inf: Any = None  # scalar array of float32, once the gradients were looked at
        self.unscaled = False
        self.stepped = False


class GradScaler:
    """Scales the loss up, so that float16 gradients do not vanish, and the gradients back down.

    The smallest number of float16 is 6e-8, and many gradients are smaller. Where the scale turns
    out too large and gradients overflow, the step is skipped and the scale reduced; after a number
    of steps without overflow it is raised. bfloat16 has the range of float32 and needs none of it.

    ::

        scaler = GradScaler()
        with minicnn.autocast(dtype=minicnn.float16):
            loss = criterion(model(images), target)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    Args:
        device: accepted for torch's scripts, without effect: the scale lies where the loss does.
        init_scale: factor of the first loss.
        growth_factor: of the scale after ``growth_interval`` steps in a row without overflow.
        backoff_factor: of the scale after an overflow.
        growth_interval: number of steps.
        enabled: if False, :meth:`scale` returns what it is given, :meth:`step` calls
            ``optimizer.step`` and everything else does nothing.

    Raises:
        ValueError: unless ``growth_factor > 1 > backoff_factor``.
        RuntimeError: for a device that does not exist.

    As ``torch.amp.GradScaler``, except that the step is skipped by the optimizer's kernel: scale
    and overflow stay in device memory, and no step waits for the GPU. Hence Adam's step number
    counts skipped steps, too, and momentum begins with the first step even if that is skipped.
    """

    def __init__(
        self,
        device: str | None = None,
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
        check_device_type(device)
        self._enabled = enabled
        self._init_scale = float(init_scale)
        self._init_growth_tracker = 0
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        # scalar arrays on the device of the first loss
        self._scale: Any = None
        self._inverse_scale: Any = None
        self._growth_tracker: Any = None
        self._progress: dict[int, _Progress] = {}  # by the optimizer's id

    def scale(self, outputs: Any) -> Any:
        """The loss times the scale.

        Args:
            outputs: a tensor, or an iterable of tensors (in any nesting).

        Returns:
            The same with every tensor multiplied.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            if self._scale is None:
                self._place(outputs)
            return outputs * Tensor(self._scale.copy())  # for backward: update() overwrites it
        if isinstance(outputs, Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled
        raise ValueError(f"outputs must be a tensor or tensors, got {type(outputs).__name__}")

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divides the gradients of an optimizer by the scale, for clipping them, say.

        :meth:`step` does it by itself if this was not called.

        Raises:
            RuntimeError: if they are divided already, or before a loss was scaled.
            ValueError: for float16 gradients, of weights that are float16 themselves.
        """
        if not self._enabled:
            return
        progress = self._progress_of(optimizer)
        if progress.unscaled:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if progress.stepped:
            raise RuntimeError("unscale_() is being called after step().")
        grads = _grads(optimizer)
        if any(grad.dtype == float16 for grad in grads):
            raise ValueError("Attempting to unscale FP16 gradients.")
        progress.found_inf = self._look_at(grads, self._inverse_scale)
        progress.unscaled = True
        for grad in grads:
            grad.bump_version()

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Updates the parameters with unscaled gradients, unless one is infinite or NaN.

        Args:
            optimizer: whose gradients come from a scaled loss.
            args, kwargs: for ``optimizer.step`` if the scaler is not enabled.

        Raises:
            RuntimeError: for a closure, a second call before :meth:`update`, or before a loss was
                scaled.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if args or kwargs:
            raise RuntimeError("a closure is not supported if GradScaler is enabled")
        progress = self._progress_of(optimizer)
        if progress.stepped:
            raise RuntimeError("step() has already been called since the last update().")
        factor = xp_of(self._scale).ones((), float32) if progress.unscaled else self._inverse_scale
        if not progress.unscaled:
            progress.found_inf = self._look_at(_grads(optimizer), None)
        optimizer.apply_gradients(scaling=(factor, progress.found_inf))
        progress.stepped = True
        return None

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Chooses the scale of the next step, or takes the one that is given.

        Raises:
            RuntimeError: if no optimizer stepped since the last time, and no scale is given.
        """
        if not self._enabled:
            return
        if self._scale is None:
            raise RuntimeError("update() expects that a loss was scaled before, got none")
        if new_scale is not None:
            value = new_scale.detach().array if isinstance(new_scale, Tensor) else new_scale
            self._scale[...] = value
            self._inverse_scale[...] = 1 / self._scale
        else:
            found = [p.found_inf for p in self._progress.values() if p.found_inf is not None]
            if not found:
                raise RuntimeError("No inf checks were recorded prior to update.")
            kernels.of(self._scale).update_scale_step(
                self._scale,
                self._inverse_scale,
                self._growth_tracker,
                sum(found[1:], found[0]),
                self._growth_factor,
                self._backoff_factor,
                self._growth_interval,
            )
        self._progress.clear()

    def get_scale(self) -> float:
        """The scale, 1 if the scaler is not enabled; on a GPU this waits for it."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else float(self._scale)

    def get_growth_factor(self) -> float:
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The scale and how it changes, with torch's keys; empty if the scaler is not enabled."""
        if not self._enabled:
            return {}
        tracker = self._init_growth_tracker
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": tracker if self._scale is None else int(self._growth_tracker),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what :meth:`state_dict` returned.

        Raises:
            RuntimeError: for the empty state of a scaler that was not enabled.
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
            self._scale[...] = self._init_scale
            self._inverse_scale[...] = 1 / self._init_scale
            self._growth_tracker[...] = self._init_growth_tracker

    # ------------------------------------------------------------------ on the device

    def _place(self, loss: Tensor) -> None:
        """Puts the scale where the loss is."""
        xp = xp_of(loss.array)
        self._scale = xp.full((), self._init_scale, float32)
        self._inverse_scale = xp.full((), 1 / self._init_scale, float32)
        self._growth_tracker = xp.full((), self._init_growth_tracker, int32)

    def _progress_of(self, optimizer: Optimizer) -> _Progress:
        if self._scale is None:
            raise RuntimeError("GradScaler expects a loss that it scaled, got none before the step")
        return self._progress.setdefault(id(optimizer), _Progress())

    def _look_at(self, grads: list[Tensor], factor: Any) -> Any:
        """Whether there is an infinite gradient or NaN; multiplies them by ``factor`` if given."""
        found_inf = xp_of(self._scale).zeros((), float32)
        kernels.of(found_inf).unscale_step([grad.array for grad in grads], factor, found_inf)
        return found_inf


def _grads(optimizer: Optimizer) -> list[Tensor]:
    """The gradients of all parameters that have one.

    Raises:
        RuntimeError: if there are none.
    """
    params = [param for group in optimizer.param_groups for param in group["params"]]
    grads = [param.grad for param in params if param.grad is not None]
    if not grads:
        raise RuntimeError("GradScaler expects an optimizer with gradients, got none")
    return grads
