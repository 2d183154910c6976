"""Automatic differentiation: operations record a graph, and ``backward`` walks it in reverse.

A ``Function`` is one operation. Its forward pass takes and returns arrays; ``Function.apply`` wraps
them as tensors and, if an input requires a gradient, keeps the instance as a node of the graph
(function.py). ``backward`` and ``grad`` walk that graph (engine.py). ``no_grad`` and
``enable_grad`` switch the recording off and on (grad_mode.py), and ``gradcheck`` compares gradients
with finite differences (gradcheck.py).
"""

from typing import Any

from .engine import backward, call_after_backward, grad
from .function import AccumulateGrad, Function, once_differentiable
from .grad_mode import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from .gradcheck import gradcheck, gradgradcheck
from .view import View, check_writable

__all__ = [
    "AccumulateGrad",
    "Function",
    "Variable",
    "View",
    "backward",
    "call_after_backward",
    "check_writable",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def __getattr__(name: str) -> Any:  # what the core does not need
    if name == "Variable":
        from .variable import Variable

        globals()[name] = Variable
        return Variable
    if name == "functional":
        from importlib import import_module

        return import_module(f"{__name__}.functional")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
