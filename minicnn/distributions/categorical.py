"""Distributions of classes, drawn as indices or as one-hot vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..creation import arange, full
from ..dtype import finfo, int64
from ..nn.functional import one_hot
from ..ops.join import broadcast_tensors
from ..ops.sampling import multinomial
from ..size import Size
from ..tensor import Tensor
from . import constraints
from .logits import HasLogits, check_one

__all__ = ["Categorical", "OneHotCategorical"]


class Categorical(HasLogits):
    """Class k with probability ``probs[..., k]``.

    Args:
        probs: probabilities of K classes, (..., K); divided by their sum.
        logits: instead of them, log-probabilities up to a constant.
        validate_args: whether to check parameters and values.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }
    has_enumerate_support = True
    _binary = False

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        check_one(probs, logits)
        if probs is not None:
            _check_dimensions("probs", probs)
            self.probs = probs / probs.sum(-1, keepdim=True)
        elif logits is not None:
            _check_dimensions("logits", logits)
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        super().__init__(self._given.shape[:-1], validate_args=validate_args)

    @property
    def _classes(self) -> int:
        return self._given.shape[-1]

    @property
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, self._classes - 1)

    @property
    def mean(self) -> Tensor:
        return full(self._extended_shape(), float("nan"), dtype=self._given.dtype)

    variance = mean

    @property
    def mode(self) -> Tensor:
        """The most probable class."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        count = Size(sample_shape).numel()
        indices = multinomial(self.probs.detach().reshape(-1, self._classes), count, True)
        return indices.t().reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        index, logits = broadcast_tensors(value.to(int64).unsqueeze(-1), self.logits)
        return logits.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=float(finfo(self.logits.dtype).min))  # 0 · -inf is NaN
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All classes, along a new first dimension."""
        values = arange(self._classes).view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values


class OneHotCategorical(Categorical):
    """Vectors of K numbers, of which the drawn class's is 1 and the others are 0.

    Args:
        probs: probabilities of K classes, (..., K); divided by their sum.
        logits: instead of them, log-probabilities up to a constant.
        validate_args: whether to check parameters and values.
    """

    support = constraints.one_hot  # type: ignore[assignment]

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(probs, logits, validate_args)
        self._event_shape = Size((self._classes,))

    @property
    def _indices(self) -> Categorical:
        name = "probs" if "probs" in self.__dict__ else "logits"
        return Categorical(**{name: self.__dict__[name]}, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return one_hot(self._indices.sample(sample_shape), self._classes).to(self._given.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        return self._indices.log_prob(value.argmax(-1))


def _check_dimensions(name: str, x: Tensor) -> None:
    if x.ndim < 1:
        raise ValueError(f"{name} must have at least 1 dimension, got shape {tuple(x.shape)}")
