"""Shapes behave and print as torch's."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc

EXPRESSIONS = [
    "x.shape", "x.size()", "x.size(1)", "x.shape[1:]", "x.shape[-1]", "x.shape + (4,)", "(4,) + x.shape",
    "x.shape + x.shape", "x.shape * 2", "2 * x.shape", "x.shape.numel()", "lib.Size([])", "lib.Size()",
    "lib.Size([]).numel()", "lib.Size((2, np.int64(3)))", "lib.Size([lib.tensor(2)])", "f'{x.shape}'",
    "x.shape == (2, 3)", "x.shape.index(3)", "x[0].shape", "lib.Size([2.5])", "lib.Size(2)", "x.shape + [1]",
    "list(x.shape)", "tuple(x.shape)", "hash(x.shape) == hash((2, 3))", "x.stride()", "x.new_zeros(x.shape).shape",
    "lib.zeros(x.shape).shape", "x.view(x.size(0), -1).size()", "x.reshape(x.shape[::-1]).shape",
]  # fmt: skip


def outcome(expression: str, lib: Any) -> str:
    x = lib.zeros(2, 3)
    try:
        return repr(eval(expression, {"lib": lib, "np": np, "x": x}))
    except TypeError:
        return "TypeError"


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_in_torch(expression: str) -> None:
    assert outcome(expression, mc) == outcome(expression, torch)


def test_types_and_copies() -> None:
    rows, columns = size = mc.ones(2, 3).shape
    assert (rows, columns) == (2, 3) and isinstance(size, tuple) and isinstance(size, mc.Size)
    for part in (size[1:], size + (1,), (1,) + size, size * 2, copy.deepcopy(size)):
        assert type(part) is mc.Size
    assert type(pickle.loads(pickle.dumps(size))) is mc.Size
    assert type(mc.zeros(3).array.shape) is tuple
