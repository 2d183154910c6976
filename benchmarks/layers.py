"""The layers of a network with their shapes, collected by hooks while the network runs once.

Benchmarks of single layers measure these, so no list of shapes is typed by hand. minicnn is imported
where it is used: PyTorch's process takes a :class:`Layer` and does without.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minicnn.kernels import Geometry

__all__ = ["Layer", "conv_layers", "linear_layers", "pool_layers", "training_multiply_adds"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Layer:
    """A convolution, max-pool or linear layer. Pairs are (vertical, horizontal), in pixels.

    Images are (N, C, H, W); a linear layer maps (N, in_features) to (N, out_features).
    """

    name: str  # of the module in the network: "features.0"
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    weight_shape: tuple[int, ...] = ()  # (O, C / groups, KH, KW) or (out_features, in_features)
    kernel_size: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def geometry(self) -> Geometry:
        """The windows of a convolution or max-pool, as ``minicnn.kernels`` takes them."""
        from minicnn.kernels import Geometry

        (H, W), (OH, OW) = self.input_shape[2:], self.output_shape[2:]
        windows = self.kernel_size, self.stride, self.padding, self.dilation, self.groups
        return Geometry((H, W), (OH, OW), *windows)

    @property
    def shapes(self) -> str:
        """Of one image: ``3 x 227 x 227 -> 96 x 55 x 55, kernel 11 x 11``."""
        images = (" x ".join(map(str, s[1:])) for s in (self.input_shape, self.output_shape))
        return f"{' -> '.join(images)}, kernel {self.kernel_size[0]} x {self.kernel_size[1]}"

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one pass (forward or either gradient), without fast algorithms."""
        N, _, *output_size = self.output_shape
        return N * math.prod(output_size) * math.prod(self.weight_shape)


def conv_layers(model: str, batch: int, size: int = 224, num_classes: int = 1000) -> list[Layer]:
    """The distinct convolutions of a network, in the order they run.

    Args:
        model: a name that ``minicnn.models.get_model`` knows.
        batch: images; the network itself runs on one.
        size: height and width of the images, in pixels.
        num_classes: outputs of the network.

    Returns:
        One :class:`Layer` per shape, under the name of the first module that has it.
    """
    return _distinct("Conv2d", model, batch, size, num_classes)


def pool_layers(model: str, batch: int, size: int = 224, num_classes: int = 1000) -> list[Layer]:
    """The distinct max-pools of a network; arguments and result as for :func:`conv_layers`."""
    return _distinct("MaxPool2d", model, batch, size, num_classes)


def linear_layers(model: str, batch: int, size: int = 224, num_classes: int = 1000) -> list[Layer]:
    """The distinct linear layers of a network; arguments and result as for :func:`conv_layers`."""
    return _distinct("Linear", model, batch, size, num_classes)


def training_multiply_adds(model: str, size: int = 224, num_classes: int = 1000) -> int:
    """Multiply-adds of an image in a training step: forward, and both gradients of each layer.

    The first layer has no input gradient. Auxiliary classifiers do not count.
    """
    layers = _layers_of_one_image(model, size, num_classes)
    work = [layer.multiply_adds for layer in layers["Conv2d"] + layers["Linear"]]
    return 3 * sum(work) - work[0]


def _distinct(kind: str, model: str, batch: int, size: int, num_classes: int) -> list[Layer]:
    found: dict[Layer, Layer] = {}
    for layer in _layers_of_one_image(model, size, num_classes)[kind]:
        found.setdefault(replace(layer, name=""), layer)
    return [
        replace(
            layer,
            input_shape=(batch, *layer.input_shape[1:]),
            output_shape=(batch, *layer.output_shape[1:]),
        )
        for layer in found.values()
    ]


@functools.cache
def _layers_of_one_image(model: str, size: int, num_classes: int) -> dict[str, list[Layer]]:
    """Each call of a convolution, max-pool or linear layer in evaluation mode, by class."""
    import minicnn as mc
    from minicnn import models

    calls: dict[str, list[Layer]] = {"Conv2d": [], "MaxPool2d": [], "Linear": []}

    def note(name: str, module: Any, args: tuple[Any, ...], output: Any) -> None:
        calls[type(module).__name__].append(_layer(name, module, args[0].shape, output.shape))

    net = models.get_model(model, num_classes=num_classes).eval()
    for name, module in net.named_modules():
        if type(module).__name__ in calls:
            module.register_forward_hook(functools.partial(note, name))
    with mc.no_grad():
        net(mc.zeros(1, 3, size, size))
    return calls


def _layer(
    name: str, module: Any, input_shape: Sequence[int], output_shape: Sequence[int]
) -> Layer:
    layer = Layer(name, tuple(input_shape), tuple(output_shape))
    if hasattr(module, "weight"):
        layer = replace(layer, weight_shape=tuple(module.weight.shape))
    if hasattr(module, "kernel_size"):
        layer = replace(
            layer,
            kernel_size=_pair(module.kernel_size),
            stride=_pair(module.stride),
            padding=_pair(module.padding),
            dilation=_pair(module.dilation),
            groups=getattr(module, "groups", 1),
        )
    return layer


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value
