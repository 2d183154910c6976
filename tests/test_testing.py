"""assert_close of minicnn and of PyTorch take and refuse the same, with the same words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc

torch = pytest.importorskip("torch")

NAN = float("nan")


def told(library: Any, actual: Any, expected: Any, **options: Any) -> str | None:
    """What the library says of the pair; only the kind of an error about its use."""
    try:
        library.testing.assert_close(*made(library, (actual, expected)), **options)
    except AssertionError as error:
        return str(error)
    except (TypeError, ValueError) as error:
        return type(error).__name__
    return None


def made(library: Any, tree: Any) -> Any:
    if isinstance(tree, Numbers):
        return library.tensor(tree.values, dtype=tree.dtype and getattr(library, tree.dtype))
    if isinstance(tree, dict):
        return {key: made(library, part) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(made(library, part) for part in tree)
    return tree


class Numbers:
    """A tensor of either library."""

    def __init__(self, values: Any, dtype: str | None = None) -> None:
        self.values, self.dtype = values, dtype


T = Numbers
CASES = [
    (T([1.0, 2.0]), T([1.0, 2.0]), {}),
    (T([1.0, 2.0]), T([1.0, 2.000001]), {}),
    (T([1.0, 2.0, 5.0]), T([1.0, 2.5, 4.0]), {}),
    (T([[1.0, 2.0], [5.0, 0.0]]), T([[1.0, 2.5], [4.0, 0.5]]), {"rtol": 0, "atol": 0}),
    (T([1.0, 2.0]), T([1.0, 2.25]), {"rtol": 0.1, "atol": 0.1}),
    (T([1.0, 2.0]), T([1.0, 2.25]), {"rtol": 0.1}),
    (T([1.0, 2.0], "float16"), T([1.001, 2.0], "float16"), {}),
    (T([1.0, 2.0], "bfloat16"), T([1.015, 2.0], "bfloat16"), {}),
    (T([1.0, 2.0], "bfloat16"), T([1.5, 2.0], "bfloat16"), {}),
    (T([1.0, 2.0], "float64"), T([1.0, 2.0000001], "float64"), {}),
    (T([1.0, 2.0], "float64"), T([1.0, 2.000001], "float64"), {}),
    (T([1.0, 2.0]), T([1.0, 2.0], "float64"), {}),
    (T([1.0, 2.0]), T([1.0, 2.000001], "float64"), {"check_dtype": False}),
    (T([1, 2]), T([1, 200]), {}),
    (T([1, 2], "uint8"), T([1, 200], "uint8"), {}),
    (T([1, 2]), T([1.0, 2.0]), {"check_dtype": False}),
    (T([True, False]), T([True, True]), {}),
    (T([1.0, NAN]), T([1.0, NAN]), {}),
    (T([1.0, NAN]), T([1.0, NAN]), {"equal_nan": True}),
    (T([1.0, float("inf")]), T([1.0, float("inf")]), {}),
    (T([1.0, float("inf")]), T([1.0, 5.0]), {}),
    (T([1.0, 2.0]), T([1.0, 2.0, 3.0]), {}),
    (T([[1.0], [2.0]]), T([1.0, 2.0]), {}),
    (T(2.0), T(3.0), {}),
    (T(2.0), T(0.0), {}),
    (T([]), T([]), {}),
    (1.0, 1.00000001, {}),
    (1.0, 1.1, {}),
    (1e-9, 1e-10, {"rtol": 0, "atol": 0}),
    (1, 2, {}),
    (1, 1.0, {}),
    (1, 1.0, {"check_dtype": False}),
    (NAN, NAN, {}),
    (NAN, NAN, {"equal_nan": True}),
    (np.float64(1), 1.0, {}),
    (True, True, {}),
    (True, np.False_, {}),
    (None, None, {}),
    (None, 1, {}),
    ("a", "a", {}),
    (T([1.0]), 1.0, {}),
    (T([1.0]), [1.0], {}),
    (np.array([1.0, 2.0]), np.array([1.0, 2.5]), {}),
    ([T([1.0]), 2.0], (T([1.0]), 2.0), {}),
    ([T([1.0]), 2.0], (T([1.0]), 2.5), {}),
    ([1, 2], [1, 2, 3], {}),
    ({"a": T([1.0]), "b": [1, 2]}, {"a": T([1.0]), "b": [1, 3]}, {}),
    ({"a": 1, "c": 2}, {"a": 1, "b": 2}, {}),
    (T([1.0]), T([2.0]), {"msg": "differs"}),
    (T([1.0]), T([2.0]), {"msg": lambda text: f"first layer: {text}"}),
]


@pytest.mark.cpu_only
@pytest.mark.parametrize("case", CASES)
def test_it_says_what_torch_says(case):
    actual, expected, options = case
    assert told(mc, actual, expected, **options) == told(torch, actual, expected, **options)


@pytest.mark.numbers_decide
def test_tensors_with_gradients_and_parameters():
    x = mc.ones(2, requires_grad=True)
    mc.testing.assert_close(x, mc.nn.Parameter(mc.ones(2)))
    with pytest.raises(TypeError, match="assert_close expects two tensors"):
        mc.testing.assert_close(x, mc.nn.Parameter(mc.ones(2)), allow_subclasses=False)


@pytest.mark.numbers_decide
def test_strides_are_compared_if_asked_for():
    x = mc.rand(2, 3)
    y = x.t().contiguous().t()
    mc.testing.assert_close(y, x)
    with pytest.raises(AssertionError, match=r"attribute 'stride\(\)'"):
        mc.testing.assert_close(y, x, check_stride=True)
