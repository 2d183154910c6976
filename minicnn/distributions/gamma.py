"""Gamma distributions, and chi-squared ones, which are among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..autograd import no_grad
from ..creation import as_tensor
from ..dtype import finfo
from ..ops.exponential import xlogy
from ..ops.sampling import standard_gamma
from ..ops.special import digamma, lgamma
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution, as_parameters

__all__ = ["Chi2", "Gamma"]


class Gamma(Distribution):
    """The density is rate^a · x^(a − 1) · exp(−rate · x) / Γ(a), where a is the concentration.

    Args:
        concentration: the shapes of the densities; 1 makes an exponential distribution.
        rate: the reciprocals of the scales.
        validate_args: whether to check parameters and values.

    As ``torch.distributions.Gamma``, without ``rsample`` and ``cdf``: both need the incomplete gamma
    function, which does not exist here.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    support = constraints.nonnegative

    def __init__(
        self,
        concentration: Tensor | float,
        rate: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self.concentration, self.rate = as_parameters(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        """Where the density is greatest."""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate**2

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            numbers = standard_gamma(self.concentration.expand(shape)) / self.rate
            return numbers.clamp(min=float(finfo(numbers.dtype).tiny))

    def log_prob(self, value: Tensor | float) -> Tensor:
        value = as_tensor(value, dtype=self.rate.dtype, device=self.rate.device)
        self._check_value(value)
        powers = xlogy(self.concentration, self.rate) + xlogy(self.concentration - 1, value)
        return powers - self.rate * value - lgamma(self.concentration)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1 - a) * digamma(a)


class Chi2(Gamma):
    """Sums of ``df`` squares of standard normal numbers: Gamma(df / 2, 1 / 2).

    Args:
        df: degrees of freedom.
        validate_args: whether to check parameters and values.

    As ``torch.distributions.Chi2``, without ``rsample`` and ``cdf``, and ``repr`` shows ``df``, where
    torch's shows nothing.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {"df": constraints.positive}

    def __init__(self, df: Tensor | float, validate_args: bool | None = None) -> None:
        (self.df,) = as_parameters(df)
        super().__init__(0.5 * self.df, 0.5, validate_args)

    def expand(self, batch_shape: Sequence[int]) -> Chi2:
        return Chi2(self.df.expand(batch_shape), self._validate_args)
