"""Blocks that many networks are built of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import nn
from ..nn.tuples import _pair
from ..tensor import Tensor

__all__ = ["MLP", "Conv2dNormActivation", "Permute", "SqueezeExcitation"]

Layer = Callable[..., nn.Module]


class Conv2dNormActivation(nn.Sequential):
    """A convolution, a normalisation and an activation.

    Args:
        in_channels, out_channels: channels of images (N, C, H, W) before and after.
        kernel_size, stride, groups, dilation: of the convolution.
        padding: of the convolution; by default so much that stride 1 keeps H and W.
        norm_layer: makes a normalisation of so many channels; None for none.
        activation_layer: makes the activation; None for none.
        inplace: whether the activation overwrites its input; None if it has no such argument.
        bias: whether the convolution has one; by default if there is no normalisation.

    As ``torchvision.ops.Conv2dNormActivation``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int] = 3,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str | None = None,
        groups: int = 1,
        norm_layer: Layer | None = nn.BatchNorm2d,
        activation_layer: Layer | None = nn.ReLU,
        dilation: int | tuple[int, int] = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
    ) -> None:
        if padding is None:
            sides = zip(_pair(kernel_size), _pair(dilation), strict=True)
            padding = tuple((size - 1) // 2 * step for size, step in sides)  # type: ignore[assignment]
        layers: list[nn.Module] = [
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride,
                padding,  # type: ignore[arg-type]
                dilation=dilation,
                groups=groups,
                bias=norm_layer is None if bias is None else bias,
            )
        ]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**_inplace(inplace)))
        super().__init__(*layers)
        self.out_channels = out_channels


class SqueezeExcitation(nn.Module):
    """Scales each channel by a number between 0 and 1 that is computed from all channels' means.

    Args:
        input_channels: C.
        squeeze_channels: channels of the hidden layer.
        activation: makes the activation after the first 1x1 convolution.
        scale_activation: makes the one after the second.

    Source: Hu et al. 2018, Squeeze-and-Excitation Networks; as ``torchvision.ops.SqueezeExcitation``.
    """

    def __init__(
        self,
        input_channels: int,
        squeeze_channels: int,
        activation: Layer = nn.ReLU,
        scale_activation: Layer = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation()
        self.scale_activation = scale_activation()

    def forward(self, input: Tensor) -> Tensor:
        scale = self.activation(self.fc1(self.avgpool(input)))  # N x squeeze_channels x 1 x 1
        scale = self.scale_activation(self.fc2(scale))  # N x C x 1 x 1
        return scale * input


class MLP(nn.Sequential):
    """Linear layers, each with an activation and dropout, the last one with dropout alone.

    Args:
        in_channels: features of the input (…, in_channels).
        hidden_channels: features after each layer.
        norm_layer: makes a normalisation of so many features, before each activation; None for none.
        activation_layer: makes the activations.
        inplace: whether they and the dropout overwrite their input; None for their defaults.
        bias: whether the linear layers have one.
        dropout: probability of the dropout.

    As ``torchvision.ops.MLP``.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: Sequence[int],
        norm_layer: Layer | None = None,
        activation_layer: Layer = nn.ReLU,
        inplace: bool | None = None,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        options = _inplace(inplace)
        layers: list[nn.Module] = []
        *hidden, last = hidden_channels
        for features in hidden:
            layers.append(nn.Linear(in_channels, features, bias=bias))
            if norm_layer is not None:
                layers.append(norm_layer(features))
            layers += [activation_layer(**options), nn.Dropout(dropout, **options)]
            in_channels = features
        layers += [nn.Linear(in_channels, last, bias=bias), nn.Dropout(dropout, **options)]
        super().__init__(*layers)


class Permute(nn.Module):
    """``input.permute(dims)`` as a layer; as ``torchvision.ops.Permute``."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.dims = list(dims)

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.dims)


def _inplace(inplace: bool | None) -> dict[str, bool]:
    return {} if inplace is None else {"inplace": inplace}
