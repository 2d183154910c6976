"""Normal distributions of vectors whose components may be correlated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from ..creation import randn
from ..linalg import cholesky, inv, solve_triangular
from ..ops.join import broadcast_shapes
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution

__all__ = ["MultivariateNormal"]


class MultivariateNormal(Distribution):
    """N(loc, covariance) of vectors with D components.

    Args:
        loc: means, (..., D).
        covariance_matrix: covariances, (..., D, D).
        precision_matrix: instead of them, their inverses.
        scale_tril: instead of them, lower triangular L with L @ L.mT = covariance.
        validate_args: whether to check parameters and values.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        matrices = [(name, matrix) for name, matrix in given.items() if matrix is not None]
        if len(matrices) != 1:
            raise ValueError(
                f"MultivariateNormal expects one of {', '.join(given)}, got {len(matrices)} of them"
            )
        ((name, matrix),) = matrices
        if loc.ndim < 1:
            raise ValueError(f"loc must have at least 1 dimension, got shape {tuple(loc.shape)}")
        if matrix.ndim < 2:
            raise ValueError(
                f"{name} must have at least 2 dimensions, got shape {tuple(matrix.shape)}"
            )
        batch = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.loc = loc.expand(*batch, -1)
        self.__dict__[name] = matrix.expand(*batch, -1, -1)
        super().__init__(batch, self.loc.shape[-1:], validate_args)

    def __getattr__(self, name: str) -> Tensor:
        """The matrices that were not given, in terms of the one that was."""
        given = self.__dict__
        if name == "scale_tril" and "covariance_matrix" in given:
            return cholesky(self.covariance_matrix)
        if name == "scale_tril" and "precision_matrix" in given:
            # with the order of the components reversed, the inverse of a factor is lower triangular
            factor = cholesky(self.precision_matrix.flip((-2, -1))).flip((-2, -1)).mT
            return inv(factor)
        if name == "covariance_matrix" and "loc" in given:
            return self.scale_tril @ self.scale_tril.mT
        if name == "precision_matrix" and "loc" in given:
            return inv(self.covariance_matrix)
        raise AttributeError(f"'MultivariateNormal' object has no attribute {name!r}")

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return (self.scale_tril**2).sum(-1)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + (self.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check_value(value)
        factor, difference = self.scale_tril, (value - self.loc).unsqueeze(-1)
        scaled = solve_triangular(factor, difference, upper=False).squeeze(-1)
        constant = self._event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (constant + (scaled**2).sum(-1)) - self._half_log_determinant

    def entropy(self) -> Tensor:
        constant = 0.5 * self._event_shape[0] * (1 + math.log(2 * math.pi))
        return constant + self._half_log_determinant

    @property
    def _half_log_determinant(self) -> Tensor:
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
