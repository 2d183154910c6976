"""What a script prints: any text in any encoding, and to an output that may be closed or full."""

from __future__ import annotations

import contextlib
import os
import sys

__all__ = ["give_up_closed_output", "in_a_cell", "print_any_text", "printable", "say_last"]

_CONTROLS = {number: ascii(chr(number))[1:-1] for number in (*range(32), *range(127, 160))}


def print_any_text() -> None:
    """Lets names of files be printed that the terminal's encoding does not have."""
    if sys.stdout is None:  # closed from the beginning
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """``text`` with escapes in place of what no stream can print.

    File names that are not UTF-8 contain such characters: one surrogate for each strange byte.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def in_a_cell(text: str) -> str:
    """:func:`printable` text for a table, with escapes in place of tabs and line ends, too."""
    return printable(text).translate(_CONTROLS)


def say_last(text: str) -> None:
    """Prints to the standard error, if anybody still reads it: Ctrl-C also ends a ``| tee``."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def give_up_closed_output() -> None:
    """Forgets text that cannot be written: Python would try again at exit, with a traceback."""
    for file in (sys.stdout, sys.stderr):
        try:
            if file is not None:
                file.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())
