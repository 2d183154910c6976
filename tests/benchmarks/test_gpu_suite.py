"""What of the GPU suite needs no GPU: its control flow, shapes, checks and tables."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn
from minicnn.kernels import Geometry

pytestmark = pytest.mark.cpu_only

ROOT = Path(__file__).parents[2]
SUITE = "benchmarks/gpu_suite.sh"
PARTS = ["tests", "tune", "ceilings", "train_bf16_128", "train_bf16_512", "train_tf32_128"]
PARTS += ["train_tf32_512", "conv2d", "kernels", "matmul", "plain", "compile_bf16_128"]
PARTS += ["compile_bf16_512", "compile_tf32_128", "compile_tf32_512"]


def run_suite(*arguments, **environment):
    return subprocess.run(
        ["bash", SUITE, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def pretended_gpu(tmp_path):
    """An interpreter to which a GPU is there and every part succeeds, or does what `body` says."""

    def make(body=""):
        stub = tmp_path / "python"
        stub.write_text(
            "#!/usr/bin/env bash\n"
            '[[ $1 == benchmarks/gpu.py ]] && echo "nvidia-test" && exit 0\n'
            f'[[ $1 == benchmarks/gpu_report.py ]] && exec "{sys.executable}" "$@"\n'
            f"{body}\n"
            'echo "ran $*"\n'
        )
        stub.chmod(0o755)
        return {"PYTHON": str(stub), "PATH": "/usr/bin:/bin"}

    return make


def skipped(folder):
    lines = (folder / "skipped.txt").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if "sanitizer" not in line)


def test_bash_accepts_the_script():
    assert subprocess.run(["bash", "-n", SUITE], cwd=ROOT, check=False).returncode == 0


def test_the_tests_that_it_runs_exist():
    named = re.findall(r"\btests/[\w/]+(?:\.py)?", (ROOT / SUITE).read_text())
    assert named and [path for path in named if not (ROOT / path).exists()] == []


def test_without_a_gpu_one_line_and_status_3(tmp_path):
    done = run_suite("--out", tmp_path / "results", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 3
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "no NVIDIA GPU" in done.stderr
    assert not (tmp_path / "results").exists()


def test_each_script_refuses_alone_too(tmp_path):
    for name in ("gpu_ceilings", "gpu_conv2d", "gpu_kernels", "gpu_train_step", "gpu_tune"):
        done = subprocess.run(
            [sys.executable, f"benchmarks/{name}.py"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, len(done.stderr.splitlines())) == (3, 1), name


def test_an_unknown_option_prints_the_usage():
    done = run_suite("--fast", "yes")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: bash benchmarks/gpu_suite.sh")


def test_a_part_that_fails_does_not_stop_the_rest(tmp_path, pretended_gpu):
    out = tmp_path / "results"
    body = '[[ $1 == benchmarks/gpu_conv2d.py ]] && echo "out of memory" && exit 1'
    done = run_suite("--out", out, **pretended_gpu(body))
    assert done.returncode == 1
    assert skipped(out) == {"conv2d": "failed: out of memory"}
    assert sorted(path.stem for path in out.glob("*.log")) == sorted(PARTS)
    assert "conv2d: failed: out of memory" in done.stdout
    assert "- conv2d: failed: out of memory" in (out / "README.md").read_text()


@pytest.mark.slow
def test_a_part_is_stopped_when_time_is_up_and_the_rest_is_named(tmp_path, pretended_gpu):
    out = tmp_path / "results"
    body = '[[ "$*" == *pytest* ]] && exec sleep 60'
    done = run_suite("--out", out, "--seconds", 13, **pretended_gpu(body))
    assert done.returncode == 0
    assert skipped(out)["tests"].startswith("stopped after its 1")
    assert {skipped(out)[name] for name in PARTS[1:]} == {"no time was left"}


def test_parts_can_be_left_out_and_old_results_go(tmp_path, pretended_gpu):
    out = tmp_path / "results"
    out.mkdir()
    (out / "train_bf16_128.json").write_text("{}")
    done = run_suite("--out", out, "--skip", "train", "--skip", "tune", **pretended_gpu())
    assert done.returncode == 0
    left_out = [name for name in PARTS if name.startswith(("train", "tune"))]
    assert skipped(out) == dict.fromkeys(left_out, "left out by --skip")
    assert not (out / "train_bf16_128.json").exists()


def test_the_name_of_the_folder():
    gpu = importlib.import_module("gpu")
    assert gpu.slug("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3"
    assert gpu.slug("Tesla V100-SXM2 (test)") == "tesla-v100-sxm2-test"


# how often a convolution occurs in its network, by channels in and out, and height of the images
VGG16 = {(256, 256, 56): 2, (512, 512, 28): 2, (512, 512, 14): 3}
RESNET34 = {(64, 64, 56): 6, (128, 128, 28): 7, (256, 256, 14): 11, (512, 512, 7): 5}


@pytest.mark.parametrize(
    ("network", "counts", "multiplications"),
    [
        ("AlexNet", {}, 1.0766e9),
        ("VGG16", VGG16, 15.3466e9),
        ("ResNet-34", RESNET34, 3.6636e9),
    ],
)
def test_layers_add_up_to_the_published_work_of_their_network(network, counts, multiplications):
    model, size = importlib.import_module("gpu_conv2d").NETWORKS[network]
    layers = importlib.import_module("layers").conv_layers(model, 1, size)

    def count(layer):
        _, C, H, _ = layer.input_shape
        return counts.get((C, layer.output_shape[1], H), 1)

    work = sum(count(layer) * layer.multiply_adds for layer in layers)
    assert work == pytest.approx(multiplications, rel=1e-3)


def test_the_flops_of_a_training_step():
    flops = importlib.import_module("gpu_train_step").training_flops
    convolutions, first, linear = 1.0766e9, 105.4e6, 9216 * 4096 + 4096 * 4096 + 4096 * 2
    assert flops(1) == pytest.approx(2 * (3 * (convolutions + linear) - first), rel=1e-3)
    assert flops(128) == 128 * flops(1)


@pytest.mark.parametrize(("precision", "tolerance"), [("tf32", 1e-4), ("bf16", 2e-2)])
def test_both_frameworks_make_the_same_steps(precision, tolerance, monkeypatch):
    gpu_train_step = importlib.import_module("gpu_train_step")
    monkeypatch.setitem(gpu_train_step.SGD_OPTIONS, "lr", 1e-3)
    ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 2)
    )
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    sgd = torch.optim.SGD(theirs.parameters(), **gpu_train_step.SGD_OPTIONS)
    our_step = gpu_train_step.minicnn_step(ours, precision)
    their_step = gpu_train_step.torch_step(theirs, sgd, "tf32", tuned=False, compiled=False)
    rng = np.random.default_rng(0)
    images = 10 * rng.standard_normal((2, 3, 8, 8), dtype=np.float32)
    labels = np.array([0, 1])
    losses = [
        (
            our_step(mc.tensor(images), mc.tensor(labels)).item(),
            their_step(torch.tensor(images), torch.tensor(labels)).item(),
        )
        for _ in range(4)
    ]
    assert losses[0][0] > 1.01 * losses[3][0]
    for our_loss, their_loss in losses:
        assert our_loss == pytest.approx(their_loss, rel=tolerance)


def test_losses_that_disagree_are_an_error(monkeypatch):
    gpu_train_step = importlib.import_module("gpu_train_step")
    losses = {"minicnn": 0.7, "torch eager": 0.71, "torch tuned": 0.8}
    monkeypatch.setattr(gpu_train_step, "random_batches", lambda batch: [])
    monkeypatch.setattr(
        gpu_train_step,
        "contender",
        lambda name, *_, **__: lambda: torch.tensor(losses[name]),
    )
    gpu_train_step.check_losses(["minicnn", "torch eager"], {}, "tf32")
    with pytest.raises(RuntimeError, match="torch tuned and minicnn disagree"):
        gpu_train_step.check_losses(list(losses), {}, "tf32")


def test_convolutions_of_both_frameworks_agree_in_every_direction():
    conv2d = importlib.import_module("conv2d")
    geometry = Geometry((9, 9), (5, 5), (3, 3), (2, 2), (1, 1))
    rng = np.random.default_rng(0)
    shapes = [(2, 3, 9, 9), (5, 3, 3, 3), (5,), (2, 5, 5, 5)]
    arrays = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
    ours = conv2d.minicnn_passes(*arrays, geometry)
    theirs = conv2d.torch_passes(*map(torch.from_numpy, arrays), geometry)
    assert list(ours) == list(theirs)
    for name, run in ours.items():
        np.testing.assert_allclose(run(), theirs[name]().numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.fast_only
def test_each_kernel_that_is_measured_runs():
    cases = list(importlib.import_module("gpu_kernels").cases(2, num_weights=1000, device="cpu"))
    assert len({name for name, _, _ in cases}) == len(cases) == 15
    for _, run, num_bytes in cases:
        run()
        assert num_bytes > 0


def write(folder, name, result):
    origin = {"date": "2030-01-02T03:04:05Z", "command": "", "environment": {"gpu": "NVIDIA Test"}}
    (folder / f"{name}.json").write_text(json.dumps({**result, **origin}))


def test_the_report(tmp_path):
    gpu_report = importlib.import_module("gpu_report")
    write(tmp_path, "ceilings", {"bf16_tflops": 800.0, "tf32_tflops": 400.0, "copy_gbs": 3000.0})
    row = {"images_per_second": 60000.0, "seconds": 0.002, "tflops": 400.0, "peak_memory_mib": 900}
    rows = [
        {**row, "contender": "minicnn graph"},
        {**row, "contender": "torch tuned", "images_per_second": 40000.0},
    ]
    step = {"model": "alexnet", "batch": 128, "precision": "bf16"}
    write(tmp_path, "train_bf16_128", step | {"rows": rows})
    compiled = {**row, "contender": "torch compile", "peak_memory_mib": None}
    write(tmp_path, "compile_bf16_128", step | {"rows": [compiled]})
    convolution = {"layer": "VGG16 conv1_1", "pass": "forward", "precision": "bf16"}
    convolution |= {"minicnn": 0.001, "torch": 0.002, "tflops": 200.0, "ratio": 2.0}
    agreements = [{"difference": 0.3, "agrees": False}, {"difference": 0.0, "agrees": True}]
    write(tmp_path, "conv2d", {"batch": 64, "rows": [convolution | a for a in agreements]})
    write(
        tmp_path,
        "kernels",
        {"batch": 512, "rows": [{"kernel": "dropout", "seconds": 0.001, "gbs": 1500.0}]},
    )
    rung = {"size": 1024, "precision": "bf16", "rung": "shared memory", "seconds": 0.001}
    rung |= {"gflops": 2147.5, "of_cublas": 0.0123, "agrees": True}
    write(tmp_path, "matmul", {"rows": [rung]})
    layer = {"layer": "features.0", "pass": "forward", "precision": "tf32", "plain": 0.02}
    layer |= {"fast": 0.001, "ratio": 20.0, "plain_gflops": None}
    write(tmp_path, "plain", {"batch": 64, "rows": [layer]})
    (tmp_path / "tests.log").write_text("....\n==== 12 passed in 3.00s ====\n\n")
    (tmp_path / "skipped.txt").write_text("tune: no time was left\n")
    page = gpu_report.report(tmp_path)
    assert page.startswith("# NVIDIA Test\n")
    for line in (
        "| tests | 12 passed in 3.00s |",
        "| copy within the card's memory | 3000 GB/s |",
        "| minicnn graph | 2.000 | 60000 | 1.50 | 400.0 | 50% | 900 |",
        "| torch compile | 2.000 | 60000 | 1.50 | 400.0 | 50% |  |",
        "### bf16: cuDNN's time over minicnn's, geometric mean 2.00",
        "| VGG16 conv1_1, forward | 1.000 | 2.000 | 2.00 | 200.0 | 25% | **no**: 3.0e-01 |",
        "| VGG16 conv1_1, forward | 1.000 | 2.000 | 2.00 | 200.0 | 25% | yes |",
        "| dropout | 1.000 | 1500 | 50% |",
        "| 1024, bf16 | shared memory | 1.000 | 2148 | 1.2% | yes |",
        "| features.0, forward, tf32 | 20.000 | 1.000 | 20.0 |",
        "- tune: no time was left",
    ):
        assert line in page.splitlines()


def test_the_report_of_nothing(tmp_path):
    page = importlib.import_module("gpu_report").report(tmp_path)
    assert "Nothing was measured." in page
    assert page.endswith("## Skipped or failed\n\n- nothing\n")
