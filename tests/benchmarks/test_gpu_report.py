"""The page that the GPU suite makes of its archive."""

import importlib
import json
import sys

import pytest

pytestmark = pytest.mark.cpu_only


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
