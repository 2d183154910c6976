"""The layers of a network with their shapes, collected by hooks while the network runs once.

Benchmarks of single layers measure these, so no list of shapes is typed by hand.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any

import minicnn as mc
from minicnn import models, nn
from minicnn.kernels import Geometry

__all__ = ["Layer", "conv_layers", "linear_layers", "pool_layers"]

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
        (H, W), (OH, OW) = self.input_shape[2:], self.output_shape[2:]
        windows = self.kernel_size, self.stride, self.padding, self.dilation, self.groups
        return Geometry((H, W), (OH, OW), *windows)

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
    return _distinct(nn.Conv2d, model, batch, size, num_classes)


def pool_layers(model: str, batch: int, size: int = 224, num_classes: int = 1000) -> list[Layer]:
    """The distinct max-pools of a network; arguments and result as for :func:`conv_layers`."""
    return _distinct(nn.MaxPool2d, model, batch, size, num_classes)


def linear_layers(model: str, batch: int, size: int = 224, num_classes: int = 1000) -> list[Layer]:
    """The distinct linear layers of a network; arguments and result as for :func:`conv_layers`."""
    return _distinct(nn.Linear, model, batch, size, num_classes)


def _distinct(
    type_: type[nn.Module], model: str, batch: int, size: int, num_classes: int
) -> list[Layer]:
    found: dict[Layer, Layer] = {}
    for module_type, layer in _layers_of_one_image(model, size, num_classes):
        if module_type is type_:
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
def _layers_of_one_image(
    model: str, size: int, num_classes: int
) -> list[tuple[type[nn.Module], Layer]]:
    """Each call of a convolution, max-pool or linear layer, in evaluation mode."""
    net = models.get_model(model, num_classes=num_classes).eval()
    calls: list[tuple[type[nn.Module], Layer]] = []

    def note(name: str, module: Any, args: tuple[Any, ...], output: mc.Tensor) -> None:
        layer = Layer(name, tuple(args[0].shape), tuple(output.shape))
        if not isinstance(module, nn.MaxPool2d):
            layer = replace(layer, weight_shape=tuple(module.weight.shape))
        if not isinstance(module, nn.Linear):
            windows = ("kernel_size", "stride", "padding", "dilation")
            layer = replace(layer, **{key: _pair(getattr(module, key)) for key in windows})
        if isinstance(module, nn.Conv2d):
            layer = replace(layer, groups=module.groups)
        calls.append((type(module), layer))

    for name, module in net.named_modules():
        if type(module) in (nn.Conv2d, nn.MaxPool2d, nn.Linear):
            module.register_forward_hook(functools.partial(note, name))
    with mc.no_grad():
        net(mc.zeros(1, 3, size, size))
    return calls


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value
