"""MobileNetV2 in plain layers, once for both frameworks; ``minicnn.models`` has no MobileNet.

Mark Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks (CVPR 2018), table 2.
"""

from __future__ import annotations

from typing import Any

STAGES = (  # expansion, channels, blocks, stride of the first block
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM, HEAD = 32, 1280  # channels


def blocks() -> list[tuple[int, int, int, int]]:
    """Input channels, expansion, output channels and stride of each block, in the order they run."""
    found, inputs = [], STEM
    for expansion, channels, count, stride in STAGES:
        for number in range(count):
            found.append((inputs, expansion, channels, 1 if number else stride))
            inputs = channels
    return found


def depthwise_shapes(size: int = 112) -> list[tuple[int, int, int]]:
    """Channels, height and width, and stride of the distinct depthwise convolutions.

    Args:
        size: height and width after the first convolution.
    """
    found = []
    for inputs, expansion, _, stride in blocks():
        found.append((inputs * expansion, size, stride))
        size = (size - 1) // stride + 1
    return list(dict.fromkeys(found))


def mobilenet(nn: Any, num_classes: int) -> Any:
    """The network for images of 224 pixels.

    Args:
        nn: ``minicnn.nn`` or ``torch.nn``.
        num_classes: number of logits.
    """

    class Residual(nn.Module):  # type: ignore[misc, name-defined]
        """``x + layers(x)``."""

        def __init__(self, layers: Any) -> None:
            super().__init__()
            self.layers = layers

        def forward(self, x: Any) -> Any:
            return x + self.layers(x)

    layers = []
    for inputs, expansion, channels, stride in blocks():
        block = inverted_bottleneck(nn, inputs, channels, expansion, stride)
        layers.append(Residual(block) if inputs == channels else block)
    return nn.Sequential(
        *convolution(nn, 3, STEM, 3, stride=2),
        *layers,
        *convolution(nn, channels, HEAD, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(HEAD, num_classes),
    )


def inverted_bottleneck(nn: Any, inputs: int, outputs: int, expansion: int, stride: int) -> Any:
    """1×1 to more channels, 3×3 on each of them, 1×1 to ``outputs`` channels, without a ReLU."""
    hidden = inputs * expansion
    return nn.Sequential(
        *(convolution(nn, inputs, hidden, 1) if expansion > 1 else ()),
        *convolution(nn, hidden, hidden, 3, stride=stride, groups=hidden),
        nn.Conv2d(hidden, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


def convolution(nn: Any, inputs: int, outputs: int, kernel_size: int, **options: int) -> list[Any]:
    """A convolution that keeps the size (at stride 1), with BatchNorm and ReLU6."""
    padding = kernel_size // 2
    return [
        nn.Conv2d(inputs, outputs, kernel_size, padding=padding, bias=False, **options),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    ]
