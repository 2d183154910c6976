"""The sets of kernels are one contract.

``kernels.plain`` and ``kernels.cpu`` run on the CPU, ``kernels.cuda`` and ``kernels.cuda.plain`` on
the GPU. The fast sets, ``cpu`` and ``cuda``, also have fused kernels, and each has some of its own.
"""

from __future__ import annotations

import importlib
import inspect
import re
from types import ModuleType

import pytest

from minicnn.kernels import cpu

FUSED = {
    "batch_norm_relu",
    "batch_norm_relu_backward",
    "channel_affine_relu",
    "conv2d_relu",
    "linear_relu",
    "max_pool2d_relu",
    "relu_bias_backward",
}
CPU_ONLY = {"batch_norm_activation", "batch_norm_activation_backward"}
CUDA_ONLY = {"cast_images", "conv2d_input_grad_relu", "max_pool2d_bias_backward"}
PLAIN_SETS = ["plain", "cuda.plain"]
OTHER_SETS = [*PLAIN_SETS, "cuda"]


def kernels(name: str) -> ModuleType:
    """``minicnn.kernels.<name>``; skips where CuPy is needed and not installed."""
    if name.startswith("cuda"):
        pytest.importorskip("cupy", reason="CuPy is not installed, and kernels.cuda imports it")
    return importlib.import_module(f"minicnn.kernels.{name}")


def signature(function: object) -> list[tuple[str, object, object]]:
    """Names, kinds and defaults; annotations differ, as they name the array type."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


@pytest.mark.parametrize("name", OTHER_SETS)
def test_every_set_has_the_same_functions(name: str) -> None:
    fused = set() if name in PLAIN_SETS else FUSED | CUDA_ONLY
    assert sorted(kernels(name).__all__) == sorted(set(cpu.__all__) - FUSED - CPU_ONLY | fused)


@pytest.mark.parametrize("name", OTHER_SETS)
def test_every_set_has_the_same_signatures(name: str) -> None:
    module = kernels(name)
    common = set(module.__all__) - CUDA_ONLY
    expected = {function: signature(getattr(cpu, function)) for function in common}
    assert {f: signature(getattr(module, f)) for f in common} == expected


def test_the_contract_names_every_function() -> None:
    from minicnn import kernels

    described = re.findall(r"^``(\w+)\(", kernels.__doc__ or "", flags=re.MULTILINE)
    assert sorted(described) == sorted({*cpu.__all__, *CUDA_ONLY})
