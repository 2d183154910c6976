"""A small set in COCO's format, with all forms of masks, made on the fly."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CATEGORIES = [
    {"supercategory": "person", "id": 1, "name": "person"},
    {"supercategory": "vehicle", "id": 3, "name": "car"},
    {"supercategory": "animal", "id": 17, "name": "cat"},
    {"supercategory": "animal", "id": 18, "name": "dog"},
]
SIZES = [(40, 30), (30, 40), (64, 48), (20, 20), (50, 37)]  # width and height
IDS = [900, 25, 391895, 7, 42]  # of the pictures, in the order of the file


def polygons(rng: np.random.Generator, width: int, height: int) -> list[list[float]]:
    """One to three polygons with two decimals, some of whose points are outside or integers."""
    parts = []
    for _ in range(rng.integers(1, 4)):
        points = rng.random((rng.integers(3, 12), 2)) * [1.2 * width, 1.2 * height]
        numbers = np.round(points.ravel(), 2).tolist()
        parts.append([int(v) if rng.random() < 0.1 else v for v in numbers])
    return parts


def runs(rng: np.random.Generator, width: int, height: int) -> dict[str, Any]:
    """The uncompressed runs of a random rectangle."""
    left, top = (int(rng.integers(0, size - 4)) for size in (width, height))
    inside = np.zeros((height, width), bool)
    inside[top : top + int(rng.integers(1, height)), left : left + int(rng.integers(1, width))] = (
        True
    )
    flat = inside.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=False))
    return {"counts": np.diff(edges, prepend=0, append=flat.size).tolist(), "size": [height, width]}


def instances(seed: int = 0) -> dict[str, Any]:
    """What ``instances_….json`` has: polygons, crowds as runs, and runs as text."""
    from pycocotools import mask  # the oracle, which makes the text

    rng = np.random.default_rng(seed)
    annotations = []
    for number in range(20):
        picture = int(rng.integers(0, len(IDS) - 1))  # none in the last one
        width, height = SIZES[picture]
        segmentation: Any = polygons(rng, width, height)
        crowd = int(number % 5 == 4)
        if number % 5 >= 3:
            segmentation = runs(rng, width, height)
        if number % 5 == 3:
            text = mask.frPyObjects(segmentation, height, width)
            segmentation = {"size": text["size"], "counts": text["counts"].decode()}
        annotations.append(
            {
                "segmentation": segmentation,
                "area": float(rng.random() * 1000) if number % 3 else 37,
                "iscrowd": crowd,
                "image_id": IDS[picture],
                "bbox": np.round(rng.random(4) * 20, 2).tolist(),
                "category_id": CATEGORIES[int(rng.integers(0, 4))]["id"],
                "id": (900100000000 if crowd else 0) + 1000 - number,
            }
        )
    return {**header(), "annotations": annotations, "categories": CATEGORIES}


def header() -> dict[str, Any]:
    """What all files begin with."""
    images = [
        {
            "license": 3,
            "file_name": f"{id:012d}.jpg",
            "coco_url": f"http://images.cocodataset.org/val2017/{id:012d}.jpg",
            "height": height,
            "width": width,
            "date_captured": "2013-11-14 17:02:52",
            "id": id,
        }
        for id, (width, height) in zip(IDS, SIZES, strict=True)
    ]
    licenses = [{"url": "http://creativecommons.org/", "id": 3, "name": "Attribution é"}]
    return {"info": {"description": "COCO", "year": 2017}, "licenses": licenses, "images": images}


def captions() -> dict[str, Any]:
    """What ``captions_….json`` has."""
    texts = ["A cat.", "Ein Hund läuft.", "two\nlines ", "", "日本 \U0001f431"]
    annotations = [
        {"image_id": IDS[number % 4], "id": 48 + number, "caption": text}
        for number, text in enumerate(texts * 2)
    ]
    return {**header(), "annotations": annotations}


def keypoints() -> dict[str, Any]:
    """What ``person_keypoints_….json`` has."""
    contents = instances(1)
    for number, annotation in enumerate(contents["annotations"]):
        annotation |= {
            "category_id": 1,
            "num_keypoints": number,
            "keypoints": [number, 2, 3, 0, 0, 0, 300, 70000, 2],
        }
    names = {"keypoints": ["nose", "left_eye"], "skeleton": [[1, 2]]}
    return {**contents, "categories": [{**CATEGORIES[0], **names}]}


def broken(contents: dict[str, Any], key: str, place: int, **changes: Any) -> dict[str, Any]:
    """A copy where an element has other fields; None removes one."""
    contents = copy.deepcopy(contents)
    element = contents[key][place]
    for name, value in changes.items():
        element[name] = value
        if value is None:
            del element[name]
    return contents


def write_coco(root: Path, contents: dict[str, Any] | None = None, part: str = "val2017") -> Path:
    """Writes the pictures to ``root/part`` and ``root/annotations/instances_part.json``.

    Returns:
        The path of the latter.
    """
    rng = np.random.default_rng(0)
    (root / part).mkdir(parents=True)
    for id, (width, height) in zip(IDS, SIZES, strict=True):
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(root / part / f"{id:012d}.jpg")
    path = root / "annotations" / f"instances_{part}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(instances() if contents is None else contents))
    return path


def exactly(value: Any) -> str:
    """Tells integers from floats, and one order of keys from another."""
    return json.dumps(value)
