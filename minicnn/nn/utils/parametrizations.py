"""Parametrizations of weights: weight norm and spectral norm."""

from __future__ import annotations

from ...ops.norm import normalize
from ...tensor import Tensor
from ..module import Module
from .parametrize import register_parametrization
from .power_method import (
    as_matrix,
    improve_left,
    improve_right,
    random_direction,
    singular_value,
)
from .spectral_norm import output_dim
from .weight_norm import norm_except_dim, scaled_to_norm

__all__ = ["spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """The weight from its norm (``original0``) and its direction (``original1``)."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return scaled_to_norm(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Norm and direction of a weight."""
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a parameter into its norm and its direction.

    Args:
        module: a layer.
        name: of the parameter.
        dim: the norms are over all dimensions but this one; over all for None.

    Returns:
        ``module``, with the parameters ``parametrizations.name.original0`` (norm) and ``original1``.

    As ``torch.nn.utils.parametrizations.weight_norm`` (Salimans and Kingma, 2016).
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    """A weight divided by its largest singular value."""

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"dim must be a dimension of shape {tuple(weight.shape)}, got {dim}")
        if n_power_iterations <= 0:
            raise ValueError(f"n_power_iterations must be positive, got {n_power_iterations}")
        self.dim = dim % weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            self.register_buffer("_u", random_direction(matrix, 0, eps))
            self.register_buffer("_v", random_direction(matrix, 1, eps))
            self._power_method(matrix, 15)

    def _power_method(self, matrix: Tensor, iterations: int) -> None:
        for _ in range(iterations):
            improve_left(matrix, self._u, self._v, self.eps)
            improve_right(matrix, self._u, self._v, self.eps)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        return weight / singular_value(matrix, self._u, self._v)

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself, which is taken to be a weight before the division."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value.

    Args:
        module: a layer.
        name: of the parameter.
        n_power_iterations: how often each call in training improves the estimated singular vectors.
        eps: smallest divisor in normalising them.
        dim: the dimension of the weight that belongs to the output.

    Returns:
        ``module``, with the parameter ``parametrizations.name.original``.

    Raises:
        ValueError: if the module has no such tensor, or without power iterations.

    As ``torch.nn.utils.parametrizations.spectral_norm`` (Miyato et al., 2018).
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(  # noqa: TRY004 -- as torch
            f"{type(module).__name__} has no parameter or buffer {name!r}"
        )
    dim = output_dim(module) if dim is None else dim
    return register_parametrization(
        module, name, _SpectralNorm(weight, n_power_iterations, dim, eps)
    )
