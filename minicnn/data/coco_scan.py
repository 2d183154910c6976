"""Reads an annotation file in COCO's format into arrays, piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .json_stream import DamagedJson, Element, read_elements
from .packed import PackedStrings
from .packed_numbers import smallest_integers
from .packed_records import RecordPacker, as_integer
from .problems import Problems

__all__ = ["scan"]

_FIELDS: dict[str, dict[str, type]] = {
    "images": {"id": int, "file_name": str},
    "annotations": {"id": int, "image_id": int},
    "categories": {"id": int, "name": str},
}


def scan(path: Path) -> dict[str, np.ndarray]:
    """All that a file says, as arrays.

    What is broken is noted and left out: everything from where the JSON is damaged or cut; pictures,
    annotations and categories that lack a field or have the id of an earlier one; annotations
    without picture.

    Returns:
        ``images``, ``annotations``: as :class:`.PackedRecords`; some of them may be left out.
        ``images.by_id``, ``annotations.by_id``: places of the others, by ascending id.
        ``of_picture.order``, ``of_picture.offsets``: places of the annotations of each picture, in
        the order of the file; the pictures by ascending id.
        ``files``: the pictures' names, as :class:`.PackedStrings`.
        ``others``: all members as JSON, (M,) uint8; of images and annotations empty arrays.
        And those of :class:`.Problems`.

    Raises:
        OSError: if the file cannot be read.
    """
    problems = Problems()
    images = RecordPacker(["id", "height", "width"])
    annotations = RecordPacker(["id", "image_id", "category_id", "iscrowd"], ["area"])
    files: list[str] = []
    others: dict[str, Any] = {}
    for key, place, value in _elements(path, problems):
        if place == 0:
            others[key] = []  # says that the key is there
        if key == "categories":
            others[key] = _categories(value, f"{path}: {key}", problems)
        elif place is None:
            others[key] = value
        elif reason := _what_is_wrong(value, _FIELDS[key]):
            problems.note(f"{path}: {key}[{place}]", reason)
        elif key == "images":
            images.add(value)
            files.append(_file_name(value))
        else:
            annotations.add(value)
    if "images" not in others and not problems:
        problems.note(str(path), "has no 'images', so it is not in COCO's format")
    arrays = {**images.arrays("images"), **annotations.arrays("annotations")}
    ids = arrays["images.column.id"]
    arrays["images.by_id"] = order = _by_id(ids, f"{path}: picture", problems)
    arrays |= _order_annotations(arrays, ids[order], f"{path}: annotation", problems)
    return {
        **arrays,
        **PackedStrings.pack(name.encode("utf-8", "replace").decode() for name in files).arrays(
            "files"
        ),
        "others": np.frombuffer(json.dumps(others).encode(), np.uint8),
        **problems.arrays(),
    }


def _elements(path: Path, problems: Problems) -> Iterator[Element]:
    """The parts of the file up to where it is damaged."""
    size = path.stat().st_size
    bar = tqdm(desc=path.name, total=size, unit="B", unit_scale=True, disable=None, leave=False)
    with path.open("rb") as file, bar:
        try:
            yield from read_elements(file, ("images", "annotations"), bar.update)
        except DamagedJson as error:
            problems.note(str(path), str(error))


def _what_is_wrong(value: Any, fields: Mapping[str, type]) -> str:
    """Why ``value`` is no object with these fields; the empty string if it is."""
    if not isinstance(value, dict):
        return f"is no object but {value!r:.40}"
    for key, kind in fields.items():
        if key not in value:
            if key == "file_name" and isinstance(value.get("coco_url"), str):
                continue
            if "segments_info" in value:
                return "is of a panoptic segmentation, which cannot be read"
            return f"has no {key!r}"
        part = value[key]
        if kind is int and type(part) is float:  # 5.0, as tables make of ids
            part = as_integer(part)
        if type(part) is not kind or (type(part) is int and abs(part) >> 62):
            return f"{key!r} must be of type {kind.__name__}, got {value[key]!r:.40}"
    return ""


def _file_name(picture: Mapping[str, Any]) -> str:
    """``file_name``; in LVIS, which has none, the end of the URL, such as ``train2017/9.jpg``."""
    name = picture.get("file_name")
    return "/".join(picture["coco_url"].split("/")[-2:]) if name is None else name


def _categories(value: Any, where: str, problems: Problems) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        problems.note(where, f"is no array but {value!r:.40}")
        return []
    found: dict[int, dict[str, Any]] = {}
    for index, category in enumerate(value):
        reason = _what_is_wrong(category, _FIELDS["categories"])
        if not reason and category["id"] in found:
            reason = f"has the id {category['id']} of an earlier one"
        if reason:
            problems.note(f"{where}[{index}]", reason)
        else:
            found[category["id"]] = category
    return list(found.values())


def _by_id(ids: np.ndarray, where: str, problems: Problems) -> np.ndarray:
    """The places of the ids in ascending order, the first place of each."""
    order = np.argsort(ids, kind="stable")
    is_first = np.ones(len(ids), bool)
    is_first[1:] = ids[order][1:] != ids[order][:-1]
    for id in ids[order[~is_first]].tolist():
        problems.note(f"{where} {id}", "has the id of an earlier one")
    return smallest_integers(order[is_first])


def _order_annotations(
    arrays: Mapping[str, np.ndarray], pictures: np.ndarray, where: str, problems: Problems
) -> dict[str, np.ndarray]:
    """The places of the annotations by id and by picture.

    Args:
        arrays: of the annotations.
        pictures: ids of all pictures, ascending.
        where, problems: for those that have no picture.
    """
    ids, picture = (arrays[f"annotations.column.{key}"] for key in ("id", "image_id"))
    by_id = _by_id(ids, where, problems)
    has_picture = np.isin(picture, pictures)
    for place in by_id[~has_picture[by_id]]:
        problems.note(f"{where} {ids[place]}", f"there is no picture {picture[place]}")
    by_id = by_id[has_picture[by_id]]
    in_file = np.sort(by_id)
    rank = np.searchsorted(pictures, picture[in_file])
    counts = np.bincount(rank, minlength=len(pictures))
    return {
        "annotations.by_id": by_id,
        "of_picture.order": in_file[np.argsort(rank, kind="stable")],
        "of_picture.offsets": smallest_integers(np.append(0, np.cumsum(counts))),
    }
