"""Weight norm by a hook, the older of torch's two ways: ``weight_g`` and ``weight_v`` as parameters."""

from __future__ import annotations

from typing import Any

from ...no_tensor import takes_tensors
from ...ops.elementwise import div, mul
from ...ops.reduce import norm
from ...tensor import Tensor
from ...warn import warn
from ..module import Module
from ..parameter import Parameter
from .hook import find_hook, remove_hook

__all__ = ["norm_except_dim", "remove_weight_norm", "scaled_to_norm", "weight_norm"]


@takes_tensors
def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norms over all dimensions but ``dim``, which are kept with size 1; over all for -1.

    As ``torch.norm_except_dim``.
    """
    if dim == -1:
        return norm(v, pow)
    return norm(v, pow, tuple(d for d in range(v.ndim) if d != dim), keepdim=True)


def scaled_to_norm(v: Tensor, g: Tensor, dim: int) -> Tensor:
    """v with the norms g (Salimans and Kingma, 2016)."""
    return mul(v, div(g, norm_except_dim(v, 2, dim)))


class WeightNorm:
    """A hook before ``forward`` that computes the weight from its norm g and its direction v."""

    def __init__(self, name: str, dim: int) -> None:
        self.name = name
        self.dim = dim

    def compute_weight(self, module: Module) -> Tensor:
        """The weight of its present norm and direction."""
        g, v = (getattr(module, f"{self.name}_{part}") for part in "gv")
        return scaled_to_norm(v, g, self.dim)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a parameter into its norm ``name_g`` and its direction ``name_v``, two parameters.

    Args:
        module: a layer; ``module.name`` is computed before each call.
        name: of the parameter.
        dim: the norms are over all dimensions but this one; over all for None.

    Returns:
        ``module``.

    Raises:
        RuntimeError: if the parameter has a weight norm already.

    As ``torch.nn.utils.weight_norm`` (Salimans and Kingma, 2016), which
    :func:`parametrizations.weight_norm` replaces.
    """
    warn(
        "nn.utils.weight_norm is deprecated: use nn.utils.parametrizations.weight_norm",
        FutureWarning,
    )
    if find_hook(module, WeightNorm, name) is not None:
        raise RuntimeError(f"parameter {name!r} has a weight norm already")
    hook = WeightNorm(name, -1 if dim is None else dim)
    weight = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight, 2, hook.dim).detach()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make ``name`` a parameter again, with its present values.

    Raises:
        ValueError: if the parameter has no weight norm.
    """
    hook = remove_hook(module, WeightNorm, name)
    weight = hook.compute_weight(module)
    delattr(module, name)
    del module._parameters[f"{name}_g"], module._parameters[f"{name}_v"]
    setattr(module, name, Parameter(weight.detach()))
    return module
