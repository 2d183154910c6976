"""What a random call is: a function of either library, with its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st

import minicnn

Call = tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def method(name: str) -> Callable[..., Any]:
    """Calls a method of a tensor of either library."""
    return lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


def top_level(name: str) -> Callable[..., Any]:
    """Calls a function of the library that the first argument, a tensor, is from."""
    return lambda x, *args, **kwargs: getattr(library_of(x), name)(x, *args, **kwargs)


def functional(name: str) -> Callable[..., Any]:
    """Calls a function of ``nn.functional`` of the library that the first argument is from."""
    return lambda x, *args, **kwargs: getattr(library_of(x).nn.functional, name)(x, *args, **kwargs)


def library_of(x: Any) -> Any:
    return torch if isinstance(x, torch.Tensor) else minicnn


numbers = st.one_of(
    st.integers(-3, 5), st.sampled_from((0.5, -1.5, 0.1, 2.0, 1e10, float("nan"), float("inf")))
)
