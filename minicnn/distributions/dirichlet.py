"""Dirichlet distributions, whose draws are probabilities of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..autograd import no_grad
from ..nn.functional import one_hot
from ..ops.choice import where
from ..ops.exponential import xlogy
from ..ops.sampling import dirichlet
from ..ops.special import digamma, lgamma
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution

__all__ = ["Dirichlet"]


class Dirichlet(Distribution):
    """K numbers ≥ 0 with the sum 1, whose density is in proportion to Π xₖ^(aₖ − 1).

    Args:
        concentration: the numbers aₖ, (..., K).
        validate_args: whether to check parameters and values.

    As ``torch.distributions.Dirichlet``, without ``rsample``: its gradient needs the derivative of the
    incomplete beta function, which does not exist here.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "concentration": constraints.independent(constraints.positive, 1)
    }
    support = constraints.simplex

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError(
                f"concentration must have at least 1 dimension, got shape {tuple(concentration.shape)}"
            )
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self._total

    @property
    def mode(self) -> Tensor:
        """Where the density is greatest; the first corner, if it is infinite at all corners."""
        above = (self.concentration - 1).clamp(min=0)
        inside = above / above.sum(-1, keepdim=True)
        corner = one_hot(inside.argmax(-1), above.shape[-1]).to(inside.dtype)
        return where((self.concentration < 1).all(-1, keepdim=True), corner, inside)

    @property
    def variance(self) -> Tensor:
        a, total = self.concentration, self._total
        return a * (total - a) / (total**2 * (total + 1))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return xlogy(self.concentration - 1, value).sum(-1) + self._log_normalizer

    def entropy(self) -> Tensor:
        a, total = self.concentration, self._total
        logs = digamma(a) - digamma(total)  # the means of the logarithms of draws
        return -((a - 1) * logs).sum(-1) - self._log_normalizer

    @property
    def _total(self) -> Tensor:
        return self.concentration.sum(-1, keepdim=True)

    @property
    def _log_normalizer(self) -> Tensor:
        """The logarithm of the factor of the density that does not depend on the value."""
        return lgamma(self._total.squeeze(-1)) - lgamma(self.concentration).sum(-1)
