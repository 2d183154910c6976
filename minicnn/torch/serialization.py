"""``torch.save`` under the switch: it writes torch's format, whatever the file is called."""

from __future__ import annotations

import os
from typing import IO, Any

from .. import io

__all__ = ["save"]


def save(
    obj: object,
    f: str | os.PathLike[str] | IO[bytes],
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Writes ``obj`` as ``torch.save`` does.

    Args:
        obj: what :func:`minicnn.save` takes.
        f: the file, or an open binary file.
        pickle_module: without effect, as the others: the format is the one torch writes by default.
    """
    io.save(obj, f, format="torch")
