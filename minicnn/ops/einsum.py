"""Einstein's summation: ``einsum("bij,bjk->bik", x, y)``, as sums, permutations and matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from .diagonal import diagonal
from .elementwise import mul
from .linear import bmm
from .promotion import result_dtype
from .shape import check_tensors, reshape

Labels = list[Any]  # letters or numbers; the dimensions of an ellipsis are ("…", number)


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sums of products of elements, with a letter for each dimension.

    Args:
        equation: the letters of each operand, with commas between, and of the result after ``->``;
            without it, the letters that occur once, in alphabetical order. ``...`` stands for any
            dimensions, which are broadcast. A letter that repeats in an operand takes a diagonal.
        operands: tensors, or a list of them. Instead of an equation, each tensor may be followed by a
            list of numbers below 52, and the last list is for the result.

    Raises:
        RuntimeError: for an equation that is wrong or does not fit the operands.

    As ``torch.einsum``; operands are multiplied from left to right.
    """
    if isinstance(equation, str):
        tensors = list(operands[0]) if _is_list(operands) else list(operands)
        inputs, output = _parse(equation)
    else:
        tensors, inputs, output = _from_lists([equation, *operands])
    if not tensors:
        raise RuntimeError("einsum expects at least one operand, got none")
    check_tensors("einsum", tensors)
    if len(tensors) != len(inputs):
        raise RuntimeError(
            f"einsum expects {len(inputs)} operands by its equation, got {len(tensors)}"
        )
    labels = [_with_ellipsis(part, x.ndim) for part, x in zip(inputs, tensors)]
    result = _result_labels(labels, output)
    _check_lengths(labels, tensors)
    parts = [_without_repeats(x, part) for x, part in zip(tensors, labels)]
    total, of_total = parts[0]
    for i, (x, of_x) in enumerate(parts[1:], 1):
        later = {label for _, part in parts[i + 1 :] for label in part}.union(result)
        total, of_total = _product(total, of_total, x, of_x, later)
    for label in [label for label in of_total if label not in result]:
        total = total.sum(of_total.index(label))
        of_total.remove(label)
    return total.permute([of_total.index(label) for label in result]) if result else total


def _is_list(operands: Sequence[Any]) -> bool:
    return len(operands) == 1 and isinstance(operands[0], (tuple, list))


def _parse(equation: str) -> tuple[list[Labels], Labels | None]:
    """The labels of the operands and of the result, with ``...`` where an ellipsis stands."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = [_labels(part, equation) for part in left.split(",")]
    return parts, _labels(right, equation) if arrow else None


def _labels(text: str, equation: str) -> Labels:
    labels: Labels = []
    before, dots, after = text.partition("...")
    for letter in before:
        labels.append(letter)
    labels += ["..."] * bool(dots) + list(after)
    letters = [label for label in labels if label != "..."]
    if not all(len(letter) == 1 and letter.isascii() and letter.isalpha() for letter in letters):
        raise RuntimeError(f"einsum expects letters, commas, '...' and '->', got {equation!r}")
    return labels


def _from_lists(given: list[Any]) -> tuple[list[Tensor], list[Labels], Labels | None]:
    """The operands and labels of ``einsum(x, [0, 1], y, [1, 2], [0, 2])``."""
    output = given.pop() if len(given) % 2 else None
    parts = given[1::2] + ([] if output is None else [output])
    for part in parts:
        if any(n is not Ellipsis and not (isinstance(n, int) and 0 <= n < 52) for n in part):
            raise RuntimeError(f"einsum expects lists of numbers in [0, 51], got {part}")
    named = [
        ["..." if n is Ellipsis else chr(65 + n + 6 * (n >= 26)) for n in part] for part in parts
    ]
    return given[::2], named[: len(given) // 2], named[-1] if output is not None else None


def _with_ellipsis(labels: Labels, ndim: int) -> Labels:
    """The labels with those of the dimensions that an ellipsis stands for, counted from the last."""
    count = ndim - len(labels) + 1
    if "..." not in labels:
        if len(labels) != ndim:
            raise RuntimeError(f"einsum got {len(labels)} labels for {ndim} dimensions")
        return list(labels)
    if count < 0 or labels.count("...") > 1:
        raise RuntimeError(f"einsum got labels {labels} for {ndim} dimensions")
    at = labels.index("...")
    return labels[:at] + [("...", i) for i in range(-count, 0)] + labels[at + 1 :]


def _result_labels(operands: list[Labels], output: Labels | None) -> Labels:
    """The labels of the result, with those of the ellipsis."""
    every = [label for labels in operands for label in labels]
    dots = sorted({label for label in every if isinstance(label, tuple)})
    if output is None:
        letters = sorted(
            {label for label in every if every.count(label) == 1 and label not in dots}
        )
        return [*dots, *letters]
    if len(set(output)) != len(output) or any(v not in every for v in output if v != "..."):
        raise RuntimeError(
            f"einsum's result may name each label of the operands once, got {output}"
        )
    return [v for label in output for v in (dots if label == "..." else [label])]


def _check_lengths(operands: list[Labels], tensors: list[Tensor]) -> None:
    lengths: dict[Any, int] = {}
    for labels, x in zip(operands, tensors):
        for d, label in enumerate(labels):
            n = x.shape[d]
            if labels.count(label) > 1 and n != x.shape[labels.index(label)]:
                raise RuntimeError(
                    f"einsum got label {label!r} for two lengths in shape {tuple(x.shape)}"
                )
            if n != 1 and lengths.setdefault(label, n) != n:
                raise RuntimeError(
                    f"einsum got label {label!r} for lengths {lengths[label]} and {n}"
                )


def _without_repeats(x: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """The diagonals over labels that occur twice in one operand."""
    labels = list(labels)
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = diagonal(x, 0, first, second)
            del labels[second], labels[first]
            labels.append(label)
    return x, labels


def _product(
    x: Tensor, of_x: Labels, y: Tensor, of_y: Labels, later: set[Any]
) -> tuple[Tensor, Labels]:
    """The product of two operands, summed over the labels that nothing else needs."""
    x, of_x = _summed(x, of_x, {*of_y, *later})
    y, of_y = _summed(y, of_y, {*of_x, *later})
    long_x, long_y = _long(x, of_x), _long(y, of_y)
    # a label of length 1 on one side broadcasts: it belongs to the other side alone
    shared = [v for v in of_x if v in of_y and ((v in long_x) == (v in long_y))]
    batch = [v for v in shared if v in later]
    summed = [v for v in shared if v not in later]
    both = [v for v in of_x if v in of_y and v not in shared]
    own_x = [v for v in of_x if v not in of_y or (v in both and v in long_x)]
    own_y = [v for v in of_y if v not in of_x or (v in both and v in long_y)]
    for v in [v for v in both if v not in later]:  # summed, but one side is the same for all
        if v in own_x:
            x, of_x = _summed(x, of_x, set(of_x) - {v})
            own_x.remove(v)
        else:
            y, of_y = _summed(y, of_y, set(of_y) - {v})
            own_y.remove(v)
    left = _matrices(x, of_x, batch, own_x, summed)
    right = _matrices(y, of_y, batch, summed, own_y)
    size = {v: n for labels, t in ((of_y, y), (of_x, x)) for v, n in zip(labels, t.shape) if n != 1}
    labels = batch + own_x + own_y
    dtype = result_dtype([left, right], [])  # sums of integers are int64
    left, right = left.to(dtype), right.to(dtype)
    product = bmm(left, right) if summed else mul(left, right)
    out = reshape(product, [size.get(v, 1) for v in labels])
    return out, labels


def _long(x: Tensor, labels: Labels) -> set[Any]:
    return {v for v, n in zip(labels, x.shape) if n != 1}


def _summed(x: Tensor, labels: Labels, kept: set[Any]) -> tuple[Tensor, Labels]:
    """x summed over the labels that are not kept."""
    dims = tuple(d for d, v in enumerate(labels) if v not in kept)
    if not dims:
        return x, list(labels)
    return x.sum(dims), [v for v in labels if v in kept]


def _matrices(x: Tensor, labels: Labels, *groups: Labels) -> Tensor:
    """x with its dimensions in three groups, each made one."""
    wanted = [v for group in groups for v in group]
    lengths = dict(zip(labels, x.shape))
    rest = [v for v in labels if v not in wanted]  # of length 1
    x = x.permute([labels.index(v) for v in wanted + rest]) if labels else x
    return reshape(x, [math.prod(lengths[v] for v in group) for group in groups])
