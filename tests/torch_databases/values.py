"""Arguments and results in both libraries."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import torch

import minicnn as mc


def replaced(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value with ``change`` applied to everything in its lists, tuples, dicts and slices."""
    if isinstance(value, (list, tuple)):
        items = [replaced(item, change) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict):
        return {key: replaced(item, change) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(*(replaced(x, change) for x in (value.start, value.stop, value.step)))
    return change(value)


def leaves(value: Any) -> list[Any]:
    """Everything in the lists, tuples, dicts and slices of a value."""
    found: list[Any] = []
    replaced(value, found.append)
    return found


def numpy_of(tensor: Any) -> np.ndarray:
    """A copy of the numbers of a tensor of either library."""
    if isinstance(tensor, mc.Tensor):
        return tensor.numpy_copy()
    return _shared(tensor.detach().resolve_neg()).copy()


def ours(tensor: torch.Tensor) -> mc.Tensor:
    """A minicnn tensor on the default device with the same numbers, and in memory the same way."""
    if mc.get_default_device().type != "cpu":
        return mc.tensor(numpy_of(tensor))
    return mc.Tensor.of(_shared(copied(tensor)))


def copied(tensor: torch.Tensor) -> torch.Tensor:
    """A copy with the same strides, unless elements share memory, and zeros between the elements."""
    tensor = tensor.detach()
    if any(n > 1 and s == 0 for n, s in zip(tensor.shape, tensor.stride())):
        return tensor.clone()
    copy = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
    copy.untyped_storage().fill_(0)
    return copy.copy_(tensor)


def with_gaps(x: Any) -> Any:
    """A tensor of which every second element of a row is something else."""
    if not isinstance(x, torch.Tensor) or x.ndim == 0 or x.numel() == 0:
        return x
    wide = x.detach().new_zeros((*x.shape[:-1], 2 * x.shape[-1]))
    wide[..., ::2] = x.detach()
    return wide[..., ::2].requires_grad_(x.requires_grad)


def _shared(tensor: torch.Tensor) -> np.ndarray:
    """The memory of a torch tensor as a NumPy array."""
    if tensor.dtype == torch.bfloat16:  # which torch gives to nobody
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


@functools.cache
def our_dtype(dtype: torch.dtype) -> np.dtype | None:
    """minicnn's dtype for torch's, or None."""
    name = str(dtype).removeprefix("torch.")
    return getattr(mc, "bool_" if name == "bool" else name, None)


def our_constant(value: Any) -> Any:
    """An argument that is not a tensor, as minicnn takes it."""
    if isinstance(value, torch.dtype):
        return our_dtype(value) or value
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        return _our_encoder_layer(value)
    if isinstance(value, torch.nn.Module):  # a distance without options
        return getattr(mc.nn, type(value).__name__)()
    if isinstance(value, (torch.memory_format, torch.layout)):
        return getattr(mc, str(value).removeprefix("torch."), value)
    if isinstance(value, (str, torch.device)) and str(value) == "cpu":
        return str(mc.get_default_device())
    name = getattr(value, "__name__", "")
    if callable(value) and value is getattr(torch.nn.functional, name, None):
        return getattr(mc.nn.functional, name)
    return value


def _our_encoder_layer(layer: torch.nn.TransformerEncoderLayer) -> mc.nn.Module:
    """The layer that a ``TransformerEncoder`` copies; its weights are loaded later."""
    attention = layer.self_attn
    return mc.nn.TransformerEncoderLayer(
        attention.embed_dim,
        attention.num_heads,
        layer.linear1.out_features,
        layer.dropout.p,
        our_constant(layer.activation),
        layer.norm1.eps,
        attention.batch_first,
        layer.norm_first,
        attention.in_proj_bias is not None,
    )


def is_within_scope(*values: Any) -> bool:
    """Whether minicnn can hold these arguments: dense CPU tensors of its dtypes, nothing complex."""

    def fits(x: Any) -> bool:
        if isinstance(x, torch.Tensor):
            dense = type(x) in (torch.Tensor, torch.nn.Parameter) and x.layout == torch.strided
            return dense and x.device.type == "cpu" and our_dtype(x.dtype) is not None
        if isinstance(x, torch.dtype):
            return our_dtype(x) is not None
        return not isinstance(x, complex)

    return all(map(fits, leaves(values)))


def described(args: Any, kwargs: Any) -> str:
    """The arguments of a call as text; small tensors with their numbers."""

    def text(x: Any) -> Any:
        if not isinstance(x, torch.Tensor):
            return x
        kind = str(x.dtype).removeprefix("torch.")
        return _Text(f"{kind}({x.tolist()})" if x.numel() <= 4 else f"{kind}{list(x.shape)}")

    args, kwargs = replaced((list(args), dict(kwargs)), text)
    parts = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
    return f"({', '.join(parts)})"[:300]


class _Text(str):
    """Text that stands in a list without quotes."""

    __slots__ = ()
    __repr__ = str.__str__
