"""Convolution layers: Conv2d and ConvTranspose2d."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from . import init
from .module import Module
from .parameter import empty_parameter

__all__ = ["Conv2d", "ConvTranspose2d"]

Size2 = int | tuple[int, int]


def _pair(value: Size2) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)  # type: ignore[return-value]


class _Conv(Module):
    """The arguments, parameters and repr that both convolution layers share."""

    padding: Any  # (vertical, horizontal); in Conv2d also "same" or "valid"
    padding_modes: tuple[str, ...] = ("zeros",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size2,
        stride: Size2,
        padding: Size2 | str,
        output_padding: Size2,
        dilation: Size2,
        groups: int,
        bias: bool,
        padding_mode: str,
        weight_channels: tuple[int, int],
        device: DeviceLike | None,
        dtype: DTypeLike | None,
    ) -> None:
        super().__init__()
        if padding_mode not in self.padding_modes:
            modes = ", ".join(map(repr, self.padding_modes))
            raise ValueError(
                f"{type(self).__name__}: padding_mode must be one of {modes}, got {padding_mode!r}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _pair(kernel_size)
        self.stride = _pair(stride)
        self.padding = padding if isinstance(padding, str) else _pair(padding)
        self.output_padding = _pair(output_padding)
        self.dilation = _pair(dilation)
        self.groups = groups
        self.padding_mode = padding_mode
        self.weight = empty_parameter((*weight_channels, *self.kernel_size), dtype, device)
        self.register_parameter(
            "bias", empty_parameter((out_channels,), dtype, device) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        init.default_weight_and_bias_(self.weight, self.bias)

    def border(self) -> list[tuple[int, int]]:
        """How many pixels are added above and below an image, and to its left and right."""
        if self.padding == "valid":
            return [(0, 0), (0, 0)]
        if self.padding != "same":
            return [(each, each) for each in self.padding]
        missing = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        return [(each // 2, each - each // 2) for each in missing]

    def extra_repr(self) -> str:
        parts = [
            f"{self.in_channels}, {self.out_channels}",
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        shown_unless = {
            "padding": (0, 0),
            "dilation": (1, 1),
            "output_padding": (0, 0),
            "groups": 1,
        }
        for name, default in shown_unless.items():
            value = getattr(self, name)
            if value != default:
                # as torch: 'same' is printed without quotes
                parts.append(f"{name}={value}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


def _check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    if groups <= 0:
        raise ValueError(f"groups must be a positive integer, got {groups}")
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups != 0:
            raise ValueError(f"{name} must be divisible by groups, got {channels} and {groups}")


class Conv2d(_Conv):
    """Cross-correlation of images: (N, C, H, W) to (N, O, OH, OW).

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: height and width of the window: one number for both, or a pair.
        stride: step of the window.
        padding: pixels added on every side, or ``"valid"`` (none), or ``"same"`` (the output has
            the input's size; stride 1 only).
        dilation: distance between the pixels under the window.
        groups: number of groups that the channels are split into; each is convolved separately.
        bias: whether to add a learned number to each output channel.
        padding_mode: what the added pixels are: ``"zeros"``, or ``"reflect"``, ``"replicate"`` or
            ``"circular"`` as in ``functional.pad``.

    Weight (O, C / groups, KH, KW) and bias (O,) start from U(±1 / sqrt(fan_in)).
    As ``torch.nn.Conv2d``.

    Raises:
        ValueError: for groups that do not divide the channels, an unknown padding or padding mode,
            or ``padding="same"`` with a stride.
    """

    padding_modes = ("zeros", "reflect", "replicate", "circular")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size2,
        stride: Size2 = 1,
        padding: Size2 | str = 0,
        dilation: Size2 = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        _check_groups(in_channels, out_channels, groups)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"padding must be 'same', 'valid' or numbers, got {padding!r}")
            if padding == "same" and _pair(stride) != (1, 1):
                raise ValueError(f"padding='same' needs stride 1, got stride {stride}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, bias,
            padding_mode, (out_channels, in_channels // groups), device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            (top, bottom), (left, right) = self.border()
            input = F.pad(input, (left, right, top, bottom), mode=self.padding_mode)
            padding = 0
        return F.conv2d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class ConvTranspose2d(_Conv):
    """Upsampling by the input gradient of a convolution: (N, C, H, W) to (N, O, OH, OW).

    Arguments as in :class:`Conv2d`, with zeros as the only padding mode, and:

    Args:
        output_padding: rows and columns added at the bottom and right of the output. A strided
            convolution maps several sizes to the same one; this chooses between them. Must be
            smaller than the stride or the dilation.

    Weight is (C, O / groups, KH, KW). As ``torch.nn.ConvTranspose2d``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size2,
        stride: Size2 = 1,
        padding: Size2 = 0,
        output_padding: Size2 = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size2 = 1,
        padding_mode: str = "zeros",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        _check_groups(in_channels, out_channels, groups)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation,
            groups, bias, padding_mode, (in_channels, out_channels // groups), device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """``output_size``, (OH, OW) or the whole shape, replaces ``output_padding``."""
        output_padding = self.output_padding
        if output_size is not None:
            output_padding = self._output_padding_for(input, tuple(output_size))
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, output_padding, self.groups,
            self.dilation,
        )  # fmt: skip

    def _output_padding_for(self, input: Tensor, output_size: tuple[int, ...]) -> tuple[int, int]:
        """The ``output_padding`` that gives ``output_size``; ValueError when none does."""
        if len(output_size) not in (2, input.ndim):
            raise ValueError(
                f"output_size must be (OH, OW) or the whole output shape, got {output_size}"
            )
        smallest = [
            (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
            for size, stride, padding, dilation, kernel in zip(
                input.array.shape[-2:], self.stride, self.padding, self.dilation, self.kernel_size,
                strict=True,
            )
        ]  # fmt: skip
        largest = [low + stride - 1 for low, stride in zip(smallest, self.stride, strict=True)]
        wanted = output_size[-2:]
        if any(not lo <= n <= hi for lo, n, hi in zip(smallest, wanted, largest, strict=True)):
            raise ValueError(
                f"output_size must be between {tuple(smallest)} and {tuple(largest)} for an input "
                f"of {tuple(input.array.shape[-2:])}, got {wanted}"
            )
        return wanted[0] - smallest[0], wanted[1] - smallest[1]
