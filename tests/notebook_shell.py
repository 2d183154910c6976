"""A stand-in for the notebook that a program runs in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from unittest import mock


@contextmanager
def a_notebook() -> Iterator[list[dict[str, str]]]:
    """Inside, the program believes that it runs in a notebook.

    Returns:
        What the cell's outputs show, each by MIME type.
    """
    outputs: list[dict[str, str]] = []

    def display(content: dict[str, str], *, raw: bool, display_id: bool) -> SimpleNamespace:
        assert raw and display_id
        place = len(outputs)
        outputs.append(content)

        def update(content: dict[str, str], *, raw: bool) -> None:
            assert raw
            outputs[place] = content

        return SimpleNamespace(update=update)

    package, displays = ModuleType("IPython"), ModuleType("IPython.display")
    package.get_ipython = lambda: SimpleNamespace(kernel=object())
    displays.display = display
    with mock.patch.dict(sys.modules, {"IPython": package, "IPython.display": displays}):
        yield outputs
