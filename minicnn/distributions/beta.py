"""Beta distributions, of numbers between 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..ops.join import stack
from ..tensor import Tensor
from . import constraints
from .dirichlet import Dirichlet
from .distribution import Distribution, as_parameters

__all__ = ["Beta"]


class Beta(Distribution):
    """The density is in proportion to x^(concentration1 − 1) · (1 − x)^(concentration0 − 1).

    Args:
        concentration1: the larger, the closer are draws to 1.
        concentration0: the larger, the closer are draws to 0.
        validate_args: whether to check parameters and values.

    As ``torch.distributions.Beta``, without ``rsample``, as :class:`Dirichlet`, and ``repr`` shows the
    parameters, where torch's shows nothing.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval

    def __init__(
        self,
        concentration1: Tensor | float,
        concentration0: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self.concentration1, self.concentration0 = as_parameters(concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    @property
    def _dirichlet(self) -> Dirichlet:
        """The distribution of pairs (x, 1 - x)."""
        parameters = stack([self.concentration1, self.concentration0], -1)
        return Dirichlet(parameters, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        """Where the density is greatest; 1, if it is infinite at 0 and 1."""
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total**2 * (total + 1))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._dirichlet.sample(sample_shape)[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return self._dirichlet.log_prob(stack([value, 1 - value], -1))

    def entropy(self) -> Tensor:
        return self._dirichlet.entropy()
