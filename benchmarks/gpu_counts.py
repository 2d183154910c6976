"""Bytes and operations of every kernel in a training step, and the time they allow, without a GPU.

    python benchmarks/gpu_counts.py --json benchmarks/results/gpu/counts.json
    python benchmarks/gpu_counts.py --compare BEFORE.json --json AFTER.json

The step of ``gpu_train_step.py`` runs as a CUDA graph over a driver that launches nothing
(``gpu_launches.py``). All launches, copies and fills of its third call, which is captured and then
replayed, are counted. ``gpu_roofline.py`` has the cards and their rates. Beside the JSON is a page of
tables. Without a GPU nothing is measured: times are computed, and memory is what the allocator gave.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gpu_launches
from common import markdown_table, replace_text, write_json
from gpu_roofline import CARDS, Card, Launch, Product, estimate, roofline, step_estimate
from torch_memory import tracked_peak_bytes

MODELS = ("alexnet", "resnet34", "googlenet", "vgg16")
BATCHES = (128, 512)
CARD = "H100"  # of the tables of kernels
SUMMARY = (
    "network, batch",
    "launches",
    "GB",
    "TFLOP",
    *(f"{card} {what}, ms" for card in CARDS for what in ("roofline", "estimate")),
    "peak MiB",
    "PyTorch's peak MiB",
    "held MiB",
)
MEMORY = ("peak_bytes", "torch_peak_bytes", "held_bytes")
KERNELS = ("kernel", "launches", "MB", "GFLOP", "L2 MB", "roofline, ms", "estimate, ms", "limit")
INTRODUCTION = """# Counted without a GPU

Bytes and operations of one training step ({precision} autocast, float32 weights, SGD with momentum)
as a CUDA graph, from the launches of the very kernels, and computed times. Made on {date} by

```
{command}
```

- Bytes: every array that a launch reads or writes, once. Products read more, from the L2 cache.
- FLOP: additions and multiplications of matrix products, with 3 channels padded to 4; no others.
- Roofline: the least time, by the card's peaks. Estimate: rates that were reached, tiles filled up,
  and {start:.0f} µs to start each launch. Launches on a second stream, "beside", take no time of their
  own in the sum, as long as the bytes of all launches take less than the others do.
- Peak: what all arrays take in use, weights and momenta included; held: with what pools keep.
  PyTorch's is its own tracker's, for the eager step (`torch_memory.py` says what it leaves out).
"""

Counts = dict[str, Any]  # a network at a batch size


def count(model: str, batch: int, precision: str) -> Counts:
    """The launches of a step, grouped by kernel and product, and the peak of its memory."""
    import cupy
    from gpu import live_bytes_hook

    with live_bytes_hook() as memory:
        launches, held = _launches(model, batch, precision)
    gc.collect()
    cupy.get_default_memory_pool().free_all_blocks()
    rows = [row_of(group) for group in grouped(launches)]
    return {
        "model": model,
        "batch": batch,
        "precision": precision,
        "peak_bytes": memory.peak,
        "torch_peak_bytes": tracked_peak_bytes(model, batch, precision),
        "held_bytes": held,
        "launches": len(launches),
        "bytes": sum(launch.num_bytes for launch in launches),
        "multiply_adds": sum(row["multiply_adds"] for row in rows),
        "seconds": {
            name: {
                "roofline": sum(roofline_seconds(row, card) for row in rows),
                "estimate": step_estimate(
                    ((mean_launch(row), row["launches"]) for row in rows), card
                ),
            }
            for name, card in CARDS.items()
        },
        "rows": rows,
    }


def _launches(model: str, batch: int, precision: str) -> tuple[list[Launch], int]:
    """The launches of a step, and the bytes that the GPU has less of then."""
    from gpu import free_bytes
    from gpu_train_step import image_size, minicnn_step, our_network

    import minicnn as mc

    free = free_bytes()
    size = image_size(model)
    images = mc.empty(batch, size, size, 3, device="cuda").permute(0, 3, 1, 2)
    labels = mc.zeros(batch, dtype=mc.int64, device="cuda")
    net = our_network(model).to("cuda").train()
    step = mc.cuda.graph(minicnn_step(net, precision, captured=True))
    for _ in range(2):
        step(images, labels)
    return gpu_launches.record(lambda: step(images, labels)), free - free_bytes()


def grouped(launches: Iterable[Launch]) -> Iterator[list[Launch]]:
    """Equal launches together: those of a kernel, or of a product of the same sizes and tile."""
    groups: dict[Any, list[Launch]] = {}
    for launch in launches:
        key = launch.kernel, launch.product, launch.beside
        groups.setdefault(key, []).append(launch)
    yield from groups.values()


def row_of(group: list[Launch]) -> dict[str, Any]:
    """The counts of launches of one kernel."""
    kernel, product = group[0].kernel, group[0].product
    return {
        "kernel": kernel,
        "launches": len(group),
        "bytes": sum(launch.num_bytes for launch in group),
        "multiply_adds": len(group) * product.multiply_adds if product else 0,
        "product": product and asdict(product),
        "beside": group[0].beside,
    }


def mean_launch(row: dict[str, Any]) -> Launch:
    """The launch that all of a row are on average."""
    product = row["product"] and Product(**row["product"])
    return Launch(row["kernel"], row["bytes"] / row["launches"], product, row["beside"])


def roofline_seconds(row: dict[str, Any], card: Card) -> float:
    return row["launches"] * roofline(mean_launch(row), card)


def estimated_seconds(row: dict[str, Any], card: Card) -> float:
    return row["launches"] * estimate(mean_launch(row), card)[0]


# ---- tables ----


def page(result: dict[str, Any], before: dict[str, Any] | None) -> str:
    """The page of a result; beside another's, if that is given."""
    introduction = INTRODUCTION.format(
        precision=result["networks"][0]["precision"],
        date=result["date"][:10],
        command=result["command"],
        start=CARDS[CARD].start * 1e6,
    )
    sections = [introduction, markdown_table(SUMMARY, map(summary_row, result["networks"]))]
    if before:
        sections.append(comparison(before, result))
    sections += map(kernel_section, result["networks"])
    return "\n".join(sections)


def summary_row(counts: Counts) -> list[object]:
    times = [
        f"{counts['seconds'][card][what] * 1e3:.2f}"
        for card in CARDS
        for what in ("roofline", "estimate")
    ]
    return [
        name_of(counts),
        counts["launches"],
        f"{counts['bytes'] / 1e9:.2f}",
        f"{2 * counts['multiply_adds'] / 1e12:.3f}",
        *times,
        *(f"{counts[what] / 2**20:.0f}" for what in MEMORY),
    ]


def name_of(counts: Counts) -> str:
    return f"{counts['model']}, {counts['batch']}"


def kernel_section(counts: Counts) -> str:
    """A row for each kernel and tile, the longest first."""
    merged: dict[str, list[dict[str, Any]]] = {}
    for row in counts["rows"]:
        merged.setdefault(kernel_name(row), []).append(row)
    rows = sorted(merged.items(), key=lambda item: -total(estimated_seconds, item[1]))
    table = markdown_table(KERNELS, (kernel_row(*item) for item in rows))
    return f"## {name_of(counts)}: kernels on one {CARD}\n\n{table}"


def kernel_name(row: dict[str, Any]) -> str:
    product = row["product"]
    words = [row["kernel"], *([product["tile"], product["unit"]] if product else [])]
    return " ".join([*words, *(["beside"] if row["beside"] else [])])


def kernel_row(name: str, rows: list[dict[str, Any]]) -> list[object]:
    longest = max(rows, key=lambda row: estimated_seconds(row, CARDS[CARD]))
    cached = sum(row["launches"] * row["product"]["cache_bytes"] for row in rows if row["product"])
    return [
        f"`{name}`",
        sum(row["launches"] for row in rows),
        f"{sum(row['bytes'] for row in rows) / 1e6:.1f}",
        f"{2 * sum(row['multiply_adds'] for row in rows) / 1e9:.1f}",
        f"{cached / 1e6:.0f}",
        f"{total(roofline_seconds, rows) * 1e3:.3f}",
        f"{total(estimated_seconds, rows) * 1e3:.3f}",
        estimate(mean_launch(longest), CARDS[CARD])[1],
    ]


def total(seconds: Callable[[dict[str, Any], Card], float], rows: list[dict[str, Any]]) -> float:
    return sum(seconds(row, CARDS[CARD]) for row in rows)


def comparison(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Launches, bytes, estimates and memory of two results side by side."""
    old = {name_of(counts): counts for counts in before["networks"]}
    rows = [
        [name, *compared_rows(old[name], counts)]
        for counts in after["networks"]
        if (name := name_of(counts)) in old
    ]
    header = ("network, batch", "launches", "GB", f"estimate on {CARD}, ms", "ratio", "peak MiB")
    return "## Before and after\n\n" + markdown_table(header, rows)


def compared_rows(old: Counts, new: Counts) -> list[str]:
    times = [counts["seconds"][CARD]["estimate"] for counts in (old, new)]
    return [
        f"{old['launches']} → {new['launches']}",
        f"{old['bytes'] / 1e9:.2f} → {new['bytes'] / 1e9:.2f}",
        f"{times[0] * 1e3:.2f} → {times[1] * 1e3:.2f}",
        f"{times[0] / times[1]:.2f}",
        f"{old['peak_bytes'] / 2**20:.0f} → {new['peak_bytes'] / 2**20:.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--precision", choices=("bf16", "fp16", "tf32"), default="bf16")
    parser.add_argument("--compare", type=Path, help="the JSON of an earlier state")
    parser.add_argument("--json", type=Path, help="write the counts there, and a page beside it")
    args = parser.parse_args()
    gpu_launches.pretend_gpu()
    networks = []
    for model in args.models:
        for batch in args.batches:
            networks.append(count(model, batch, args.precision))
            print(*summary_row(networks[-1]), sep=" | ", flush=True)
    before = json.loads(args.compare.read_text()) if args.compare else None
    if before:
        print(comparison(before, {"networks": networks}))
    if args.json:
        write_json(
            args.json, {"cards": {k: asdict(v) for k, v in CARDS.items()}, "networks": networks}
        )
        result = json.loads(args.json.read_text())
        replace_text(args.json.with_suffix(".md"), page(result, before))


if __name__ == "__main__":
    main()
