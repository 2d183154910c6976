"""Pruning: weights that stay zero.

A pruned parameter ``weight`` becomes ``weight_orig``, with a buffer ``weight_mask`` of ones and zeros,
and a hook multiplies the two before each call of the module. Names and keys of the state are those of
``torch.nn.utils.prune``; the classes that torch has for each method are functions here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ...creation import ones_like, rand
from ...devices import CPU, to_device, xp_of
from ...ops.reduce import norm
from ...tensor import Tensor
from ...typing import Array
from ..module import Module
from ..parameter import Parameter
from .hook import find_hook, remove_hook

__all__ = [
    "BasePruningMethod",
    "L1Unstructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]

Amount = int | float


class Pruning:
    """A hook before ``forward`` that multiplies a weight by its mask."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Module, inputs: Any) -> None:
        weight, mask = getattr(module, f"{self.name}_orig"), getattr(module, f"{self.name}_mask")
        setattr(module, self.name, weight * mask)


def l1_unstructured(
    module: Module, name: str, amount: Amount, importance_scores: Tensor | None = None
) -> Module:
    """Zero the smallest elements of a parameter.

    Args:
        module: the owner of the parameter.
        name: of the parameter.
        amount: how many elements, or which share of those that are not pruned yet.
        importance_scores: numbers to compare instead of the parameter's, of its shape.

    Returns:
        ``module``.

    Raises:
        ValueError: for a negative amount, or more than there is.

    As ``torch.nn.utils.prune.l1_unstructured``.
    """
    scores = getattr(module, name) if importance_scores is None else importance_scores
    return _prune(module, name, amount, lambda rest: L1Unstructured(scores.array.ravel()[rest]))


def random_unstructured(module: Module, name: str, amount: Amount) -> Module:
    """Zero random elements of a parameter; arguments as for :func:`l1_unstructured`."""
    weight = getattr(module, name)
    return _prune(module, name, amount, lambda rest: RandomUnstructured(weight.array.ravel()[rest]))


def ln_structured(
    module: Module,
    name: str,
    amount: Amount,
    n: float,
    dim: int,
    importance_scores: Tensor | None = None,
) -> Module:
    """Zero the channels with the smallest norms; ``amount`` counts channels.

    Args:
        n: p of the norms.
        dim: the dimension that numbers the channels.

    As ``torch.nn.utils.prune.ln_structured``.
    """
    weight = getattr(module, name)
    mask, dim = _mask_of(module, name), dim % weight.ndim
    scores = weight if importance_scores is None else importance_scores
    others = tuple(d for d in range(weight.ndim) if d != dim)
    norms = norm(scores.detach(), n, others).array
    rest = xp_of(norms).nonzero(mask.array.any(axis=others))[0]
    chosen = rest[_smallest(norms[rest], _count(amount, len(rest)))]
    mask.array[(*(slice(None),) * dim, chosen)] = 0
    return custom_from_mask(module, name, mask)


def random_structured(module: Module, name: str, amount: Amount, dim: int) -> Module:
    """Zero random channels of a parameter; arguments as for :func:`ln_structured`.

    As ``torch.nn.utils.prune.random_structured``.
    """
    mask = _mask_of(module, name)
    dim %= mask.ndim
    others = tuple(d for d in range(mask.ndim) if d != dim)
    xp = xp_of(mask.array)
    rest = xp.nonzero(mask.array.any(axis=others))[0]
    draws = xp.asarray(rand(len(rest), device="cpu").array)
    chosen = rest[_smallest(draws, _count(amount, len(rest)))]
    mask.array[(*(slice(None),) * dim, chosen)] = 0
    return custom_from_mask(module, name, mask)


def identity(module: Module, name: str) -> Module:
    """Prune nothing: the parameter gets its mask of ones.

    As ``torch.nn.utils.prune.identity``.
    """
    return custom_from_mask(module, name, _mask_of(module, name))


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: Callable[[Array], Array],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    amount: Amount = 0,
) -> None:
    """Prune elements of several parameters, compared with each other.

    Args:
        parameters: pairs of a module and the name of its parameter.
        pruning_method: ``L1Unstructured`` or ``RandomUnstructured``.
        importance_scores: by such a pair, numbers to compare instead of the parameter's.
        amount: how many elements of all, or which share of them.

    As ``torch.nn.utils.prune.global_unstructured``.
    """
    pairs, given = list(parameters), importance_scores or {}
    masks = [_mask_of(*pair) for pair in pairs]
    scores = [given.get(pair, getattr(*pair)).array.ravel() for pair in pairs]
    xp = xp_of(scores[0])
    joined = xp.concatenate([mask.array.ravel() for mask in masks])
    rest = xp.nonzero(joined)[0]
    importance = pruning_method(xp.concatenate(scores)[rest])
    joined[rest[_smallest(importance, _count(amount, len(rest)))]] = 0
    start = 0
    for pair, mask in zip(pairs, masks, strict=True):
        piece = joined[start : start + mask.array.size]
        mask.array[...] = piece.reshape(mask.array.shape)
        custom_from_mask(*pair, mask)
        start += mask.array.size


def L1Unstructured(values: Array) -> Array:
    """How important elements are: their absolute values."""
    return abs(values)


def RandomUnstructured(values: Array) -> Array:
    """Random importance, drawn on the CPU."""
    # torch draws numbers too, and prunes the largest
    return -xp_of(values).asarray(rand(values.size, device="cpu").array)


class BasePruningMethod:
    """The base of one's own methods, which define ``compute_mask(t, default_mask)``.

    As ``torch.nn.utils.prune.BasePruningMethod``; ``apply`` returns the module.
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of a parameter, or of the elements that are left, in one dimension."""
        raise NotImplementedError(f"{type(self).__name__} has no compute_mask")

    @classmethod
    def apply(
        cls,
        module: Module,
        name: str,
        *args: Any,
        importance_scores: Tensor | None = None,
        **kwargs: Any,
    ) -> Module:
        """Prune a parameter; other arguments go to the class."""
        method, mask = cls(*args, **kwargs), _mask_of(module, name)
        scores = getattr(module, name) if importance_scores is None else importance_scores
        if find_hook(module, Pruning, name) is not None and cls.PRUNING_TYPE == "unstructured":
            left = mask == 1
            mask[left] = method.compute_mask(scores[left], mask[left]).to(mask.dtype)
        else:
            mask = method.compute_mask(scores, mask)
        return custom_from_mask(module, name, mask)


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune a parameter where ``mask``, of its shape, is 0.

    As ``torch.nn.utils.prune.custom_from_mask``.
    """
    mask = (_mask_of(module, name) * mask).detach()
    if find_hook(module, Pruning, name) is None:
        weight = getattr(module, name)
        del module._parameters[name]
        module.register_parameter(f"{name}_orig", weight)
        module.register_buffer(f"{name}_mask", mask)
        module.register_forward_pre_hook(Pruning(name))
    else:
        module._buffers[f"{name}_mask"] = mask
    setattr(module, name, getattr(module, f"{name}_orig") * mask)
    return module


def remove(module: Module, name: str) -> Module:
    """Make pruning permanent: ``name`` is a parameter again, with its zeros.

    Raises:
        ValueError: if the parameter is not pruned.

    As ``torch.nn.utils.prune.remove``.
    """
    remove_hook(module, Pruning, name)
    weight, pruned = getattr(module, f"{name}_orig"), getattr(module, name)
    for owned in (module.__dict__, module._parameters):
        owned.pop(name, None)
    del module._parameters[f"{name}_orig"], module._buffers[f"{name}_mask"]
    weight.array = pruned.array  # the optimizer knows this parameter
    weight.bump_version()
    setattr(module, name, weight if isinstance(weight, Parameter) else Parameter(weight))
    return module


def is_pruned(module: Module) -> bool:
    """Whether a module, or one below it, has a pruned parameter."""
    hooks = (
        entry[0] if isinstance(entry, tuple) else entry
        for part in module.modules()
        for entry in part._forward_pre_hooks.values()
    )
    return any(isinstance(hook, Pruning) for hook in hooks)


def _prune(
    module: Module, name: str, amount: Amount, importance: Callable[[Array], Array]
) -> Module:
    """Zeroes the elements of least importance; ``importance`` takes the positions to compare."""
    mask = _mask_of(module, name)
    flat = mask.array.ravel()
    rest = xp_of(flat).nonzero(flat)[0]
    flat[rest[_smallest(importance(rest), _count(amount, len(rest)))]] = 0
    mask.array[...] = flat.reshape(mask.array.shape)
    return custom_from_mask(module, name, mask)


def _mask_of(module: Module, name: str) -> Tensor:
    """A copy of the present mask, all ones if there is none."""
    mask = module._buffers.get(f"{name}_mask")
    return ones_like(getattr(module, name).detach()) if mask is None else mask.clone()


def _smallest(values: Array, count: int) -> Array:
    """The positions of the smallest values, sorted on the CPU."""
    order = np.argsort(to_device(values, CPU), kind="stable")
    return xp_of(values).asarray(order[:count])


def _count(amount: Amount, size: int) -> int:
    """How many of ``size`` elements to prune."""
    if amount < 0 or (isinstance(amount, float) and amount > 1):
        raise ValueError(
            f"amount must be a share from 0 to 1, or a number of elements, got {amount}"
        )
    if isinstance(amount, int) and amount > size:
        raise ValueError(f"amount must be at most the {size} elements that are left, got {amount}")
    return amount if isinstance(amount, int) else round(amount * size)
