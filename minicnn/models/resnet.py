"""ResNet: blocks that add their result to their input."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from .. import nn
from ..nn import fusion
from ..nn import init as nn_init
from ..tensor import Tensor
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from .weights import (
    ResNet18_Weights,
    ResNet34_Weights,
    ResNet50_Weights,
    ResNet101_Weights,
    ResNet152_Weights,
    ResNeXt50_32X4D_Weights,
    ResNeXt101_32X8D_Weights,
    ResNeXt101_64X4D_Weights,
    Wide_ResNet50_2_Weights,
    Wide_ResNet101_2_Weights,
)

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "ResNet",
    "conv1x1",
    "conv3x3",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
]

NormLayer = Callable[[int], nn.Module]


def conv3x3(
    in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1
) -> nn.Conv2d:
    """A 3x3 convolution without bias, padded so that it keeps the size at stride 1."""
    return nn.Conv2d(
        in_planes, out_planes, 3, stride, dilation, dilation=dilation, groups=groups, bias=False
    )


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a skip connection: the block of ResNet-18 and -34.

    Args:
        inplanes: C.
        planes: channels of both convolutions, and of the result.
        stride: stride of the first convolution.
        downsample: maps the input to the shape of the result, if that differs.
        groups, base_width, dilation: must be 1, 64 and 1.
        norm_layer: makes a normalisation of so many channels; ``BatchNorm2d`` by default.

    Raises:
        ValueError: for other ``groups`` or another ``base_width``, as in torchvision.
        NotImplementedError: for a dilation above 1, as in torchvision.
    """

    expansion = 1  # channels of the result per channel of the block
    last_norm = "bn2"

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        if groups != 1 or base_width != 64:
            raise ValueError(
                f"BasicBlock expects groups=1 and base_width=64, got {groups} and {base_width}"
            )
        if dilation > 1:
            raise NotImplementedError(f"BasicBlock expects a dilation of 1, got {dilation}")
        norm = norm_layer or nn.BatchNorm2d
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        out = fusion.run(x, (self.conv1, self.bn1, self.relu))
        out = self.bn2(self.conv2(out))
        identity = x if self.downsample is None else self.downsample(x)
        return self.relu(out + identity)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 convolutions: the block of ResNet-50 and deeper.

    The first 1x1 convolution reduces the channels, the second increases them again. The 3x3
    convolution has the stride, as in torchvision ("ResNet v1.5"). In the paper the first 1x1
    convolution has it, and so does not read three of four pixels.

    Args:
        inplanes: C.
        planes: a quarter of the result's channels.
        stride, dilation: stride and dilation of the 3x3 convolution.
        downsample: maps the input to the shape of the result, if that differs.
        groups, base_width: the 3x3 convolution has ``planes * base_width / 64`` channels in each
            of its groups.
        norm_layer: makes a normalisation of so many channels; ``BatchNorm2d`` by default.
    """

    expansion = 4
    last_norm = "bn3"

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        out = fusion.run(x, (self.conv1, self.bn1, self.relu))
        out = fusion.run(out, (self.conv2, self.bn2, self.relu))
        out = self.bn3(self.conv3(out))
        identity = x if self.downsample is None else self.downsample(x)
        return self.relu(out + identity)


class ResNet(nn.Module):
    """The network of He et al. 2016, for images (N, 3, H, W).

    Args:
        block: :class:`BasicBlock` or :class:`Bottleneck`.
        layers: the number of blocks in each of the four stages.
        num_classes: number of logits.
        zero_init_residual: whether the last batch norm of each block starts with weight 0, so that
            each block starts as the identity.
        groups, width_per_group: of the blocks' 3x3 convolutions: ResNeXt has more groups (Xie et
            al. 2017), a wide ResNet wider ones (Zagoruyko & Komodakis 2016).
        replace_stride_with_dilation: for stages 2, 3 and 4, whether to dilate instead of halving
            the resolution, which segmentation uses.
        norm_layer: makes a normalisation of so many channels; ``BatchNorm2d`` by default.

    Convolutions start Kaiming-normal by fan-out. As ``torchvision.models.ResNet``.

    Raises:
        ValueError: if ``replace_stride_with_dilation`` does not have three values; in ``forward``
            for an input of another shape.
    """

    head_layers = ("fc",)

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        dilate = (False, False, False)
        if replace_stride_with_dilation is not None:
            dilate = tuple(replace_stride_with_dilation)  # type: ignore[assignment]
        if len(dilate) != 3:
            raise ValueError(
                "replace_stride_with_dilation expects three values, for stages 2, 3 and 4, "
                f"got {replace_stride_with_dilation}"
            )
        self.inplanes, self.dilation = 64, 1
        self.groups, self.base_width = groups, width_per_group
        self._norm_layer = norm_layer or nn.BatchNorm2d
        # of the blocks here all filters are drawn again below
        is_own = block in (BasicBlock, Bottleneck)
        with nn_init.no_init() if is_own else contextlib.nullcontext():
            self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
            self.bn1 = self._norm_layer(64)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
            self.layer1 = self._make_layer(block, 64, layers[0])
            self.layer2 = self._make_layer(block, 128, layers[1], stride=2, dilate=dilate[0])
            self.layer3 = self._make_layer(block, 256, layers[2], stride=2, dilate=dilate[1])
            self.layer4 = self._make_layer(block, 512, layers[3], stride=2, dilate=dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self._init_weights(zero_init_residual)

    def _make_layer(
        self,
        block: type[BasicBlock | Bottleneck],
        planes: int,
        blocks: int,
        stride: int = 1,
        dilate: bool = False,
    ) -> nn.Sequential:
        """One stage; the first block still reads the pixels as the previous stage's blocks do."""
        first_dilation = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        norm, out_channels = self._norm_layer, planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != out_channels:
            downsample = nn.Sequential(
                conv1x1(self.inplanes, out_channels, stride), norm(out_channels)
            )
        shared = (self.groups, self.base_width)
        stage = [block(self.inplanes, planes, stride, downsample, *shared, first_dilation, norm)]
        self.inplanes = out_channels
        for _ in range(1, blocks):
            stage.append(block(out_channels, planes, 1, None, *shared, self.dilation, norm))
        return nn.Sequential(*stage)

    def _init_weights(self, zero_init_residual: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn_init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif zero_init_residual and isinstance(module, (BasicBlock, Bottleneck)):
                nn_init.zeros_(module.get_submodule(module.last_norm).get_parameter("weight"))

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = fusion.run(x, (self.conv1, self.bn1, self.relu, self.maxpool))  # N x 64 x H/4 x W/4
        x = self.layer1(x)  # N x 64 (Bottleneck: 256) x H/4 x W/4
        x = self.layer2(x)  # N x 128 (512) x H/8 x W/8
        x = self.layer3(x)  # N x 256 (1024) x H/16 x W/16
        x = self.layer4(x)  # N x 512 (2048) x H/32 x W/32
        x = self.avgpool(x)  # N x 512 (2048) x 1 x 1
        return self.fc(x.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("ResNet", x, smallest=1):
            return self._forward_impl(x)


_Shape = tuple[type[BasicBlock | Bottleneck], tuple[int, ...], dict[str, int]]
_SHAPES: dict[str, _Shape] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2), {}),
    "resnet34": (BasicBlock, (3, 4, 6, 3), {}),
    "resnet50": (Bottleneck, (3, 4, 6, 3), {}),
    "resnet101": (Bottleneck, (3, 4, 23, 3), {}),
    "resnet152": (Bottleneck, (3, 8, 36, 3), {}),
    "resnext50_32x4d": (Bottleneck, (3, 4, 6, 3), {"groups": 32, "width_per_group": 4}),
    "resnext101_32x8d": (Bottleneck, (3, 4, 23, 3), {"groups": 32, "width_per_group": 8}),
    "resnext101_64x4d": (Bottleneck, (3, 4, 23, 3), {"groups": 64, "width_per_group": 4}),
    "wide_resnet50_2": (Bottleneck, (3, 4, 6, 3), {"width_per_group": 128}),
    "wide_resnet101_2": (Bottleneck, (3, 4, 23, 3), {"width_per_group": 128}),
}


def _resnet(name: str, weights: WeightsLike, progress: bool, options: dict[str, Any]) -> ResNet:
    block, layers, widths = _SHAPES[name]
    for option, value in widths.items():
        if options.get(option, value) != value:
            raise ValueError(f"{name} has {option}={value}, got {options[option]}")

    def make(**options: Any) -> ResNet:
        return ResNet(block, layers, **options)

    return build(name, make, weights, progress, {**options, **widths})


@register(ResNet18_Weights)
def resnet18(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 18 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet18", weights, progress, kwargs)


@register(ResNet34_Weights)
def resnet34(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 34 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet34", weights, progress, kwargs)


@register(ResNet50_Weights)
def resnet50(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 50 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet50", weights, progress, kwargs)


@register(ResNet101_Weights)
def resnet101(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 101 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet101", weights, progress, kwargs)


@register(ResNet152_Weights)
def resnet152(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 152 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet152", weights, progress, kwargs)


@register(ResNeXt50_32X4D_Weights)
def resnext50_32x4d(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNeXt with 50 layers, in 32 groups of 4 channels; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnext50_32x4d", weights, progress, kwargs)


@register(ResNeXt101_32X8D_Weights)
def resnext101_32x8d(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> ResNet:
    """ResNeXt with 101 layers, in 32 groups of 8 channels; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnext101_32x8d", weights, progress, kwargs)


@register(ResNeXt101_64X4D_Weights)
def resnext101_64x4d(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> ResNet:
    """ResNeXt with 101 layers, in 64 groups of 4 channels; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnext101_64x4d", weights, progress, kwargs)


@register(Wide_ResNet50_2_Weights)
def wide_resnet50_2(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet-50 with twice the channels in its 3x3 convolutions; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("wide_resnet50_2", weights, progress, kwargs)


@register(Wide_ResNet101_2_Weights)
def wide_resnet101_2(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> ResNet:
    """ResNet-101 with twice the channels in its 3x3 convolutions; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("wide_resnet101_2", weights, progress, kwargs)
