"""Automatic differentiation: operations record a graph, and ``backward`` walks it in reverse.

A ``Function`` is one operation. Its forward pass takes and returns arrays; ``Function.apply`` wraps
them as tensors and, if an input requires a gradient, keeps the instance as a node of the graph
(function.py). ``backward`` and ``grad`` walk that graph (engine.py). ``no_grad`` and
``enable_grad`` switch the recording off and on (grad_mode.py), and ``gradcheck`` compares gradients
with finite differences (gradcheck.py).
"""

from .engine import backward, grad
from .function import Function, once_differentiable
from .grad_mode import (
    detect_anomaly,
    enable_grad,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from .gradcheck import gradcheck, gradgradcheck
from .view import View, check_writable

__all__ = [
    "Function",
    "View",
    "backward",
    "check_writable",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "is_grad_enabled",
    "no_grad",
    "once_differentiable",
    "set_grad_enabled",
]
