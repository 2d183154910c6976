"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from ..output import in_a_cell

__all__ = ["table"]


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Rows under a head, as wide as needed; columns of ``numbers`` are aligned to the right."""
    lines = [[in_a_cell(cell) for cell in line] for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
