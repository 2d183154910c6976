"""What all distributions have in common: shapes, checks of arguments, drawing without gradients."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..autograd import no_grad
from ..creation import as_tensor
from ..dtype import get_default_dtype
from ..ops.join import broadcast_tensors
from ..size import Size
from ..tensor import Tensor
from .constraints import Constraint

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Distribution"]


class Distribution:
    """The base class: as ``torch.distributions.Distribution``.

    Args:
        batch_shape: how many independent distributions there are.
        event_shape: the shape of one draw.
        validate_args: whether to check parameters and values; the default is True.
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    has_rsample = False
    has_enumerate_support = False
    _validate_args = True

    def __init__(
        self,
        batch_shape: Sequence[int] = (),
        event_shape: Sequence[int] = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check their arguments when they are not told."""
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Size:
        """How many independent distributions there are."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one draw."""
        return self._event_shape

    @property
    def support(self) -> Constraint:
        """What may be drawn."""
        raise NotImplementedError(f"{type(self).__name__} has no support")

    @property
    def mean(self) -> Tensor:
        """The mean of each distribution."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def variance(self) -> Tensor:
        """The variance of each distribution."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws without gradients: a tensor of sample_shape + batch_shape + event_shape."""
        with no_grad():
            return self.rsample(sample_shape)

    def sample_n(self, n: int) -> Tensor:
        """``sample((n,))``."""
        return self.sample((n,))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws that pass gradients on to the parameters."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rsample: only sample, whose draws have no gradients"
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at a value."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def entropy(self) -> Tensor:
        """The entropy in nats of each distribution."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy")

    def perplexity(self) -> Tensor:
        """exp(entropy)."""
        return self.entropy().exp()

    def expand(self, batch_shape: Sequence[int]) -> Self:
        """The same distributions, repeated to a larger batch shape without copying."""
        new, batch_shape = copy.copy(self), Size(batch_shape)
        new._batch_shape = batch_shape
        for name, rule in self.arg_constraints.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                event = value.shape[value.ndim - rule.event_dim :]
                new.__dict__[name] = value.expand(batch_shape + event)
        return new

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> Size:
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _check_parameters(self) -> None:
        for name, rule in self.arg_constraints.items():
            if name in self.__dict__ and not rule.check(value := self.__dict__[name]).all():
                raise ValueError(
                    f"{type(self).__name__} expects {name} to satisfy {rule!r}, got {value} of shape "
                    f"{tuple(value.shape)}"
                )

    def _check_value(self, value: Any) -> None:
        """Raises ValueError for what cannot have been drawn."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError(  # noqa: TRY004 -- as torch
                f"log_prob expects a tensor, got {type(value).__name__}"
            )
        expected = self._extended_shape()
        pairs = zip(reversed(value.shape), reversed(expected), strict=False)
        if any(i != j and 1 not in (i, j) for i, j in pairs):
            raise ValueError(
                f"log_prob of {self!r} expects a value that broadcasts with {tuple(expected)}, "
                f"got shape {tuple(value.shape)}"
            )
        if not self.support.check(value).all():
            raise ValueError(
                f"log_prob of {self!r} expects a value in {self.support!r}, got {value} of shape "
                f"{tuple(value.shape)}"
            )

    def __repr__(self) -> str:
        given = {
            name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__
        }
        shown = (f"{k}: {v if v.numel() == 1 else v.size()}" for k, v in given.items())
        return f"{type(self).__name__}({', '.join(shown)})"


def as_parameters(*values: Tensor | float) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape; numbers take the tensors' dtype and device."""
    first = next((value for value in values if isinstance(value, Tensor)), None)
    dtype = get_default_dtype() if first is None else first.dtype
    device = None if first is None else first.device
    return tuple(
        broadcast_tensors(
            *(
                v if isinstance(v, Tensor) else as_tensor(v, dtype=dtype, device=device)
                for v in values
            )
        )
    )
