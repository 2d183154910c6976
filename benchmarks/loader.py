"""Loading pictures: JPEG files to batches, against torchvision's transforms and PyTorch's loader.

    python benchmarks/loader.py

The script makes pictures as large as ImageNet's. A call is an epoch over them, with workers that
stay from one to the next. Each framework has a process of its own, and they take turns, the others
asleep. PyTorch runs with one, two and three worker processes, of which the best counts. Besides
pictures a second, the CPU time of a picture is shown, in the process and its workers: it says more
where other programs run. Stop other programs first.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from common import environment_of, markdown_table, print_environment, write_json
from PIL import Image
from turns import CHECKOUT, Worker, start

WIDTH, HEIGHT, QUALITY = 500, 375, 94  # as ImageNet's: about 110 KB
PICTURES, PASSES = 96, 4  # different ones, and how often an epoch has each
BATCH = 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RECIPES = ("training", "validation")
TORCH_WORKERS = (1, 2, 3)
OUR_WORKERS = 2

Calls = dict[str, Callable[[], Any]]


def draw_pictures(folder: Path, count: int) -> None:
    """Draws JPEG files ``folder/CLASS/N.jpg``: three animals in front of something, with grain."""
    from minicnn.data.drawn.pets import draw_pet
    from minicnn.data.drawn.scene import draw_background

    for number in range(count):
        rng = np.random.default_rng(number)
        picture = draw_background(rng, WIDTH, HEIGHT)
        for left in (10, 170, 330):
            picture.paste(draw_pet(("cat", "dog")[rng.integers(2)], rng), (left, 60))
        pixels = np.asarray(picture) + rng.normal(0, 8, (HEIGHT, WIDTH, 1))
        path = folder / f"class_{number % 8}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=QUALITY)


def recipe_transforms(transforms: Any, recipe: str) -> list[Any]:
    """The steps from a picture to 224 x 224 pixels; the same in both frameworks."""
    if recipe == "training":
        return [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    return [transforms.Resize(256), transforms.CenterCrop(224)]


def loader_options(recipe: str, workers: int) -> dict[str, Any]:
    return {
        "batch_size": BATCH,
        "shuffle": recipe == "training",
        "num_workers": workers,
        "persistent_workers": True,
    }


def epoch(loader: Any, finish: Callable[[Any], Any]) -> Callable[[], None]:
    """A call that takes all batches from a loader."""

    def run() -> None:
        for images, _ in loader:
            finish(images)

    return run


def torch_calls(folder: str, passes: int) -> Calls:
    """An epoch of each recipe, with each number of workers."""
    import torch

    sys.path.append(str(CHECKOUT / "tests"))
    from with_torchvision import torchvision

    transforms = torchvision.transforms
    calls: Calls = {"cpu_seconds": cpu_seconds}
    for recipe in RECIPES:
        steps = [*recipe_transforms(transforms, recipe), transforms.ToTensor()]
        steps.append(transforms.Normalize(MEAN, STD))
        dataset = torchvision.datasets.ImageFolder(folder, transforms.Compose(steps))
        dataset.samples = dataset.samples * passes
        for workers in TORCH_WORKERS:
            loader = torch.utils.data.DataLoader(dataset, **loader_options(recipe, workers))
            calls[f"{recipe}, {workers} processes"] = epoch(loader, lambda images: images)
    return calls


def minicnn_calls(folder: str, passes: int) -> Calls:
    """An epoch of each recipe: with torchvision's transforms, with bytes, and with simplejpeg."""
    from minicnn import transforms
    from minicnn.data import DataLoader, ImageFolder

    calls: Calls = {"cpu_seconds": cpu_seconds}
    for recipe in RECIPES:
        steps = recipe_transforms(transforms, recipe)
        floats = [*steps, transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
        in_bytes = [*steps, transforms.PILToTensor()]
        for worker_type in ("thread", "process"):
            for name, way, finish in (
                ("floats", floats, lambda images: images),
                ("bytes", in_bytes, transforms.NormalizeImages(MEAN, STD)),
            ):
                dataset = ImageFolder(folder, transforms.Compose(way))
                dataset.samples = dataset.samples * passes
                options = loader_options(recipe, OUR_WORKERS)
                loader: Any = DataLoader(dataset, worker_type=worker_type, **options)
                calls[f"{recipe}, {name}, {worker_type}"] = epoch(loader, finish)
    return calls


def cpu_seconds() -> float:
    """The CPU time of this process and its worker processes so far; NaN where nobody tells it."""
    own = os.times()
    total = own.user + own.system
    for process in multiprocessing.active_children():
        try:
            text = Path(f"/proc/{process.pid}/stat").read_text()
        except OSError:
            return float("nan")
        user, system = text.rpartition(")")[2].split()[11:13]
        total += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return total


def measure(workers: Mapping[str, Worker], names: Mapping[str, list[str]], blocks: int) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for _ in range(blocks):
        for framework, worker in workers.items():
            for name in names[framework]:
                before = worker.call("cpu_seconds")
                began = time.perf_counter()
                worker.call(name)
                seconds = time.perf_counter() - began
                cpu = worker.call("cpu_seconds") - before
                rows.setdefault(f"{framework}: {name}", []).append((seconds, cpu))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--passes", type=int, default=PASSES)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start(__file__, {"minicnn": CHECKOUT, "torch": CHECKOUT}) as workers:
        draw_pictures(Path(folder), PICTURES)
        size = statistics.mean(p.stat().st_size for p in Path(folder).glob("*/*"))
        print(size)
        names = {n: [c for c in w.make(f"{n}_calls", folder, args.passes) if c != "cpu_seconds" and args.only in c] for n, w in workers.items()}
        measure(workers, names, 1)
        rows = measure(workers, names, args.blocks)
    count = PICTURES * args.passes
    for name, found in rows.items():
        seconds, cpu = (statistics.median(x) for x in zip(*found))
        best = min(x[1] for x in found)
        print(f"{name:40} {count / seconds:6.0f}/s  {cpu / count * 1e6:6.0f} us CPU  best {best/count*1e6:6.0f}  fastest {count/min(x[0] for x in found):6.0f}")


if __name__ == "__main__":
    main()
