"""ResNet: blocks that add their result to their input."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from .. import nn
from ..nn import init as nn_init
from ..tensor import Tensor
from ._checks import check_images
from .weights import WeightsLike, build

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "ResNet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
]


def _conv3x3(in_channels: int, out_channels: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        in_channels, out_channels, 3, stride, padding=dilation, dilation=dilation, bias=False
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a skip connection: the block of ResNet-18 and -34.

    Args:
        in_channels: C.
        channels: channels of both convolutions, and of the result.
        stride: stride of the first convolution.
        downsample: maps the input to the shape of the result, if that differs.
        dilation: must be 1.

    Raises:
        NotImplementedError: for a dilation above 1, as in torchvision.
    """

    expansion = 1  # channels of the result per channel of the block
    last_norm = "bn2"

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        if dilation > 1:
            raise NotImplementedError(f"BasicBlock expects a dilation of 1, got {dilation}")
        self.conv1 = _conv3x3(in_channels, channels, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv3x3(channels, channels)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + identity)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 convolutions: the block of ResNet-50 and deeper.

    The first 1x1 convolution reduces the channels, the second increases them again. The 3x3
    convolution has the stride, as in torchvision ("ResNet v1.5"). In the paper the first 1x1
    convolution has it, and so does not read three of four pixels.

    Args:
        in_channels: C.
        channels: channels of the 3x3 convolution; the result has four times as many.
        stride, dilation: stride and dilation of the 3x3 convolution.
        downsample: maps the input to the shape of the result, if that differs.
    """

    expansion = 4
    last_norm = "bn3"

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _conv3x3(channels, channels, stride, dilation)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + identity)


class ResNet(nn.Module):
    """The network of He et al. 2016, for images (N, 3, H, W).

    Args:
        block: :class:`BasicBlock` or :class:`Bottleneck`.
        layers: the number of blocks in each of the four stages.
        num_classes: number of logits.
        zero_init_residual: whether the last batch norm of each block starts with weight 0, so that
            each block starts as the identity.
        replace_stride_with_dilation: for stages 2, 3 and 4, whether to dilate instead of halving
            the resolution, which segmentation uses.

    Convolutions start Kaiming-normal by fan-out. As ``torchvision.models.ResNet``, without its
    ``groups``, ``width_per_group`` and ``norm_layer``.

    Raises:
        ValueError: if ``replace_stride_with_dilation`` does not have three values; in ``forward``
            for another number of channels.
    """

    head_layers = ("fc",)

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        replace_stride_with_dilation: Sequence[bool] | None = None,
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
        self._in_channels, self._dilation = 64, 1
        # of the blocks here all filters are drawn again below
        is_own = block in (BasicBlock, Bottleneck)
        with nn_init.no_init() if is_own else contextlib.nullcontext():
            self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
            self.layer1 = self._stage(block, 64, layers[0])
            self.layer2 = self._stage(block, 128, layers[1], stride=2, dilate=dilate[0])
            self.layer3 = self._stage(block, 256, layers[2], stride=2, dilate=dilate[1])
            self.layer4 = self._stage(block, 512, layers[3], stride=2, dilate=dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self._init_weights(zero_init_residual)

    def _stage(
        self,
        block: type[BasicBlock | Bottleneck],
        channels: int,
        blocks: int,
        stride: int = 1,
        dilate: bool = False,
    ) -> nn.Sequential:
        first_dilation = self._dilation  # the first block still reads the previous stage's pixels
        if dilate:
            self._dilation *= stride
            stride = 1
        out_channels = channels * block.expansion
        downsample = None
        if stride != 1 or self._in_channels != out_channels:
            downsample = nn.Sequential(
                nn.Conv2d(self._in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )
        stage = [block(self._in_channels, channels, stride, downsample, first_dilation)]
        self._in_channels = out_channels
        stage += [block(out_channels, channels, dilation=self._dilation) for _ in range(1, blocks)]
        return nn.Sequential(*stage)

    def _init_weights(self, zero_init_residual: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn_init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif zero_init_residual and isinstance(module, (BasicBlock, Bottleneck)):
                nn_init.zeros_(module.get_submodule(module.last_norm).get_parameter("weight"))

    def forward(self, x: Tensor) -> Tensor:
        check_images("ResNet", x, smallest=1)
        x = self.relu(self.bn1(self.conv1(x)))  # N x 64 x H/2 x W/2
        x = self.maxpool(x)  # N x 64 x H/4 x W/4
        x = self.layer1(x)  # N x 64 (Bottleneck: 256) x H/4 x W/4
        x = self.layer2(x)  # N x 128 (512) x H/8 x W/8
        x = self.layer3(x)  # N x 256 (1024) x H/16 x W/16
        x = self.layer4(x)  # N x 512 (2048) x H/32 x W/32
        x = self.avgpool(x)  # N x 512 (2048) x 1 x 1
        return self.fc(x.flatten(1))


_LAYERS: dict[str, tuple[type[BasicBlock | Bottleneck], tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}


def _resnet(name: str, weights: WeightsLike, progress: bool, options: dict[str, Any]) -> ResNet:
    def make(**options: Any) -> ResNet:
        return ResNet(*_LAYERS[name], **options)

    return build(name, make, weights, progress, options)


def resnet18(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 18 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet18", weights, progress, kwargs)


def resnet34(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 34 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet34", weights, progress, kwargs)


def resnet50(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 50 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet50", weights, progress, kwargs)


def resnet101(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 101 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet101", weights, progress, kwargs)


def resnet152(*, weights: WeightsLike = None, progress: bool = True, **kwargs: Any) -> ResNet:
    """ResNet with 152 layers of weights; ``kwargs`` go to :class:`ResNet`."""
    return _resnet("resnet152", weights, progress, kwargs)
