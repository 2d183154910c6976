"""Distributions of zeros and ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..autograd import no_grad
from ..nn.functional import binary_cross_entropy_with_logits
from ..ops.join import broadcast_tensors
from ..ops.sampling import bernoulli
from ..tensor import Tensor
from . import constraints
from .distribution import as_parameters
from .logits import HasLogits, check_one

__all__ = ["Bernoulli"]


class Bernoulli(HasLogits):
    """1 with probability ``probs``, else 0.

    Args:
        probs: the probabilities of 1.
        logits: instead of them, their log-odds.
        validate_args: whether to check parameters and values.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    support = constraints.boolean
    _binary = True

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        check_one(probs, logits)
        if probs is not None:
            (self.probs,) = as_parameters(probs)
        elif logits is not None:
            (self.logits,) = as_parameters(logits)
        super().__init__(self._given.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        logits, value = broadcast_tensors(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
