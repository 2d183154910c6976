"""Mixtures of distributions of one family."""

from __future__ import annotations

from collections.abc import Sequence

from ..autograd import no_grad
from ..nn.functional import log_softmax
from ..ops.index import gather
from ..tensor import Tensor
from .categorical import Categorical
from .constraints import Constraint
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A draw from one of K components, which a draw of a class selects.

    Args:
        mixture_distribution: the probabilities of the components, (..., K).
        component_distribution: the components, K along the last dimension of the batch.
        validate_args: whether to check values.
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(  # noqa: TRY004 -- as torch
                "mixture_distribution must be a Categorical, got "
                f"{type(mixture_distribution).__name__}"
            )
        batch, classes = (
            component_distribution.batch_shape[:-1],
            mixture_distribution.param_shape[-1],
        )
        if classes != component_distribution.batch_shape[-1]:
            raise ValueError(
                f"the mixture has probabilities of {classes} components, got "
                f"{component_distribution.batch_shape[-1]} components"
            )
        self.mixture_distribution = mixture_distribution
        self.component_distribution = component_distribution
        super().__init__(batch, component_distribution.event_shape, validate_args)

    @property
    def support(self) -> Constraint:
        return self.component_distribution.support

    @property
    def _component(self) -> int:
        """The dimension of the components, counted from the last one."""
        return -1 - len(self._event_shape)

    @property
    def mean(self) -> Tensor:
        return (self._weights * self.component_distribution.mean).sum(self._component)

    @property
    def variance(self) -> Tensor:
        components = self.component_distribution
        spread = (components.mean - self.mean.unsqueeze(self._component)) ** 2
        return (self._weights * (components.variance + spread)).sum(self._component)

    @property
    def _weights(self) -> Tensor:
        probs = self.mixture_distribution.probs
        return probs.reshape(*probs.shape, *[1] * len(self._event_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        of_components = self.component_distribution.log_prob(value.unsqueeze(self._component))
        weights = log_softmax(self.mixture_distribution.logits, dim=-1)
        return (of_components + weights).logsumexp(-1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            chosen = self.mixture_distribution.sample(sample_shape)
            draws = self.component_distribution.sample(sample_shape)
            dim = draws.ndim + self._component
            index = chosen.reshape(*chosen.shape, *[1] * (draws.ndim - chosen.ndim))
            index = index.expand(*draws.shape[:dim], 1, *draws.shape[dim + 1 :])
            return gather(draws, dim, index).squeeze(dim)

    def expand(self, batch_shape: Sequence[int]) -> MixtureSameFamily:
        """The same mixtures, repeated to a larger batch shape without copying."""
        components = self.component_distribution
        count = components.batch_shape[-1]
        return MixtureSameFamily(
            self.mixture_distribution.expand(batch_shape),
            components.expand((*batch_shape, count)),
            validate_args=False,
        )

    def __repr__(self) -> str:
        return (
            f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
        )
