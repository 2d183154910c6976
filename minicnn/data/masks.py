"""Masks of objects as COCO writes them: polygons, lengths of runs, and these as text.

COCO goes through a picture column by column, each from top to bottom, so that pixel (row, column) has
the position ``column * height + row``. A mask is given by the positions where it changes. Here these
are its *boundaries*: an array of start, stop, start, stop, … in ascending order. They are short
compared with the pixels, and masks are joined and drawn from them in a few array operations.

The results are those of pycocotools (Lin et al. 2014, *Microsoft COCO: Common Objects in Context*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "boundaries_of_counts",
    "boundaries_of_polygons",
    "boundaries_of_segmentations",
    "counts_of_boundaries",
    "counts_of_text",
    "decode_mask",
    "draw_labels",
    "draw_mask",
    "encode_mask",
    "text_of_counts",
    "union",
]

_GRID = 5  # grid points for each pixel, along both axes
_FARTHEST = 2**31  # grid points from the origin
_BITS, _GOES_ON, _SIGN, _FIRST_CHARACTER = 5, 0x20, 0x10, 48
_MOST_CHARACTERS = 12  # of one number: 60 bits


def decode_mask(segmentation: Any, height: int, width: int) -> np.ndarray:
    """The mask (H, W) of an object, uint8, 1 inside.

    Args:
        segmentation: a list of polygons, each ``[x, y, x, y, …]`` in pixels, or a dict of ``counts``
            (lengths of runs, or these as text) and ``size`` (height and width).
        height, width: of the picture.

    Raises:
        ValueError: for a polygon of fewer than 3 points, runs that do not fill the picture, damaged
            text, or something else.

    As ``pycocotools.coco.COCO.annToMask``, which takes four numbers for a box and does not check runs.
    """
    (boundaries,) = boundaries_of_segmentations([segmentation], height, width)
    return draw_mask(boundaries, height, width)


def encode_mask(mask: np.ndarray) -> dict[str, Any]:
    """A mask (H, W) as the text of its runs: ``{"size": [H, W], "counts": …}``.

    As ``pycocotools.mask.encode``, whose text is bytes; this one fits into JSON.
    """
    flat = np.asarray(mask, bool).ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    boundaries = np.concatenate([[0] * int(flat[:1].any()), changes]).astype(np.int64)
    if len(boundaries) % 2:
        boundaries = np.append(boundaries, flat.size)
    counts = counts_of_boundaries(boundaries, flat.size)
    return {"size": list(mask.shape), "counts": text_of_counts(counts)}


def boundaries_of_segmentations(
    segmentations: Sequence[Any], height: int, width: int
) -> list[np.ndarray]:
    """The boundaries of each object of a picture; arguments and errors as for :func:`decode_mask`."""
    polygons: list[np.ndarray] = []
    found: list[np.ndarray | slice] = []
    for segmentation in segmentations:
        if isinstance(segmentation, Mapping):
            found.append(_boundaries_of_runs(segmentation, height, width))
        else:
            before = len(polygons)
            polygons += _as_polygons(segmentation)
            found.append(slice(before, len(polygons)))
    drawn = boundaries_of_polygons(polygons, height, width)  # all at once, which is faster
    return [union(drawn[part]) if isinstance(part, slice) else part for part in found]


def _boundaries_of_runs(segmentation: Mapping[str, Any], height: int, width: int) -> np.ndarray:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width] and size != (height, width):
        raise ValueError(f"runs of a {height} x {width} picture expected, got size {size!r:.40}")
    if isinstance(counts, str | bytes):
        return boundaries_of_counts(counts_of_text(counts), height, width)
    if not isinstance(counts, list) or not set(map(type, counts)) <= {int}:
        raise ValueError(f"lengths of runs must be integers or text, got {counts!r:.40}")
    try:
        return boundaries_of_counts(np.array(counts, np.int64), height, width)
    except OverflowError as error:
        raise ValueError(f"a run has {max(counts, key=abs)} pixels") from error


def _as_polygons(segmentation: Any) -> list[np.ndarray]:
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError(f"polygons or runs expected, got {segmentation!r:.40}")
    try:
        polygons = [np.array(polygon) for polygon in segmentation]
    except ValueError:  # lists of different lengths
        polygons = [np.array(None)]
    if any(polygon.dtype.kind not in "iuf" for polygon in polygons):
        raise ValueError(f"polygons must be lists of numbers, got {segmentation!r:.40}")
    return [polygon.astype(np.float64, copy=False) for polygon in polygons]


# ---- runs ----


def boundaries_of_counts(counts: np.ndarray, height: int, width: int) -> np.ndarray:
    """The boundaries of a mask from the lengths of its runs, the first of which is outside.

    Raises:
        ValueError: if a length is negative, or they do not fill the picture.
    """
    if len(counts) and (counts.min() < 0 or counts.max() > height * width):
        wrong = counts[(counts < 0) | (counts > height * width)][0]
        raise ValueError(f"a run has {wrong} pixels in a {height} x {width} picture")
    boundaries = np.cumsum(counts, dtype=np.int64)
    total = int(boundaries[-1]) if len(counts) else 0
    if total != height * width:
        raise ValueError(f"runs add up to {total} pixels in a {height} x {width} picture")
    return boundaries[: len(counts) // 2 * 2]


def counts_of_boundaries(boundaries: np.ndarray, size: int) -> np.ndarray:
    """The lengths of the runs of a mask of ``size`` pixels, the first of which is outside."""
    counts = np.diff(boundaries, prepend=0, append=size)
    return counts[:-1] if len(counts) > 1 and counts[-1] == 0 else counts


def counts_of_text(text: str | bytes) -> np.ndarray:
    """The lengths of runs from COCO's text.

    A character holds 5 bits of a number, the lowest first, and a sixth that says whether it goes on.
    The highest of all bits is the sign. From the fourth number on each is the difference from the
    one before the last.

    Raises:
        ValueError: for damaged text.
    """
    data = text.encode("latin-1", "replace") if isinstance(text, str) else text
    codes = np.frombuffer(data, np.uint8).astype(np.int64) - _FIRST_CHARACTER
    if not len(codes):
        return codes
    if codes.min() < 0 or codes.max() >= 2 * _GOES_ON:
        strange = chr(data[int(np.flatnonzero((codes < 0) | (codes >= 2 * _GOES_ON))[0])])
        raise ValueError(f"the text of runs contains {strange!r}")
    last = np.flatnonzero(codes < _GOES_ON)  # characters of the numbers
    if not len(last) or last[-1] != len(codes) - 1:
        raise ValueError("the text of runs ends in the middle of a number")
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    if lengths.max() > _MOST_CHARACTERS:
        raise ValueError("the text of runs contains a number that is too long")
    shifts = _BITS * (np.arange(len(codes)) - np.repeat(first, lengths))
    numbers = np.add.reduceat((codes & (_GOES_ON - 1)) << shifts, first)
    numbers -= ((codes[last] & _SIGN) != 0).astype(np.int64) << (_BITS * lengths)
    for start in (1, 2):
        numbers[start::2] = np.cumsum(numbers[start::2])
    return numbers


def text_of_counts(counts: np.ndarray) -> str:
    """COCO's text of lengths of runs; :func:`counts_of_text` describes it."""
    numbers = np.array(counts, np.int64)
    numbers[3:] -= counts[1:-2]
    characters = []  # the k-th of each number, -1 where it has fewer
    goes_on = np.ones(len(numbers), bool)
    while goes_on.any():
        code = numbers & (_GOES_ON - 1)
        numbers >>= _BITS
        present = goes_on
        goes_on = present & (numbers != np.where(code & _SIGN, -1, 0))
        characters.append(np.where(present, code + _GOES_ON * goes_on + _FIRST_CHARACTER, -1))
    if not characters:
        return ""
    table = np.stack(characters, 1)
    return table[table >= 0].astype(np.uint8).tobytes().decode("ascii")


# ---- polygons ----


def boundaries_of_polygons(
    polygons: Sequence[np.ndarray], height: int, width: int
) -> list[np.ndarray]:
    """The boundaries of each polygon; what lies outside the picture is cut off.

    Points are rounded to a grid of a fifth of a pixel. Where an edge crosses the middle of a column
    of pixels, the mask changes at the next row of pixel centres below. A pixel is inside if there is
    an odd number of changes above it.

    Args:
        polygons: x, y, x, y, … of each, in pixels.
        height, width: of the picture.

    Raises:
        ValueError: for a polygon of fewer than 3 points or an odd number of numbers, and for
            coordinates that are NaN or very large.
    """
    for polygon in polygons:
        if polygon.ndim != 1 or len(polygon) % 2 or len(polygon) < 6:
            raise ValueError(f"a polygon needs x and y of 3 points, got {polygon.tolist()!r:.80}")
    if not polygons:
        return []
    scaled = np.concatenate(polygons) * _GRID + 0.5
    if not (np.abs(scaled) < _FARTHEST).all():
        raise ValueError("a polygon has a coordinate that is NaN or too large")
    points = scaled.astype(np.int64).reshape(-1, 2)  # rounded towards 0
    lengths = np.array([len(polygon) // 2 for polygon in polygons])
    stops = np.cumsum(lengths)
    following = np.arange(1, len(points) + 1)
    following[stops - 1] = stops - lengths  # polygons are closed
    edge, column, row = _crossings(_walk(points, points[following]), height, width)
    # Sorted by polygon and position at once; two changes in one place undo each other.
    polygon_of_edge = np.repeat(np.arange(len(polygons)), lengths)
    stride = height * width + 1
    keys, count = np.unique(
        polygon_of_edge[edge] * stride + column * height + row, return_counts=True
    )
    keys = keys[count % 2 == 1]
    starts = np.searchsorted(keys, np.arange(1, len(polygons)) * stride)
    return np.split(keys % stride, starts)


class _Edges(NamedTuple):
    """Edges, each walked in steps of one grid point along its longer axis, upwards on that axis."""

    x: np.ndarray
    y: np.ndarray  # where the walk begins
    end_x: np.ndarray
    slope: np.ndarray  # of the shorter axis for a step
    steep: np.ndarray  # whether y is the longer axis


def _walk(start: np.ndarray, stop: np.ndarray) -> _Edges:
    way = stop - start
    size = np.abs(way)
    steep = size[:, 1] > size[:, 0]
    backward = np.where(steep, way[:, 1], way[:, 0]) < 0
    x, y = np.where(backward, stop.T, start.T)
    end_x, end_y = np.where(backward, start.T, stop.T)
    longer = np.maximum(size.max(1), 1)
    slope = np.where(steep, end_x - x, end_y - y) / longer
    return _Edges(x, y, end_x, slope, steep)


def _crossings(edges: _Edges, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edge, column and row of each place where an edge crosses the middle of a column of pixels.

    The middle of column c lies between the grid's columns 5c + 2 and 5c + 3.
    """
    left, right = np.minimum(edges.x, edges.end_x), np.maximum(edges.x, edges.end_x)
    first = np.maximum(-((2 - left) // _GRID), 0)
    last = np.minimum((right - 3) // _GRID, width - 1)
    count = np.maximum(last - first + 1, 0)
    edge = np.repeat(np.arange(len(count)), count)
    column = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count - first, count)
    right_of_middle = _GRID * column + 3
    x, y, _, slope, steep = (values[edge] for values in edges)
    grid_row = np.where(
        steep,
        _row_on_steep_edge(x, y, slope, right_of_middle),
        _row_on_flat_edge(x, y, slope, right_of_middle),
    )
    row = -((2 - grid_row) // _GRID)  # the next pixel centre, as the centre of row r is 5r + 2
    return edge, column, row.clip(0, height)


def _row_on_flat_edge(
    x: np.ndarray, y: np.ndarray, slope: np.ndarray, right_of_middle: np.ndarray
) -> np.ndarray:
    """The upper of the two grid points on both sides of the middle."""
    step = right_of_middle - x
    return np.minimum(_rounded(y, slope, step - 1), _rounded(y, slope, step))


def _row_on_steep_edge(
    x: np.ndarray, y: np.ndarray, slope: np.ndarray, right_of_middle: np.ndarray
) -> np.ndarray:
    """The grid point before the step that crosses the middle."""
    slope = np.where(slope == 0, 1, slope)  # of edges that are not steep; not used
    step = ((right_of_middle - 0.5 - x) / slope).astype(
        np.int64
    )  # the first to cross, or up to 2 less
    for _ in range(2):
        step += (_rounded(x, slope, step) < right_of_middle) == (slope > 0)
    return y + step - 1


def _rounded(start: np.ndarray, slope: np.ndarray, step: np.ndarray) -> np.ndarray:
    return (start + slope * step + 0.5).astype(np.int64)


# ---- drawing ----


def union(masks: Sequence[np.ndarray]) -> np.ndarray:
    """The boundaries of what is in any of the masks."""
    if len(masks) == 1:
        return masks[0]
    positions, depth = _layers(masks, np.ones(len(masks), np.int64))
    inside = depth > 0
    return positions[np.diff(inside, prepend=False)]


def draw_mask(boundaries: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mask (H, W), uint8, 1 inside; its memory is column by column."""
    flat = np.zeros(height * width, np.uint8)
    if len(boundaries):
        runs = np.arange(1, len(boundaries), dtype=np.uint8) & 1
        flat[boundaries[0] : boundaries[-1]] = np.repeat(runs, np.diff(boundaries))
    return flat.reshape(width, height).T


def draw_labels(
    masks: Sequence[np.ndarray], labels: Sequence[int], height: int, width: int, void: int = 255
) -> np.ndarray:
    """The label of each pixel (H, W), uint8: of the one object it is in.

    Pixels of no object are 0, and those of several are void.

    Args:
        masks: the boundaries of each object.
        labels: of each object; ``void`` for one whose pixels are all void.
        height, width: of the picture.
        void: the label of pixels that belong to no class.
    """
    flat = np.zeros(height * width, np.uint8)
    if masks:
        number = np.array(labels, np.int64)
        # An object counts 1 in the high bits and its label in the low ones.
        positions, sums = _layers(masks, np.where(number == void, 2 << 32, (1 << 32) + number))
        label = np.where(sums >> 32 > 1, void, sums & 0xFFFFFFFF).astype(np.uint8)
        if len(positions):
            flat[positions[0] : positions[-1]] = np.repeat(label[:-1], np.diff(positions))
    return flat.reshape(width, height).T


def _layers(masks: Sequence[np.ndarray], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where any of the masks changes, and the sum of the weights of those that are there from then on."""
    positions = np.concatenate(masks)
    change = np.repeat(weights, [len(mask) for mask in masks])
    is_stop = np.concatenate([np.arange(len(mask)) % 2 for mask in masks]) == 1
    order = np.argsort(positions, kind="stable")
    positions = positions[order]
    sums = np.cumsum(np.where(is_stop, -change, change)[order])
    last = np.append(positions[1:] != positions[:-1], True)[: len(positions)]
    return positions[last], sums[last]
