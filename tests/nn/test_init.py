"""Initial values: their distributions, and exact ones against torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn
from minicnn.nn import init

SHAPE = (60, 40, 5, 3)  # fan_in 600, fan_out 900


# function, standard deviation, largest absolute value (None: unbounded)
DISTRIBUTIONS: list[tuple[Callable[[Any], Any], float, float | None]] = [
    (lambda w: init.uniform_(w, -2, 2), 4 / 12**0.5, 2),
    (lambda w: init.normal_(w, 0.0, 0.3), 0.3, None),
    (lambda w: init.xavier_uniform_(w, gain=2), 2 * (2 / 1500) ** 0.5, 2 * (6 / 1500) ** 0.5),
    (lambda w: init.xavier_normal_(w), (2 / 1500) ** 0.5, None),
    (lambda w: init.kaiming_uniform_(w, a=5**0.5), (1 / 1800) ** 0.5, (1 / 600) ** 0.5),
    (lambda w: init.kaiming_normal_(w, nonlinearity="relu"), (2 / 600) ** 0.5, None),
    (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh"), 5 / 90, None),
    (lambda w: init.trunc_normal_(w, std=1.0, a=-2, b=2), 0.87963, 2),
    (lambda w: init.trunc_normal_(w, std=0.01), 0.01, 0.06),
    (lambda w: init.trunc_normal_(w, std=1.0, a=-0.01, b=0.01), 0.02 / 12**0.5, 0.01),
]


@pytest.mark.parametrize("fill, std, bound", DISTRIBUTIONS)
def test_distribution(fill: Any, std: float, bound: float | None) -> None:
    mc.manual_seed(0)
    weight = nn.Parameter(mc.empty(*SHAPE))
    assert fill(weight) is weight
    values = weight.detach().cpu().numpy()
    assert values.std() == pytest.approx(std, rel=0.02)
    assert abs(values.mean()) < 5 * std / values.size**0.5
    if bound is not None:
        assert 0.95 * bound < np.abs(values).max() <= bound * (1 + 1e-6) or bound > 5 * std
    assert weight.requires_grad and weight.is_leaf


def test_generator_and_seed_decide_the_values() -> None:
    def drawn(generator: Any = None) -> np.ndarray:
        return init.normal_(mc.empty(7), generator=generator).cpu().numpy()

    mc.manual_seed(3)
    first = drawn()
    mc.manual_seed(3)
    np.testing.assert_array_equal(drawn(), first)
    np.testing.assert_array_equal(drawn(mc.random.Generator().manual_seed(3)), first)
    assert (drawn() != first).any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_stays(dtype: Any) -> None:
    weight = init.normal_(mc.empty(1000, dtype=dtype))
    assert weight.dtype == dtype
    assert 0.8 < weight.cpu().numpy().astype(np.float64).std() < 1.2


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 2, 2, 2)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = init.orthogonal_(mc.empty(*shape), gain=2).cpu().numpy().reshape(shape[0], -1)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


@pytest.mark.parametrize("shape, groups", [((4, 6, 3, 3), 1), ((6, 2, 3, 4), 3), ((4, 2, 1, 1), 2)])
def test_dirac(shape: tuple[int, ...], groups: int) -> None:
    expected = torch.nn.init.dirac_(torch.empty(shape), groups)
    np.testing.assert_array_equal(
        init.dirac_(mc.empty(*shape), groups).cpu().numpy(), expected.cpu().numpy()
    )


def test_constants() -> None:
    np.testing.assert_array_equal(
        init.constant_(mc.empty(2, 3), 0.3).cpu().numpy(), np.full((2, 3), 0.3, "f")
    )
    np.testing.assert_array_equal(init.ones_(mc.empty(3)).cpu().numpy(), np.ones(3))
    np.testing.assert_array_equal(init.zeros_(mc.empty(3)).cpu().numpy(), np.zeros(3))
    np.testing.assert_array_equal(init.eye_(mc.empty(2, 3)).cpu().numpy(), np.eye(2, 3))


@pytest.mark.parametrize(
    "name, param",
    [("linear", None), ("conv2d", None), ("conv_transpose2d", None), ("sigmoid", None),
     ("tanh", None), ("relu", None), ("leaky_relu", None), ("leaky_relu", 0.2), ("selu", None)],
)  # fmt: skip
def test_calculate_gain(name: Any, param: float | None) -> None:
    assert init.calculate_gain(name, param) == torch.nn.init.calculate_gain(name, param)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: init.kaiming_normal_(mc.empty(3)), r"2 dimensions or more, got shape \(3,\)"),
        (
            lambda: init.kaiming_normal_(mc.empty(3, 3), mode="fan"),
            "'fan_in' or 'fan_out', got 'fan'",
        ),
        (lambda: init.calculate_gain("swish"), "got 'swish'"),
        (lambda: init.eye_(mc.empty(3)), "2 dimensions"),
        (lambda: init.orthogonal_(mc.empty(3)), "2 dimensions"),
        (lambda: init.dirac_(mc.empty(3, 3)), "3 to 5 dimensions"),
        (lambda: init.dirac_(mc.empty(3, 3, 1, 1), groups=2), r"groups \(2\) must divide"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_trunc_normal_warns_far_from_the_mean() -> None:
    with pytest.warns(UserWarning, match="mean is more than 2 std"):
        values = init.trunc_normal_(mc.empty(1000), mean=0.0, std=1.0, a=3.0, b=4.0).cpu().numpy()
    assert 3 <= values.min() and values.max() <= 4
    assert values.mean() == pytest.approx(3.27, abs=0.05)


@pytest.mark.parametrize("dtype", [mc.float16, mc.float32, mc.float64])
@pytest.mark.parametrize("size", [3, 16, 37])
def test_no_init_passes_over(size: int, dtype: np.dtype) -> None:
    def draw() -> mc.Tensor:
        weight = mc.ones(size, dtype=dtype)
        assert init.normal_(weight) is weight and init.uniform_(weight) is weight
        assert init.trunc_normal_(weight, std=0.1) is weight  # of which no number is beyond 2
        return weight

    mc.manual_seed(0)
    draw()
    expected = mc.get_rng_state()
    mc.manual_seed(0)
    with init.no_init():
        with init.no_init():
            pass
        assert draw().tolist() == [1] * size
    assert (mc.get_rng_state() == expected).all()


@pytest.mark.parametrize("scale", [2, 4, 8, 16, 32])
def test_bilinear_enlarges_ramps_exactly(scale: int) -> None:
    """Inside, where no pixel beyond the border is missed, a ramp stays a ramp."""
    conv = nn.ConvTranspose2d(3, 3, 2 * scale, scale, scale // 2, bias=False, dtype=mc.float64)
    assert init.bilinear_(conv.weight) is conv.weight
    rows, columns = np.mgrid[:6, :7].astype(np.float64)
    ramps = np.stack([rows, columns, 2 * rows - 3 * columns + 1])
    large = conv(mc.tensor(ramps[None])).detach().cpu().numpy()[0]
    assert large.shape == (3, 6 * scale, 7 * scale)
    rows, columns = (np.mgrid[: 6 * scale, : 7 * scale] + 0.5) / scale - 0.5  # pixels' centres
    expected = np.stack([rows, columns, 2 * rows - 3 * columns + 1])
    inside = (slice(None), slice(scale, -scale), slice(scale, -scale))
    np.testing.assert_allclose(large[inside], expected[inside], atol=1e-12)


def test_bilinear_equals_torchs_interpolation_inside() -> None:
    conv = nn.ConvTranspose2d(2, 2, 8, 4, 2, bias=False, dtype=mc.float64)
    init.bilinear_(conv.weight)
    image = np.random.default_rng(0).normal(size=(1, 2, 5, 6))
    ours = conv(mc.tensor(image)).detach().cpu().numpy()
    theirs = torch.nn.functional.interpolate(torch.tensor(image), scale_factor=4, mode="bilinear")
    inside = (..., slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(ours[inside], theirs.cpu().numpy()[inside], atol=1e-12)


def test_bilinear_of_odd_sizes_is_a_tent() -> None:
    weight = init.bilinear_(mc.empty(1, 1, 3, 5)).cpu().numpy()[0, 0]
    np.testing.assert_allclose(weight[1], [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(weight[:, 2], [0.5, 1, 0.5], rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2, 2, 4), (4, 4)])
def test_bilinear_needs_as_many_channels_on_both_sides(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"bilinear_ expects a weight \(C, C, KH, KW\), got"):
        init.bilinear_(mc.empty(*shape))


# Functions with their arguments.
AS_TORCH: list[tuple[str, dict[str, Any]]] = [
    ("uniform_", {"a": -1, "b": 2}),
    ("normal_", {"mean": 1, "std": 2}),
    ("xavier_uniform_", {}),
    ("xavier_normal_", {"gain": 2.0}),
    ("kaiming_uniform_", {"a": 0.3, "mode": "fan_out"}),
    ("kaiming_normal_", {"nonlinearity": "relu"}),
    ("trunc_normal_", {}),
    ("trunc_normal_", {"std": 0.5, "a": -0.4, "b": 0.3}),
    ("trunc_normal_", {"a": 1.0, "b": 1.5}),
    ("orthogonal_", {"gain": 2.0}),
    ("sparse_", {"sparsity": 0.3}),
]


@pytest.mark.cpu_only
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(7, 5), (13, 17, 3, 3)])
@pytest.mark.parametrize("name, arguments", AS_TORCH)
def test_numbers_of_torch(
    name: str, arguments: dict[str, Any], shape: tuple[int, ...], dtype: str
) -> None:
    if (name == "sparse_" and len(shape) > 2) or (name == "orthogonal_" and "16" in dtype):
        pytest.skip("sparse_ is for matrices, and torch's QR for float32 and float64")
    torch.manual_seed(4)
    mc.manual_seed(4)
    theirs = getattr(torch.nn.init, name)(
        torch.empty(shape, dtype=getattr(torch, dtype)), **arguments
    )
    ours = getattr(init, name)(mc.empty(*shape, dtype=getattr(mc, dtype)), **arguments)
    rounding = 0.0 if "uniform" in name else {"float16": 4e-3, "bfloat16": 3e-2}.get(dtype, 2e-5)
    np.testing.assert_allclose(
        ours.double().numpy(), theirs.double().numpy(), rtol=rounding, atol=rounding
    )
    assert mc.get_rng_state().tolist() == torch.get_rng_state().tolist()


LAYERS: list[tuple[str, tuple[Any, ...]]] = [
    ("Conv2d", (3, 96, 11)),
    ("Conv2d", (4, 8, 3, 1, 0, 1, 2)),
    ("ConvTranspose2d", (4, 6, 3, 2, 1, 1, 2)),
    ("Linear", (30, 7)),
    ("BatchNorm2d", (4,)),
]


@pytest.mark.cpu_only
@pytest.mark.parametrize("seed", [0, 2**33 + 7])
@pytest.mark.parametrize("name, arguments", LAYERS)
def test_layers_begin_with_the_weights_of_torch(
    name: str, arguments: tuple[Any, ...], seed: int
) -> None:
    torch.manual_seed(seed)
    mc.manual_seed(seed)
    theirs, ours = getattr(torch.nn, name)(*arguments), getattr(nn, name)(*arguments)
    for key, weight in theirs.named_parameters():
        np.testing.assert_array_equal(
            ours.get_parameter(key).detach().numpy(), weight.detach().numpy()
        )


@pytest.mark.cpu_only
def test_weights_that_scripts_fill_by_their_data() -> None:
    for lib in (torch, mc):
        lib.manual_seed(2)
    theirs, ours = torch.nn.Conv2d(3, 5, 3), nn.Conv2d(3, 5, 3)
    for layer in (theirs, ours):
        layer.weight.data.normal_(0.0, 0.02)
        layer.bias.data.uniform_(-1, 1)
    np.testing.assert_allclose(ours.weight.data.numpy(), theirs.weight.data.numpy(), rtol=1e-6)
    np.testing.assert_array_equal(ours.bias.data.numpy(), theirs.bias.data.numpy())


@pytest.mark.parametrize(
    "name",
    ["uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal",
     "kaiming_uniform", "kaiming_normal", "orthogonal", "sparse"],
)  # fmt: skip
def test_old_names_warn(name: str) -> None:
    shape = (4, 4, 3) if name == "dirac" else (4, 4)
    arguments = {"constant": [0.5], "sparse": [0.1]}.get(name, [])
    mc.manual_seed(1)
    with pytest.warns(FutureWarning, match=f"nn.init.{name} is deprecated, use nn.init.{name}_"):
        old = getattr(init, name)(mc.empty(*shape), *arguments)
    mc.manual_seed(1)
    assert (old == getattr(init, f"{name}_")(mc.empty(*shape), *arguments)).all()
