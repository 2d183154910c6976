"""What of the GPU suite needs no GPU: its control flow, shapes, checks and tables."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn
from minicnn.kernels import Geometry

pytestmark = pytest.mark.cpu_only

ROOT = Path(__file__).parents[2]
SUITE = "benchmarks/gpu_suite.sh"
MAX_FILES = 8

# a part that measures 1, then does as it is told
FAKE_PART = """
import json, signal, sys, time
behaviour, _, path = sys.argv[1:]
json.dump({"date": "2030-01-02", "environment": {}, "rows": [], "value": 1}, open(path, "w"))
print("measured", flush=True)
if behaviour == "fail":
    sys.exit("out of memory")
if behaviour == "ignore signals":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
if behaviour != "succeed":
    time.sleep(60)
"""
SUITE_OF_FAKES = """
import json, sys
sys.path.insert(0, {benchmarks!r})
import gpu_suite
gpu_suite.PARTS = tuple(gpu_suite.Part(**part) for part in json.loads({parts!r}))
gpu_suite.LEAST_SECONDS, gpu_suite.GRACE_SECONDS = 1, 0.5
gpu_suite.name_of_gpu = lambda dry_run: "nvidia-test"
gpu_suite.main()
"""


class Fakes:
    """A suite of short parts that need no GPU, and its archive."""

    def __init__(self, folder):
        self.folder, self.out = folder, folder / "out"
        (folder / "part.py").write_text(FAKE_PART)

    def start(self, behaviours, *options, seconds=5, **fields):
        """The suite with parts of these behaviours, by name, as a process."""
        parts = [
            {
                "name": name,
                "seconds": seconds,
                "program": str(self.folder / "part.py"),
                "arguments": f"'{behaviour}'",
                **fields,
            }
            for name, behaviour in behaviours.items()
        ]
        script = self.folder / "suite.py"
        script.write_text(
            SUITE_OF_FAKES.format(benchmarks=str(ROOT / "benchmarks"), parts=json.dumps(parts))
        )
        command = [sys.executable, str(script), "--out", str(self.out), *map(str, options)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder
        )

    def run(self, *args, **options):
        """Exit status and output of the suite."""
        process = self.start(*args, **options)
        printed, _ = process.communicate(timeout=60)
        return process.returncode, printed

    def stop_in(self, part, behaviours, number):
        """Send the suite a signal once this part has measured something."""
        process = self.start(behaviours, seconds=30)
        running = self.out / "running.log"
        deadline = time.monotonic() + 30
        while self.statuses().get(part) is None or "measured" not in read(running):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        assert processes_of(self.folder / "part.py")
        process.send_signal(number)
        process.communicate(timeout=30)

    def archive(self):
        return importlib.import_module("gpu_archive").Archive(self.out)

    def statuses(self):
        return {name: record["status"] for name, record in self.archive().parts.items()}

    def values(self):
        return {name: result["value"] for name, result in self.archive().results.items()}


def read(path):
    return path.read_text() if path.exists() else ""


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path)


def test_bash_accepts_the_script():
    assert subprocess.run(["bash", "-n", SUITE], cwd=ROOT, check=False).returncode == 0


def test_the_programs_and_tests_that_it_runs_exist():
    for part in importlib.import_module("gpu_suite").PARTS:
        assert (ROOT / "benchmarks" / part.program).exists()
        for arguments in (part.arguments, part.dry or ""):
            for path in re.findall(r"\btests/[\w/]+(?:\.py)?", arguments):
                assert (ROOT / path).exists(), path


def test_the_most_useful_parts_come_first_and_fit():
    gpu_suite = importlib.import_module("gpu_suite")
    limits = {part.name: part.seconds for part in gpu_suite.PARTS}
    names = list(limits)
    networks = ["alexnet", "resnet34", "vgg16", "googlenet"]
    worth = ["smoke", "tests"]
    worth += [f"train_{name}_bf16_{batch}" for name in networks for batch in (512, 128)]
    worth += ["ceilings", "kernels", "conv2d", "ncu", "compile_alexnet_bf16_512"]
    assert names[: len(worth)] == worth
    assert sum(limits[name] for name in worth) <= gpu_suite.SECONDS - 60  # for starts and ends


def test_without_a_gpu_one_line_and_status_3(tmp_path):
    done = subprocess.run(
        ["bash", SUITE, "--out", str(tmp_path / "results")],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "no NVIDIA GPU" in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "name",
    [
        "smoke",
        "main_job",
        "ceilings",
        "kernels",
        "conv2d",
        "ncu",
        "train_step",
        "matmul",
        "plain",
        "tune",
    ],
)
def test_each_script_refuses_alone_too(name):
    done = subprocess.run(
        [sys.executable, f"benchmarks/gpu_{name}.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)


def test_a_dry_run_needs_a_folder(fakes):
    process = subprocess.run(
        ["bash", SUITE, "--dry-run"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert "--dry-run needs --out" in process.stderr


def test_parts_run_in_their_order_and_one_that_fails_does_not_stop_the_rest(fakes):
    status, printed = fakes.run({"a": "succeed", "b": "fail", "c": "succeed"})
    assert status == 1
    assert re.findall("^== ([abc]),", printed, re.MULTILINE) == ["a", "b", "c"]
    assert fakes.statuses() == {"a": "done", "b": "failed", "c": "done"}
    assert fakes.archive().parts["b"]["last_line"] == "out of memory"
    assert fakes.values() == {"a": 1, "b": 1, "c": 1}
    assert sorted(path.name for path in fakes.out.iterdir()) == [
        "README.md",
        "log.txt",
        "results.json",
    ]
    assert read(fakes.out / "log.txt").count("measured") == 3
    assert "| b | failed |" in read(fakes.out / "README.md")


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["sleep", "ignore signals"])
def test_a_part_is_cut_off_at_its_limit_and_keeps_its_number(fakes, behaviour):
    began = time.monotonic()
    status, _ = fakes.run({"slow": behaviour, "next": "succeed"}, seconds=2)
    assert time.monotonic() - began < 20
    assert status == 0
    assert fakes.statuses() == {"slow": "cut off after its 2 s", "next": "done"}
    assert fakes.values() == {"slow": 1, "next": 1}


@pytest.mark.slow
def test_the_suite_ends_when_its_time_is_over(fakes):
    began = time.monotonic()
    fakes.run({"slow": "sleep", "next": "succeed"}, "--seconds", 4, seconds=30)
    assert time.monotonic() - began < 10
    assert fakes.statuses()["slow"].startswith("cut off after its")
    assert fakes.statuses()["next"] == "skipped: no time was left"


def test_a_part_without_its_tool_is_skipped_with_the_reason(fakes):
    status, _ = fakes.run({"a": "succeed"}, needs="no-such-tool")
    assert status == 0
    assert fakes.statuses() == {"a": "skipped: no-such-tool is not installed"}


NAMES = ["first", "second", "third"]


@pytest.mark.parametrize("killed", NAMES)
def test_killed_in_any_part_what_was_measured_is_there_and_from_goes_on(fakes, killed):
    before, after = NAMES[: NAMES.index(killed)], NAMES[NAMES.index(killed) + 1 :]
    succeed = dict.fromkeys(NAMES, "succeed")
    fakes.stop_in(killed, succeed | {killed: "sleep"}, signal.SIGKILL)
    assert fakes.values() == dict.fromkeys([*before, killed], 1)
    cut = {killed: "cut off: the suite was killed"}
    assert fakes.statuses() == dict.fromkeys(before, "done") | cut
    assert len(list(fakes.out.iterdir())) <= MAX_FILES
    page = importlib.import_module("gpu_report").report(fakes.archive())
    assert f"| {killed} | cut off: the suite was killed |" in page

    times = os.stat(fakes.out / "results.json").st_mtime_ns
    status, printed = fakes.run(succeed, "--from", (after or [killed])[0])
    assert status == 0
    assert re.findall(r"^== (\w+), at", printed, re.MULTILINE) == (after or [killed])
    assert os.stat(fakes.out / "results.json").st_mtime_ns > times
    assert fakes.values() == dict.fromkeys(NAMES, 1)
    expected = dict.fromkeys(NAMES, "done") | (cut if after else {})
    assert fakes.statuses() == expected
    assert not (fakes.out / "running.json").exists()


def test_a_part_ends_with_the_suite_that_is_killed(fakes):
    fakes.stop_in("a", {"a": "ignore signals"}, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (found := processes_of(fakes.folder / "part.py")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == []


def processes_of(script):
    """The command lines of the processes that run a script."""
    ps = ["ps", "-ww", "-eo", "stat,args"]
    found = subprocess.run(ps, stdout=subprocess.PIPE, text=True, check=True)
    lines = found.stdout.splitlines()
    return [line for line in lines if str(script) in line and not line.startswith("Z")]


def test_asked_to_end_the_suite_puts_its_archive_in_order(fakes):
    fakes.stop_in("a", {"a": "sleep", "b": "succeed"}, signal.SIGTERM)
    assert fakes.statuses() == {"a": "cut off: the suite was stopped"}
    assert fakes.values() == {"a": 1}
    assert not (fakes.out / "running.json").exists()


def test_numbers_of_an_earlier_run_stay_if_there_are_no_new_ones(fakes):
    fakes.run({"a": "succeed", "b": "succeed"})
    (fakes.folder / "part.py").write_text("import sys; sys.exit('no GPU any more')")
    assert fakes.run({"a": "succeed", "b": "succeed"}, "--from", "b")[0] == 1
    assert fakes.values() == {"a": 1, "b": 1}
    assert fakes.statuses()["b"] == "failed; the numbers are those of an earlier run"


def test_a_new_run_begins_with_nothing(fakes):
    fakes.run({"a": "succeed", "b": "succeed"})
    fakes.run({"b": "succeed"})
    assert fakes.values() == {"b": 1}


def test_from_refuses_the_results_of_another_gpu(fakes):
    fakes.run({"a": "succeed"})
    path = fakes.out / "results.json"
    path.write_text(path.read_text().replace("nvidia-test", "nvidia-other"))
    status, printed = fakes.run({"a": "succeed"}, "--from", "a")
    assert status == 1
    assert "has those of nvidia-other" in printed
    assert fakes.values() == {"a": 1}


@pytest.mark.slow
def test_a_dry_run_plays_every_part(tmp_path):
    pytest.importorskip("cupy", reason="NVRTC is not installed")
    began = time.monotonic()
    done = subprocess.run(
        ["bash", SUITE, "--dry-run", "--out", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 420
    archive = importlib.import_module("gpu_archive").Archive(tmp_path)
    parts = importlib.import_module("gpu_suite").PARTS
    ends = {True: "done", False: "skipped: another part runs the same"}
    assert {name: record["status"] for name, record in archive.parts.items()} == {
        part.name: ends[part.dry is not None] for part in parts
    }
    played = {part.name for part in parts if part.dry is not None}
    assert archive.results.keys() == played - {"tune"}
    assert 0 < len(list(tmp_path.rglob("*"))) <= MAX_FILES


def test_counts_of_tests_are_written_while_they_run(tmp_path, monkeypatch):
    gpu_tests = importlib.import_module("gpu_tests")
    recorder = gpu_tests.Recorder(tmp_path / "tests.json")
    longrepr = "def test():\n    assert 1 == 2\nE   assert 1 == 2\ntest.py:2: AssertionError"
    failed = {"when": "call", "outcome": "failed", "failed": True, "longreprtext": longrepr}
    passed = {"outcome": "passed", "failed": False}
    for report in (
        passed | {"when": "setup"},
        passed | {"when": "call"},
        passed | {"when": "teardown"},
        failed | {"nodeid": "tests/test.py::test"},
    ):
        recorder.pytest_runtest_logreport(SimpleNamespace(**report))
    result = json.loads((tmp_path / "tests.json").read_text())
    assert (result["passed"], result["failed"]) == (1, 1)
    assert result["failures"] == [{"test": "tests/test.py::test", "error": "assert 1 == 2"}]


def test_what_nsight_compute_prints_is_read():
    printed = """==PROF== Connected to process 1
"ID","Kernel Name","Section Name","Metric Name","Metric Unit","Metric Value"
"0","forward","GPU Speed Of Light","Duration","us","12.5"
"0","forward","GPU Speed Of Light","Memory Throughput","%","40"
"0","forward","Memory Workload Analysis","Memory Throughput","Gbyte/s","900"
"1","max_pool","Occupancy","Achieved Occupancy","%","71"
"""
    rows = list(importlib.import_module("gpu_ncu").rows_of(printed))
    assert [row["kernel"] for row in rows] == ["forward", "max_pool"]
    assert rows[0]["metrics"] == {
        "Duration": "12.5 us",
        "Memory Throughput": "40 %",
        "Memory Throughput, Memory Workload Analysis": "900 Gbyte/s",
    }
    assert rows[1]["metrics"] == {"Achieved Occupancy": "71 %"}


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
        pytest.param("VGG16", VGG16, 15.3466e9, marks=pytest.mark.slow),
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
    alexnet = 2 * (3 * (convolutions + linear) - first)
    assert flops("alexnet", 1) == pytest.approx(alexnet, rel=1e-3)
    assert flops("alexnet", 128) == 128 * flops("alexnet", 1)


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


def test_every_contender_is_written_down_at_once(monkeypatch):
    """One that fails, or has other losses, does not stop the others."""
    gpu_train_step = importlib.import_module("gpu_train_step")
    losses = {"minicnn graph": [0.7], "torch tuned": [0.71], "minicnn": [0.8]}
    for name in ("random_batches", "initial_weights", "free_unused_memory"):
        monkeypatch.setattr(gpu_train_step, name, lambda *_: [])
    monkeypatch.setattr(gpu_train_step, "first_losses", lambda name, *_: losses[name])
    memory = {"peak_memory_mib": 3.0, "held_memory_mib": 4.0}
    monkeypatch.setattr(gpu_train_step, "start", lambda *_: (None, memory))
    monkeypatch.setattr(
        gpu_train_step, "step_seconds", lambda runs, turns: dict.fromkeys(runs, turns / 10)
    )
    args = SimpleNamespace(
        model="alexnet",
        batch=4,
        precision="tf32",
        turns=9,
        contenders=[*losses, "torch tuned graph"],
    )
    kept = []
    rows = gpu_train_step.measure(args, lambda rows: kept.append(json.loads(json.dumps(rows))))
    assert [len(rows) for rows in kept] == [1, 2, 3, 4, 4]
    assert kept[0][0]["alone"] and kept[0][0]["seconds"] == 0.3
    assert [row.get("seconds") for row in rows] == [0.9, 0.9, 0.9, None]
    assert [row.get("agrees") for row in rows] == [True, True, False, None]
    assert rows[3]["error"] == "KeyError: 'torch tuned graph'"


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
    assert len({name for name, _, _ in cases}) == len(cases) == 17
    for _, run, num_bytes in cases:
        run()
        assert num_bytes > 0


def archive_of(folder, results, parts=None):
    """An archive with these results, as the suite would have left it."""
    gpu_archive = importlib.import_module("gpu_archive")
    origin = {"date": "2030-01-02T03:04:05Z", "command": "", "environment": {"gpu": "NVIDIA Test"}}
    archive = gpu_archive.Archive.start(folder, "nvidia-test")
    archive.results = {name: {**result, **origin} for name, result in results.items()}
    archive.parts = parts or {name: {"status": "done", "seconds": 1.5} for name in results}
    return archive


STEP = {"model": "alexnet", "batch": 128, "precision": "bf16"}
ROW = {"images_per_second": 60000.0, "seconds": 0.002, "tflops": 400.0, "peak_memory_mib": 900}
ROW |= {"held_memory_mib": 1000}
OWN = ROW | {"contender": "minicnn graph", "agrees": True, "alone": False}


def test_the_report(tmp_path):
    gpu_report = importlib.import_module("gpu_report")
    theirs = {**OWN, "contender": "torch tuned", "images_per_second": 40000.0, "agrees": False}
    compiled = {**OWN, "contender": "torch compile", "peak_memory_mib": None}
    compiled |= {"images_per_second": 50000.0}
    convolution = {"layer": "VGG16 conv1_1", "pass": "forward", "precision": "bf16"}
    convolution |= {"minicnn": 0.001, "torch": 0.002, "tflops": 200.0, "ratio": 2.0}
    agreements = [{"difference": 0.3, "agrees": False}, {"difference": 0.0, "agrees": True}]
    rung = {"size": 1024, "precision": "bf16", "rung": "shared memory", "seconds": 0.001}
    rung |= {"gflops": 2147.5, "of_cublas": 0.0123, "agrees": True}
    layer = {"layer": "features.0", "pass": "forward", "precision": "tf32", "plain": 0.02}
    layer |= {"fast": 0.001, "ratio": 20.0, "plain_gflops": None}
    metrics = {"Duration": "12.5 us", "Achieved Occupancy": "71 %"}
    archive = archive_of(
        tmp_path,
        {
            "smoke": {"rows": [{"check": "a graph", "result": "right", "seconds": 1.25}]},
            "tests": {
                "passed": 12,
                "failed": 1,
                "failures": [{"test": "tests/test_conv.py::test", "error": "assert 1 == 2"}],
            },
            "ceilings": {"bf16_tflops": 800.0, "tf32_tflops": 400.0, "copy_gbs": 3000.0},
            "train_alexnet_bf16_128": STEP | {"rows": [OWN, theirs]},
            "compile_alexnet_bf16_128": STEP | {"rows": [compiled]},
            "conv2d": {"batch": 64, "rows": [convolution | a for a in agreements]},
            "kernels": {
                "batch": 512,
                "rows": [{"kernel": "dropout", "seconds": 0.001, "gbs": 1500.0}],
            },
            "ncu": {"batch": 512, "rows": [{"kernel": "forward", "metrics": metrics}]},
            "matmul": {"rows": [rung]},
            "plain": {"batch": 64, "rows": [layer]},
        },
        {
            "tests": {"status": "done", "seconds": 3.0, "last_line": "1 failed, 12 passed"},
            "tune": {"status": "skipped: no time was left"},
        },
    )
    page = gpu_report.report(archive)
    assert page.startswith("# NVIDIA Test\n")
    for line in (
        "| a graph | right | 1.2 |",
        "| tests | 12 | 1 | 0 | 1 failed, 12 passed |",
        "- `tests/test_conv.py::test`: assert 1 == 2",
        "| copy within the card's memory | 3000 GB/s |",
        "| minicnn graph | 2.000 | 60000 | 1.20 | 400.0 | 50% | 900 | 1000 |",
        "| torch tuned, **other losses** | 2.000 | 40000 | 0.80 | 400.0 | 50% | 900 | 1000 |",
        "| torch compile | 2.000 | 50000 | 1.00 | 400.0 | 50% |  | 1000 |",
        "### bf16: cuDNN's time over minicnn's, geometric mean 2.00",
        "| VGG16 conv1_1, forward | 1.000 | 2.000 | 2.00 | 200.0 | 25% | **no**: 3.0e-01 |",
        "| VGG16 conv1_1, forward | 1.000 | 2.000 | 2.00 | 200.0 | 25% | yes |",
        "| dropout | 1.000 | 1500 | 50% |",
        "| `forward` | 12.5 us |  |  |  | 71 % |",
        "| 1024, bf16 | shared memory | 1.000 | 2148 | 1.2% | yes |",
        "| features.0, forward, tf32 | 20.000 | 1.000 | 20.0 |",
        "| tests | done | 3.0 |",
        "| tune | skipped: no time was left |  |",
    ):
        assert line in page.splitlines()


def test_the_report_of_what_a_short_run_leaves(tmp_path):
    """No rows of PyTorch, no ceilings, a contender that failed, torch.compile by itself."""
    alone = {**OWN, "alone": True}
    failed = {"contender": "torch tuned", "error": "RuntimeError: out of memory\nmore"}
    archive = archive_of(
        tmp_path,
        {
            "ceilings": {"copy_gbs": 3000.0},
            "train_alexnet_bf16_128": STEP | {"rows": [alone, failed]},
            "compile_alexnet_bf16_512": STEP | {"batch": 512, "rows": [OWN]},
            "conv2d": {"batch": 64, "rows": []},
            "kernels": {"batch": 64, "rows": []},
        },
    )
    lines = importlib.import_module("gpu_report").report(archive).splitlines()
    assert "| minicnn graph, timed alone | 2.000 | 60000 |  | 400.0 |  | 900 | 1000 |" in lines
    assert "| torch tuned | RuntimeError: out of memory |  |  |  |  |  |  |" in lines
    assert "## Training step of alexnet, batch 512, bf16" in lines
    assert "| minicnn graph | 2.000 | 60000 |  | 400.0 |  | 900 | 1000 |" in lines


def test_the_report_of_nothing(tmp_path):
    page = importlib.import_module("gpu_report").report(archive_of(tmp_path, {}))
    assert "Nothing was measured." in page


def test_one_command_makes_the_page(tmp_path, monkeypatch, capsys):
    gpu_report = importlib.import_module("gpu_report")
    archive = archive_of(tmp_path / "archive", {"ceilings": {"copy_gbs": 3000.0}})
    archive.write(tmp_path / "archive" / "results.json")
    monkeypatch.setattr(gpu_report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(sys, "argv", ["gpu_report.py", str(tmp_path / "archive")])
    gpu_report.main()
    folder = tmp_path / "results" / "nvidia-test"
    assert "3000 GB/s" in (folder / "README.md").read_text()
    assert "ceilings" in json.loads((folder / "results.json").read_text())["results"]
    assert str(folder / "README.md") in capsys.readouterr().out
