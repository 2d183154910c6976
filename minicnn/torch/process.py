"""Puts this process and all that it starts under the switch.

A process that is started finds a module named torch in a folder on PYTHONPATH, which comes before
the folders of installed packages. It puts the process under the switch and makes way for the alias
(shims/). So nothing happens in a process that does not import torch.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .. import launch, rules
from .alias import ROOTS, Alias, Finder, alias, resolve
from .tables import CLASSES

__all__ = ["environment", "install", "replace"]

SHIMS = str(Path(__file__).resolve().parent / "shims")


def install() -> None:
    """From here on, ``import torch`` and ``import torchvision`` get minicnn's modules.

    Processes that are started afterwards are under the switch, too. Where minicnn's rules and torch's
    exclude each other, torch's hold (:mod:`minicnn.rules`).

    Raises:
        RuntimeError: if one of them was imported already: what holds its objects would go on with
            them.
    """
    for name in ROOTS:
        imported = sys.modules.get(name)
        if imported is not None and not isinstance(imported, Alias):
            raise RuntimeError(
                f"minicnn.torch.install() must come before the first import of {name}; "
                "it was imported already (in a notebook, restart the kernel)"
            )
    rules.follow_torch()
    for path, module in CLASSES.items():
        resolve(path).__module__ = module
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    if SHIMS not in sys.path:
        sys.path.insert(1, SHIMS)  # after the script's folder: spawned processes copy the path
    os.environ.update(environment())


def environment() -> dict[str, str]:
    """The variables that put a process under the switch, and tell it its rank among those of MPI."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {
        "PYTHONPATH": os.pathsep.join(
            [SHIMS, *(path for path in paths if path not in ("", SHIMS))]
        ),
        **launch.environment(),
    }


def replace(shim: str) -> None:
    """Installs the switch, and puts the alias into the place of a module in ``shims/``."""
    del sys.modules[shim]
    install()
    sys.modules[shim] = alias(shim)
