"""The program that measures tiles."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")

from minicnn import nn
from minicnn.kernels.cuda import conv
from minicnn.kernels.cuda.gemm import tiles
from minicnn.models import AlexNet227

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tune(importable: None) -> ModuleType:
    return importlib.import_module("gpu_tune")


def layers(tune: ModuleType, network: str) -> list:
    return tune._layers(tune._parser().parse_args(["--networks", network]), 1)


# how often a convolution occurs in VGG16, by its channels and the height of its images
VGG16 = {(256, 56): 2, (512, 28): 2, (512, 14): 3}


@pytest.mark.cpu_only
@pytest.mark.parametrize(
    ("network", "number", "counts", "multiply_adds"),
    [("alexnet", 8, {}, 0.714e9), ("vgg16", 12, VGG16, 15.47e9)],
)
def test_layers_add_up_to_the_published_work_of_their_network(
    tune: ModuleType, network: str, number: int, counts: dict, multiply_adds: float
) -> None:
    found = layers(tune, network)
    assert len(found) == number

    work = sum(layer.multiply_adds * counts.get(layer.input_shape[1:3], 1) for layer in found)
    assert work == pytest.approx(multiply_adds, rel=0.01)  # per image


@pytest.mark.cpu_only
def test_the_layers_of_the_benchmark(tune: ModuleType) -> None:
    """Plans are found by the sizes of a product, so those that are tuned must be the net's own."""
    net = AlexNet227(num_classes=2)
    modules = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    tuned = layers(tune, "alexnet227")
    assert [layer.weight_shape for layer in tuned] == [tuple(m.weight.shape) for m in modules]
    for ours, module in zip(tuned[:5], modules):
        assert (ours.stride, ours.padding) == (module.stride, module.padding)


@pytest.mark.cuda_only
def test_measures_and_writes(
    tune: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "folder" / "tiles.json"
    arguments = ["--linear", "40,24", "--batch", "8", "--dtypes", "bfloat16", "--out", str(out)]
    assert tune.main(arguments) == 0
    table = json.loads(out.read_text())
    gpu = conv.current_gpu()
    entries = table[gpu.name]
    assert {key.split()[0] for key in entries} == {"forward", "input_grad", "weight_grad"}
    names = {tile.name for tile in tiles.available("bfloat16", gpu)}
    assert all(name in names and splits >= 1 for name, splits in entries.values())
    assert "linear 40 -> 24, batch 8" in capsys.readouterr().out

    table["another"] = {"key": ["64x64", 1]}
    out.write_text(json.dumps(table))
    assert tune.main(["--conv", "8,4,4,8,3,1,1", *arguments[2:]]) == 0
    again = json.loads(out.read_text())
    assert again["another"] == table["another"]
    assert again[gpu.name].items() > entries.items()


@pytest.mark.cuda_only
def test_switches_are_left_as_they_were(tune: ModuleType, tmp_path: Path) -> None:
    before = dict(conv.allow_tf32)
    out = tmp_path / "tiles.json"
    arguments = ["--linear", "8,8", "--batch", "4", "--dtypes", "tf32", "--out", str(out)]
    assert tune.main(arguments) == 0
    assert conv.allow_tf32 == before
    assert "tfloat32" in out.read_text()


def test_says_that_there_is_no_gpu(
    tune: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_gpu() -> None:
        raise RuntimeError("no device")

    monkeypatch.setattr(conv, "current_gpu", no_gpu)
    assert tune.main([]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "gpu_tune: no GPU to measure on (no device)\n"


@pytest.mark.cpu_only
def test_as_a_program_without_a_gpu() -> None:
    hidden = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "benchmarks/gpu_tune.py", "--networks", "alexnet"]
    run = subprocess.run(command, cwd=ROOT, env=hidden, capture_output=True, text=True, check=False)
    assert run.returncode == 3
    assert run.stderr.count("\n") == 1, run.stderr
