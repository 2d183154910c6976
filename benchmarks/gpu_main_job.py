"""The main job on a GPU: ten epochs of examples/train_alexnet.py on 25,000 pictures of cats and dogs.

    python benchmarks/gpu_main_job.py --data dogs-vs-cats.zip --json main_job.json
    python benchmarks/gpu_main_job.py    # draws its pictures, on all cores

All other options are those of train_alexnet.py. Seconds of an epoch are those on the clock, with its
validation and its checkpoints; decoding, which is done once, has its own. Drawn pictures are smaller
files than photographs, and easier to tell apart.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gpu
import numpy as np
from common import environment, print_environment, write_json
from memory import MIB
from turns import CHECKOUT

from minicnn.data.drawn import draw_pet

SCRIPT = CHECKOUT / "examples" / "train_alexnet.py"
COUNT, EPOCHS, BATCH = 25_000, 10, 128
PER_TASK = 100  # pictures
DECODED = re.compile(r"decoded (\d+) pictures in ([\d.]+) s: ([\d.]+) GB")
EPOCH = re.compile(r"epoch \d+/\d+  training ")  # the line at the end of one


class Lines(io.StringIO):
    """A standard output that also tells somebody each whole line."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell, self._open, self._out = tell, "", sys.stdout

    def write(self, text: str) -> int:
        *lines, self._open = (self._open + text).split("\n")
        for line in lines:
            self._tell(line)
        return self._out.write(text)

    def flush(self) -> None:
        self._out.flush()


class Measured:
    """What is known so far, written to a file with every line that says something new."""

    def __init__(self, path: Path | None, **about: Any) -> None:
        self.path = path
        self.result: dict[str, Any] = {**about, "epoch_seconds": []}
        self.environment = environment()  # which takes longer than an epoch to find out
        self._time = time.perf_counter()

    def hear(self, line: str) -> None:
        """Takes the numbers of a line that the script has printed."""
        decoded = DECODED.match(line)
        if decoded is None and EPOCH.match(line) is None:
            return
        now = time.perf_counter()
        seconds, self._time = now - self._time, now
        if decoded is not None:
            count, decode_seconds, gigabytes = decoded.groups()
            self.result["pictures"] = int(count)
            self.result["decode_seconds"] = float(decode_seconds)
            self.result["decoded_gb"] = float(gigabytes)
        else:
            self.result["epoch_seconds"].append(seconds)
        self.write()

    def finish(self, metrics: dict[str, Any], peak_bytes: int) -> None:
        """Adds what is known at the end.

        Args:
            metrics: the run's ``metrics.json``.
            peak_bytes: the most that was allocated on the GPU at a time.
        """
        rows, best = metrics["epochs"], metrics["best"]
        self.result["training_seconds"] = [row["seconds"] for row in rows]  # without the rest
        self.result["images_per_second"] = max(row["images_per_second"] for row in rows)
        self.result["seconds_after_decoding"] = sum(self.result["epoch_seconds"])
        self.result["val_accuracy"] = best["val_accuracy"]
        self.result["peak_memory_mib"] = peak_bytes / MIB
        self.write()

    def write(self) -> None:
        if self.path:
            write_json(self.path, self.result, self.environment)


def draw(folder: Path, count: int) -> Path:
    """Draws pictures on all cores, named as Kaggle's."""
    folder.mkdir(parents=True)
    tasks = [(folder, start, min(start + PER_TASK, count)) for start in range(0, count, PER_TASK)]
    began = time.perf_counter()
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(draw_some, *zip(*tasks, strict=True)))
    print(f"drew {count} pictures in {time.perf_counter() - began:.1f} s", flush=True)
    return folder


def draw_some(folder: Path, start: int, stop: int) -> None:
    for number in range(start, stop):
        species = ("cat", "dog")[number % 2]
        picture = draw_pet(species, np.random.default_rng([0, number]))
        picture.save(folder / f"{species}.{number}.jpg", quality=92)


def train(arguments: list[str], measured: Measured) -> None:
    """The script, in this process, as if it was called with these arguments."""
    script, own_arguments = runpy.run_path(str(SCRIPT)), sys.argv
    sys.argv = [SCRIPT.name, *arguments]
    try:
        with contextlib.redirect_stdout(Lines(measured.hear)):
            script["main"]()
    finally:
        sys.argv = own_arguments


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", help="a zip or a folder of photographs; without it, they are drawn"
    )
    parser.add_argument("--count", type=int, default=COUNT, help="how many to draw (%(default)s)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="%(default)s")
    parser.add_argument("--batch", type=int, default=BATCH, help="%(default)s")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    args, others = parser.parse_known_args()
    gpu.require_gpu()
    with tempfile.TemporaryDirectory() as name:
        out = Path(name, "run")
        data = args.data or draw(Path(name, "pets", "train"), args.count).parent
        arguments = ["--data", str(data), "--out", str(out), "--device", "cuda"]
        arguments += ["--epochs", str(args.epochs), "--batch-size", str(args.batch), *others]
        measured = Measured(
            args.json, data="photographs" if args.data else "drawn", batch=args.batch
        )
        peak = gpu.peak_bytes(lambda: train(arguments, measured))
        measured.finish(json.loads((out / "metrics.json").read_text()), peak)
    print(json.dumps(measured.result, indent=1))
    print_environment(measured.environment)


if __name__ == "__main__":
    main()
