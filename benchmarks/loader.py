"""Loading pictures: from JPEG files to normalised batches, against torchvision and PyTorch's loader.

    python benchmarks/loader.py --json benchmarks/results/cpu/loader.json

The script draws pictures of 500 x 375 pixels, with the bytes that ImageNet's have. A call is an epoch
over them, with workers that stay from one epoch to the next. Each framework has a process of its own,
and they take turns, the other one asleep.

- *as a script*: torchvision's transforms, ToTensor and Normalize on each picture.
- *bytes*: minicnn's way, with bytes up to the batch, which NormalizeImages makes floats; and the same
  with JPEG files decoded by simplejpeg, or with worker processes instead of threads.

PyTorch runs with one, two and three worker processes, of which the fastest counts; minicnn has two
workers. Beside pictures a second stands the CPU time of a picture, in the process and its workers:
where other programs run, it says more. Stop other programs first.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import environment_of, print_environment, write_json
from PIL import Image
from turns import CHECKOUT, Worker, processes, start

WIDTH, HEIGHT, QUALITY = 500, 375, 95
PICTURES, PASSES = 96, 4  # drawn, and how often each is in an epoch
BATCH = 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RECIPES = ("training", "validation")
TORCH_WORKERS = (1, 2, 3)
OUR_WORKERS = 2

Calls = dict[str, Callable[[], Any]]
Rows = dict[str, dict[str, dict[str, float]]]  # of a framework, a call, a quantity


class Way(NamedTuple):
    """How minicnn loads."""

    in_bytes: bool
    backend: str = "PIL"
    worker_type: str = "thread"


WAYS = {
    "as a script": Way(in_bytes=False),
    "bytes": Way(in_bytes=True),
    "bytes, simplejpeg": Way(in_bytes=True, backend="simplejpeg"),
    "bytes, processes": Way(in_bytes=True, worker_type="process"),
}


class Epoch(NamedTuple):
    """What an epoch took."""

    seconds: float
    cpu_seconds: float


def draw_pictures(folder: Path, count: int) -> float:
    """Draws files ``folder/CLASS/N.jpg``, animals on a background with grain; returns their mean size."""
    from minicnn.data.drawn.pets import draw_pet
    from minicnn.data.drawn.scene import draw_background

    sizes = []
    for number in range(count):
        rng = np.random.default_rng(number)
        picture = draw_background(rng, WIDTH, HEIGHT)
        for left in (10, 170, 330):
            picture.paste(draw_pet(("cat", "dog")[rng.integers(2)], rng), (left, 60))
        pixels = np.asarray(picture) + rng.normal(0, 8, (HEIGHT, WIDTH, 1))
        path = folder / f"class {number % 8}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=QUALITY)
        sizes.append(path.stat().st_size)
    return statistics.mean(sizes)


def to_size(transforms: Any, recipe: str) -> list[Any]:
    """The steps from a picture to 224 x 224 pixels, the same in both frameworks."""
    if recipe == "training":
        return [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    return [transforms.Resize(256), transforms.CenterCrop(224)]


def to_floats(transforms: Any) -> list[Any]:
    """The steps from there to normalised floats, picture by picture."""
    return [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]


def options(recipe: str, workers: int) -> dict[str, Any]:
    """Of a loader, in both frameworks."""
    return {
        "batch_size": BATCH,
        "shuffle": recipe == "training",
        "num_workers": workers,
        "persistent_workers": True,
    }


def torch_calls(folder: str, passes: int) -> Calls:
    """An epoch of each recipe with each number of workers."""
    import torch

    sys.path.append(str(CHECKOUT / "tests"))
    from with_torchvision import torchvision

    warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
    transforms = torchvision.transforms
    calls: Calls = {}
    for recipe in RECIPES:
        steps = [*to_size(transforms, recipe), *to_floats(transforms)]
        dataset = torchvision.datasets.ImageFolder(folder, transforms.Compose(steps))
        dataset.samples = dataset.samples * passes
        for workers in TORCH_WORKERS:
            loader = torch.utils.data.DataLoader(dataset, **options(recipe, workers))
            calls |= epoch_calls(recipe, f"{workers} processes", loader)
    return calls


def minicnn_calls(folder: str, passes: int) -> Calls:
    """An epoch of each recipe in each of :data:`WAYS`."""
    from minicnn import transforms
    from minicnn.data import DataLoader, ImageFolder, set_image_backend

    calls: Calls = {}
    for recipe in RECIPES:
        for name, way in WAYS.items():
            last = [transforms.PILToTensor()] if way.in_bytes else to_floats(transforms)
            steps = [*to_size(transforms, recipe), *last]
            dataset = ImageFolder(folder, transforms.Compose(steps))
            dataset.samples = dataset.samples * passes
            loader: Any = DataLoader(
                dataset, worker_type=way.worker_type, **options(recipe, OUR_WORKERS)
            )
            finish = transforms.NormalizeImages(MEAN, STD) if way.in_bytes else None
            begin = partial(set_image_backend, way.backend)
            calls |= epoch_calls(recipe, name, loader, begin, finish)
    return calls


def epoch_calls(
    recipe: str,
    name: str,
    loader: Any,
    begin: Callable[[], None] = lambda: None,
    finish: Callable[[Any], Any] | None = None,
) -> Calls:
    """A call that takes an epoch's batches and returns an :class:`Epoch`, and one for the first."""

    def batches() -> Iterator[Any]:
        begin()
        for images, _ in loader:
            yield images if finish is None else finish(images)

    def epoch() -> Epoch:
        began, cpu = time.perf_counter(), cpu_seconds()
        for _ in batches():
            pass
        return Epoch(time.perf_counter() - began, cpu_seconds() - cpu)

    def first() -> np.ndarray:
        images, *_ = batches()
        return images.numpy()

    return {f"{recipe}, {name}": epoch, f"first of {recipe}, {name}": first}


def cpu_seconds() -> float:
    """The CPU time of this process and its worker processes so far; NaN where nobody tells it."""
    own = os.times()
    total = own.user + own.system
    for process in multiprocessing.active_children():
        try:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return math.nan
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def check(workers: Mapping[str, Worker]) -> None:
    """Stops the program unless all ways give the same first batch of the validation."""
    expected = workers["torch"].call(f"first of validation, {TORCH_WORKERS[0]} processes")
    for name in WAYS:
        found = workers["minicnn"].call(f"first of validation, {name}")
        if not np.array_equal(found, expected):
            sys.exit(f"other pixels than torchvision's: {name}")


def measure(workers: Mapping[str, Worker], names: Mapping[str, list[str]], blocks: int) -> Rows:
    """For each framework and call, the pictures a second and CPU microseconds of its median epoch."""
    epochs: dict[str, dict[str, list[Epoch]]] = {
        framework: {name: [] for name in mine} for framework, mine in names.items()
    }
    for _ in range(blocks):
        for framework, worker in workers.items():
            for name in names[framework]:
                epochs[framework][name].append(worker.call(name))
    count = PICTURES * PASSES
    return {
        framework: {
            name: {
                "pictures/s": count / statistics.median(epoch.seconds for epoch in found),
                "CPU us/picture": 1e6 / count * statistics.median(e.cpu_seconds for e in found),
            }
            for name, found in mine.items()
        }
        for framework, mine in epochs.items()
    }


def with_ratios(rows: Rows) -> Rows:
    """``rows``, minicnn's with their ratios to the fastest of PyTorch's, and to its least CPU time."""
    for recipe in RECIPES:
        theirs = [row for name, row in rows["torch"].items() if name.startswith(recipe)]
        fastest = max(row["pictures/s"] for row in theirs)
        least = min(row["CPU us/picture"] for row in theirs)
        for name, row in rows["minicnn"].items():
            if name.startswith(recipe):
                row["speed/torch's"] = row["pictures/s"] / fastest
                row["torch's CPU/CPU"] = least / row["CPU us/picture"]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=5, help="turns of each (default 5)")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    args = parser.parse_args()

    checkouts = {"minicnn": CHECKOUT, "torch": CHECKOUT}
    with tempfile.TemporaryDirectory() as folder, start(__file__, checkouts) as workers:
        nbytes = draw_pictures(Path(folder), PICTURES)
        names = {
            name: [
                call
                for call in worker.make(f"{name}_calls", folder, PASSES)
                if not call.startswith("first")
            ]
            for name, worker in workers.items()
        }
        check(workers)
        measure(workers, names, 1)  # workers start, files get into the cache
        rows = with_ratios(measure(workers, names, args.blocks))
        measured_in = environment_of(worker.environment() for worker in workers.values())
    print(f"{PICTURES * PASSES} pictures of {WIDTH} x {HEIGHT}, {nbytes / 1e3:.0f} kB each")
    for framework, mine in rows.items():
        columns = list(next(iter(mine.values())))
        print(f"{framework:30}", *(f"{column:>15}" for column in columns))
        for name, row in mine.items():
            digits = [0, 0, 2, 2]
            print(
                f"  {name:28}",
                *(f"{v:15.{d}f}" for v, d in zip(row.values(), digits, strict=False)),
            )
    print()
    print_environment(measured_in)
    if args.json:
        result = {
            "pictures": PICTURES * PASSES,
            "size": [WIDTH, HEIGHT],
            "bytes": round(nbytes),
            "batch": BATCH,
            "rows": rows,
            "processes": processes(args.blocks, 1),
        }
        write_json(args.json, result, measured_in)


if __name__ == "__main__":
    main()
