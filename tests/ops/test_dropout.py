"""Dropout: its statistics, its scale, and that the backward pass draws the same mask again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import channels_last, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck

DROPOUTS = pytest.mark.parametrize("dropout", [F.dropout, F.dropout2d])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_zeros_and_scale(p: float, dtype: Any) -> None:
    minicnn.manual_seed(0)
    out = F.dropout(minicnn.ones(300, 400, dtype=dtype), p).cpu().numpy()
    assert out.dtype == dtype
    deviation = np.sqrt(p * (1 - p) / out.size)
    assert abs((out == 0).mean() - p) < 5 * deviation
    np.testing.assert_allclose(
        out[out != 0], 1 / (1 - p), rtol=1e-3 if dtype == np.float16 else 1e-6
    )


def test_rows_and_columns_are_independent() -> None:
    minicnn.manual_seed(1)
    kept = F.dropout(minicnn.ones(512, 512)).cpu().numpy() > 0
    for neighbour in (kept[1:] == kept[:-1], kept[:, 1:] == kept[:, :-1]):
        assert abs(neighbour.mean() - 0.5) < 5 * 0.5 / 512


@pytest.mark.parametrize("layout", [np.ascontiguousarray, channels_last])
def test_mask_does_not_depend_on_memory_layout(layout: Any) -> None:
    x = 1 + np.abs(normal(2, 3, 5, 7))
    minicnn.manual_seed(2)
    expected = F.dropout(minicnn.tensor(x)).cpu().numpy()
    minicnn.manual_seed(2)
    np.testing.assert_array_equal(F.dropout(minicnn.tensor(layout(x))).cpu().numpy(), expected)


@DROPOUTS
def test_backward_has_the_mask_of_forward(dropout: Any) -> None:
    x = minicnn.tensor(1 + np.abs(normal(4, 8, 6, 5)), requires_grad=True)
    out = dropout(x, 0.3)
    dropout(x, 0.3)  # another draw between the two passes
    out.sum().backward()
    np.testing.assert_allclose(
        x.grad.cpu().numpy() * x.detach().cpu().numpy(), out.detach().cpu().numpy()
    )


@DROPOUTS
def test_seed(dropout: Any) -> None:
    x = minicnn.ones(8, 64)
    minicnn.manual_seed(3)
    first, second = dropout(x).cpu().numpy(), dropout(x).cpu().numpy()
    minicnn.manual_seed(3)
    np.testing.assert_array_equal(dropout(x).cpu().numpy(), first)
    np.testing.assert_array_equal(dropout(x).cpu().numpy(), second)
    assert (first != second).any()


@DROPOUTS
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_differences(dropout: Any, check: Any) -> None:
    def network(x: Any) -> Any:
        minicnn.manual_seed(4)
        return dropout(x, 0.4) ** 2

    assert check(network, (minicnn.tensor(normal(3, 4, 2), requires_grad=True),))


@pytest.mark.parametrize("shape", [(6, 50), (6, 50, 3), (6, 50, 3, 2)])
def test_dropout2d_drops_channels(shape: Any) -> None:
    minicnn.manual_seed(5)
    out = F.dropout2d(minicnn.ones(*shape), 0.5).cpu().numpy().reshape(6, 50, -1)
    assert (out == out[:, :, :1]).all()
    assert set(np.unique(out)) == {0.0, 2.0}


@DROPOUTS
def test_identity(dropout: Any) -> None:
    x = minicnn.ones(2, 3)
    assert dropout(x, 0.5, training=False) is x
    np.testing.assert_array_equal(dropout(x, 0.0).cpu().numpy(), x.cpu().numpy())
    np.testing.assert_array_equal(dropout(x, 1.0).cpu().numpy(), 0)


@DROPOUTS
@pytest.mark.parametrize("p", [-0.1, 1.1])
@pytest.mark.parametrize("training", [False, True])
def test_probability_out_of_range(dropout: Any, p: float, training: bool) -> None:
    with pytest.raises(ValueError, match=f"between 0 and 1, got {p}"):
        dropout(minicnn.ones(2, 3), p, training)


def test_dropout2d_needs_channels() -> None:
    with pytest.raises(RuntimeError, match=r"got \(3,\)"):
        F.dropout2d(minicnn.ones(3))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16"])
def test_of_everything_keeps_the_dtype(dtype: str) -> None:
    x = minicnn.ones(4).to(np.dtype(dtype))
    assert F.dropout(x, 1.0).dtype == x.dtype and not F.dropout(x, 1.0).any()
    assert F.dropout(x, 1.0, inplace=True) is x and not x.any()
