"""PyTorch's names, answered by minicnn: scripts written for torch run without PyTorch.

``python -m minicnn.torch train.py`` runs a script unchanged; ``%load_ext minicnn.torch`` does the
same for a notebook, and :func:`install` for a program, before it imports torch. Without all this,
``from minicnn import torch, torchvision`` gives the same modules.

Nothing is computed here. tables.py says which module of minicnn answers for which of torch,
alias.py makes modules of these tables, missing.py explains what is not there, check.py finds it in
a script without running it, and process.py puts a process and those it starts under the switch.
"""

from __future__ import annotations

from typing import Any

from .alias import alias
from .process import install

__all__ = ["install", "load_ipython_extension"]


def load_ipython_extension(ipython: Any) -> None:
    """What ``%load_ext minicnn.torch`` calls in a notebook."""
    install()


def __getattr__(name: str) -> Any:
    return getattr(alias("torch"), name)
