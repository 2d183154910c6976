"""Uniform distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..creation import rand
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution, as_parameters

__all__ = ["Uniform"]


class Uniform(Distribution):
    """Numbers from ``low`` to ``high``, the latter excluded.

    Args:
        low: the smallest numbers.
        high: the limits above.
        validate_args: whether to check parameters and values.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "low": constraints.real,
        "high": constraints.real,
    }
    has_rsample = True

    def __init__(
        self, low: Tensor | float, high: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self.low, self.high = as_parameters(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args and not (self.low < self.high).all():
            raise ValueError(f"Uniform expects low < high, got {self.low} and {self.high}")

    @property
    def support(self) -> constraints.Constraint:
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        return (self.high + self.low) / 2

    @property
    def variance(self) -> Tensor:
        return (self.high - self.low) ** 2 / 12

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        part = rand(shape, dtype=self.low.dtype, device=self.low.device)
        return self.low + part * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        inside = (self.low <= value) & (self.high > value)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of at most ``value``."""
        self._check_value(value)
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def entropy(self) -> Tensor:
        return (self.high - self.low).log()
