"""Every layer against torch's: repr, state_dict, output and all gradients, over its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracle import assert_agrees

import minicnn as mc
from minicnn import nn

IMAGE = (2, 4, 7, 6)

# one constructor for both libraries, and the shape of an input
LAYERS: list[tuple[Callable[[Any], Any], tuple[int, ...]]] = [
    (lambda nn: nn.Conv2d(4, 6, 3), IMAGE),
    (lambda nn: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0)), IMAGE),
    (lambda nn: nn.Conv2d(4, 6, 3, dilation=2, groups=2, bias=False), IMAGE),
    (lambda nn: nn.Conv2d(4, 8, 3, 1, "same", groups=4), IMAGE),
    (lambda nn: nn.Conv2d(4, 2, (2, 3), padding="valid"), (1, 4, 2, 3)),
    (lambda nn: nn.Conv2d(4, 2, (4, 2), padding="same", dilation=(1, 3)), IMAGE),
    (lambda nn: nn.ConvTranspose2d(4, 6, 3), IMAGE),
    (lambda nn: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, False, 2), IMAGE),
    (lambda nn: nn.ConvTranspose2d(4, 2, (3, 4), (2, 3), (0, 1), (1, 2)), IMAGE),
    (lambda nn: nn.Linear(6, 5), (3, 6)),
    (lambda nn: nn.Linear(6, 5, bias=False), (2, 3, 6)),
    (lambda nn: nn.Identity(54, unused=True), IMAGE),
    (lambda nn: nn.MaxPool2d(3, 2), IMAGE),
    (lambda nn: nn.MaxPool2d((3, 2), padding=1, ceil_mode=True), IMAGE),
    (lambda nn: nn.MaxPool2d(2, stride=(1, 2), dilation=(2, 1)), IMAGE),
    (lambda nn: nn.AvgPool2d(3), IMAGE),
    (lambda nn: nn.AvgPool2d(3, 2, 1, True, False), IMAGE),
    (lambda nn: nn.AvgPool2d((2, 3), ceil_mode=True, divisor_override=5), IMAGE),
    (lambda nn: nn.AdaptiveAvgPool2d((3, 4)), IMAGE),
    (lambda nn: nn.AdaptiveAvgPool2d(1), IMAGE),
    (lambda nn: nn.AdaptiveAvgPool2d((None, 2)), IMAGE),
    (lambda nn: nn.AdaptiveMaxPool2d((3, 4)), IMAGE),
    (lambda nn: nn.ReLU(), IMAGE),
    (lambda nn: nn.LeakyReLU(), IMAGE),
    (lambda nn: nn.LeakyReLU(0.3), IMAGE),
    (lambda nn: nn.ELU(), IMAGE),
    (lambda nn: nn.ELU(0.5), IMAGE),
    (lambda nn: nn.Softplus(), IMAGE),
    (lambda nn: nn.Softplus(3.0, 2.0), IMAGE),
    (lambda nn: nn.Sigmoid(), IMAGE),
    (lambda nn: nn.Tanh(), IMAGE),
    (lambda nn: nn.GELU(), IMAGE),
    (lambda nn: nn.GELU("tanh"), IMAGE),
    (lambda nn: nn.SiLU(), IMAGE),
    (lambda nn: nn.Hardswish(), IMAGE),
    (lambda nn: nn.CELU(2.0), IMAGE),
    (lambda nn: nn.SELU(), IMAGE),
    (lambda nn: nn.Mish(), IMAGE),
    (lambda nn: nn.GLU(-1), IMAGE),
    (lambda nn: nn.PReLU(), IMAGE),
    (lambda nn: nn.PReLU(4, 0.1), IMAGE),
    (lambda nn: nn.RReLU(0.3, 0.3), IMAGE),
    (lambda nn: nn.ReLU6(), IMAGE),
    (lambda nn: nn.Hardtanh(-0.5, 2.0), IMAGE),
    (lambda nn: nn.Hardshrink(1.0), IMAGE),
    (lambda nn: nn.Softshrink(), IMAGE),
    (lambda nn: nn.Tanhshrink(), IMAGE),
    (lambda nn: nn.Softsign(), IMAGE),
    (lambda nn: nn.LogSigmoid(), IMAGE),
    (lambda nn: nn.Threshold(0.5, -1.0), IMAGE),
    (lambda nn: nn.Softmin(1), IMAGE),
    (lambda nn: nn.Softmax2d(), IMAGE),
    (lambda nn: nn.Softmax(dim=1), IMAGE),
    (lambda nn: nn.LogSoftmax(-1), IMAGE),
    (lambda nn: nn.Dropout(0.0), IMAGE),
    (lambda nn: nn.Dropout2d(0.0), IMAGE),
    (lambda nn: nn.BatchNorm2d(4), IMAGE),
    (lambda nn: nn.BatchNorm2d(4, eps=1e-3, momentum=None), IMAGE),
    (lambda nn: nn.BatchNorm2d(4, affine=False), IMAGE),
    (lambda nn: nn.BatchNorm2d(4, bias=False), IMAGE),
    (lambda nn: nn.BatchNorm2d(4, track_running_stats=False), IMAGE),
    (lambda nn: nn.BatchNorm1d(5, momentum=0.3), (4, 5)),
    (lambda nn: nn.BatchNorm1d(5), (2, 5, 3)),
    (lambda nn: nn.LayerNorm(6), IMAGE),
    (lambda nn: nn.LayerNorm((7, 6), eps=1e-3, bias=False), IMAGE),
    (lambda nn: nn.LayerNorm([4, 7, 6], elementwise_affine=False), IMAGE),
    (lambda nn: nn.GroupNorm(2, 4), IMAGE),
    (lambda nn: nn.GroupNorm(4, 4, 1e-3, affine=False), IMAGE),
    (lambda nn: nn.LocalResponseNorm(3), IMAGE),
    (lambda nn: nn.LocalResponseNorm(2, 1e-2, 0.5, 2.0), IMAGE),
    (lambda nn: nn.Flatten(), IMAGE),
    (lambda nn: nn.Flatten(0, 2), IMAGE),
    (lambda nn: nn.Unflatten(1, (2, -1)), IMAGE),
    (lambda nn: nn.Unflatten(-1, (3, 2)), IMAGE),
    (lambda nn: nn.Unfold((2, 3), padding=1, stride=2), IMAGE),
    (lambda nn: nn.Fold((5, 4), 2, dilation=(1, 2), padding=1, stride=(2, 1)), (2, 8, 12)),
    (lambda nn: nn.PixelShuffle(2), IMAGE),
    (lambda nn: nn.PixelUnshuffle(2), (2, 3, 4, 6)),
    (lambda nn: nn.ChannelShuffle(2), IMAGE),
    (lambda nn: nn.ZeroPad1d(2), (2, 3, 5)),
    (lambda nn: nn.ZeroPad2d((1, 2, 0, -1)), IMAGE),
    (lambda nn: nn.ZeroPad3d(1), (2, 3, 2, 3, 4)),
    (lambda nn: nn.ConstantPad1d((1, 2), 0.5), (3, 5)),
    (lambda nn: nn.ConstantPad2d([1, 0, 2, 1], -3.0), IMAGE),
    (lambda nn: nn.ConstantPad3d(1, 2.0), (3, 2, 3, 4)),
    (lambda nn: nn.ReflectionPad1d(2), (2, 3, 5)),
    (lambda nn: nn.ReflectionPad2d((1, 2, 3, 0)), IMAGE),
    (lambda nn: nn.ReflectionPad3d(1), (2, 3, 2, 3, 4)),
    (lambda nn: nn.ReplicationPad1d((3, 0)), (2, 3, 5)),
    (lambda nn: nn.ReplicationPad2d(2), IMAGE),
    (lambda nn: nn.ReplicationPad3d((1, 0, 2, 1, 0, 1)), (2, 3, 2, 3, 4)),
    (lambda nn: nn.CircularPad1d(2), (2, 3, 5)),
    (lambda nn: nn.CircularPad2d((1, 2, 3, 0)), IMAGE),
    (lambda nn: nn.CircularPad3d(1), (2, 3, 2, 3, 4)),
    (lambda nn: nn.Upsample(scale_factor=2), IMAGE),
    (lambda nn: nn.Upsample((9, 5), mode="bilinear"), IMAGE),
    (lambda nn: nn.Upsample(None, (1.5, 2), "bilinear", True), IMAGE),
    (lambda nn: nn.Upsample(scale_factor=(1.5,), mode="linear"), (2, 3, 5)),
    (lambda nn: nn.Upsample((3, 4, 6), mode="trilinear"), (2, 3, 2, 3, 5)),
    (lambda nn: nn.Upsample(scale_factor=1.2, mode="bicubic"), IMAGE),
    (lambda nn: nn.UpsamplingNearest2d(9), IMAGE),
    (lambda nn: nn.UpsamplingBilinear2d(scale_factor=2), IMAGE),
]


IDS = [repr(make(torch.nn)).replace(" ", "") for make, _ in LAYERS]


def _pair(make: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The layer in both libraries, in float64, with the same weights."""
    theirs = make(torch.nn).double()
    ours = make(nn).double()
    for tensor in theirs.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)  # in place: also moves norms away from 1 and 0
    ours.load_state_dict({key: value.cpu().numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # torch's
@pytest.mark.parametrize("make, shape", LAYERS, ids=IDS)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_output_and_gradients_equal_torch(make: Any, shape: Any, training: bool) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    ours, theirs = _pair(make)
    ours.train(training)
    theirs.train(training)
    for _ in range(2):  # twice, for layers whose state changes
        array = rng.normal(size=shape) * 2
        x = mc.tensor(array, requires_grad=True)
        y = torch.tensor(array, requires_grad=True)
        out, expected = ours(x), theirs(y)
        np.testing.assert_allclose(
            out.detach().cpu().numpy(), expected.detach().cpu().numpy(), atol=1e-12
        )

        grad = rng.normal(size=expected.shape)
        out.backward(mc.tensor(grad))
        expected.backward(torch.tensor(grad))
        assert x.grad is not None and y.grad is not None
        np.testing.assert_allclose(x.grad.cpu().numpy(), y.grad.cpu().numpy(), atol=1e-11)
    for (name, param), theirs_param in zip(
        ours.named_parameters(), theirs.parameters(), strict=True
    ):
        np.testing.assert_allclose(
            param.grad.cpu().numpy(), theirs_param.grad.cpu().numpy(), atol=1e-11, err_msg=name
        )
    for (name, buffer), theirs_buffer in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(
            buffer.cpu().numpy(), theirs_buffer.cpu().numpy(), atol=1e-13, err_msg=name
        )


@pytest.mark.parametrize("make, shape", LAYERS, ids=IDS)
def test_repr_and_state_dict_equal_torch(make: Any, shape: Any) -> None:
    ours, theirs = make(nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    described = [(k, tuple(v.shape), str(v.dtype)) for k, v in ours.state_dict().items()]
    expected = [(k, tuple(v.shape), str(v.dtype)) for k, v in theirs.state_dict().items()]
    assert described == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.ReLU(inplace=True),
        lambda nn: nn.ELU(inplace=True),
        lambda nn: nn.LeakyReLU(inplace=True),
        lambda nn: nn.SiLU(inplace=True),
        lambda nn: nn.Hardswish(inplace=True),
        lambda nn: nn.Dropout(0.3, inplace=True),
        lambda nn: nn.MaxPool2d(2, return_indices=True),
        lambda nn: nn.CrossEntropyLoss(),
    ],
)
def test_repr_of_options_without_effect(make: Any) -> None:
    assert repr(make(nn)) == repr(make(torch.nn))


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.MaxPool2d(3, 2, return_indices=True),
        lambda nn: nn.AdaptiveMaxPool2d((3, 2), return_indices=True),
    ],
)
def test_pooling_returns_torchs_indices(make: Any) -> None:
    array = np.random.default_rng(0).integers(0, 4, IMAGE).astype(np.float32)  # with ties
    out, indices = make(nn)(mc.tensor(array))
    expected, expected_indices = make(torch.nn)(torch.tensor(array))
    np.testing.assert_array_equal(out.cpu().numpy(), expected.cpu().numpy())
    np.testing.assert_array_equal(indices.cpu().numpy(), expected_indices.cpu().numpy())
    assert indices.dtype == np.int64


@pytest.mark.parametrize("output_size", [(15, 12), (14, 13), (2, 6, 14, 12)])
def test_conv_transpose_output_size(output_size: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=IMAGE)
    for kernel_size, padding in ((3, 1), ((3, 2), 0)):
        ours, theirs = _pair(
            lambda nn, k=kernel_size, p=padding: nn.ConvTranspose2d(4, 6, k, stride=2, padding=p)
        )
        try:
            expected = theirs(torch.tensor(array), output_size=output_size)
        except ValueError:
            with pytest.raises(ValueError, match="output_size must be between"):
                ours(mc.tensor(array), output_size=output_size)
        else:
            out = ours(mc.tensor(array), output_size=output_size)
            np.testing.assert_allclose(
                out.detach().cpu().numpy(), expected.detach().cpu().numpy(), atol=1e-12
            )


def test_dropout_is_scaled_in_training_and_absent_in_evaluation() -> None:
    mc.manual_seed(0)
    x = mc.ones(4, 8, 30, 30)
    for layer in (nn.Dropout(0.25), nn.Dropout2d(0.25)):
        out = layer(x).cpu().numpy()
        assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.75)}
        assert 0.1 < (out == 0).mean() < 0.5
        np.testing.assert_array_equal(layer.eval()(x).cpu().numpy(), x.cpu().numpy())
    planes = nn.Dropout2d(0.25)(x).cpu().numpy().reshape(32, -1)
    assert (planes == planes[:, :1]).all()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.Conv2d(4, 6, 3, groups=3), "in_channels must be divisible by groups.*4 and 3"),
        (lambda: nn.Conv2d(6, 4, 3, groups=3), "out_channels must be divisible by groups"),
        (lambda: nn.Conv2d(4, 6, 3, groups=0), "groups must be a positive integer, got 0"),
        (lambda: nn.Conv2d(4, 6, 3, padding="full"), "padding must be 'same', 'valid'"),
        (
            lambda: nn.Conv2d(4, 6, 3, 2, "same"),
            r"padding='same' needs stride 1, got stride \(2, 2\)",
        ),
        (lambda: nn.Conv2d(4, 6, 3, padding_mode="mirror"), "one of .zeros., .reflect.*.mirror."),
        (
            lambda: nn.ConvTranspose2d(4, 6, 3, padding_mode="reflect"),
            "one of .zeros., got .reflect.",
        ),
        (lambda: nn.Dropout(1.5), "between 0 and 1, got 1.5"),
        (lambda: nn.GroupNorm(3, 4), "num_channels must be divisible by num_groups.*4 and 3"),
        (lambda: nn.BatchNorm2d(4)(mc.ones(2, 4)), r"BatchNorm2d expects 4D.*\(2, 4\)"),
        (lambda: nn.BatchNorm1d(4)(mc.ones(1, 4)), "more than 1 value per channel"),
        (lambda: nn.MSELoss(reduction="average"), "reduction must be one of.*'average'"),
    ],
)
def test_wrong_arguments_are_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_default_weights_are_drawn_as_in_torch() -> None:
    mc.manual_seed(0)
    layers = [
        (nn.Linear(300, 200), 300),
        (nn.Conv2d(12, 64, 5, groups=2), 6 * 25),
        (nn.ConvTranspose2d(64, 12, 5), 12 * 25),
    ]
    for layer, fan_in in layers:
        bound = 1 / np.sqrt(fan_in)
        for param in layer.parameters():
            values = param.detach().cpu().numpy()
            assert np.abs(values).max() <= bound
            assert values.std() == pytest.approx(bound / np.sqrt(3), rel=0.25)
    mc.manual_seed(0)
    again = nn.Linear(300, 200)
    np.testing.assert_array_equal(
        again.weight.detach().cpu().numpy(), layers[0][0].weight.detach().cpu().numpy()
    )


@pytest.mark.parametrize("features", [(0, 4), (4, 0), (0, 0)], ids=str)
def test_linear_without_features_or_outputs(features: tuple[int, int]) -> None:
    layer = nn.Linear(*features)
    out = layer(mc.ones(5, features[0]))
    assert out.shape == (5, features[1])
    out.sum().backward()
    assert layer.bias.grad.tolist() == [5.0] * features[1]


@pytest.mark.parametrize("dim, sizes", [(3, (3, 4)), (1, (5, -1)), (1, 12), (-1, [3, 4])], ids=str)
def test_unflatten_as_in_torch(dim: int, sizes: Any) -> None:
    assert_agrees(lambda m, x: m.nn.Unflatten(dim, sizes)(x), np.ones((2, 12)))


@pytest.mark.without_numbers
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Linear(16 * 8 / 2, 10), "Linear expects in_features to be an integer, got 64.0"),
        (lambda: nn.Conv2d(3, 64 / 2, 3), "Conv2d expects out_channels to be an integer, got 32.0"),
        (lambda: nn.Conv1d(3, 4, (3.0,)), r"Conv1d expects kernel_size to hold integers, got \(3.0,"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding=1.0), "expects padding to be an integer, got 1.0"),
        (lambda: nn.Embedding(2.5, 2), "Embedding expects num_embeddings to be an integer, got 2.5"),
        (lambda: nn.BatchNorm2d(2.5), "BatchNorm2d expects num_features to be an integer, got 2.5"),
        (lambda: nn.LayerNorm(4.0), "LayerNorm expects normalized_shape to be an integer, got 4.0"),
        (lambda: nn.GroupNorm(2.0, 4), "GroupNorm expects num_groups to be an integer, got 2.0"),
        (lambda: nn.MultiheadAttention(8.0, 2), "expects embed_dim to be an integer, got 8.0"),
    ],
)  # fmt: skip
def test_a_float_where_an_integer_belongs(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


def test_integers_may_be_of_numpy() -> None:
    layer = nn.Conv2d(np.int64(3), np.int64(2), np.int64(3))
    assert layer.weight.shape == (2, 3, 3, 3)
    assert nn.LayerNorm(np.int64(4)).weight.shape == (4,)


def test_an_input_of_other_channels_is_named() -> None:
    message = r"batch_norm expects 8 channels, .*, got input of shape \(2, 16, 4, 4\)"
    with pytest.raises(RuntimeError, match=message):
        nn.BatchNorm2d(8)(mc.ones(2, 16, 4, 4))
