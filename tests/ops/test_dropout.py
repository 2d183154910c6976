"""Dropout: its statistics, its scale, and that the backward pass draws the same mask again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from oracle import channels_last, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck

pytestmark = pytest.mark.filterwarnings("ignore:dropout2d reads an input")
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


@pytest.mark.cpu_only
@pytest.mark.parametrize(
    "name, shape",
    [
        ("dropout", (40, 300)),
        ("dropout1d", (4, 6, 5)),
        ("dropout1d", (6, 5)),
        ("dropout2d", (3, 4, 5, 6)),
        ("dropout3d", (3, 4, 2, 3, 2)),
        ("dropout3d", (4, 2, 3, 2)),
        ("alpha_dropout", (40, 30)),
        ("feature_alpha_dropout", (3, 4, 5, 6)),
    ],
)
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_as_torch(name: str, shape: Any, inplace: bool, p: float) -> None:
    x = normal(*shape).astype(np.float32)
    torch.manual_seed(7)
    theirs = getattr(torch.nn.functional, name)(torch.tensor(x), p, True, inplace)
    minicnn.manual_seed(7)
    ours = getattr(F, name)(minicnn.tensor(x), p, True, inplace)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=3e-7)
    assert ours.shape == tuple(theirs.shape)
    assert minicnn.get_rng_state().tolist() == torch.get_rng_state().tolist()


@pytest.mark.cpu_only
@pytest.mark.parametrize(
    "name", ["Dropout", "Dropout1d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
)
def test_modules_as_torch(name: str) -> None:
    x = normal(3, 4, 5, 6, 2).astype(np.float32)[:, :, 0, 0] if name == "Dropout1d" else None
    x = normal(3, 4, 5, 6, 2).astype(np.float32) if x is None else x
    theirs, ours = getattr(torch.nn, name)(0.4), getattr(minicnn.nn, name)(0.4)
    torch.manual_seed(7)
    minicnn.manual_seed(7)
    expected, out = theirs(torch.tensor(x)), ours(minicnn.tensor(x))
    np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=3e-7)
    assert repr(ours) == repr(theirs)
    image = minicnn.tensor(x)
    assert ours.eval()(image) is image


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout", "feature_dropout"])
def test_under_the_names_of_torch(name: str) -> None:
    x = minicnn.ones(4, 50)
    minicnn.manual_seed(1)
    out = getattr(minicnn, name)(x, 0.5, train=True)
    assert (x == 1).all()
    minicnn.manual_seed(1)
    assert getattr(minicnn, f"{name}_")(x, 0.5, True) is x
    assert (out == x).all() and (x != 1).any()


def test_dropout2d_warns_of_other_inputs_than_images() -> None:
    with pytest.warns(UserWarning, match="an input of 3 dimensions"):
        F.dropout2d(minicnn.ones(2, 3, 4))


def test_dropout2d_needs_channels() -> None:
    with pytest.raises(RuntimeError, match=r"got \(3,\)"):
        F.dropout2d(minicnn.ones(3))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16"])
def test_of_everything_keeps_the_dtype(dtype: str) -> None:
    x = minicnn.ones(4).to(np.dtype(dtype))
    assert F.dropout(x, 1.0).dtype == x.dtype and not F.dropout(x, 1.0).any()
    assert F.dropout(x, 1.0, inplace=True) is x and not x.any()


@pytest.mark.parametrize("name", ["dropout", "dropout3d", "alpha_dropout", "feature_alpha_dropout"])
def test_integers_are_refused_in_training(name: str) -> None:
    for lib in (torch, minicnn):
        function, x = getattr(lib.nn.functional, name), lib.ones(1, 2, 1, 3, 3).long()
        with pytest.raises(RuntimeError):
            function(x, 0.5, True)
        assert function(x, 0.5, False) is x
        assert function(x, 1.0, True).tolist() == (x * 0).tolist()
