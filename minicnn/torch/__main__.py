"""``python -m minicnn.torch``: Python, with minicnn in place of torch and torchvision."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

from .. import launch
from .check import check
from .process import environment, install

USAGE = """\
usage: python -m minicnn.torch SCRIPT [arguments]
       python -m minicnn.torch -m MODULE [arguments]
       python -m minicnn.torch -c CODE [arguments]
       python -m minicnn.torch --check FILE_OR_FOLDER ...

Runs a program written for PyTorch and torchvision on minicnn, with Python's own options.
--check runs nothing: it lists what is missing, with line numbers."""


def main() -> None:
    """Checks files, or becomes a Python under the switch that is given all arguments."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(USAGE)
    elif arguments[:1] == ["--check"]:
        if len(arguments) == 1:
            sys.exit(f"--check needs a file or a folder\n{USAGE}")
        sys.exit(check(arguments[1:]))
    elif sys.flags.ignore_environment:
        sys.exit(
            "python -m minicnn.torch needs PYTHONPATH, which Python's options -E and -I ignore"
        )
    elif "mpi4py.run" in sys.modules:  # MPI has begun in this process: another would not know it
        install()
        sys.modules["mpi4py.run"].run_command_line(arguments)
    else:
        run([sys.executable, *python_options(), *through_mpi(), *arguments])


def through_mpi() -> list[str]:
    """On a rank that MPI started: what makes an error end all ranks from the first line on."""
    return ["-m", "mpi4py"] if launch.is_launched() and find_spec("mpi4py") else []


def python_options() -> list[str]:
    """The options before ``-m minicnn.torch``, as in ``python -X dev -um minicnn.torch``."""
    before = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    options = before[:-1] if before[-1] == "minicnn.torch" else before
    last = options.pop().partition("m")[0]
    return options if last == "-" else [*options, last]


def run(command: list[str]) -> None:
    """Replaces this process, so that signals, exit status and tracebacks are Python's own."""
    sys.stdout.flush()
    variables = {**os.environ, **environment()}
    if os.name == "nt":  # there, execve() returns to the shell before the program ends
        sys.exit(subprocess.run(command, env=variables, check=False).returncode)
    os.execve(command[0], command, variables)


if __name__ == "__main__":
    main()
