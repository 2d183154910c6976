"""MobileNet v3: the blocks of MobileNet v2 with squeeze and excitation and the hard swish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass
from functools import partial
from typing import Any

from .. import nn
from ..tensor import Tensor
from ..vision.blocks import Conv2dNormActivation, SqueezeExcitation
from ._api import register
from ._build import WeightsLike, build
from ._checks import made_for_images
from ._utils import _make_divisible
from .mobilenetv2 import init_mobilenet
from .weights import MobileNet_V3_Large_Weights, MobileNet_V3_Small_Weights

__all__ = ["MobileNetV3", "mobilenet_v3_large", "mobilenet_v3_small"]

Layer = Callable[..., nn.Module]
_SQUEEZE = partial(SqueezeExcitation, scale_activation=nn.Hardsigmoid)

# Tables 1 and 2 of the paper, a block in brackets: kernel size, expanded channels, channels of the
# result, squeeze and excitation, hard swish (HS) or ReLU (RE), and the stride.
_LARGE = (
    (3, 16, 16, False, "RE", 1), (3, 64, 24, False, "RE", 2), (3, 72, 24, False, "RE", 1),
    (5, 72, 40, True, "RE", 2), (5, 120, 40, True, "RE", 1), (5, 120, 40, True, "RE", 1),
    (3, 240, 80, False, "HS", 2), (3, 200, 80, False, "HS", 1), (3, 184, 80, False, "HS", 1),
    (3, 184, 80, False, "HS", 1), (3, 480, 112, True, "HS", 1), (3, 672, 112, True, "HS", 1),
    (5, 672, 160, True, "HS", 2), (5, 960, 160, True, "HS", 1), (5, 960, 160, True, "HS", 1),
)  # fmt: skip
_SMALL = (
    (3, 16, 16, True, "RE", 2), (3, 72, 24, False, "RE", 2), (3, 88, 24, False, "RE", 1),
    (5, 96, 40, True, "HS", 2), (5, 240, 40, True, "HS", 1), (5, 240, 40, True, "HS", 1),
    (5, 120, 48, True, "HS", 1), (5, 144, 48, True, "HS", 1), (5, 288, 96, True, "HS", 2),
    (5, 576, 96, True, "HS", 1), (5, 576, 96, True, "HS", 1),
)  # fmt: skip


@dataclass
class InvertedResidualConfig:
    """A block of the paper's tables; ``width_mult`` scales its channels, in multiples of 8."""

    input_channels: int
    kernel: int
    expanded_channels: int
    out_channels: int
    use_se: bool
    activation: InitVar[str]
    stride: int
    dilation: int
    width_mult: InitVar[float]

    def __post_init__(self, activation: str, width_mult: float) -> None:
        self.use_hs = activation == "HS"
        self.input_channels = self.adjust_channels(self.input_channels, width_mult)
        self.expanded_channels = self.adjust_channels(self.expanded_channels, width_mult)
        self.out_channels = self.adjust_channels(self.out_channels, width_mult)

    @staticmethod
    def adjust_channels(channels: int, width_mult: float) -> int:
        """``channels`` times ``width_mult``, rounded to a multiple of 8."""
        return _make_divisible(channels * width_mult, 8)


class InvertedResidual(nn.Module):
    """A 1x1 convolution to more channels, a depthwise one, squeeze and excitation, a 1x1 convolution.

    Args:
        cnf: the block of a table; its stride is 1 or 2, else ValueError. A dilation replaces it.
        norm_layer: makes a normalisation of so many channels.
        se_layer: makes the squeeze and excitation of so many channels with so many hidden ones.
    """

    def __init__(
        self, cnf: InvertedResidualConfig, norm_layer: Layer, se_layer: Layer = _SQUEEZE
    ) -> None:
        super().__init__()
        if cnf.stride not in (1, 2):
            raise ValueError(f"InvertedResidual expects a stride of 1 or 2, got {cnf.stride}")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.out_channels = cnf.out_channels
        self._is_cn = cnf.stride > 1  # it begins a resolution; segmentation looks for such blocks
        hidden = cnf.expanded_channels
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer)
        active = partial(conv, activation_layer=nn.Hardswish if cnf.use_hs else nn.ReLU)
        layers: list[nn.Module] = []
        if hidden != cnf.input_channels:
            layers.append(active(cnf.input_channels, hidden, kernel_size=1))
        stride = 1 if cnf.dilation > 1 else cnf.stride
        depthwise = {"kernel_size": cnf.kernel, "dilation": cnf.dilation, "groups": hidden}
        layers.append(active(hidden, hidden, stride=stride, **depthwise))
        if cnf.use_se:
            layers.append(se_layer(hidden, _make_divisible(hidden // 4, 8)))
        layers.append(conv(hidden, cnf.out_channels, kernel_size=1, activation_layer=None))
        self.block = nn.Sequential(*layers)

    def forward(self, input: Tensor) -> Tensor:
        return self.block(input) + input if self.use_res_connect else self.block(input)


class MobileNetV3(nn.Module):
    """The network of Howard et al. 2019, for images (N, 3, H, W).

    Args:
        inverted_residual_setting: the blocks.
        last_channel, num_classes: features before the last layer, and logits.
        block: makes the blocks; :class:`InvertedResidual` by default.
        norm_layer: makes the batch norms; by default they have eps=0.001 and momentum=0.01.
        dropout: probability of the dropout before the last layer.

    Raises:
        ValueError: for an empty setting; in ``forward`` for an input of another shape.
        TypeError: for a setting with anything but :class:`InvertedResidualConfig`.

    As ``torchvision.models.MobileNetV3``, which ignores further arguments.
    """

    head_layers = ("classifier.3",)

    def __init__(
        self,
        inverted_residual_setting: Sequence[InvertedResidualConfig],
        last_channel: int,
        num_classes: int = 1000,
        block: Layer | None = None,
        norm_layer: Layer | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        setting = inverted_residual_setting
        if not setting:
            raise ValueError(f"inverted_residual_setting expects at least one block, got {setting}")
        if not all(isinstance(row, InvertedResidualConfig) for row in setting):
            raise TypeError(f"expected a list of InvertedResidualConfig, got {setting}")
        block = block or InvertedResidual
        norm = norm_layer or partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.Hardswish)
        channels = setting[-1].out_channels
        self.features = nn.Sequential(
            conv(3, setting[0].input_channels, stride=2),
            *(block(row, norm) for row in setting),
            conv(channels, 6 * channels, kernel_size=1),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * channels, last_channel),
            nn.Hardswish(inplace=True),
            nn.Dropout(p=dropout, inplace=True),
            nn.Linear(last_channel, num_classes),
        )
        init_mobilenet(self)

    def forward(self, x: Tensor) -> Tensor:
        with made_for_images("MobileNetV3", x, smallest=1):
            x = self.features(x)  # N x 960 (small: 576) x H/32 x W/32
        return self.classifier(self.avgpool(x).flatten(1))  # pooled: N x 960 (576) x 1 x 1


def _make(
    rows: Sequence[tuple[Any, ...]],
    last_channel: int,
    width_mult: float = 1.0,
    reduced_tail: bool = False,
    dilated: bool = False,
    **options: Any,
) -> MobileNetV3:
    """The network of a table; see :func:`mobilenet_v3_large`. The last three blocks are its tail."""
    setting, channels, tail, divisor = [], 16, len(rows) - 3, 2 if reduced_tail else 1
    for i, (kernel, expanded, out, *others) in enumerate(rows):
        expanded //= divisor if i > tail else 1
        out //= divisor if i >= tail else 1
        others += [2 if dilated and i >= tail else 1, width_mult]
        setting.append(InvertedResidualConfig(channels, kernel, expanded, out, *others))
        channels = out
    last_channel = InvertedResidualConfig.adjust_channels(last_channel // divisor, width_mult)
    return MobileNetV3(setting, last_channel, **options)


@register(MobileNet_V3_Large_Weights)
def mobilenet_v3_large(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> MobileNetV3:
    """MobileNet v3, large.

    ``width_mult`` scales all channels, ``reduced_tail`` halves those of the last three blocks, and
    ``dilated`` makes these dilate instead of halving the resolution, which segmentation uses. Other
    ``kwargs`` go to :class:`MobileNetV3`.
    """
    return build("mobilenet_v3_large", partial(_make, _LARGE, 1280), weights, progress, kwargs)


@register(MobileNet_V3_Small_Weights)
def mobilenet_v3_small(
    *, weights: WeightsLike = None, progress: bool = True, **kwargs: Any
) -> MobileNetV3:
    """MobileNet v3, small; arguments as in :func:`mobilenet_v3_large`."""
    return build("mobilenet_v3_small", partial(_make, _SMALL, 1024), weights, progress, kwargs)
