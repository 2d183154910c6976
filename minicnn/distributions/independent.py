"""Batches of distributions taken for one distribution of vectors."""

from __future__ import annotations

from collections.abc import Sequence

from ..tensor import Tensor
from .constraints import Constraint
from .distribution import Distribution

__all__ = ["Independent"]


class Independent(Distribution):
    """The last dimensions of a batch as the event: ``log_prob`` and ``entropy`` sum over them.

    Args:
        base_distribution: the distributions.
        reinterpreted_batch_ndims: how many dimensions of the batch become part of the event.
        validate_args: whether to check values.
    """

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        batch = base_distribution.batch_shape
        if reinterpreted_batch_ndims > len(batch):
            raise ValueError(
                f"reinterpreted_batch_ndims must be at most {len(batch)}, the number of batch "
                f"dimensions, got {reinterpreted_batch_ndims}"
            )
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        split = len(batch) - reinterpreted_batch_ndims
        event = batch[split:] + base_distribution.event_shape
        super().__init__(batch[:split], event, validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether draws can pass gradients on."""
        return self.base_dist.has_rsample

    @property
    def support(self) -> Constraint:
        return self.base_dist.support

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return self._sum(self.base_dist.log_prob(value))

    def entropy(self) -> Tensor:
        return self._sum(self.base_dist.entropy())

    def expand(self, batch_shape: Sequence[int]) -> Independent:
        """The same distributions, repeated to a larger batch shape without copying."""
        event = self.event_shape[: self.reinterpreted_batch_ndims]
        base = self.base_dist.expand((*batch_shape, *event))
        return Independent(base, self.reinterpreted_batch_ndims, validate_args=False)

    def _sum(self, x: Tensor) -> Tensor:
        dims = tuple(range(-self.reinterpreted_batch_ndims, 0))
        return x.sum(dims) if dims else x

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
