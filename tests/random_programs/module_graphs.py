"""Random networks: layers in a row, skip connections, branches; the same in both libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Layer = tuple[str, tuple[Any, ...], dict[str, Any]]


@st.composite
def layers(draw: Any, channels: int) -> tuple[list[Layer], int]:
    """Layers that keep height and width, and the number of their output channels."""
    found: list[Layer] = []
    for _ in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from((*WITH_CHANNELS, *PLAIN)))
        if name == "Conv2d":
            out, size = draw(st.sampled_from((2, 4, 6))), draw(st.sampled_from((1, 3)))
            bias = draw(st.booleans())
            found.append((name, (channels, out, size), {"padding": size // 2, "bias": bias}))
            channels = out
        elif name == "GroupNorm":
            found.append((name, (2, channels), {}))
        elif name in WITH_CHANNELS:
            found.append((name, (channels,), {}))
        else:
            found.append((name, (), dict(draw(st.sampled_from(PLAIN[name])))))
    return found, channels


WITH_CHANNELS = ("Conv2d", "BatchNorm2d", "GroupNorm")
IN_PLACE: list[dict[str, Any]] = [{"inplace": True}, {"inplace": False}]
PLAIN: dict[str, list[dict[str, Any]]] = {
    "ReLU": IN_PLACE,
    "LeakyReLU": IN_PLACE,
    "ELU": IN_PLACE,
    "SiLU": IN_PLACE,
    "Hardswish": IN_PLACE,
    "Sigmoid": [{}],
    "Tanh": [{}],
    "GELU": [{}],
    "Identity": [{}],
    "Dropout": [{"p": 0.0, "inplace": True}],
    "MaxPool2d": [{"kernel_size": 3, "stride": 1, "padding": 1}],
    "AvgPool2d": [{"kernel_size": 3, "stride": 1, "padding": 1}],
}


@st.composite
def networks(draw: Any) -> list[tuple[str, list[Layer]]]:
    """Blocks of layers, each joined with its input in some way."""
    channels = 4
    found = []
    for _ in range(draw(st.integers(1, 4))):
        block, out = draw(layers(channels))
        joined = ["row", "concatenate", "twice"] + ["add"] * (out == channels)
        join = draw(st.sampled_from(joined))
        found.append((join, block))
        channels = channels + out if join == "concatenate" else out
    return found


def built(library: Any, network: list[tuple[str, list[Layer]]]) -> tuple[Any, Callable[..., Any]]:
    """The network's modules in one library, and its forward pass."""
    nn = library.nn
    blocks = nn.ModuleList(
        [
            nn.Sequential(*(getattr(nn, name)(*args, **kwargs) for name, args, kwargs in block))
            for _, block in network
        ]
    )

    def forward(x: Any) -> Any:
        for (join, _), block in zip(network, blocks):
            out = block(x)
            if join == "add":  # what a layer in place changed is seen here
                out = out + x
            elif join == "concatenate":
                out = library.cat([x, out], 1)
            elif join == "twice":
                out = out * out
            x = out
        return x

    return blocks, forward
