"""Several processes work together, and end together: programs that ``mpiexec`` starts."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ranks import PROGRAMS, needs_mpi, printed_by_ranks, run_ranks

pytestmark = [pytest.mark.cpu_only, needs_mpi]


@pytest.mark.parametrize("count", [2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_operations_between_ranks(count: int) -> None:
    assert printed_by_ranks(count, "collectives.py").count("checked") == count


@pytest.mark.parametrize("count", [2, 4, pytest.param(3, marks=pytest.mark.slow)])
def test_training(count: int) -> None:
    printed = printed_by_ranks(count, "training.py")
    assert printed.count("checked") == count and printed.count("checksum") == 1


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_run_repeats_bit_for_bit(count: int) -> None:
    runs = [printed_by_ranks(count, "training.py") for _ in range(3)]
    assert len({re.search(r"checksum (\w+)", run)[1] for run in runs}) == 1  # type: ignore[index]


ROOM = f"on {socket.gethostname()}"
WAYS = {
    "raises early": f"rank 1 of 2 {ROOM} failed:.*Traceback.*at the beginning",
    "raises": f"rank 1 of 2 {ROOM} failed:.*Traceback.*in the middle",
    "exits": f"rank 0 {ROOM} is at all_reduce.* but rank 1 {ROOM} is at the end of the group",
    "hangs": rf"rank 0 {ROOM} has waited 3 s in all_reduce\(SUM\) .* for rank 1 {ROOM}",
    "is killed": "(?i)killed|signal 9",
    "does something else": rf"rank 1 {ROOM} is at broadcast\(0\) of float32 \(1000,\)",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_rank_that_fails_ends_all(way: str) -> None:
    module = "" if way in ("raises", "hangs") else "mpi4py"
    begin = time.monotonic()
    done = run_ranks(2, "failing.py", way, module=module)
    assert done.returncode != 0 and ("begun" in done.stdout) == (way != "raises early")
    for name in re.findall(r"'(/dev/shm/\w+)'", done.stdout):
        assert not Path(name).exists()
    assert re.search(WAYS[way], done.stdout + done.stderr, re.DOTALL), done.stdout + done.stderr
    assert time.monotonic() - begin < 10 + 3  # with the start, under load


def _with_pytorch(program: Path, count: int) -> str:
    """What a script prints on ranks of PyTorch's own."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    variables = {"MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": str(count)}
    variables |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    running = [
        subprocess.Popen(
            [sys.executable, program, "0"],
            env={**os.environ, **variables, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    # no exit code is looked at: after the last line, gloo's threads sometimes abort
    return "".join(process.communicate(timeout=120)[0] for process in running)


def test_a_script_for_pytorch_prints_what_it_prints_with_gloo() -> None:
    ours = printed_by_ranks(2, "torch_script.py", "1", module="minicnn.torch")
    assert ours.count("epoch") == 3
    assert ours == _with_pytorch(PROGRAMS / "torch_script.py", 2)


def test_the_switch_in_a_process_that_has_mpi_already() -> None:
    line = "f'{os.environ[\"RANK\"]} {torch.distributed.is_mpi_available()}\\n'"
    code = f"import os, torch; print({line}, end='')"  # in one piece
    printed = printed_by_ranks(2, "-m", "minicnn.torch", "-c", code)
    assert sorted(printed.splitlines()) == ["0 True", "1 True"]
