"""Convolution layers, of images and of signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from . import init
from .integers import check_integers
from .module import Module
from .parameter import empty_parameter
from .tuples import _ntuple

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

Size1 = int | tuple[int]
Size2 = int | tuple[int, int]


class _Conv(Module):
    """The arguments, parameters and repr that all convolution layers share."""

    dims: int  # 1 for signals, 2 for images
    transposed = False
    # one number for each dimension; padding is also "same" or "valid"
    kernel_size: Any
    stride: Any
    padding: Any
    dilation: Any
    output_padding: Any
    padding_modes: tuple[str, ...] = ("zeros", "reflect", "replicate", "circular")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: DeviceLike | None,
        dtype: DTypeLike | None,
        output_padding: Any = 0,
    ) -> None:
        check_integers(
            self, in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size,
            stride=stride, padding=0 if isinstance(padding, str) else padding, dilation=dilation,
            groups=groups, output_padding=output_padding,
        )  # fmt: skip
        _check_groups(in_channels, out_channels, groups)
        super().__init__()
        if padding_mode not in self.padding_modes:
            modes = ", ".join(map(repr, self.padding_modes))
            raise ValueError(
                f"{type(self).__name__}: padding_mode must be one of {modes}, got {padding_mode!r}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        for_each = _ntuple(self.dims)
        self.kernel_size = for_each(kernel_size)
        self.stride = for_each(stride)
        self.padding = padding if isinstance(padding, str) else for_each(padding)
        self.dilation = for_each(dilation)
        self.output_padding = for_each(output_padding)
        self._check_padding()
        self.groups = groups
        self.padding_mode = padding_mode
        ends = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (ends[0], ends[1] // groups, *self.kernel_size)
        self.weight = empty_parameter(shape, dtype, device)
        self.register_parameter(
            "bias", empty_parameter((out_channels,), dtype, device) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        init.default_weight_and_bias_(self.weight, self.bias)

    def _check_padding(self) -> None:
        if not isinstance(self.padding, str):
            return
        if self.padding not in ("same", "valid"):
            raise ValueError(f"padding must be 'same', 'valid' or numbers, got {self.padding!r}")
        if self.padding == "same" and set(self.stride) != {1}:
            raise ValueError(f"padding='same' needs stride 1, got stride {self.stride}")

    def border(self) -> list[tuple[int, int]]:
        """How many pixels are added before and after the input along each dimension."""
        if self.padding == "valid":
            return [(0, 0)] * self.dims
        if self.padding != "same":
            return [(each, each) for each in self.padding]
        missing = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        return [(each // 2, each - each // 2) for each in missing]

    def _padded(self, input: Tensor) -> Tensor:
        """The input with a border of the padding mode."""
        widths = [width for pair in reversed(self.border()) for width in pair]
        return F.pad(input, widths, mode=self.padding_mode)

    def extra_repr(self) -> str:
        parts = [
            f"{self.in_channels}, {self.out_channels}",
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        shown_unless = {
            "padding": (0,) * self.dims,
            "dilation": (1,) * self.dims,
            "output_padding": (0,) * self.dims,
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


class Conv1d(_Conv):
    """Cross-correlation of signals: (N, C, L) to (N, O, OL).

    Arguments as in :class:`Conv2d`, with one number for each. Weight (O, C / groups, K) and bias (O,)
    start from U(±1 / sqrt(fan_in)). As ``torch.nn.Conv1d``.
    """

    dims = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size1,
        stride: Size1 = 1,
        padding: Size1 | str = 0,
        dilation: Size1 = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = self._padded(input), 0
        return F.conv1d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


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

    dims = 2

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
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = self._padded(input), 0
        return F.conv2d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class _ConvTranspose(_Conv):
    """What both transposed convolutions share."""

    transposed = True
    padding_modes = ("zeros",)

    def _check_padding(self) -> None:
        """Any numbers will do."""

    def _extra(self, input: Tensor, output_size: Sequence[int] | None) -> Any:
        """The ``output_padding`` that gives ``output_size``; ValueError when none does."""
        if output_size is None:
            return self.output_padding
        if len(output_size) not in (self.dims, input.ndim):
            raise ValueError(
                f"output_size must have {self.dims} or {input.ndim} numbers, got {output_size}"
            )
        smallest = [
            (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
            for size, stride, padding, dilation, kernel in zip(
                input.array.shape[-self.dims :], self.stride, self.padding, self.dilation, self.kernel_size,
                strict=True,
            )
        ]  # fmt: skip
        largest = [low + stride - 1 for low, stride in zip(smallest, self.stride, strict=True)]
        wanted = tuple(output_size[-self.dims :])
        if any(not lo <= n <= hi for lo, n, hi in zip(smallest, wanted, largest, strict=True)):
            raise ValueError(
                f"output_size must be between {tuple(smallest)} and {tuple(largest)} for an input "
                f"of {tuple(input.array.shape[-self.dims :])}, got {wanted}"
            )
        return tuple(n - low for n, low in zip(wanted, smallest, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """Upsampling by the input gradient of a convolution: (N, C, L) to (N, O, OL).

    Arguments as in :class:`ConvTranspose2d`, with one number for each. Weight is (C, O / groups, K).
    As ``torch.nn.ConvTranspose1d``.
    """

    dims = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size1,
        stride: Size1 = 1,
        padding: Size1 = 0,
        output_padding: Size1 = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size1 = 1,
        padding_mode: str = "zeros",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, device, dtype, output_padding,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """``output_size``, OL or the whole shape, replaces ``output_padding``."""
        return F.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding,
            self._extra(input, output_size), self.groups, self.dilation,
        )  # fmt: skip


class ConvTranspose2d(_ConvTranspose):
    """Upsampling by the input gradient of a convolution: (N, C, H, W) to (N, O, OH, OW).

    Arguments as in :class:`Conv2d`, with zeros as the only padding mode, and:

    Args:
        output_padding: rows and columns added at the bottom and right of the output. A strided
            convolution maps several sizes to the same one; this chooses between them. Must be
            smaller than the stride or the dilation.

    Weight is (C, O / groups, KH, KW). As ``torch.nn.ConvTranspose2d``.
    """

    dims = 2

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
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode, device, dtype, output_padding,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """``output_size``, (OH, OW) or the whole shape, replaces ``output_padding``."""
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding,
            self._extra(input, output_size), self.groups, self.dilation,
        )  # fmt: skip
