"""``kernels.cuda.plain`` is the same contract as ``kernels.plain``."""

from __future__ import annotations

import inspect

import pytest

pytest.importorskip("cupy", reason="CuPy is not installed, and kernels.cuda imports it")

from minicnn.kernels import plain
from minicnn.kernels.cuda import plain as cuda_plain


def parameters(function: object) -> list[tuple[str, object, object]]:
    """Names, kinds and defaults; annotations differ, as they name the array type."""
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def test_same_functions() -> None:
    assert sorted(cuda_plain.__all__) == sorted(plain.__all__)


@pytest.mark.parametrize("name", sorted(plain.__all__))
def test_same_signature(name: str) -> None:
    assert parameters(getattr(cuda_plain, name)) == parameters(getattr(plain, name))
