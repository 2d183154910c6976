"""The parser of scripts and commands, and what their options may be; imports little, for ``--help``."""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable
from typing import Any, NoReturn

from . import launch
from .output import give_up_closed_output, print_any_text

__all__ = ["ArgumentParser", "at_least", "fraction", "positive"]

_LISTED = 20  # choices that fit in an error


class ArgumentParser(argparse.ArgumentParser):
    """argparse's, which tells a mistake in one line and prints ``description`` as it stands.

    It prints any text in any encoding, and once if ``mpiexec`` started several processes.
    """

    def __init__(self, description: str | None = None, **options: Any) -> None:
        print_any_text()
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(description=description, formatter_class=formatter, **options)

    def _print_message(self, message: str, file: Any = None) -> None:
        if launch.environment().get("RANK", "0") == "0":
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """Prints the mistake and exits with status 2."""
        self.exit(2, f"error: {message}\n")

    def _get_value(self, action: argparse.Action, text: str) -> Any:
        """As argparse's, which lets an empty path pass: it would be the current folder."""
        if not text and action.nargs != argparse.PARSER:  # which takes all that a command is given
            raise argparse.ArgumentError(action, "must not be empty")
        return super()._get_value(action, text)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse's, which lists all choices, however many there are."""
        choices = list(action.choices or ())
        if value in choices or len(choices) <= _LISTED:
            return super()._check_value(action, value)
        close = ", ".join(difflib.get_close_matches(str(value), choices, n=5)) or "none"
        told = f"invalid choice: {value!r} (close to it: {close}; --help lists all)"
        raise argparse.ArgumentError(action, told)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """As argparse's, also where the help could not be written."""
        give_up_closed_output()
        super().exit(status, message)


def at_least(least: int) -> Callable[[str], int]:
    """The type of an option that takes an integer from ``least`` on."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least:
            raise argparse.ArgumentTypeError(
                f"must be an integer of at least {least}, got {text}"
            ) from None
        return number

    return parse


def positive(text: str) -> float:
    """The type of an option that takes a finite number above 0."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text}")
    return number


def fraction(text: str) -> float:
    """The type of an option that takes a number between 0 and 1."""
    number = _number(text)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1, got {text}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
