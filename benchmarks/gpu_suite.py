"""On an NVIDIA GPU (sm_80 or later): tests and benchmarks, the most useful ones first.

    bash benchmarks/gpu_suite.sh                       # into benchmarks/results/<gpu>/
    bash benchmarks/gpu_suite.sh --out DIR --from conv2d
    bash benchmarks/gpu_suite.sh --out DIR --dry-run   # without a GPU, on tiny sizes

Each part has a time limit, and none that fails or is cut off stops the next. Numbers are written when
they are known, so whatever ends the suite, the archive has them (``gpu_archive.py``). ``--from`` goes
on with an archive: results of earlier parts are kept, the others are measured again. Exit status: 3
without such a GPU, 1 if a part failed, else 0.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import glob
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from gpu_archive import Archive, read
from gpu_report import write_page
from turns import CHECKOUT

BENCHMARKS, TESTS = CHECKOUT / "benchmarks", CHECKOUT / "tests"
SECONDS = 560
LEAST_SECONDS = 8  # no part is begun with less
GRACE_SECONDS = 3  # for a part to end after it was interrupted
DRY_LIMIT = 60  # seconds for any part of a dry run
TOOLS = "/usr/local/cuda/bin", "/opt/nvidia/nsight-compute/*"  # where ncu and its like may be


@dataclass(frozen=True)
class Part:
    """A program of the suite, and the seconds after which it is cut off.

    Args:
        name: of the part and of its result.
        seconds: its limit.
        program: a script of this folder.
        arguments: of the script; ``{out}`` stands for the archive's folder.
        dry: its arguments in a dry run; None if that would run the same as another part's.
        needs: a program or a Python package, without which the part is skipped.
        under: the program with arguments that runs it.
    """

    name: str
    seconds: int
    program: str
    arguments: str = ""
    dry: str | None = ""
    needs: str = ""
    under: str = ""


# AlexNet is measured against all that PyTorch can do, the others against its best
BEST = "--contenders 'minicnn graph' 'torch tuned graph' --turns 3"
COMPILED = "--contenders 'torch compile' 'minicnn graph' --turns 3"


def training(
    model: str, batch: int, seconds: int, options: str = "", precision: str = "bf16"
) -> Part:
    """A training step against PyTorch's; a dry run has AlexNet's alone, as all networks are toys."""
    kind, needs = ("compile", "triton") if options == COMPILED else ("train", "")
    task = f"--model {model} --precision {precision} {options}"
    return Part(
        f"{kind}_{model}_{precision}_{batch}",
        seconds,
        "gpu_train_step.py",
        f"{task} --batch {batch}",
        f"{task} --batch 2 --turns 1" if model == "alexnet" and batch == 512 else None,
        needs,
    )


def sanitizer(tool: str) -> Part:
    return Part(
        tool,
        40,
        "gpu_tests.py",
        "--in-one-process tests/kernels/cuda/test_conv.py",
        "--in-one-process tests/kernels/cuda/test_conv.py -k without_bias",
        needs="compute-sanitizer",
        under=f"compute-sanitizer --tool {tool} --error-exitcode 1",
    )


PARTS = (
    Part("smoke", 10, "gpu_smoke.py"),
    Part(
        "tests",
        50,
        "gpu_tests.py",
        "tests/training/test_step_on_a_gpu.py tests/training/test_captured.py"
        " tests/training/test_crops.py tests/training/test_loaders.py"
        " tests/models/test_alexnet.py tests/kernels tests/cuda"
        " tests/ops tests/nn tests/optim tests/amp"
        # compiling for cards that are not here needs no GPU
        " --ignore=tests/kernels/cuda/test_compile.py"
        " --ignore=tests/kernels/cuda/test_compile_gemm.py",
        "tests/kernels/cuda/test_activation.py tests/cuda -k bfloat16",
    ),
    training("alexnet", 512, 45),
    training("alexnet", 128, 40),
    training("resnet34", 512, 25, BEST),
    training("resnet34", 128, 20, BEST),
    training("vgg16", 512, 40, BEST),
    training("vgg16", 128, 25, BEST),
    training("googlenet", 512, 25, BEST),
    training("googlenet", 128, 20, BEST),
    Part("ceilings", 10, "gpu_ceilings.py"),
    Part("kernels", 15, "gpu_kernels.py", "", "--batch 1"),
    Part(
        "conv2d",
        25,
        "gpu_conv2d.py",
        "--networks AlexNet --precision bf16 --batch 512",
        "--networks AlexNet --precision bf16 --batch 2 --repeats 1",
    ),
    Part("ncu", 25, "gpu_ncu.py", needs="ncu"),
    training("alexnet", 512, 60, COMPILED),
    Part("main_job", 60, "gpu_main_job.py", "", "--count 12 --epochs 2 --batch 4 --gpu-gb 1"),
    # if time is left, or in a second run, from here
    sanitizer("memcheck"),
    *(
        training(model, batch, 75, COMPILED)
        for model in ("resnet34", "vgg16", "googlenet", "alexnet")
        for batch in (512, 128)
        if (model, batch) != ("alexnet", 512)
    ),
    training("alexnet", 512, 45, precision="fp16"),
    training("alexnet", 512, 45, precision="tf32"),
    sanitizer("racecheck"),
    Part(
        "tune",
        60,
        "gpu_tune.py",
        "--networks alexnet227 --batch 512 --dtypes bfloat16 --out {out}/tiles.json",
        "--linear 40,24 --batch 8 --dtypes bfloat16 --out {out}/tiles.json",
    ),
    Part("matmul", 25, "gpu_matmul.py", "", "--sizes 16"),
    Part("plain", 25, "gpu_plain.py", "", "--batch 1"),
)


class Suite:
    """Runs parts one after the other, and keeps to its time.

    Args:
        archive: where the numbers go.
        seconds: for everything.
        began: when the time began, by ``time.monotonic()``.
    """

    def __init__(self, archive: Archive, seconds: float, began: float) -> None:
        self.archive = archive
        self.deadline = began + seconds
        self.failed = False

    def run(self, parts: Sequence[Part]) -> None:
        for part in parts:
            left = self.deadline - time.monotonic() - GRACE_SECONDS - 1
            if left < LEAST_SECONDS:
                self._skip(part, "no time was left")
            elif self.archive.dry_run and part.dry is None:
                self._skip(part, "another part runs the same")
            elif part.needs and not self.archive.dry_run and not installed(part.needs):
                self._skip(part, f"{part.needs} is not installed")
            else:
                self._run(part, min(left, DRY_LIMIT if self.archive.dry_run else part.seconds))
            self._write_page()

    def _skip(self, part: Part, reason: str) -> None:
        self.archive.skip(part.name, reason)
        print(f"\n== {part.name}: skipped: {reason}", flush=True)

    def _run(self, part: Part, seconds: float) -> None:
        """One part, in a process group of its own that does not outlive it."""
        print(f"\n== {part.name}, at most {seconds:.0f} s", flush=True)
        self.archive.begin(part.name)
        began, status = time.monotonic(), "cut off: the suite was stopped"
        with self.archive.running_log.open("wb") as log:
            process = subprocess.Popen(
                self._command(part),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509  there are no threads here
            )
        try:
            code = wait(process, seconds)
            status = {None: f"cut off after its {seconds:.0f} s", 0: "done"}.get(code, "failed")
            self.failed |= status == "failed"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            print("\n".join(read(self.archive.running_log).splitlines()[-20:]))
            print(f"-- {part.name}: {status}, {time.monotonic() - began:.1f} s", flush=True)
            self.archive.finish(part.name, status, round(time.monotonic() - began, 1))

    def _command(self, part: Part) -> list[str]:
        arguments = shlex.split((part.dry or "") if self.archive.dry_run else part.arguments)
        command = [str(BENCHMARKS / part.program)]
        command += [argument.format(out=self.archive.folder) for argument in arguments]
        if part.name != "tune":  # whose table is a file of its own
            command += ["--json", str(self.archive.running_json)]
        if self.archive.dry_run:
            return [sys.executable, str(BENCHMARKS / "gpu_dry_run.py"), *command]
        return [*shlex.split(part.under), sys.executable, *command]

    def _write_page(self) -> None:
        try:
            write_page(self.archive, self.archive.folder / "README.md")
        except Exception as error:  # noqa: BLE001  the numbers matter more than their page
            print(f"README.md was not written: {error!r}")


def wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """The exit status of a process, or None if it was interrupted because its time was over."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        return None


def die_with_parent() -> None:
    """Have Linux kill this process when the one that started it ends, however that happens."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def installed(name: str) -> bool:
    """Whether there is a program, or a Python package, of this name."""
    return bool(shutil.which(name) or importlib.util.find_spec(name))


def name_of_gpu(dry_run: bool) -> str:
    """The card's name, as a folder may be called; exits with the reason if there is none."""
    script = [str(BENCHMARKS / "gpu.py")]
    if dry_run:
        script.insert(0, str(BENCHMARKS / "gpu_dry_run.py"))
    found = subprocess.run(
        [sys.executable, *script], stdout=subprocess.PIPE, text=True, check=False
    )
    if found.returncode:
        sys.exit(found.returncode)
    return found.stdout.split()[-1]


def prepare_environment(dry_run: bool) -> None:
    """For the programs of the parts."""
    paths = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    if dry_run:  # the stand-in for CuPy comes before CuPy
        paths = [str(TESTS / "cuda_emulator" / "stand_in"), str(TESTS), *paths]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ["PYTHONUNBUFFERED"] = "1"
    os.environ.pop("OPENBLAS_CORETYPE", None)  # it would override the kernels OpenBLAS chooses
    folders = [folder for pattern in TOOLS for folder in sorted(glob.glob(pattern))]
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *folders])


def open_archive(folder: Path, gpu: str, dry_run: bool, go_on: bool) -> Archive:
    """A new archive, or the one in ``folder`` if it is to go on."""
    archive = Archive(folder)
    if not go_on or not archive.gpu:
        return Archive.start(folder, gpu, dry_run)
    if (archive.gpu, archive.dry_run) != (gpu, dry_run):
        sys.exit(
            f"--from goes on with results of the same GPU, {folder} has those of {archive.gpu}"
        )
    archive.recover()
    return archive


def stop(*_: object) -> NoReturn:
    sys.exit("stopped by SIGTERM")


def main() -> None:
    began = time.monotonic()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="the archive (default benchmarks/results/<gpu>)")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"for everything (default {SECONDS})"
    )
    names = [part.name for part in PARTS]
    parser.add_argument(
        "--from", choices=names, dest="first", help="go on with the archive from this part"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="on an emulated GPU, with tiny sizes; needs --out"
    )
    args = parser.parse_args()
    if args.dry_run and not args.out:
        parser.error("--dry-run needs --out: its numbers say nothing about a GPU")
    signal.signal(signal.SIGTERM, stop)
    prepare_environment(args.dry_run)
    gpu = name_of_gpu(args.dry_run)
    folder = (args.out or BENCHMARKS / "results" / gpu).resolve()
    suite = Suite(open_archive(folder, gpu, args.dry_run, bool(args.first)), args.seconds, began)
    suite.run(PARTS[names.index(args.first) if args.first else 0 :])
    print(f"\n== {time.monotonic() - began:.0f} s; the tables: {folder / 'README.md'}")
    for name, record in suite.archive.parts.items():
        print(f"{name:18} {record['status']}")
    sys.exit(int(suite.failed))


if __name__ == "__main__":
    main()
