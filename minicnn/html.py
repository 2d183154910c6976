"""What a notebook shows of a tensor, a module or a table: HTML, made from few of the numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .dtypes import is_floating

if TYPE_CHECKING:
    from .nn.module import Module
    from .tensor import Tensor

__all__ = ["module_html", "table_html", "tensor_html"]

_ROWS, _COLUMNS = 6, 8  # of a matrix, shown at most
_ALL_OPEN = 30  # modules at most in a tree that is shown as a whole
_FAINT = "color: gray"


def _or_text(show: Callable[[Any], str]) -> Callable[[Any], str | None]:
    """``show``, or None for what it cannot show: a notebook then prints the value."""

    @functools.wraps(show)
    def shown(value: Any) -> str | None:
        try:
            return show(value)
        except Exception:  # noqa: BLE001  whatever it is, the value must be shown
            return None

    return shown


@_or_text
def tensor_html(tensor: Tensor) -> str:
    """Shape, dtype and device of a tensor, and a table of its first matrix, of large ones the edges."""
    array = tensor.array
    shape = " x ".join(map(str, array.shape)) or "a number"
    facts = [shape, str(tensor.dtype).rpartition(".")[2], f"on {tensor.device}"]
    if tensor.grad_fn is not None:
        facts.append(f"computed by {tensor.grad_fn.name()}")
    elif tensor.requires_grad:
        facts.append("requires a gradient")
    if array.ndim > 2 and array.size:
        facts.append(f"[{', '.join(['0'] * (array.ndim - 2))}]:")
    head = f"<b>{escape(type(tensor).__name__)}</b> {escape(', '.join(facts))}"
    return f"<div>{head}{_matrix(tensor)}</div>" if array.size else f"<div>{head}</div>"


def _matrix(tensor: Tensor) -> str:
    """The first matrix of a tensor as a table; only what is shown is fetched from a GPU."""
    array = tensor.array[(0,) * (tensor.ndim - 2)].reshape(
        -1, tensor.shape[-1] if tensor.ndim else 1
    )
    rows, columns = (
        _edges(n, most) for n, most in zip(array.shape, (_ROWS, _COLUMNS), strict=True)
    )
    cells: list[list[str]] = []
    for some in rows:
        if cells:
            cells.append(["…"] * len(cells[0]))
        parts = [_texts(type(tensor).of(array[some, others]).numpy_copy()) for others in columns]
        cells += (
            parts[0] if len(parts) == 1 else [[*x, "…", *y] for x, y in zip(*parts, strict=True)]
        )
    return _table([_row("td", row, 0) for row in cells])


def _edges(count: int, most: int) -> list[slice]:
    """All of ``count`` rows or columns, or the first and the last of them."""
    half = most // 2
    return [slice(0, count)] if count <= most else [slice(0, half), slice(count - half, count)]


def _texts(values: np.ndarray) -> list[list[str]]:
    """A matrix of numbers as text."""
    write: Callable[[Any], str] = str
    if is_floating(values.dtype):
        values, write = values.astype(np.float64), "{:.4g}".format
    return [[write(value) for value in row] for row in values.tolist()]


@_or_text
def module_html(net: Module) -> str:
    """A module and its children as a tree that opens on a click, with numbers of parameters."""
    all_open = sum(1 for _ in net.modules()) <= _ALL_OPEN
    return f"<div>{_tree('', net, True, all_open)}</div>"


def _tree(name: str, module: Module, is_open: bool, all_open: bool) -> str:
    title = f"({escape(name)}): " if name else ""
    text = f"{title}<b>{escape(type(module).__name__)}</b>({escape(module.extra_repr())})"
    if count := sum(parameter.numel() for parameter in module.parameters()):
        text += f' <span style="{_FAINT}">{count:,} parameters</span>'
    children = [_tree(key, child, all_open, all_open) for key, child in module.named_children()]
    if not children:
        return f"<div>{text}</div>"
    inner = f'<div style="margin-left: 1.5em">{"".join(children)}</div>'
    return f"<details{' open' if is_open else ''}><summary>{text}</summary>{inner}</details>"


def table_html(rows: Sequence[Sequence[str]], left: int, foot: Sequence[str] = ()) -> str:
    """A table.

    Args:
        rows: its cells; the first row is the heading.
        left: how many columns are aligned left, as text is; the others are numbers.
        foot: lines below it.
    """
    head, *body = rows
    lines = "".join(f"<div>{escape(line)}</div>" for line in foot)
    return f"<div>{_table([_row('th', head, left), *(_row('td', row, left) for row in body)])}{lines}</div>"


def _table(rows: Sequence[str]) -> str:
    return f"<table>{''.join(rows)}</table>"


def _row(kind: str, cells: Sequence[str], left: int) -> str:
    sides = ["left"] * left + ["right"] * len(cells)
    texts = [
        f'<{kind} style="text-align: {side}">{escape(cell)}</{kind}>'
        for cell, side in zip(cells, sides, strict=False)
    ]
    return f"<tr>{''.join(texts)}</tr>"
