"""Small networks for the tests of explanations, in minicnn and in PyTorch with the same weights."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch

import minicnn as mc

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(3, 3, 12, 10))
CONVOLUTION, RELU, POOLED = "2", "3", "4"  # names of the second convolution and what follows it


def layers(nn: ModuleType, channels: int = 3, inplace: bool = False) -> Any:
    """Two convolutions and a linear layer, for images of 12 x 10 pixels and five classes."""
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3, stride=2, padding=1),
        nn.ReLU(inplace=inplace),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(inplace=inplace),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(8 * 3 * 2, 5),
    )


def pair(channels: int = 3, inplace: bool = False) -> tuple[Any, Any]:
    """The network twice, in float64: of minicnn in training mode, of PyTorch in evaluation mode."""
    torch.manual_seed(0)
    theirs = layers(torch.nn, channels).double().eval()
    ours = layers(mc.nn, channels, inplace).double()
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    return ours, theirs


class Wrapped(mc.nn.Module):
    """A network whose output is changed by a function."""

    def __init__(self, net: mc.nn.Module, change: Any) -> None:
        super().__init__()
        self.net, self.change = net, change

    def forward(self, images: mc.Tensor) -> Any:
        return self.change(self.net(images))
