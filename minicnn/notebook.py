"""A place below a notebook's cell whose content can be replaced; it needs no ipywidgets."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["Output", "is_running"]


def is_running() -> bool:
    """Whether the program runs in a notebook, so that pictures and HTML can be shown."""
    ipython = sys.modules.get("IPython")  # a notebook has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class Output:
    """One output of a cell. The first :meth:`show` adds it, the next ones replace what it shows.

    So a notebook that is executed and saved keeps the last content alone. Outside a notebook nothing
    is shown.
    """

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, content: dict[str, str]) -> None:
        """Shows something.

        Args:
            content: the same thing in one form or several, by their MIME types: ``text/html``,
                ``text/plain``, ``image/png`` (in base64). The notebook takes the richest one.
        """
        if self._handle is not None:
            self._handle.update(content, raw=True)
        elif is_running():
            from IPython.display import display

            self._handle = display(content, raw=True, display_id=True)
