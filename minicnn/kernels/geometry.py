"""The geometry of a window sliding over an image, shared by convolution, pooling and unfolding."""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """Where the windows of a convolution or pooling lie in its input.

    All pairs are (vertical, horizontal), in pixels. Position (kh, kw) of the window of output pixel
    (oh, ow) is in input row ``oh * stride[0] - padding[0] + kh * dilation[0]``, columns likewise;
    positions outside the input are padding. The padding below and to the right follows from
    ``output_size``, so ``ceil_mode`` and the uneven padding of ``'same'`` need no extra fields.
    """

    input_size: Pair
    output_size: Pair
    kernel_size: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


def adaptive_windows(size: int, output_size: int) -> list[Pair]:
    """The start and stop of each window of adaptive pooling along an axis.

    The other way round, ``adaptive_windows(output_size, size)`` are the windows that cover each pixel.
    """
    return [
        (i * size // output_size, -(-(i + 1) * size // output_size)) for i in range(output_size)
    ]
