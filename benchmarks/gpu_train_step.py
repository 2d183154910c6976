"""A network's training step on the GPU, eager and as a CUDA graph, against PyTorch.

    python benchmarks/gpu_train_step.py --model alexnet --batch 128 --precision bf16 --json step.json

All start from the same weights and take turns on the same batches, which are on the GPU already.
A step: forward with dropout, cross-entropy, backward, SGD with momentum 0.9 and weight decay 5e-4;
fp16 with a GradScaler. With dropout off, the losses of each are compared with those of the first. A
contender is timed alone as soon as it is ready, and its figures are written; the turns of all of them
replace these times. PyTorch runs

- eager: with all its defaults, but autocast, or TF32 also in matrix products;
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import print_environment, write_json
from gpu import (
    allow_tf32,
    event_seconds,
    free_bytes,
    free_unused_memory,
    peak_bytes,
    require_gpu,
)
from layers import training_multiply_adds
from memory import MIB
from network_calls import NUM_CLASSES, SIZES, SPECIAL_NAMES, loss_of
from network_calls import SGD_OPTIONS as USUAL_OPTIONS

import minicnn as mc
from minicnn import models, nn, optim

MODELS = ("alexnet", "resnet34", "googlenet", "vgg16")
HALVES = {"bf16": "bfloat16", "fp16": "float16"}  # what autocast is for, in both frameworks
PRECISIONS = (*HALVES, "tf32")
# the most telling first, should time run out
CONTENDERS = ("minicnn graph", "torch tuned graph", "torch tuned", "minicnn", "torch eager")
COMPILE = "torch compile"
WARM_UP_STEPS = 20
STEPS_PER_TURN, TURNS_ALONE = 10, 3
NUM_BATCHES = 4
CHECK_BATCH, CHECK_STEPS, CHECK_TOLERANCE = 32, 6, 0.05
# At the usual rate the loss on random images soon becomes infinite, and adding NaNs takes less power.
SGD_OPTIONS = {**USUAL_OPTIONS, "lr": 1e-5}

Step = Callable[[Any, Any], Any]  # images and labels to the loss
Batches = list[tuple[Any, Any]]  # PyTorch's tensors on the GPU
Rows = list[dict[str, Any]]


def training_flops(model: str, batch: int) -> int:
    """Additions and multiplications of one step."""
    name, size = SPECIAL_NAMES.get(model, model), image_size(model)
    return 2 * batch * training_multiply_adds(name, size, NUM_CLASSES)


def image_size(model: str) -> int:
    """Height and width, in pixels."""
    return SIZES.get(model, 224)


def our_network(model: str) -> nn.Module:
    return models.get_model(SPECIAL_NAMES.get(model, model), num_classes=NUM_CLASSES)


def their_network(model: str) -> Any:
    import torch_models

    return torch_models.get_model(SPECIAL_NAMES.get(model, model), NUM_CLASSES)


def initial_weights(model: str) -> dict[str, np.ndarray]:
    mc.manual_seed(0)
    return {name: weight.numpy() for name, weight in our_network(model).state_dict().items()}


def random_batches(model: str, batch: int) -> Batches:
    import torch

    torch.manual_seed(0)
    shape = (batch, 3, image_size(model), image_size(model))
    return [
        (torch.randn(shape, device="cuda"), torch.randint(NUM_CLASSES, (batch,), device="cuda"))
        for _ in range(NUM_BATCHES)
    ]


@dataclass(frozen=True)
class Task:
    """What all contenders do.

    Args:
        model: the network's name.
        precision: of convolutions and matrix products.
        weights: to start from.
        batches: to take turns on.
        dropout: whether there is any.
    """

    model: str
    precision: str
    weights: Mapping[str, np.ndarray]
    batches: Batches
    dropout: bool = True

    def prepare(self, net: Any) -> None:
        """Set a network of either framework to training."""
        net.train()
        for module in net.modules():
            if type(module).__name__ == "Dropout" and not self.dropout:
                module.p = 0.0


def contender(name: str, task: Task) -> Callable[[], Any]:
    """What makes one step on the next batch and returns the loss."""
    framework, _, mode = name.partition(" ")
    make = minicnn_contender if framework == "minicnn" else torch_contender
    step, batches = make(mode, task)
    turns = itertools.cycle(batches)
    return lambda: step(*next(turns))


def minicnn_contender(mode: str, task: Task) -> tuple[Step, list[tuple[mc.Tensor, mc.Tensor]]]:
    net = our_network(task.model)
    net.load_state_dict({name: mc.from_numpy(weight) for name, weight in task.weights.items()})
    task.prepare(net.to("cuda"))
    step = minicnn_step(net, task.precision, captured=mode == "graph")
    ours = [
        (mc.from_dlpack(channels_last(images)), mc.from_dlpack(labels))
        for images, labels in task.batches
    ]
    return mc.cuda.graph(step) if mode == "graph" else step, ours


def minicnn_step(net: nn.Module, precision: str, captured: bool = False) -> Step:
    """A step, which in a graph updates the weights beside backward.

    Not in fp16, whose scaler has to see all gradients first.
    """
    criterion, sgd = nn.CrossEntropyLoss(), optim.SGD(net.parameters(), **SGD_OPTIONS)
    autocast = contextlib.nullcontext()
    if precision in HALVES:
        autocast = mc.autocast(dtype=getattr(mc, HALVES[precision]))
    scaler = mc.amp.GradScaler(enabled=precision == "fp16")

    def step(images: mc.Tensor, labels: mc.Tensor) -> mc.Tensor:
        sgd.zero_grad()
        with autocast:
            loss = loss_of(net(images), labels, criterion)
        if captured and not scaler.is_enabled():
            with optim.step_in_backward(sgd):
                loss.backward()
        else:
            scaler.scale(loss).backward()
            scaler.step(sgd)
            scaler.update()
        return loss.detach()

    return step


def torch_contender(mode: str, task: Task) -> tuple[Step, Batches]:
    import torch

    batches = task.batches
    with torch.device("cuda"):
        net = their_network(task.model)
    task.prepare(net)
    tuned = mode != "eager"
    if tuned:
        net = net.to(memory_format=torch.channels_last)
        batches = [(channels_last(images), labels) for images, labels in batches]
    sgd = torch.optim.SGD(net.parameters(), **SGD_OPTIONS, fused=True if tuned else None)
    step = torch_step(net, sgd, task.precision, tuned, compiled=mode == "compile")
    captured = mode == "tuned graph"
    warm_up(step, batches, torch.cuda.Stream() if captured else torch.cuda.current_stream())
    if captured:
        step = torch_graph(step, *batches[0])
    # back to where minicnn begins, in place: the graph knows the addresses
    net.load_state_dict({name: torch.from_numpy(weight) for name, weight in task.weights.items()})
    for state in sgd.state.values():
        state["momentum_buffer"].zero_()
    return step, batches


def torch_step(net: Any, sgd: Any, precision: str, tuned: bool, compiled: bool) -> Step:
    import torch

    criterion = torch.nn.CrossEntropyLoss()
    half = getattr(torch, HALVES.get(precision, "bfloat16"))
    scaler = torch.amp.GradScaler("cuda", enabled=precision == "fp16")

    def forward(images: Any, labels: Any) -> Any:
        with torch.autocast("cuda", half, enabled=precision in HALVES):
            return loss_of(net(images), labels, criterion)

    update = scaler.step
    if compiled:
        forward = torch.compile(forward, mode="max-autotune")
        if precision != "fp16":
            compiled_step = torch.compile(sgd.step, mode="max-autotune")
            update = lambda _: compiled_step()

    def step(images: Any, labels: Any) -> Any:
        torch.backends.cudnn.benchmark = tuned
        if compiled:
            torch.compiler.cudagraph_mark_step_begin()
        sgd.zero_grad(set_to_none=True)
        loss = forward(images, labels)
        scaler.scale(loss).backward()
        update(sgd)
        scaler.update()
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


def first_losses(name: str, task: Task) -> list[float]:
    """Of the first steps with dropout off, on small batches."""
    batches = random_batches(task.model, CHECK_BATCH)
    run = contender(name, replace(task, batches=batches, dropout=False))
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
    batches = random_batches(args.model, args.batch)
    task = Task(args.model, args.precision, initial_weights(args.model), batches)
    flops = training_flops(args.model, args.batch)
    runs: dict[str, Callable[[], Any]] = {}
    rows: dict[str, dict[str, Any]] = {}
    expected: list[float] = []
    checks = COMPILE not in args.contenders  # it would compile for the batch of the check too
    for name in args.contenders:
        try:
            losses = first_losses(name, task) if checks else []
            expected = expected or losses
            runs[name], memory = start(name, task)
            seconds = step_seconds({name: runs[name]}, min(args.turns, TURNS_ALONE))[name]
            rows[name] = speed(args.batch, flops, seconds) | {"alone": True} | memory
            rows[name] |= {"losses": losses, "agrees": agree(losses, expected)}
        except Exception as error:  # noqa: BLE001  the others are measured all the same
            rows[name] = {"error": f"{type(error).__name__}: {error}"}
            runs.pop(name, None)
        rows[name]["contender"] = name
        keep(list(rows.values()))
    for name, seconds in step_seconds(runs, args.turns).items():
        rows[name] |= speed(args.batch, flops, seconds) | {"alone": False}
    keep(list(rows.values()))
    return list(rows.values())


def start(name: str, task: Task) -> tuple[Callable[[], Any], dict[str, float | None]]:
    """A contender that has run some steps, and its memory in MiB.

    The peak is of what its arrays take in use; "held" is what the GPU has less of, with all that the
    framework keeps for later, its workspaces and its compiled code.
    """
    runs: list[Callable[[], Any]] = []

    def begin() -> None:
        runs.append(contender(name, task))
        for _ in range(WARM_UP_STEPS):
            runs[0]()

    free_unused_memory()
    free = free_bytes()
    peak = peak_bytes(begin) / MIB
    # PyTorch does not count the memory of the graphs that its compiler makes as allocated
    return runs[0], {
        "peak_memory_mib": None if name == COMPILE else peak,
        "held_memory_mib": (free - free_bytes()) / MIB,
    }


def speed(batch: int, flops: int, seconds: float) -> dict[str, float]:
    return {
        "seconds": seconds,
        "images_per_second": batch / seconds,
        "tflops": flops / seconds / 1e12,
    }


def print_rows(rows: Rows) -> None:
    print(f"{'':20}{'ms':>10}{'images/s':>12}{'TFLOP/s':>10}{'MiB':>10}{'held':>10}")
    for row in rows:
        if "error" in row:
            print(f"{row['contender']:20}{row['error']}")
            continue
        memory = row["peak_memory_mib"]
        print(
            f"{row['contender']:20}{row['seconds'] * 1e3:10.3f}{row['images_per_second']:12.0f}",
            f"{row['tflops']:9.1f}{'' if memory is None else round(memory):>10}"
            f"{row['held_memory_mib']:10.0f}",
            "" if row["agrees"] else "  other losses than the first",
        )
    print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=MODELS, default="alexnet")
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
    step = {"model": args.model, "batch": args.batch, "precision": args.precision}

    def keep(rows: Rows) -> None:
        print_rows(rows[-1:])
        if args.json:
            write_json(args.json, {**step, "rows": rows})

    rows = measure(args, keep)
    print(f"{args.model}, batch {args.batch}, {args.precision}")
    print_rows(rows)
    print_environment()
    wrong = [row["contender"] for row in rows if not row.get("agrees")]
    if wrong:
        sys.exit(f"failed, or other losses than {rows[0]['contender']}: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
