"""Spectral norm by a hook, the older of torch's two ways: ``weight_orig`` as the parameter."""

from __future__ import annotations

from typing import Any

from ...autograd import no_grad
from ...tensor import Tensor
from ..conv import ConvTranspose1d, ConvTranspose2d
from ..module import Module
from ..parameter import Parameter
from .hook import find_hook, remove_hook
from .power_method import (
    as_matrix,
    improve_left,
    improve_right,
    random_direction,
    singular_value,
)

__all__ = ["output_dim", "remove_spectral_norm", "spectral_norm"]


def output_dim(module: Module) -> int:
    """The dimension of a layer's weight that belongs to its output."""
    return 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d)) else 0


class SpectralNorm:
    """A hook before ``forward`` that divides a weight by its largest singular value."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(f"n_power_iterations must be positive, got {n_power_iterations}")
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """The weight divided by its largest singular value, which is estimated better before."""
        weight, left, right = (
            getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v")
        )
        matrix = as_matrix(weight, self.dim)
        for _ in range(self.n_power_iterations if do_power_iteration else 0):
            improve_right(matrix, left, right, self.eps)
            improve_left(matrix, left, right, self.eps)
        return weight / singular_value(matrix, left, right)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value before each call.

    Args:
        module: a layer; the parameter becomes ``name_orig``, with buffers ``name_u`` and ``name_v``.
        name: of the parameter.
        n_power_iterations: how often each call in training improves the estimated singular vectors.
        eps: smallest divisor in normalising them.
        dim: the dimension of the weight that belongs to the output.

    Returns:
        ``module``.

    Raises:
        RuntimeError: if the parameter has a spectral norm already.
        ValueError: if it is None, or without power iterations.

    As ``torch.nn.utils.spectral_norm`` (Miyato et al., 2018), which
    :func:`parametrizations.spectral_norm` replaces.
    """
    if find_hook(module, SpectralNorm, name) is not None:
        raise RuntimeError(f"parameter {name!r} has a spectral norm already")
    hook = SpectralNorm(name, n_power_iterations, output_dim(module) if dim is None else dim, eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"spectral_norm expects a parameter, got None as {name!r}")
    matrix = as_matrix(weight.detach(), hook.dim)
    left, right = (random_direction(matrix, side, eps) for side in (0, 1))
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(f"{name}_u", left)
    module.register_buffer(f"{name}_v", right)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make ``name`` a parameter again, with its present values.

    Raises:
        ValueError: if the parameter has no spectral norm.
    """
    hook = remove_hook(module, SpectralNorm, name)
    with no_grad():
        weight = hook.compute_weight(module, do_power_iteration=False)
    for part in ("", "_u", "_v", "_orig"):
        delattr(module, name + part)
    module.register_parameter(name, Parameter(weight.detach()))
    return module
