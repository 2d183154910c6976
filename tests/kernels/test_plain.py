"""The plain kernels against torch in float64, and their halves against float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from kernel_cases import (
    CASES,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INF,
    POOLINGS,
    C,
    assert_close,
    cast,
    flatten,
    map_arrays,
    run,
)
from kernel_references import REFERENCES

from minicnn import bfloat16
from minicnn.kernels import plain
from minicnn.kernels.plain.dropout import _philox4x32

pytestmark = pytest.mark.cpu_only
PHILOX = {"dropout", "philox_state"}  # torch draws other bits


def to_torch(array: np.ndarray) -> Any:
    if array.dtype == bfloat16:
        return torch.tensor(array.astype(np.float32)).bfloat16()
    return torch.tensor(array)


def test_every_function_has_cases_and_a_reference() -> None:
    assert {function for function, _ in CASES.values()} == set(plain.__all__)
    assert REFERENCES.keys() | PHILOX == set(plain.__all__)


@pytest.mark.parametrize(
    "name", [name for name, (function, _) in CASES.items() if function not in PHILOX]
)
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
            assert_close([result.astype(np.float64)], [wanted], rtol)
        else:
            assert result == wanted


# A half-precision copy of a half-precision weight is rounded twice, as it should be.
@pytest.mark.parametrize("name", [name for name in CASES if "half copies" not in name])
def test_halves_are_computed_in_float32_and_rounded_once(name: str) -> None:
    function, arguments = CASES[name]
    kernel = getattr(plain, function)
    for dtype in FLOAT16, bfloat16:
        results = run(kernel, arguments, dtype)
        halves = cast(cast(arguments, dtype), FLOAT64, of=dtype)
        exact = run(kernel, halves, FLOAT32)
        rounded = [
            each.astype(result.dtype) if isinstance(each, np.ndarray) else each
            for each, result in zip(exact, results, strict=True)
        ]
        assert_close(results, rounded, 0)


def test_a_window_in_the_padding_is_minus_infinity_and_no_pixel() -> None:
    n, geometry = POOLINGS["window around the image"]
    out, argmax = plain.max_pool2d(np.ones((n, C, *geometry.input_size)), geometry)
    assert (out[..., 0] == -INF).all() and (argmax[..., 0] == 4).all()


# From Random123's known-answer file (kat_vectors, philox4x32 10): the 128-bit counter and 64-bit
# key as 32-bit words, low word first, and the result.
@pytest.mark.parametrize(
    "counter, key, words",
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], words: tuple[int, ...]
) -> None:
    counters = np.array([counter[0] | counter[1] << 32], np.uint64)
    drawn = _philox4x32(counters, counter[2] | counter[3] << 32, key[0] | key[1] << 32)
    assert [int(word[0]) for word in drawn] == list(words)


@pytest.mark.parametrize("wrong", [-1, 5])
def test_a_target_that_is_no_class_raises(wrong: int) -> None:
    with pytest.raises(IndexError, match=rf"targets in \[0, 5\) or -100, got {wrong}"):
        plain.softmax_cross_entropy(np.zeros((2, 5)), np.array([0, wrong]), None, -100, 0.0)
