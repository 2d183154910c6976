"""The index of ImageNet's 1,281,167 training pictures: how long opening it takes, and its memory.

    python benchmarks/index.py --json benchmarks/results/cpu/index.json

The index is made for a tar of 1,000 tars that holds no pictures, with names like the real ones. Then the
dataset is opened and given to spawned workers, and all processes read the place, the class and the path
of every picture, so that all of the index is in their memory. Linux counts memory that several
processes share fully for each of them (RSS), or in equal parts (PSS).
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from common import markdown_table, print_environment, write_json
from memory import MIB

from minicnn.data import ImageNet
from minicnn.data.datasets.imagenet_classes import synsets
from minicnn.data.datasets.imagenet_files import Picture
from minicnn.data.datasets.imagenet_places import ARCHIVE_META
from minicnn.data.datasets.imagenet_tars import TrainTar

PICTURES, WORKERS, BLOCK = 1_281_167, 2, 512


def made_up_classes(count: int) -> Iterator[tuple[int, list[Picture]]]:
    """Classes of about equal size, with pictures of 20 to 200 kB."""
    rng, offset = np.random.default_rng(0), BLOCK
    for label, (wnid, part) in enumerate(
        zip(synsets(), np.array_split(np.arange(count), len(synsets())), strict=True)
    ):
        pictures = []
        for size in rng.integers(20_000, 200_000, len(part)).tolist():
            name = f"{wnid}.tar/{wnid}_{rng.integers(100_000)}_{len(pictures)}.JPEG"
            pictures.append(Picture(name, offset, size))
            offset += BLOCK + -(-size // BLOCK) * BLOCK
        yield label, pictures


def make(root: Path, count: int) -> None:
    """Makes the index of an ImageNet without pictures."""
    (root / ARCHIVE_META["train"][0]).write_bytes(b"")
    TrainTar.classes = lambda *_: made_up_classes(count)
    ImageNet(root)


def memory() -> dict[str, float]:
    """The memory of this process in MiB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    found = {line.split()[0]: int(line.split()[1]) * 1024 / MIB for line in lines}
    return {"RSS": found["Rss:"], "PSS": found["Pss:"]}


def read_all(dataset: ImageNet) -> None:
    """Reads all that the index has of each picture."""
    for number in range(len(dataset)):
        dataset.describe(number)
    for array in dataset._index.values():
        array.sum()


def work(connection: Connection) -> None:
    """A worker: gets the dataset, reads all of its index, and tells its memory."""
    before, start = memory(), time.perf_counter()
    dataset = connection.recv()
    seconds = time.perf_counter() - start
    read_all(dataset)
    connection.send("has read")
    connection.recv()  # when all have
    connection.send({"open": seconds, **grown(before)})
    connection.recv()  # when all have measured


def grown(before: dict[str, float]) -> dict[str, float]:
    """The memory that came since."""
    return {kind: size - before[kind] for kind, size in memory().items()}


def measure(root: Path, count: int) -> list[dict[str, float | str]]:
    """The seconds and MiB of this process and of its workers."""
    context = multiprocessing.get_context("spawn")
    maker = context.Process(target=make, args=(root, count))
    start = time.perf_counter()
    maker.start()
    maker.join()
    print(f"made the index of {count:,} pictures in {time.perf_counter() - start:.1f} s")

    before, start = memory(), time.perf_counter()
    dataset = ImageNet(root)
    parent = {"process": "the first", "open": time.perf_counter() - start}
    opened = grown(before)
    pipes = [context.Pipe() for _ in range(WORKERS)]
    for _, theirs in pipes:
        context.Process(target=work, args=(theirs,), daemon=True).start()
    for ours, _ in pipes:
        ours.send(dataset)
    read_all(dataset)
    for ours, _ in pipes:
        ours.recv()
    for ours, _ in pipes:
        ours.send("measure")
    workers = [ours.recv() for ours, _ in pipes]
    parent |= {"RSS once opened": opened["RSS"], **grown(before)}
    for ours, _ in pipes:
        ours.send("done")
    return [parent, *({"process": f"worker {n}", **w} for n, w in enumerate(workers, 1))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=PICTURES, help="default: ImageNet's")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), args.pictures)
        (index,) = Path(folder).glob(".*.index")
        size = index.stat().st_size / MIB
    print(f"size of the index: {size:.0f} MiB\n")
    kinds = ["RSS once opened", "RSS", "PSS"]
    table = [
        [
            row["process"],
            f"{row['open']:.3f}",
            *(f"{row[k]:.0f}" if k in row else "" for k in kinds),
        ]
        for row in rows
    ]
    heads = ["RSS once opened, MiB", "RSS, MiB", "PSS, MiB"]
    print(markdown_table(["process", "opens it in s", *heads], table))
    print_environment()
    if args.json:
        write_json(args.json, {"pictures": args.pictures, "index MiB": size, "rows": rows})


if __name__ == "__main__":
    main()
