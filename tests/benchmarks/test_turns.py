"""Processes take turns: each its own, one at a time, and asleep when it is another's turn."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.cpu_only

ROOT = Path(__file__).parents[2]

SCRIPT = """
import os, signal, sys, threading, time

def calls(framework):
    spans = []

    def work():
        began = time.perf_counter()
        while time.perf_counter() - began < 0.01:
            pass
        spans.append((began, time.perf_counter()))

    def spin():  # as the threads of a library do after a task
        def wait_busily():
            end = time.perf_counter() + 0.3
            while time.perf_counter() < end:
                pass
        threading.Thread(target=wait_busily).start()

    def fail():
        raise ValueError("expected 3 channels, got 4")

    def speak():
        print("this is printed")
        return "this is returned"

    return {
        "work": work,
        "spin": spin,
        "fail": fail,
        "speak": speak,
        "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "spans": lambda: spans,
        "name": lambda: framework,
        "pid": os.getpid,
        "processor_seconds": time.process_time,
        "modules": lambda: list(sys.modules),
        "minicnn_from": lambda: __import__("minicnn").__file__,
        "openblas_coretype": lambda: os.environ.get("OPENBLAS_CORETYPE"),
    }
"""


@pytest.fixture
def turns():
    return importlib.import_module("turns")


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script_of_calls.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
def workers(turns, script):
    with turns.start(script, dict.fromkeys(("first", "second"), turns.CHECKOUT)) as workers:
        for name, worker in workers.items():
            worker.make("calls", name)
        yield workers


def test_blocks_run_in_processes_of_their_own_and_never_overlap(turns, workers):
    def turn(worker):
        assert worker.call("name") == worker.name
        return turns.medians(worker.block(["work"], rounds=2))

    found = turns.take_turns(workers, turn, blocks=3)
    assert len({os.getpid(), *(worker.call("pid") for worker in workers.values())}) == 3
    assert all(len(blocks["work"]) == 3 for blocks in found.values())
    assert all(0.01 <= seconds for blocks in found.values() for seconds in blocks["work"])

    spans = {name: worker.call("spans") for name, worker in workers.items()}
    calls = sorted((*span, name) for name, mine in spans.items() for span in mine)
    ends, begins = [end for _, end, _ in calls[:-1]], [begin for begin, _, _ in calls[1:]]
    assert all(end <= begin for end, begin in zip(ends, begins, strict=True))
    names = [name for _, _, name in calls]
    blocks = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    assert blocks == ["first", "second"] * 3


def test_an_answer_comes_when_no_thread_spins(workers):
    worker = workers["first"]
    worker.call("spin")
    before = worker.call("processor_seconds")
    time.sleep(0.2)
    assert worker.call("processor_seconds") - before < 0.1  # the spinning took 0.3


def test_a_block_has_uncounted_calls_before_the_counted_ones(workers):
    worker = workers["first"]
    seconds = worker.block(["work"], rounds=2)["work"]
    assert len(seconds) == 2
    assert len(worker.call("spans")) >= 3
    counted = worker.call("spans")[-2:]
    assert seconds == pytest.approx([end - begin for begin, end in counted], abs=5e-3)


def test_a_block_lasts_as_long_as_it_should_and_repeats_calls(workers):
    worker = workers["first"]
    seconds = worker.block(["work", "name"], rounds=1, seconds=0.2, repeats=3)
    assert len(seconds["work"]) == len(seconds["name"]) >= 3  # of 0.03 seconds each, if undisturbed
    assert all(each >= 0.01 for each in seconds["work"])  # of one call


def test_an_exception_comes_back_with_its_traceback(workers):
    with pytest.raises(RuntimeError, match=r"(?s)process of second.*in fail.*3 channels, got 4"):
        workers["second"].call("fail")
    assert workers["second"].call("name") == "second"  # and the process goes on


def test_a_process_that_dies_gives_one_line(workers):
    with pytest.raises(SystemExit) as found:
        workers["second"].call("die")
    assert str(found.value) == "second: the process was killed; perhaps the memory was full"


def test_a_script_that_cannot_be_imported_gives_one_line(turns, tmp_path, capfd):
    (tmp_path / "no_script.py").write_text("import no_such_module")
    with (
        turns.start(tmp_path / "no_script.py", {"first": turns.CHECKOUT}) as workers,
        pytest.raises(SystemExit, match="first: the process ended with status 1"),
    ):
        workers["first"].make("calls")
    assert "no_such_module" in capfd.readouterr().err


def test_what_a_call_prints_is_no_answer(turns, script, capfd):
    with turns.start(script, {"first": turns.CHECKOUT}) as workers:
        workers["first"].make("calls", "first")
        assert workers["first"].call("speak") == "this is returned"
    assert "this is printed" in capfd.readouterr().err


def test_processes_load_no_framework_by_themselves(workers):
    assert not {"minicnn", "torch"} & set(workers["first"].call("modules"))


def test_each_process_has_the_minicnn_of_its_checkout(turns, script, tmp_path):
    other = tmp_path / "other"
    (other / "minicnn").mkdir(parents=True)
    (other / "minicnn" / "__init__.py").touch()
    checkouts = {"minicnn": turns.CHECKOUT, "other": other}
    with turns.start(script, checkouts) as workers:
        for name, worker in workers.items():
            worker.make("calls", name)
            found = Path(worker.call("minicnn_from"))
            assert found == checkouts[name] / "minicnn" / "__init__.py"


def test_openblas_chooses_its_kernels_itself(turns, script, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    with turns.start(script, {"first": turns.CHECKOUT}) as workers:
        workers["first"].make("calls", "first")
        assert workers["first"].call("openblas_coretype") is None


CALLS_OF_ONE_FRAMEWORK = """
import sys
import conv2d, network_calls, overhead, pool2d
from layers import Layer

assert not {"minicnn", "torch"} & set(sys.modules)
windows = (3, 3), (1, 1), (1, 1)
overhead.FRAMEWORK_calls()
conv2d.FRAMEWORK_calls(Layer("", (1, 8, 6, 6), (1, 8, 6, 6), (8, 8, 3, 3), *windows), "cpu")
pool2d.FRAMEWORK_calls(pool2d.case("batch_norm", 1, 8, 6, 6), "cpu")
layout = ["channels_last"] if "FRAMEWORK" == "torch" else []
network_calls.FRAMEWORK_training("resnet18", 1, "cpu", *layout)
network_calls.FRAMEWORK_inference("resnet18", 1, "cpu", *layout)
print(*{"minicnn", "torch"} & set(sys.modules))
"""


@pytest.mark.parametrize("framework", ["minicnn", "torch"])
def test_the_process_of_a_framework_never_imports_the_other(framework):
    done = subprocess.run(
        [sys.executable, "-c", CALLS_OF_ONE_FRAMEWORK.replace("FRAMEWORK", framework)],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'benchmarks'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [framework], done.stderr
