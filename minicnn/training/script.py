"""How a script ends: whatever goes wrong is told in one line."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import shlex
import shutil
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .. import random
from ..creation import empty
from ..distributed import get_world_size
from ..output import give_up_closed_output, print_any_text, say_last
from .folder import FolderLock, refuse_inside
from .interrupt import raise_interrupt
from .ranks import begin, first_rank_first, is_first
from .run import Run
from .source import DataSource

__all__ = ["open_run", "optional", "script"]

LONGEST = 500  # characters of a message: load_state_dict can name hundreds of weights
ERRORS = (OSError, ValueError, RuntimeError, MemoryError)


@contextlib.contextmanager
def script(stopped: Callable[[], str] = lambda: "stopped") -> Iterator[None]:
    """The context in which a script does all its work, and which tells in one line how it ends.

    Errors end the script with status 1 (``python -X dev`` prints the traceback, too), Ctrl-C with
    status 130. Warnings are printed in one line each. Any text can be printed in any encoding.

    Args:
        stopped: returns what is printed after Ctrl-C.
    """
    showwarning = warnings.showwarning
    warnings.showwarning = lambda message, *_: tqdm.write(f"warning: {message}")
    print_any_text()
    ctrl_c = _handle_ctrl_c(raise_interrupt)
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        if is_first():
            say_last(f"\n{stopped()}")
        sys.exit(130)
    except ERRORS as error:
        if get_world_size() > 1:
            raise  # which ends the others, too, and shows on which of them it happened
        if sys.flags.dev_mode:
            traceback.print_exc()
        sys.exit(f"error: {in_one_line(error)}")
    finally:
        warnings.showwarning = showwarning
        _handle_ctrl_c(ctrl_c)
        give_up_closed_output()


@contextlib.contextmanager
def open_run(
    args: argparse.Namespace, may_differ: Collection[str], best_by: str = "val_accuracy"
) -> Iterator[Run]:
    """:func:`script` for training: it seeds the random numbers, locks ``--out`` and opens the run there.

    A device that is not there ends the script before it reads or draws anything. After Ctrl-C it prints
    the command that goes on.

    Args:
        args: the options of :func:`add_arguments` and the script's own, the settings of the run. If
            ``epochs`` is None, the number of the resumed run is taken.
        may_differ: as for :class:`Run`.
        best_by: as for :class:`Run`.
    """
    run = None
    with script(lambda: how_to_go_on(args, run)):
        device = getattr(args, "device", "cpu")
        begin(device)
        empty(0, device=device)  # an error before anything is read or drawn
        random.manual_seed(args.seed)
        refuse_inside(_paths(getattr(args, "data", None)), args.out)
        with FolderLock(args.out) if is_first() else contextlib.nullcontext():
            settings = {name: _plain(value) for name, value in vars(args).items()}
            with first_rank_first():
                run = Run(args.out, settings, may_differ, best_by, args.resume)
            args.epochs = run.epochs
            yield run


@contextlib.contextmanager
def optional(results: str) -> Iterator[None]:
    """A context for what a finished training can do without: an error in it is told in one line.

    Args:
        results: names of the files that are then not written.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001  from plotting, fonts, Pillow …
        print(f"not written: {results} ({in_one_line(error)})")


def how_to_go_on(args: argparse.Namespace, run: Run | None) -> str:
    """What a stopped run says last."""
    several = ["mpiexec", "-n", str(get_world_size())] if get_world_size() > 1 else []
    python = [*several, _python(), *(["-m", "mpi4py"] if several else [])]
    command = [*python, *(word for word in sys.argv if word != "--resume")]
    if not args.resume and (run is None or not run.was_saved):
        return f"stopped before the training began; to begin again: {shlex.join(command)}"
    how = "stopped and saved" if run and run.is_saved else "stopped without saving once more"
    return f"{how}; to go on: {shlex.join([*command, '--resume'])}"


def _python() -> str:
    """What to type for the Python that runs: ``python`` if a shell finds it under that name."""
    if not sys.executable or shutil.which("python") == sys.executable:
        return "python"
    path, here = Path(sys.executable), Path.cwd()
    is_below = path.is_relative_to(here) and path.parent != here
    return str(path.relative_to(here) if is_below else path)


def in_one_line(error: BaseException) -> str:
    """An error's message, without the traceback that a worker of a DataLoader adds."""
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
        if error.filename is not None:
            return f"{error.filename}: {reason}"
        unnamed = error.errno in (errno.EPIPE, errno.ENOSPC) and reason == os.strerror(error.errno)
        return f"cannot write to the standard output: {reason}" if unnamed else reason
    text = str(error).partition("\n\n")[0]
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _paths(data: Any) -> list[Any]:
    if data is None:
        return []
    found = data if isinstance(data, list) else [data]
    return [source.path if isinstance(source, DataSource) else source for source in found]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path | DataSource) else value


def _handle_ctrl_c(handler: Any) -> Any:
    """Sets the handler and returns the one before; only the main thread can set one."""
    if handler is None or threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGINT, handler)
