"""Where windows end, which ONNX has to be told if not all of them fit into the padded input."""

from __future__ import annotations

from ..kernels.geometry import Geometry
from .step import Step
from .varying import Varying, in_each

__all__ = ["end_padding"]


def end_padding(step: Step, geometry: Geometry) -> list[int]:
    """The padding below and to the right.

    It is as wide as at the other sides, unless that gives another number of windows: with
    ``ceil_mode``, and with the uneven padding of ``'same'``.
    """
    if any(isinstance(n, Varying) for n in (*geometry.kernel_size, *geometry.stride)):
        raise step.unsupported("has other windows for other lengths of the inputs")
    ends = []
    for axis in (0, 1):
        pairs = in_each(geometry.input_size[axis], geometry.output_size[axis])
        stride, padding = geometry.stride[axis], geometry.padding[axis]
        window = geometry.dilation[axis] * (geometry.kernel_size[axis] - 1) + 1
        if all((n + 2 * padding - window) // stride + 1 == count for n, count in pairs):
            ends.append(padding)
            continue
        needed = {(count - 1) * stride + window - n - padding for n, count in pairs}
        if len(needed) > 1:
            raise step.unsupported("rounds its output size up, by another padding for other sizes")
        ends.append(needed.pop())
    return ends
