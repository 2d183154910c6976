"""Dropout: torch's masks on the CPU, those of Philox on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import on_device
import philox
import pytest
import torch

import minicnn
from minicnn.kernels import cpu, plain

# From Random123's known-answer file (kat_vectors, philox4x32 10): the 128-bit counter and 64-bit
# key as 32-bit words, low word first, and the result.
KNOWN = {
    "zeros": ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    "ones": (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    "pi": (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
}


def generator(seed: int = 1) -> minicnn.Generator:
    return minicnn.Generator(minicnn.get_default_device()).manual_seed(seed)


def dropout(x: np.ndarray, p: float, seed: int = 1) -> np.ndarray:
    return on_device.dropout(x, p, generator(seed))[0]


def layouts(x: np.ndarray) -> list[np.ndarray]:
    return [x, x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2), np.asfortranarray(x)]


@pytest.mark.parametrize("counter, key, expected", KNOWN.values(), ids=KNOWN)
def test_philox_known_answers(counter: Any, key: Any, expected: Any) -> None:
    """Of the reference that the kernels for GPUs are tested against."""
    start, offset = counter[0] | counter[1] << 32, counter[2] | counter[3] << 32
    counters = np.array([start], np.uint64)
    words = np.stack(philox.philox4x32(counters, offset, key[0] | key[1] << 32), 1)
    assert words.tolist() == [list(expected)]


@pytest.mark.cpu_only
@pytest.mark.parametrize("kernels", [plain, cpu], ids=["plain", "fast"])
@pytest.mark.parametrize("shape", [(7,), (20001,), (4, 5, 6), ()], ids=str)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("p", [0.1, 0.3, 0.7])
def test_the_mask_and_the_numbers_are_those_of_torch(
    kernels: Any, shape: tuple[int, ...], dtype: str, p: float
) -> None:
    theirs = torch.randn(shape, dtype=getattr(torch, dtype)) + 9
    ours = theirs.double().numpy().astype(getattr(minicnn, dtype))
    for axes in (range(len(shape)), reversed(range(len(shape)))):
        order = list(axes)
        torch.manual_seed(3)
        expected = torch.nn.functional.dropout(theirs.permute(order), p)
        out, _ = kernels.dropout(ours.transpose(order), p, generator(3))
        np.testing.assert_array_equal(out.astype(float), expected.double().numpy())


@pytest.mark.cpu_only
@pytest.mark.parametrize("kernels", [plain, cpu], ids=["plain", "fast"])
def test_images_have_one_mask_in_both_layouts(kernels: Any) -> None:
    x = np.random.default_rng(0).standard_normal((3, 5, 7, 2)) + 9
    contiguous, channels_last, _ = layouts(x)
    expected, _ = kernels.dropout(contiguous, 0.5, generator())
    np.testing.assert_array_equal(kernels.dropout(channels_last, 0.5, generator())[0], expected)


@pytest.mark.fast_only
def test_layout_of_results() -> None:
    for layout in layouts(np.random.default_rng(0).standard_normal((3, 5, 7, 2))):
        out = dropout(layout, 0.5)
        if minicnn.get_default_device() == "cpu":
            assert out.strides == layout.strides
        else:
            assert out.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_p_0_keeps_and_p_1_zeroes_everything(dtype: Any) -> None:
    x = np.array([1, -2, np.inf, np.nan, 5], dtype)
    np.testing.assert_array_equal(dropout(x, 0.0), x)
    np.testing.assert_array_equal(dropout(x, 1.0), np.zeros(5, dtype))
    assert dropout(x, 0.5).dtype == dtype


def test_dropped_infinities_are_zero() -> None:
    out = dropout(np.full(1000, np.inf), 0.5)
    assert set(out.tolist()) == {0.0, np.inf}


def test_share_scale_and_independence() -> None:
    ones = np.ones(2**17 + 3)  # more than a block of words
    first, second = dropout(ones, 0.3, seed=2), dropout(ones, 0.3, seed=3)
    share = 6 * np.sqrt(0.3 * 0.7 / len(ones))  # six standard deviations
    assert abs((first == 0).mean() - 0.3) < share
    assert abs(((first == 0) & (second == 0)).mean() - 0.09) < share
    assert abs(((first[1:] == 0) & (first[:-1] == 0)).mean() - 0.09) < share
    np.testing.assert_allclose(first[first != 0], 1 / 0.7)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_gradient_passes_where_elements_were_kept(p: float) -> None:
    x = np.random.default_rng(0).standard_normal((3, 5, 7, 2))
    grad = np.full(x.shape, np.inf).transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    out, mask = on_device.dropout(x, p, generator())
    grad_x = on_device.dropout_backward(grad, mask, p)
    np.testing.assert_array_equal(grad_x, np.where(out != 0, np.inf, 0))
    ones = on_device.dropout_backward(np.ones_like(x), mask, p)
    np.testing.assert_allclose(ones * x, out, rtol=1e-15)


@pytest.mark.cpu_only
def test_the_mask_says_what_was_kept() -> None:
    x = np.ones((4, 25), np.float32)
    out, mask = on_device.dropout(x, 0.5, generator())
    assert mask.dtype == bool and mask.shape == x.shape
    np.testing.assert_array_equal(out, np.where(mask, np.float32(2), 0))


def test_nothing() -> None:
    assert dropout(np.ones((0, 3), np.float32), 0.5).shape == (0, 3)
