"""Reads the annotations of Open Images into arrays in which a picture's rows follow each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..problems import Problems
from .classes import Classes
from .rows import Rows, read_rows

__all__ = ["FLAGS", "begins_of_runs", "scan"]

FLAGS = ("IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside")
_SIDES = ("XMin", "YMin", "XMax", "YMax")
_WRONG_PATH = "MaskPath should be the name of a file, of at most 63 characters"
_REQUIRED = {
    "labels": ("ImageID", "LabelName", "Confidence"),
    "boxes": ("ImageID", "LabelName", *_SIDES),
    "masks": ("MaskPath", "ImageID", "LabelName", *(f"Box{side}" for side in _SIDES)),
}


def scan(
    path: Path, annotations: str, classes: Classes, source: str, problems: Problems
) -> dict[str, np.ndarray]:
    """The rows of a file of annotations.

    Args:
        path: the CSV file.
        annotations: ``"labels"``, ``"boxes"`` or ``"masks"``.
        classes: all that may occur.
        source: where these are from, to say which one is not among them.
        problems: takes what is wrong with the rows, which are left out.

    Returns:
        Arrays by name. ``id`` (M,) uint64 are the pictures, ascending; picture i has the rows
        ``first[i]`` to ``first[i + 1] - 1``. For each row there are ``label`` (the class's number),
        and for labels ``positive``; for boxes ``box`` (x₁, y₁, x₂, y₂ as shares of the width and the
        height) and ``flags`` (:data:`FLAGS`, -1 is unknown); for masks ``box``, ``predicted_iou``
        (NaN is unknown) and ``mask_path`` (its characters, (N, W) uint8).

    Raises:
        ValueError: if a column is missing, or there is no row.
    """
    mids = np.array([mid.encode("utf-8", "surrogateescape") for mid in classes.mids])
    order = np.argsort(mids)
    number = order.astype(np.min_scalar_type(len(mids)))
    parse: Callable[[Rows], dict[str, np.ndarray]] = _PARSERS[annotations]
    grouped = _Grouped()
    for rows in read_rows(path, _REQUIRED[annotations], problems):
        ids = rows.hexadecimal("ImageID")
        label = rows.places("LabelName", mids[order], f"a class of {source}")
        columns = {"label": number[label], **parse(rows)}
        grouped.add(ids[rows.good], {name: a[rows.good] for name, a in columns.items()})
    arrays = grouped.arrays()
    if not len(arrays["id"]):
        wrong = f"; {problems.count} are wrong, the first: {problems.found[0]}" if problems else ""
        raise ValueError(f"{path} has no rows{wrong}")
    if "mask_path" in arrays:
        used = np.flatnonzero(arrays["mask_path"].any(axis=0))  # as many as the longest has
        arrays["mask_path"] = arrays["mask_path"][:, : used[-1] + 1].copy()
    return arrays


def _labels(rows: Rows) -> dict[str, np.ndarray]:
    return {"positive": (rows.numbers("Confidence", 0, 1) >= 0.5).astype(np.uint8)}


def _boxes(rows: Rows) -> dict[str, np.ndarray]:
    flags = [
        rows.numbers(flag, -1, 1) if rows.has(flag) else np.full(len(rows), -1) for flag in FLAGS
    ]
    return {"box": _sides(rows, ""), "flags": np.stack(flags, axis=1).astype(np.int8)}


def _masks(rows: Rows) -> dict[str, np.ndarray]:
    iou = np.full(len(rows), np.nan)
    if rows.has("PredictedIoU"):
        iou = rows.numbers("PredictedIoU", 0, 1, empty=np.nan)
    path = rows.text("MaskPath")
    length = np.strings.str_len(path)
    wrong: np.ndarray = (length == 0) | (length == path.itemsize)
    rows.refuse(wrong, lambda i: _WRONG_PATH)
    return {
        "box": _sides(rows, "Box"),
        "predicted_iou": iou.astype(np.float32),
        "mask_path": path.view(np.uint8).reshape(len(rows), path.itemsize),
    }


_PARSERS = {"labels": _labels, "boxes": _boxes, "masks": _masks}


def _sides(rows: Rows, prefix: str) -> np.ndarray:
    """Boxes, (N, 4) float32."""
    sides = np.stack([rows.numbers(prefix + side, 0, 1) for side in _SIDES], axis=1)
    reversed_sides = (sides[:, 0] > sides[:, 2]) | (sides[:, 1] > sides[:, 3])
    rows.refuse(reversed_sides, lambda i: f"the box ends before it begins: {sides[i].tolist()}")
    return sides.astype(np.float32)


class _Grouped:
    """Rows, grouped by picture in the end; in the files most rows of a picture are neighbours."""

    def __init__(self) -> None:
        self._ids: list[np.ndarray] = []  # of each run of rows of the same picture
        self._counts: list[np.ndarray] = []  # its length
        self._columns: dict[str, list[np.ndarray]] = {}

    def add(self, ids: np.ndarray, columns: dict[str, np.ndarray]) -> None:
        begins = begins_of_runs(ids)
        self._ids.append(ids[begins])
        self._counts.append(np.diff(begins, append=len(ids)).astype(np.uint32))
        for name, column in columns.items():
            self._columns.setdefault(name, []).append(column)

    def arrays(self) -> dict[str, np.ndarray]:
        ids = np.concatenate([np.empty(0, np.uint64), *self._ids])
        counts = np.concatenate([np.empty(0, np.int64), *self._counts])
        arrays = {name: np.concatenate(self._columns.pop(name)) for name in list(self._columns)}
        if (ids[1:] < ids[:-1]).any():
            order = np.argsort(ids, kind="stable")
            first = np.cumsum(counts) - counts
            ids, counts, first = ids[order], counts[order], first[order]
            take = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
            arrays = {name: column[take] for name, column in arrays.items()}
        begins = begins_of_runs(ids)
        ends = np.concatenate([[0], np.cumsum(counts)])
        arrays["id"] = ids[begins]
        arrays["first"] = ends[np.concatenate([begins, [len(ids)]])]
        return arrays


def begins_of_runs(numbers: np.ndarray) -> np.ndarray:
    """Where each run of equal numbers begins.

    Of sorted numbers these are the different ones, which ``np.unique`` takes far longer to find.
    """
    differs = numbers[1:] != numbers[:-1]
    return np.flatnonzero(np.concatenate([np.ones(len(numbers[:1]), bool), differs]))
