"""The same program in minicnn and in PyTorch: both return the same numbers, or raise the same error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import minicnn


def assert_equal_outcomes(program: Callable[[Any], Any]) -> Any:
    """Compares what a program returns in both libraries, or the kind of error that it raises.

    Args:
        program: takes a library; returns tensors and numbers, in lists and tuples.

    Returns:
        What minicnn's returned, with numbers for tensors, or the name of its error.
    """
    ours, theirs = (_outcome(library, program) for library in (minicnn, torch))
    assert ours == theirs
    return ours


def _outcome(library: Any, program: Callable[[Any], Any]) -> Any:
    try:
        return _rounded(program(library))
    except (RuntimeError, TypeError) as error:
        return type(error).__name__


def _rounded(value: Any) -> Any:
    """Numbers of tensors, lists and tuples with twelve digits, as sums may be taken in any order."""
    if isinstance(value, (minicnn.Tensor, torch.Tensor)):
        return _rounded(value.detach().cpu().tolist())
    if isinstance(value, (list, tuple)):
        return type(value)(map(_rounded, value))
    return float(f"{value:.12g}") if type(value) is float else value
