"""The benchmarks of plain CUDA kernels: what they call agrees, and both programs run."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")

torch = pytest.importorskip("torch")

import minicnn as mc

pytestmark = pytest.mark.cuda_only

TOLERANCE = 2e-2  # as a share of the largest value: of bfloat16


def assert_agree(ours: Any, theirs: Any) -> None:
    ours, theirs = (np.asarray(array.get(), np.float64) for array in (ours, theirs))
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= TOLERANCE * np.abs(theirs).max()


@pytest.mark.parametrize(
    ("precision", "names"),
    [
        ("float32", ["naive", "shared memory", "linear layer"]),
        ("tf32", ["tensor cores"]),
        ("bf16", ["naive", "shared memory", "tensor cores"]),
    ],
)
def test_the_rungs_of_the_ladder(precision: str, names: list[str]) -> None:
    gpu_matmul = importlib.import_module("gpu_matmul")
    dtype = getattr(mc, gpu_matmul.DTYPES[precision])
    a, b = (mc.randn(24, 24).array.astype(dtype) for _ in range(2))
    runs = gpu_matmul.own_rungs(a, b, precision)
    assert list(runs) == names
    product = a.astype(np.float32) @ b.astype(np.float32)
    for run in runs.values():
        assert_agree(run(), product)


@pytest.fixture
def tiny_layers() -> list[Any]:
    Layer = importlib.import_module("layers").Layer
    windows = (3, 3), (1, 1), (1, 1)
    return [
        Layer("conv", (2, 3, 7, 6), (2, 8, 7, 6), (8, 3, 3, 3), *windows),
        Layer("pool", (2, 8, 7, 5), (2, 8, 3, 2), (), (3, 3), (2, 2)),
    ]


@pytest.mark.parametrize("precision", ["bf16", "tf32"])
def test_plain_and_fast_kernels_of_a_layer(tiny_layers: list[Any], precision: str) -> None:
    cases = list(importlib.import_module("gpu_plain").cases(tiny_layers, precision))
    names = ["forward", "input gradient", "weight gradient", "forward", "gradient"]
    assert [name for _, name, _ in cases] == names
    for layer, name, runs in cases:
        plain, fast = runs["plain"](), runs["fast"]()
        if (layer.name, name) == ("pool", "forward"):
            (plain, taps), (fast, fast_taps) = plain, fast
            assert_agree(taps, fast_taps)
        assert_agree(plain, fast)


@pytest.fixture
def run_main(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> Any:
    """Runs a program to its end, each call once, and returns what it wrote and printed."""

    def run(program: Any, *arguments: str) -> tuple[list[dict[str, Any]], str]:
        def gpu_seconds(runs: dict[str, Any]) -> dict[str, float]:
            return {name: (run(), 0.002)[1] for name, run in runs.items()}

        monkeypatch.setattr(program, "gpu_seconds", gpu_seconds)
        monkeypatch.setattr(program, "require_gpu", lambda: None)
        monkeypatch.setattr(program, "allow_tf32", lambda allowed=True: None)
        monkeypatch.setattr(program, "print_environment", lambda: None)
        monkeypatch.setattr(
            program, "write_json", lambda path, result: path.write_text(json.dumps(result))
        )
        out = tmp_path / "out.json"
        monkeypatch.setattr(sys, "argv", ["program", *arguments, "--json", str(out)])
        program.main()
        return json.loads(out.read_text())["rows"], capsys.readouterr().out

    return run


@pytest.mark.emulated_only
def test_the_program_for_matrix_products(run_main: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import cupy

    gpu_matmul = importlib.import_module("gpu_matmul")
    tensors = [torch.eye(16) * 3, torch.ones(16, 16)]
    monkeypatch.setattr(gpu_matmul, "operands", lambda size, precision: tensors)
    monkeypatch.setattr(cupy, "from_dlpack", lambda x: cupy.asarray(x.numpy()), raising=False)
    monkeypatch.setattr(
        gpu_matmul, "difference", lambda a, b: float(abs(a.get() - b.numpy()).max())
    )
    rows, printed = run_main(gpu_matmul, "--sizes", "16")
    assert len(rows) == 4 + 2 + 4  # of float32, TF32 and bf16
    assert all(row["agrees"] and row["of_cublas"] == 1 for row in rows)
    assert rows[1] | {"rung": "shared memory", "gflops": 2 * 16**3 / 0.002 / 1e9} == rows[1]
    assert len([line for line in printed.splitlines() if line.startswith("    16 ")]) == len(rows)


@pytest.mark.emulated_only
def test_the_program_for_layers(
    run_main: Any, monkeypatch: pytest.MonkeyPatch, tiny_layers: list[Any]
) -> None:
    gpu_plain = importlib.import_module("gpu_plain")
    monkeypatch.setattr(gpu_plain, "conv_layers", lambda model, batch: tiny_layers[:1])
    monkeypatch.setattr(gpu_plain, "pool_layers", lambda model, batch: tiny_layers[1:])
    rows, printed = run_main(gpu_plain)
    assert [row["pass"] for row in rows].count("forward") == 4  # two layers, two precisions
    assert all(row["ratio"] == 1 for row in rows)
    assert rows[0]["plain_gflops"] == 2 * (2 * 7 * 6 * 8 * 27) / 0.002 / 1e9
    assert printed.count("weight gradient") == 2
