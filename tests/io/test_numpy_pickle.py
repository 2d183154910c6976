"""Pickles of arrays, of every protocol and of Python 2, read without running code from them."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
from typing import Any

import numpy as np
import pytest

from minicnn.io.numpy_pickle import read_numpy_pickle
from minicnn.io.safe_pickle import UnsafePickle

# What Python 2 and NumPy 1 wrote: {"data": np.uint8([[1, 255]]), "labels": [3]}, protocol 2.
BY_PYTHON_2 = (
    b"\x80\x02}q\x00(U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
    b"q\x03K\x00\x85U\x01b\x87Rq\x04(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01\x87R"
    b"q\x06(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\x01\xfftbU\x06labels"
    b"q\x07]q\x08K\x03au."
)
CONTENT = {
    "bytes": np.random.default_rng(0).integers(0, 256, (3, 50), np.uint8),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big": np.arange(4, dtype=">i2"),
    "empty": np.zeros((0, 5), np.float32),
    "flags": np.array([True, False]),
    "names": ["plane", "bird"],
    "labels": [np.int64(3), 4, np.float32(0.5), np.bool_(True)],
}


def test_python_2() -> None:
    content: Any = read_numpy_pickle(io.BytesIO(BY_PYTHON_2))
    assert content["data"].tolist() == [[1, 255]] and content["data"].dtype == np.uint8
    assert content["labels"] == [3]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_protocols(protocol: int) -> None:
    pickled = pickle.dumps(CONTENT, protocol)
    content: Any = read_numpy_pickle(io.BytesIO(pickled))
    assert list(content) == list(CONTENT)
    for name, expected in pickle.loads(pickled).items():
        if isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(content[name], expected)
            assert content[name].dtype == expected.dtype, name
        else:
            assert content[name] == expected


class Call:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    "value",
    [
        Call(os.system, "true"),
        Call(np.load, "x"),
        np.array([object()]),
        np.zeros(2, [("a", "i4")]),
        np.datetime64("2020-01-01"),
    ],
)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        read_numpy_pickle(io.BytesIO(pickle.dumps({"x": value}, 2)))
    if isinstance(value, Call):
        with pytest.raises(UnsafePickle, match="no code from it was run"):
            read_numpy_pickle(io.BytesIO(pickle.dumps(value)))


def test_damaged_pickles_raise_value_errors() -> None:
    rng = np.random.default_rng(0)
    for protocol in (2, 5):
        whole = pickletools.optimize(pickle.dumps(CONTENT, protocol))
        for _ in range(300):
            changed = bytearray(whole[: rng.integers(len(whole) // 2, len(whole) + 1)])
            changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
            try:
                read_numpy_pickle(io.BytesIO(changed))
            except ValueError:
                pass
