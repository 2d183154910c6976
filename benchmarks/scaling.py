"""Data parallel training: two processes on two cores against one on one, and a model of more.

    python benchmarks/scaling.py --network alexnet --batch 64 128
    python benchmarks/scaling.py --network resnet34 --batch 32

The batch is of one process: with two, twice as many pictures are trained on in a step. Each process
is pinned to a core and computes with one thread, and the jobs with one and with two processes take
turns, a block of steps each. The efficiency is the time of a step alone divided by the time together;
1 is perfect. Stop other programs first.

Nothing but this machine is measured. The table for many nodes is a model: a ring carries
2 (p - 1) / p times the bytes of the gradients through each node's link, without latency, first with
none of it hidden, then with as much as fits hidden behind the backward pass (two thirds of a step).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import environment, markdown_table, print_environment, write_json

NETWORKS = ("alexnet", "resnet34")
ROUNDS = 3  # blocks of each job, in turns
NODES, GIGABITS = (2, 4, 8, 16, 32, 64), (10, 100, 400)
BACKWARD = 2 / 3  # share of a step


def measure(network: str, batch: int, steps: int) -> None:
    """What each process of a job does; the first prints the seconds of its steps, as JSON."""
    import numpy as np

    import minicnn as mc
    import minicnn.nn.functional as F
    from minicnn import distributed, models, nn, optim

    distributed.init_process_group()
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[distributed.get_rank() % len(cores)]})
    mc.manual_seed(0)
    net = models.get_model(network, num_classes=2)
    gradient_bytes = sum(p.numel() * p.element_size() for p in net.parameters())
    if distributed.get_world_size() > 1:
        net = nn.parallel.DistributedDataParallel(net)
    optimizer = optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
    images = np.random.default_rng(0).standard_normal((batch, 3, 224, 224), dtype=np.float32)
    images, labels = mc.from_numpy(images), mc.randint(0, 2, (batch,))
    seconds = []
    for _ in range(steps + 1):
        distributed.barrier()
        begin = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
        distributed.barrier()
        seconds.append(time.perf_counter() - begin)
    if distributed.get_rank() == 0:
        found = {"gradient_bytes": gradient_bytes, "environment": environment()}
        print(json.dumps({"seconds": seconds[1:], **found}))


def run_job(count: int, network: str, batch: int, steps: int) -> dict[str, Any]:
    """What :func:`measure` prints in a job of ``count`` processes."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    worker = [sys.executable, "-m", "mpi4py", __file__, "--worker", "--network", network]
    options = ["--batch", str(batch), "--steps", str(steps)]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    paths = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [mpiexec, "-n", str(count), *worker, *options],
        env={**os.environ, **one_thread, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def compare(network: str, batch: int, steps: int) -> dict[str, Any]:
    """One process against two."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for count, measured in seconds.items():
            result = run_job(count, network, batch, steps)
            measured += result["seconds"]
    alone, together = (statistics.median(measured) for measured in seconds.values())
    return {
        "network": network,
        "batch": batch,
        "seconds_alone": alone,
        "seconds_together": together,
        "efficiency": alone / together,
        "gradient_bytes": result["gradient_bytes"],
        "environment": result["environment"],
    }


def modelled(step: float, gradient_bytes: int, nodes: int, gigabits: float) -> tuple[float, float]:
    """The efficiency of a node among ``nodes``: with nothing hidden, and with all that can be."""
    travelling = 2 * (nodes - 1) / nodes * gradient_bytes / (gigabits * 1e9 / 8)
    hidden = min(travelling, BACKWARD * step)
    return step / (step + travelling), step / (step + travelling - hidden)


def print_model(result: dict[str, Any]) -> None:
    """The table for many nodes."""
    print(
        f"\nA MODEL, not measured: {result['network']}, batch {result['batch']} on each node, whose "
        f"step takes {result['seconds_alone']:.2f} s; efficiency without / with hiding\n"
    )
    rows = [
        [nodes]
        + [
            "{:.2f} / {:.2f}".format(
                *modelled(result["seconds_alone"], result["gradient_bytes"], nodes, gigabits)
            )
            for gigabits in GIGABITS
        ]
        for nodes in NODES
    ]
    print(markdown_table(["nodes", *(f"{gigabits} Gb/s" for gigabits in GIGABITS)], rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=NETWORKS, default="alexnet")
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 128], help="of one process")
    parser.add_argument("--steps", type=int, default=3, help="in a block (%(default)s)")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        measure(args.network, args.batch[0], args.steps)
        return
    results = [compare(args.network, batch, args.steps) for batch in args.batch]
    measured_in = [result.pop("environment") for result in results][-1]
    print_environment(measured_in)
    rows = [
        [
            f"{r['network']}, {r['batch']} pictures a process",
            *(f"{r[name]:.3f}" for name in ("seconds_alone", "seconds_together", "efficiency")),
        ]
        for r in results
    ]
    print(markdown_table(["", "1 process (s)", "2 processes (s)", "efficiency"], rows))
    print_model(results[-1])
    if args.json:
        write_json(args.json, {"scaling": results}, measured_in)


if __name__ == "__main__":
    main()
