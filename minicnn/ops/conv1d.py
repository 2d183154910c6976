"""Convolution of signals: computed as images with one row, by the same kernels."""

from __future__ import annotations

from ..tensor import Tensor
from .conv import check_convolution, conv2d, conv_transpose2d
from .edge import batched_signals, in_a_row, one_precision
from .shape import squeeze, unsqueeze

Size1 = int | tuple[int]


@one_precision
@batched_signals
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size1 = 1,
    padding: Size1 | str = 0,
    dilation: Size1 = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlates signals with filters.

    Args:
        input: (N, C, L), or one signal (C, L).
        weight: (O, C / groups, K).
        bias: (O,) or None.
        stride, padding, dilation, groups: as for :func:`~minicnn.ops.conv.conv2d`, with one number.

    Returns:
        (N, O, OL), or (O, OL) for one signal.

    Raises:
        RuntimeError: for wrong shapes or dtypes, or ``'same'`` with a stride above 1.

    As ``torch.nn.functional.conv1d``.
    """
    check_convolution("conv1d", input, weight, bias, groups)
    out = conv2d(
        unsqueeze(input, 2),
        unsqueeze(weight, 2),
        bias,
        in_a_row(stride, "stride", 1),
        padding if isinstance(padding, str) else in_a_row(padding, "padding", 0),
        in_a_row(dilation, "dilation", 1),
        groups,
    )
    return squeeze(out, 2)


@one_precision
@batched_signals
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size1 = 1,
    padding: Size1 = 0,
    output_padding: Size1 = 0,
    groups: int = 1,
    dilation: Size1 = 1,
) -> Tensor:
    """The adjoint of :func:`conv1d` in its input.

    Args:
        input: (N, C, L), or one signal (C, L).
        weight: (C, O / groups, K).
        bias: (O,) or None.
        stride, padding, output_padding, groups, dilation: as for
            :func:`~minicnn.ops.conv.conv_transpose2d`, with one number.

    Returns:
        (N, O, OL), OL = (L - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.

    Raises:
        RuntimeError: for wrong shapes or dtypes.

    As ``torch.nn.functional.conv_transpose1d``.
    """
    check_convolution("conv_transpose1d", input, weight, bias, groups, transposed=True)
    out = conv_transpose2d(
        unsqueeze(input, 2),
        unsqueeze(weight, 2),
        bias,
        in_a_row(stride, "stride", 1),
        in_a_row(padding, "padding", 0),
        in_a_row(output_padding, "output_padding", 0),
        groups,
        in_a_row(dilation, "dilation", 1),
    )
    return squeeze(out, 2)
