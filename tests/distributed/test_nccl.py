"""Several processes with a GPU each, over NCCL; the GPUs are emulated, and so is NCCL."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from ranks import needs_mpi, printed_by_ranks, run_ranks

from minicnn import devices
from minicnn.distributed.process_group import check_nccl


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the stand-in for NCCL leaves behind when ranks fail goes where pytest clears up."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.mark.emulated_only
@needs_mpi
@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_operations_between_ranks(count: int) -> None:
    assert printed_by_ranks(count, "collectives.py", "nccl").count("checked") == count


@pytest.mark.emulated_only
@needs_mpi
@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_training(count: int) -> None:
    printed = printed_by_ranks(count, "training.py", "nccl")
    assert printed.count("checked") == count and printed.count("checksum") == 1


@pytest.mark.emulated_only
@needs_mpi
@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_beside_the_operations(count: int) -> None:
    assert printed_by_ranks(count, "nccl.py").count("checked") == count


@pytest.mark.unlaunched_only
@pytest.mark.without_numbers
@needs_mpi
def test_the_real_cupy_takes_the_calls() -> None:
    """On two GPUs, one for each rank."""
    done = run_ranks(2, "nccl_calls.py")
    assert done.stderr == "" and done.stdout.count("checked") == 2


@pytest.mark.emulated_only
@needs_mpi
def test_the_loop_of_the_scripts_gives_the_numbers_of_one_process(tmp_path: Path) -> None:
    rows = []
    for count in 1, 2:
        folder = tmp_path / str(count)
        printed_by_ranks(count, "fitting.py", folder, "--device", "cuda")
        epochs = json.loads((folder / "metrics.json").read_text())["epochs"]
        rows.append([[row["train_loss"], row["val_loss"], row["val_mean_iou"]] for row in epochs])
    assert len(rows[0]) == 3
    np.testing.assert_allclose(rows[1], rows[0], rtol=1e-9)


WAYS = {
    "raises": r"rank 1 of 2 on \S+ failed:.*Traceback.*in the middle",
    "exits": r"rank 0 on \S+ has waited 3 s in all_reduce.*; rank 1 .* is at the end of the group",
    "hangs": r"rank 0 on \S+ has waited 3 s in all_reduce\(SUM\) of float32 \(1000,\) on its GPU; "
    r"rank 1 on \S+ has not begun it: it is after all_reduce",
    "hangs in a graph": "has waited 3 s in a step that is a CUDA graph on its GPU; rank 1 on .* has"
    " not begun it",
    "is killed": "(?i)killed|signal 9",
    "does something else": r"rank 1 on \S+ is in broadcast\(0\) of float32 \(1000,\)",
}


@pytest.mark.emulated_only
@needs_mpi
@pytest.mark.parametrize("way", WAYS)
def test_a_rank_that_fails_ends_all(way: str) -> None:
    done = run_ranks(2, "failing.py", way, "nccl", module="" if way == "raises" else "mpi4py")
    assert done.returncode != 0 and "begun" in done.stdout
    assert re.search(WAYS[way], done.stdout + done.stderr, re.DOTALL), done.stdout + done.stderr


@pytest.mark.emulated_only
@needs_mpi
def test_two_ranks_on_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_EMULATOR_BUS_ID", "0000:01:00.0")
    done = run_ranks(2, "nccl.py")
    assert done.returncode != 0
    message = (
        r"expects a GPU for each rank, but rank \d on \S+ and rank \d have .* 0000:01:00.0: start"
    )
    assert re.search(message, done.stderr)


@pytest.mark.cpu_only
def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cuda_is_available", lambda: False)
    monkeypatch.setattr(devices, "cupy", lambda: None)
    with pytest.raises(RuntimeError, match="^backend 'nccl': device 'cuda' needs an NVIDIA GPU"):
        check_nccl()


@pytest.mark.cpu_only
def test_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise RuntimeError("device 'cuda' needs CuPy, which is not installed")

    monkeypatch.setattr(devices, "cuda_is_available", lambda: False)
    monkeypatch.setattr(devices, "cupy", missing)
    with pytest.raises(
        RuntimeError, match="^backend 'nccl': device 'cuda' needs CuPy, which is not"
    ):
        check_nccl()


@pytest.mark.emulated_only
def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    from minicnn.kernels.cuda import nccl as calls

    monkeypatch.setattr(calls, "_nccl", lambda: None)
    assert not calls.is_there()
    with pytest.raises(
        RuntimeError, match="^backend 'nccl' needs NVIDIA's NCCL, and CuPy found none: "
    ):
        check_nccl()
