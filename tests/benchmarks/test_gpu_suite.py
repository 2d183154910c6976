"""What of the GPU suite needs no GPU: which parts it runs, how long, and what it leaves."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
