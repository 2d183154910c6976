"""All networks with published weights: size, work, accuracy, and inference of one picture.

    python benchmarks/all_networks.py
    python benchmarks/all_networks.py --networks resnet50 mobilenet_v2

Each network has the picture size of its published weights. Its parameters and multiply-adds are
counted here (of convolutions and matrix products, as torchvision counts), its accuracy is the
published one. minicnn's time is that of ``mc.compile``, PyTorch's (torchvision's networks) is from the
faster of its two memory layouts. Each framework has a process of its own, and they take turns in
blocks of calls. Stop other programs first; networks of up to ``--most`` million parameters take some
ten minutes on two cores.

Written to ``--out`` are all_networks.json and all_networks.md, after each network. What they had of
other networks stays.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import LAYOUTS, environment_of, markdown_table, print_environment, write_json
from network_calls import SEGMENTERS
from turns import CHECKOUT, Worker, medians, processes, start, take_turns

WITHOUT_WEIGHTS = ("alexnet227", "fcn8s", "fcn16s", "fcn32s")  # nor does torchvision have them
DEFAULT_SIZE = 224  # pixels, of a vision transformer's pictures, which have no other size
PICTURE_OF_SEGMENTATION = 520  # pixels, to which their published transforms resize
MOST_PARAMETERS = 100  # millions
BLOCKS, ROUNDS, SECONDS = 3, 1, 0.3  # turns of each, calls in a turn at least, and how long

Calls = dict[str, Callable[[], object]]
Row = dict[str, Any]  # what is written of a network


def published() -> list[str]:
    """The networks of ``minicnn.models`` that have published weights."""
    from minicnn import models

    return [name for name in models.list_models() if name not in WITHOUT_WEIGHTS]


def facts(name: str) -> Row:
    """What is known of a network without measuring: its file of weights, and what is counted here."""
    import minicnn as mc
    from minicnn import graph, models
    from minicnn.profiler.work import flops_of

    weights = weights_of(name)
    (dataset, metrics), size = next(iter(weights.meta["_metrics"].items())), picture_size(weights)
    net = models.get_model(name).eval()
    with mc.no_grad():
        nodes = graph.record(net, mc.zeros(1, 3, size, size)).nodes
    operations = sum(flops_of(node.operation, node.inputs, node.outputs) for node in nodes) // 2
    return {
        "network": name,
        "size": size,
        "parameters": sum(p.numel() for p in net.parameters()),
        "multiply_adds": operations,
        "published": {"dataset": dataset, **metrics, "ops": weights.meta["_ops"]},
    }


def weights_of(name: str) -> Any:
    """The best published weights for pictures of the size that the network takes by default."""
    from minicnn import models

    weights: Any = models.get_model_weights(name)
    fitting = [entry for entry in weights if entry.meta["min_size"][0] <= DEFAULT_SIZE]
    return weights.DEFAULT if weights.DEFAULT in fitting else fitting[0]


def picture_size(weights: Any) -> int:
    """Height and width that published weights expect."""
    crop = getattr(weights.transforms(), "crop_size", None)
    return crop[0] if crop else PICTURE_OF_SEGMENTATION


def picture(size: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, 3, size, size), dtype=np.float32)


def keep_variance(net: Any, nn: Any) -> None:
    """First weights with which the numbers keep their size, so that none becomes subnormal."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)


def minicnn_calls(name: str, size: int) -> Calls:
    """Inference by what ``mc.compile`` makes of a network."""
    import minicnn as mc
    from minicnn import models, nn

    net, images = models.get_model(name).eval(), mc.from_numpy(picture(size))
    keep_variance(net, nn)
    compiled = mc.compile(net)

    def call() -> None:
        with mc.no_grad():
            compiled(images)

    return {"compiled": call}


def torch_calls(name: str, size: int) -> Calls:
    """Inference in each of PyTorch's layouts."""
    import torch
    from torch_models import of_torchvision

    def in_layout(layout: str) -> Callable[[], None]:
        memory_format = getattr(torch, layout)
        net = of_torchvision(name, num_classes=21 if name.startswith(SEGMENTERS) else 1000).eval()
        keep_variance(net, torch.nn)
        net = net.to(memory_format=memory_format)
        images = torch.from_numpy(picture(size)).contiguous(memory_format=memory_format)

        def call() -> None:
            with torch.no_grad():
                net(images)

        return call

    return {layout: in_layout(layout) for layout in LAYOUTS}


def measure(name: str, size: int, workers: Mapping[str, Worker]) -> Row:
    """Seconds of a call in both frameworks, and their ratio."""
    calls = {
        framework: worker.make(f"{framework}_calls", name, size)
        for framework, worker in workers.items()
    }

    def turn(worker: Worker) -> dict[str, float]:
        return medians(worker.block(calls[worker.name], ROUNDS, SECONDS))

    found = {who: medians(seconds) for who, seconds in take_turns(workers, turn, BLOCKS).items()}
    layout = min(LAYOUTS, key=found["torch"].__getitem__)
    ours, theirs = found["minicnn"]["compiled"], found["torch"][layout]
    return {"minicnn": ours, "torch": theirs, "layout": layout, "ratio": theirs / ours}


def page(rows: Sequence[Row], environment: Mapping[str, Any]) -> str:
    """The table with the machine it was measured on, as Markdown."""
    machine = f"{environment['cpu']}, {environment['threads']} threads, "
    machine += f"{', '.join(environment['blas'])}, NumPy {environment['numpy']}"
    header = ["network", "pixels", "parameters, M", "GFLOPs", "published, %", "`mc.compile`, ms"]
    table = markdown_table([*header, "PyTorch, ms", "ratio"], map(_cells, rows))
    return f"""# All networks: inference of one picture on the CPU

{machine}; PyTorch {environment["torch"]}; float32. Each framework in a process of its own, taking turns;
PyTorch runs torchvision's networks eagerly, in the better of its memory layouts. A ratio above 1: minicnn
is faster. Parameters are millions; GFLOPs are 10⁹ multiply-adds of convolutions and matrix products for a
picture of that size, as torchvision counts. Published is the accuracy of the best published weights on
ImageNet, in the first answer, or the mean intersection over union on the part of COCO that has the
classes of Pascal VOC (\\*).

{table}"""


def _cells(row: Row) -> list[str]:
    result = row["published"]
    accuracy = f"{result['acc@1']:.1f}" if "acc@1" in result else f"{result['miou']:.1f}\\*"
    sizes = f"{row['parameters'] / 1e6:.1f}", f"{row['multiply_adds'] / 1e9:.2f}"
    times = f"{row['minicnn'] * 1e3:.1f}", f"{row['torch'] * 1e3:.1f}", f"{row['ratio']:.2f}"
    return [row["network"], str(row["size"]), *sizes, accuracy, *times]


def write(rows: Mapping[str, Row], folder: Path, environment: Mapping[str, Any]) -> None:
    """Both files, with the networks in the order of their names."""
    in_order = [rows[name] for name in sorted(rows)]
    how = {"processes": processes(BLOCKS, ROUNDS)}
    write_json(folder / "all_networks.json", {"networks": in_order, **how}, environment)
    (folder / "all_networks.md").write_text(page(in_order, environment))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=published(), metavar="NAME")
    parser.add_argument(
        "--most", type=float, default=MOST_PARAMETERS, help="parameters, millions (default 100)"
    )
    parser.add_argument("--out", type=Path, default=CHECKOUT / "benchmarks" / "results" / "cpu")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "all_networks.json"
    known = json.loads(path.read_text())["networks"] if path.exists() else []
    rows: dict[str, Row] = {row["network"]: row for row in known}
    with start(__file__, {"minicnn": CHECKOUT, "torch": CHECKOUT}) as workers:
        for name in args.networks or published():
            if weights_of(name).meta["num_params"] > args.most * 1e6 and not args.networks:
                continue
            row = facts(name)
            rows[name] = {**row, **measure(name, row["size"], workers)}
            measured_in = environment_of(worker.environment() for worker in workers.values())
            write(rows, args.out, measured_in)
            print(" ".join(f"{cell:>9}" for cell in _cells(rows[name])), flush=True)
    print()
    print_environment(measured_in)


if __name__ == "__main__":
    main()
