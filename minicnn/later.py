"""Names of a module whose files are read when one of them is first used (PEP 562).

``import minicnn`` would take a third longer with them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["read_later"]


def read_later(
    module: str, files: Mapping[str, str], modules: str = "", package: str | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a module that has more names than it has imported.

    Args:
        module: its ``__name__``.
        files: the names that are taken from each file, separated by spaces.
        modules: files, or folders, that are names themselves.
        package: where the files are, by default in ``module``.

    Static type checkers see the same names in ``if TYPE_CHECKING``.
    """
    file_of = {name: file for file, names in files.items() for name in names.split()}
    is_module = modules.split()
    namespace, place = vars(sys.modules[module]), package or module

    def find(name: str) -> object:
        if name in is_module:
            return import_module(f"{place}.{name}")
        if name not in file_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        namespace[name] = value = getattr(import_module(f"{place}.{file_of[name]}"), name)
        return value

    return find, lambda: sorted({*namespace, *file_of, *is_module})
