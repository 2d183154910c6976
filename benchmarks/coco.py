"""COCO's annotations: how long the first opening takes and the others, their memory, masks a second.

    python benchmarks/coco.py                  # a made file of train2017's size: 450 MB, a minute or two
    python benchmarks/coco.py --share 0.1      # a tenth of it
    python benchmarks/coco.py --file annotations/instances_train2017.json

Each figure is measured in a process of its own. If pycocotools is installed, it is measured, too.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from common import print_environment

PICTURES, ANNOTATIONS = 118_287, 860_001  # of train2017
NUMBERS = 48  # coordinates of an annotation on average, which makes the file as large
CATEGORIES = [{"supercategory": "thing", "id": id, "name": f"thing {id}"} for id in range(1, 81)]
MASKS = 2000


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--file", type=Path, help="annotations; made by default")
    parser.add_argument("--share", type=float, default=1, help="of train2017's size (%(default)s)")
    return parser.parse_args()


def write_annotations(path: Path, share: float) -> None:
    """Random annotations, of which several have the same mask."""
    rng = np.random.default_rng(0)
    pictures = max(int(PICTURES * share), 1)
    masks = [json.dumps(make_mask(rng, number), separators=(",", ":")) for number in range(MASKS)]
    with path.open("w", encoding="utf-8") as file:
        file.write('{"info": {"year": 2017}, "licenses": [], "images": [')
        for number in range(pictures):
            file.write("," * (number > 0) + json.dumps(make_picture(number)))
        file.write('], "annotations": [')
        for number in range(int(ANNOTATIONS * share)):
            x, y, width, height, area = np.round(rng.random(5) * 400, 2).tolist()
            crowd = int(number % 100 == 99)
            file.write(
                f'{"," * (number > 0)}{{"segmentation": {masks[number % MASKS]},"area": {area * 7},'
                f'"iscrowd": {crowd},"image_id": {5 * int(rng.integers(pictures))},'
                f'"bbox": [{x},{y},{width},{height}],"category_id": {int(rng.integers(1, 81))},'
                f'"id": {10 * number + 900100000000 * crowd}}}'
            )
        file.write(f'], "categories": {json.dumps(CATEGORIES)}}}')


def make_picture(number: int) -> dict[str, Any]:
    name = f"{5 * number:012d}.jpg"
    return {
        "license": 3, "file_name": name,
        "coco_url": f"http://images.cocodataset.org/train2017/{name}",
        "height": 480, "width": 640, "date_captured": "2013-11-14 11:18:45",
        "flickr_url": f"http://farm9.staticflickr.com/8186/{number:010d}_1b9d5d5b1a_z.jpg",
        "id": 5 * number,
    }  # fmt: skip


def make_mask(rng: np.random.Generator, number: int) -> dict[str, Any] | list[list[float]]:
    """One in a hundred is a crowd of 200 runs, one in five has two polygons."""
    if number % 100 == 99:
        cuts = np.sort(rng.integers(0, 640 * 480, 199))
        counts = np.diff(cuts, prepend=0, append=640 * 480).tolist()
        return {"counts": counts, "size": [480, 640]}
    points = int(rng.integers(6, NUMBERS - 5))
    center, radius = rng.random(2) * [640, 480], rng.integers(5, 200)
    angle = np.sort(rng.random(points)) * 2 * np.pi
    outline = center + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
    numbers = np.round(outline.clip(0, [640, 480]), 2).ravel().tolist()
    middle = points // 2 * 2
    return [numbers[:middle], numbers[middle:]] if number % 5 == 0 else [numbers]


# ---- what a process of its own measures ----


def memory(kind: str = "VmRSS") -> float:
    """Of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(kind + ":"))
    return int(line.split()[1]) / 1000


def measure_opening(path: Path) -> dict[str, float]:
    from minicnn.data.coco_annotations import CocoAnnotations

    before, start, cpu = memory(), time.perf_counter(), time.process_time()
    with contextlib.redirect_stderr(io.StringIO()):
        coco = CocoAnnotations(path, on_error="skip")
    found = {"seconds": time.perf_counter() - start, "of the CPU": time.process_time() - cpu}
    found["MB more"] = memory() - before
    found["MB more at most"] = memory("VmHWM") - before
    for id in coco.imgs:
        coco.loadAnns(coco.getAnnIds(id))
    found["MB more after reading all"] = memory() - before
    return found


def measure_pycocotools(path: Path) -> dict[str, float]:
    from pycocotools.coco import COCO

    before, start = memory(), time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(path)
    seconds = time.perf_counter() - start
    return {
        "annotations": len(coco.anns),
        "seconds": seconds,
        "MB more": memory() - before,
        "MB more at most": memory("VmHWM") - before,
    }


def measure_masks(path: Path) -> dict[str, float]:
    from minicnn.data.coco_annotations import CocoAnnotations

    coco = CocoAnnotations(path, on_error="skip")
    annotations = [coco.anns[id] for id in list(coco.anns)[:MASKS]]
    found = {"minicnn": rate(coco.annToMask, annotations)}
    if importlib.util.find_spec("pycocotools"):
        from pycocotools.coco import COCO

        theirs = COCO()
        theirs.imgs = coco.imgs
        found["pycocotools"] = rate(theirs.annToMask, annotations)
    return found


def rate(function: Callable, values: list) -> float:
    """Calls per second, the better of two rounds."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        for value in values:
            function(value)
        seconds.append(time.perf_counter() - start)
    return len(values) / min(seconds)


def in_a_process(measure: Callable[[Path], dict[str, float]], path: Path) -> dict[str, float]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, path).result()


def show(name: str, found: dict[str, float]) -> None:
    print(
        f"{name}: " + ", ".join(f"{value:,.2f} {what}" for what, value in found.items()), flush=True
    )


def main() -> None:
    args = parse_arguments()
    print_environment()
    with tempfile.TemporaryDirectory() as folder:
        path = args.file
        if path is None:
            path = Path(folder, "instances.json")
            write_annotations(path, args.share)
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
        show("first opening", in_a_process(measure_opening, path))
        index = path.parent / f".minicnn-coco-{path.name}.index"
        if index.exists():
            print(f"index: {index.stat().st_size / 1e6:.0f} MB")
        for _ in range(2):
            show("opening again", in_a_process(measure_opening, path))
        show("masks a second", in_a_process(measure_masks, path))
        if importlib.util.find_spec("pycocotools"):
            show("pycocotools", in_a_process(measure_pycocotools, path))


if __name__ == "__main__":
    main()
