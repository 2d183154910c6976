"""Runs a notebook of examples/ from top to bottom, and keeps its outputs if it is run as a script.

python tests/notebooks.py examples/lab.ipynb   # the notebook gets the new outputs
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def execute(path: Path, folder: Path, timeout: float = 600) -> Any:
    """The executed notebook; its files are written to a folder. A cell that fails raises its error.

    Only what a reader sees is kept: no times of the cells, and no progress bars that are done.
    """
    import nbclient
    import nbformat

    book = nbformat.read(path, as_version=4)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    client = nbclient.NotebookClient(
        book,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment)
    book.metadata.language_info = {"name": "python"}
    return book


if __name__ == "__main__":
    import tempfile

    import nbformat

    path = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(execute(path, Path(folder)), path)
