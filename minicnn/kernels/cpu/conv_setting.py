"""Which algorithm of convolution a program or its environment asks for."""

from __future__ import annotations

import os

from ...autograd.grad_mode import mode

__all__ = ["ALGORITHMS", "select", "selected", "setting"]

ALGORITHMS = ("auto", "im2col", "winograd")

_selected = ""  # empty: MINICNN_CONV decides


def select(algorithm: str) -> None:
    """Selects one of ``ALGORITHMS`` for all threads; it overrides ``MINICNN_CONV``.

    Raises:
        ValueError: for another name.
    """
    global _selected
    if algorithm not in ALGORITHMS:
        raise ValueError(
            f"backends.cpu.conv must be one of {', '.join(ALGORITHMS)}, got {algorithm!r}"
        )
    _selected = algorithm


def selected() -> str:
    """The algorithm that is selected, by :func:`select` or in the environment."""
    return _selected or os.environ.get("MINICNN_CONV") or "auto"


def setting() -> str:
    """The algorithm to use: while anomalies are detected, im2col.

    With im2col a NaN reaches no other windows than its own.
    """
    return "im2col" if mode.anomaly else selected()
