"""The program that measures tiles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")

from minicnn import nn
from minicnn.kernels.cuda import conv, tiles, tune
from minicnn.models import AlexNet227


def test_layers_of_the_networks() -> None:
    layers = {name: network() for name, network in tune.NETWORKS.items()}
    assert len(layers["alexnet"]) == 8
    assert len(layers["vgg16"]) == 16
    multiply_adds = {name: sum(map(count, network)) for name, network in layers.items()}
    assert multiply_adds["alexnet"] == pytest.approx(0.714e9, rel=0.01)  # per image
    assert multiply_adds["vgg16"] == pytest.approx(15.47e9, rel=0.01)


def test_the_layers_of_the_benchmark() -> None:
    """Plans are found by the sizes of a product, so those that are tuned must be the net's own."""
    net = AlexNet227(num_classes=2)
    layers = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    weights = [tuple(layer.weight.shape) for layer in layers]
    tuned = [
        (layer.O, layer.C) if layer.H == 1 else (layer.O, layer.C, *layer.geometry.kernel_size)
        for layer in tune.alexnet227()
    ]
    assert tuned == weights
    for layer, ours in zip(layers[:5], tune.alexnet227()):
        assert ours.geometry.stride == layer.stride and ours.geometry.padding == layer.padding


def count(layer: tune.Layer) -> int:
    OH, OW = layer.geometry.output_size
    return OH * OW * layer.O * layer.kernel_size**2 * layer.C


def test_sizes_chain() -> None:
    last = [layer for layer in tune.resnet50() if layer.H > 1][-1]
    assert (last.H, last.O) == (7, 512)
    last = [layer for layer in tune.resnet34() if layer.H > 1][-1]
    assert (last.H, last.O) == (7, 512)


def test_measures_and_writes(cp: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "folder" / "tiles.json"
    arguments = ["--linear", "40,24", "--batch", "8", "--dtypes", "bfloat16", "--out", str(out)]
    assert tune.main(arguments) == 0
    table = json.loads(out.read_text())
    gpu = conv.current_gpu()
    entries = table[gpu.name]
    assert {key.split()[0] for key in entries} == {"forward", "input_grad", "weight_grad"}
    names = {tile.name for tile in tiles.TILES["bfloat16"]}
    assert all(name in names and splits >= 1 for name, splits in entries.values())
    assert "linear 40 -> 24" in capsys.readouterr().out

    table["another"] = {"key": ["64x64", 1]}
    out.write_text(json.dumps(table))
    assert tune.main(["--conv", "8,4,4,8,3,1,1", *arguments[2:]]) == 0
    again = json.loads(out.read_text())
    assert again["another"] == table["another"]
    assert again[gpu.name].items() > entries.items()


def test_switches_are_left_as_they_were(cp: Any, tmp_path: Path) -> None:
    before = dict(conv.allow_tf32)
    out = tmp_path / "tiles.json"
    assert (
        tune.main(["--linear", "8,8", "--batch", "4", "--dtypes", "tf32", "--out", str(out)]) == 0
    )
    assert conv.allow_tf32 == before
    assert "tfloat32" in out.read_text()


def test_says_that_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_gpu() -> None:
        raise RuntimeError("no device")

    monkeypatch.setattr(conv, "current_gpu", no_gpu)
    assert tune.main([]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "tune: no GPU to measure on (no device)\n"


@pytest.mark.cpu_only
def test_as_a_program_without_a_gpu() -> None:
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "minicnn.kernels.cuda.tune", "--networks", "alexnet"]
    run = subprocess.run(command, env=hidden, capture_output=True, text=True, check=False)
    assert run.returncode == 3
    assert run.stderr.count("\n") == 1, run.stderr
