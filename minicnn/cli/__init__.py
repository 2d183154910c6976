"""The command line, ``minicnn`` or ``python -m minicnn``: what is done with networks after training.

commands.py has the options of all commands, so that ``--help`` imports little. Each command is the
function ``run`` of a file of its name. The other files serve several commands: network.py opens the
network that is asked for, pictures.py pictures, labelled.py those with classes, masks.py those with
masks; measure.py has the answers on them, and table.py, sheet.py and files.py the output.

The exit status is 0 if all was done, 1 after an error and if some pictures could not be read, 2 for
wrong options, 130 after Ctrl-C, and 141 if nobody reads the output any more (``| head``).
"""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from collections.abc import Callable, Sequence

from ..output import give_up_closed_output, say_last
from .commands import parse

__all__ = ["main"]

INTERRUPTED, OUTPUT_CLOSED = 130, 141  # 128 and the number of the signal, as in a shell


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: its name and options; those of the program when left out.

    Returns:
        The exit status, if there was no error.

    Raises:
        SystemExit: for all errors, which are told in one line.
    """
    try:
        args = parse(arguments)
        command = importlib.import_module(f".{args.command}", __package__)
        return _run(command.run, args)
    except KeyboardInterrupt:  # before the command began
        return INTERRUPTED


def _run(run: Callable[[argparse.Namespace], int | None], args: argparse.Namespace) -> int:
    from ..training import script  # takes a while

    with script():
        warnings.showwarning = lambda message, *_: say_last(f"warning: {message}")
        try:
            status = run(args)
            sys.stdout.flush()
        except BrokenPipeError:
            give_up_closed_output()
            return OUTPUT_CLOSED
        except ImportError as error:  # of an optional package
            sys.exit(f"error: {error}")
    return status or 0
