"""Dropout and the random numbers behind it."""

from __future__ import annotations

import numpy as np
import on_device
import pytest

import minicnn
from minicnn.kernels.cpu.dropout import philox4x32
from minicnn.kernels.plain.dropout import _philox4x32

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


def dropout(x, p, state):
    return on_device.dropout(x, p, on_device.philox_state(lambda: state))[0]


def words(start, count, seed, offset):
    """(count, 4) words, copied out of scratch memory."""
    return np.stack(philox4x32(start, start + count, seed, offset), axis=1)


def plain_words(start, count, seed, offset):
    return np.stack(_philox4x32(np.arange(start, start + count, dtype=np.uint64), offset, seed), 1)


@pytest.mark.parametrize("draw", [words, plain_words])
@pytest.mark.parametrize("counter, key, expected", KNOWN.values(), ids=KNOWN)
def test_philox_known_answers(counter, key, expected, draw):
    start, offset = counter[0] | counter[1] << 32, counter[2] | counter[3] << 32
    assert draw(start, 1, key[0] | key[1] << 32, offset).tolist() == [list(expected)]


def test_mask_is_the_words_against_the_threshold():
    seed, offset, p = 2**40 + 3, 2**33 + 9, 0.3
    expected = words(0, 26, seed, offset).reshape(-1)[:103] >= round(p * 2**32)
    out = dropout(np.ones(103, np.float32), p, (seed, offset))
    np.testing.assert_array_equal(out, np.where(expected, np.float32(1 / (1 - p)), 0))


def test_mask_follows_the_index_and_not_the_memory():
    x = np.random.default_rng(0).standard_normal((3, 5, 7, 2)) + 9
    layouts = [x, x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2), np.asfortranarray(x)]
    for layout in layouts:
        out = dropout(layout, 0.5, (1, 2))
        np.testing.assert_array_equal(out, dropout(x.reshape(-1), 0.5, (1, 2)).reshape(x.shape))


@pytest.mark.fast_only
def test_layout_of_results():
    x = np.random.default_rng(0).standard_normal((3, 5, 7, 2))
    layouts = [x, x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2), np.asfortranarray(x)]
    for layout in layouts:
        out = dropout(layout, 0.5, (1, 2))
        if minicnn.get_default_device() == "cpu":
            assert out.strides == layout.strides
        else:
            assert out.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_p_0_keeps_and_p_1_zeroes_everything(dtype):
    x = np.array([1, -2, np.inf, np.nan, 5], dtype)
    np.testing.assert_array_equal(dropout(x, 0.0, (1, 2)), x)
    np.testing.assert_array_equal(dropout(x, 1.0, (1, 2)), np.zeros(5, dtype))
    assert dropout(x, 0.5, (1, 2)).dtype == dtype


def test_dropped_infinities_are_zero():
    out = dropout(np.full(1000, np.inf), 0.5, (1, 2))
    assert set(out.tolist()) == {0.0, np.inf}


def test_share_scale_and_independence():
    ones = np.ones(2**19 + 3)  # more than a block of counters
    first, second = dropout(ones, 0.3, (1, 2)), dropout(ones, 0.3, (1, 3))
    share = 6 * np.sqrt(0.3 * 0.7 / len(ones))  # six standard deviations
    assert abs((first == 0).mean() - 0.3) < share
    assert abs(((first == 0) & (second == 0)).mean() - 0.09) < share
    assert abs(((first[1:] == 0) & (first[:-1] == 0)).mean() - 0.09) < share
    np.testing.assert_allclose(first[first != 0], 1 / 0.7)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_gradient_passes_where_elements_were_kept(p):
    x = np.random.default_rng(0).standard_normal((3, 5, 7, 2))
    grad = np.full(x.shape, np.inf).transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    out, mask = on_device.dropout(x, p, on_device.philox_state(lambda: (1, 2)))
    grad_x = on_device.dropout_backward(grad, mask, p)
    np.testing.assert_array_equal(grad_x, np.where(out != 0, np.inf, 0))
    ones = on_device.dropout_backward(np.ones_like(x), mask, p)
    np.testing.assert_allclose(ones * x, out, rtol=1e-15)


@pytest.mark.cpu_only
def test_the_mask_says_what_was_kept():
    x = np.ones((4, 25), np.float32)
    out, mask = on_device.dropout(x, 0.5, (1, 2))
    assert mask.dtype == bool and mask.shape == x.shape
    np.testing.assert_array_equal(out, np.where(mask, np.float32(2), 0))


def test_nothing():
    assert dropout(np.ones((0, 3), np.float32), 0.5, (1, 2)).shape == (0, 3)
