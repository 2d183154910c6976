"""The plain kernels against torch in float64, and their halves against float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from kernel_cases import CASES
from kernel_cases.arrays import FLOAT64, INF, C
from kernel_cases.pool import POOLINGS
from kernel_references import REFERENCES
from kernel_runs import assert_close, flatten, map_arrays, run

from minicnn import bfloat16
from minicnn.kernels import plain

pytestmark = pytest.mark.cpu_only


def to_torch(array: np.ndarray) -> Any:
    if array.dtype == bfloat16:
        return torch.tensor(array.astype(np.float32)).bfloat16()
    return torch.tensor(array)


def test_every_function_has_cases_and_a_reference() -> None:
    assert {function for function, _ in CASES.values()} == set(plain.__all__)
    assert REFERENCES.keys() == set(plain.__all__)


@pytest.mark.parametrize("name", CASES)
def test_plain_kernels_against_torch(name: str) -> None:
    function, arguments = CASES[name]
    results = run(getattr(plain, function), arguments, FLOAT64)
    tensors = map_arrays(to_torch, arguments)
    expected = REFERENCES[function](*tensors)
    if function.endswith("_step"):
        expected = [each for each in tensors if not callable(each)]
    expected = [
        each.double().numpy() if isinstance(each, torch.Tensor) else each
        for each in flatten(expected)
    ]
    for result, wanted in zip(results, expected, strict=True):
        if isinstance(wanted, np.ndarray):
            rtol = {2: 2e-3, 4: 2e-6, 8: 1e-12}.get(result.itemsize, 0)
            rtol = 2**-7 if result.dtype == bfloat16 else rtol
            assert_close([result.astype(np.float64)], [wanted], {FLOAT64: rtol})
        else:
            assert result == wanted


def test_a_window_in_the_padding_is_minus_infinity_and_no_pixel() -> None:
    n, geometry = POOLINGS["window around the image"]
    out, argmax = plain.max_pool2d(np.ones((n, C, *geometry.input_size)), geometry)
    assert (out[..., 0] == -INF).all() and (argmax[..., 0] == 4).all()
