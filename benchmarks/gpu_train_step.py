"""AlexNet's training step on the GPU, eager and as a CUDA graph, against PyTorch.

    python benchmarks/gpu_train_step.py --batch 128 --precision bf16 --json train_bf16_128.json

All start from the same weights and take turns on the same batches, which are on the GPU already.
A step: forward with dropout, cross-entropy, backward, SGD with momentum 0.9 and weight decay 5e-4.
With dropout off, the losses of each are compared with those of the first. A contender is timed alone
as soon as it is ready, and its figures are written; the turns of all of them replace these times.
PyTorch runs

- eager: with all its defaults, but bf16 autocast, or TF32 also in matrix products;
- tuned: the same with channels-last memory, ``cudnn.benchmark`` and ``SGD(fused=True)``;
- tuned graph: that whole step captured as a CUDA graph;
- compile: ``torch.compile(mode="max-autotune")`` of network and loss, and of the optimizer's step.
  It may take minutes to compile, so it runs if asked for with ``--contenders``, and then no losses
  are compared.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from common import print_environment, write_json
from gpu import (
    PRECISIONS,
    allow_tf32,
    event_seconds,
    free_unused_memory,
    peak_bytes,
    require_gpu,
)
from layers import conv_layers, linear_layers
from memory import MIB
from network_calls import NUM_CLASSES
from network_calls import SGD_OPTIONS as USUAL_OPTIONS

import minicnn as mc
from minicnn import models, nn, optim

# the most telling first, should time run out
CONTENDERS = ("minicnn graph", "torch tuned graph", "torch tuned", "minicnn", "torch eager")
COMPILE = "torch compile"
WARM_UP_STEPS = 20
STEPS_PER_TURN, TURNS_ALONE = 10, 3
NUM_BATCHES = 4
IMAGE_SIZE = 227  # height and width, in pixels
CHECK_BATCH, CHECK_STEPS, CHECK_TOLERANCE = 32, 6, 0.05
# At the usual rate the loss on random images soon becomes infinite, and adding NaNs takes less power.
SGD_OPTIONS = {**USUAL_OPTIONS, "lr": 1e-5}

Step = Callable[[Any, Any], Any]  # images and labels to the loss
Batches = list[tuple[Any, Any]]  # PyTorch's tensors on the GPU
Rows = list[dict[str, Any]]


def training_flops(batch: int) -> int:
    """Additions and multiplications of one step; the first layer has no input gradient."""
    network = "alexnet227", batch, IMAGE_SIZE, NUM_CLASSES
    first, *others = [
        2 * layer.multiply_adds for layer in conv_layers(*network) + linear_layers(*network)
    ]
    return 2 * first + 3 * sum(others)


def our_network() -> nn.Module:
    return models.AlexNet227(num_classes=NUM_CLASSES)


def their_network() -> Any:
    import torch_models

    return torch_models.get_model("alexnet227", NUM_CLASSES)


def initial_weights() -> dict[str, np.ndarray]:
    mc.manual_seed(0)
    return {name: weight.numpy() for name, weight in our_network().state_dict().items()}


def random_batches(batch: int) -> Batches:
    import torch

    torch.manual_seed(0)
    shape = (batch, 3, IMAGE_SIZE, IMAGE_SIZE)
    return [
        (torch.randn(shape, device="cuda"), torch.randint(NUM_CLASSES, (batch,), device="cuda"))
        for _ in range(NUM_BATCHES)
    ]


def contender(
    name: str, weights: Mapping[str, np.ndarray], batches: Batches, precision: str, dropout: bool
) -> Callable[[], Any]:
    """What makes one step on the next batch and returns the loss."""
    framework, _, mode = name.partition(" ")
    make = minicnn_contender if framework == "minicnn" else torch_contender
    step, batches = make(mode, weights, batches, precision, dropout)
    turns = itertools.cycle(batches)
    return lambda: step(*next(turns))


def minicnn_contender(
    mode: str, weights: Mapping[str, np.ndarray], batches: Batches, precision: str, dropout: bool
) -> tuple[Step, list[tuple[mc.Tensor, mc.Tensor]]]:
    net = our_network()
    net.load_state_dict({name: mc.from_numpy(weight) for name, weight in weights.items()})
    step = minicnn_step(net.to("cuda").train(dropout), precision)
    ours = [
        (mc.from_dlpack(channels_last(images)), mc.from_dlpack(labels))
        for images, labels in batches
    ]
    return mc.cuda.graph(step) if mode == "graph" else step, ours


def minicnn_step(net: nn.Module, precision: str) -> Step:
    criterion, sgd = nn.CrossEntropyLoss(), optim.SGD(net.parameters(), **SGD_OPTIONS)
    autocast = {"bf16": lambda: mc.autocast(dtype=mc.bfloat16), "tf32": contextlib.nullcontext}

    def step(images: mc.Tensor, labels: mc.Tensor) -> mc.Tensor:
        sgd.zero_grad()
        with autocast[precision]():
            loss = criterion(net(images), labels)
        loss.backward()
        sgd.step()
        return loss.detach()

    return step


def torch_contender(
    mode: str, weights: Mapping[str, np.ndarray], batches: Batches, precision: str, dropout: bool
) -> tuple[Step, Batches]:
    import torch

    with torch.device("cuda"):
        net = their_network().train(dropout)
    tuned = mode != "eager"
    if tuned:
        net = net.to(memory_format=torch.channels_last)
        batches = [(channels_last(images), labels) for images, labels in batches]
    sgd = torch.optim.SGD(net.parameters(), **SGD_OPTIONS, fused=True if tuned else None)
    step = torch_step(net, sgd, precision, tuned, compiled=mode == "compile")
    captured = mode == "tuned graph"
    warm_up(step, batches, torch.cuda.Stream() if captured else torch.cuda.current_stream())
    if captured:
        step = torch_graph(step, *batches[0])
    # back to where minicnn begins, in place: the graph knows the addresses
    net.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    for state in sgd.state.values():
        state["momentum_buffer"].zero_()
    return step, batches


def torch_step(net: Any, sgd: Any, precision: str, tuned: bool, compiled: bool) -> Step:
    import torch

    criterion = torch.nn.CrossEntropyLoss()

    def forward(images: Any, labels: Any) -> Any:
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
            return criterion(net(images), labels)

    update = sgd.step
    if compiled:
        forward, update = (torch.compile(f, mode="max-autotune") for f in (forward, sgd.step))

    def step(images: Any, labels: Any) -> Any:
        torch.backends.cudnn.benchmark = tuned
        if compiled:
            torch.compiler.cudagraph_mark_step_begin()
        sgd.zero_grad(set_to_none=True)
        loss = forward(images, labels)
        loss.backward()
        update()
        return loss.detach()

    return step


def warm_up(step: Step, batches: Batches, stream: Any) -> None:
    """A few steps, so that memory for the trials of cuDNN and of the compiler does not count."""
    import torch

    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for images, labels in batches[:3]:
            step(images, labels)
    torch.cuda.synchronize()
    free_unused_memory()  # now, because nothing may be freed while a graph is captured
    torch.cuda.reset_peak_memory_stats()


def torch_graph(step: Step, images: Any, labels: Any) -> Step:
    """``step``, which has run before, captured once and replayed on other images and labels."""
    import torch

    images, labels = torch.clone(images), torch.clone(labels)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step(images, labels)

    def replay(new_images: Any, new_labels: Any) -> Any:
        images.copy_(new_images)
        labels.copy_(new_labels)
        graph.replay()
        return loss

    return replay


def channels_last(images: Any) -> Any:
    import torch

    return images.contiguous(memory_format=torch.channels_last)


def first_losses(name: str, weights: Mapping[str, np.ndarray], precision: str) -> list[float]:
    """Of the first steps with dropout off."""
    run = contender(name, weights, random_batches(CHECK_BATCH), precision, dropout=False)
    losses = [run().item() for _ in range(CHECK_STEPS)]
    print(f"{name:20} losses", *(f"{loss:.4f}" for loss in losses), flush=True)
    return losses


def agree(losses: list[float], expected: list[float]) -> bool:
    return np.allclose(losses, expected, rtol=CHECK_TOLERANCE, atol=CHECK_TOLERANCE)


def step_seconds(runs: Mapping[str, Callable[[], Any]], turns: int) -> dict[str, float]:
    """The median seconds of a step by CUDA events; ``runs`` take turns, some steps each."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns):
        for name, run in runs.items():
            seconds[name].append(event_seconds(run, STEPS_PER_TURN))
    return {name: statistics.median(values) for name, values in seconds.items()}


def measure(args: argparse.Namespace, keep: Callable[[Rows], object]) -> Rows:
    """A row for each contender; ``keep`` is given all rows whenever there is a new one."""
    weights, batches = initial_weights(), random_batches(args.batch)
    runs: dict[str, Callable[[], Any]] = {}
    rows: dict[str, dict[str, Any]] = {}
    expected: list[float] = []
    checks = COMPILE not in args.contenders  # it would compile for the batch of the check too
    for name in args.contenders:
        try:
            losses = first_losses(name, weights, args.precision) if checks else []
            expected = expected or losses
            runs[name], mib = start(name, weights, batches, args.precision)
            seconds = step_seconds({name: runs[name]}, min(args.turns, TURNS_ALONE))[name]
            rows[name] = speed(args.batch, seconds) | {"alone": True, "peak_memory_mib": mib}
            rows[name] |= {"losses": losses, "agrees": agree(losses, expected)}
        except Exception as error:  # noqa: BLE001  the others are measured all the same
            rows[name] = {"error": f"{type(error).__name__}: {error}"}
            runs.pop(name, None)
        rows[name]["contender"] = name
        keep(list(rows.values()))
    for name, seconds in step_seconds(runs, args.turns).items():
        rows[name] |= speed(args.batch, seconds) | {"alone": False}
    keep(list(rows.values()))
    return list(rows.values())


def start(
    name: str, weights: Mapping[str, np.ndarray], batches: Batches, precision: str
) -> tuple[Callable[[], Any], float | None]:
    """A contender that has run some steps, and the peak of its memory in MiB, where it is known."""
    runs: list[Callable[[], Any]] = []

    def begin() -> None:
        runs.append(contender(name, weights, batches, precision, dropout=True))
        for _ in range(WARM_UP_STEPS):
            runs[0]()

    free_unused_memory()
    mib = peak_bytes(begin) / MIB
    # PyTorch does not count the memory of the graphs that its compiler makes as allocated
    return runs[0], None if name == COMPILE else mib


def speed(batch: int, seconds: float) -> dict[str, float]:
    return {
        "seconds": seconds,
        "images_per_second": batch / seconds,
        "tflops": training_flops(batch) / seconds / 1e12,
    }


def print_rows(rows: Rows) -> None:
    print(f"{'':20}{'ms':>10}{'images/s':>12}{'TFLOP/s':>10}{'MiB':>10}")
    for row in rows:
        if "error" in row:
            print(f"{row['contender']:20}{row['error']}")
            continue
        memory = row["peak_memory_mib"]
        print(
            f"{row['contender']:20}{row['seconds'] * 1e3:10.3f}{row['images_per_second']:12.0f}",
            f"{row['tflops']:9.1f}{'' if memory is None else round(memory):>10}",
            "" if row["agrees"] else "  other losses than the first",
        )
    print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=128, help="images per step (default 128)")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16")
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=(*CONTENDERS, COMPILE),
        default=CONTENDERS,
        help=f"default: all but {COMPILE!r}",
    )
    parser.add_argument(
        "--turns", type=int, default=9, help=f"of {STEPS_PER_TURN} timed steps each (default 9)"
    )
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    args = parser.parse_args()
    require_gpu()
    allow_tf32()
    step = {"model": "alexnet", "batch": args.batch, "precision": args.precision}

    def keep(rows: Rows) -> None:
        print_rows(rows[-1:])
        if args.json:
            write_json(args.json, {**step, "rows": rows})

    rows = measure(args, keep)
    print(f"AlexNet, batch {args.batch}, {args.precision}")
    print_rows(rows)
    print_environment()
    wrong = [row["contender"] for row in rows if not row.get("agrees")]
    if wrong:
        sys.exit(f"failed, or other losses than {rows[0]['contender']}: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
