"""The rows of a large CSV file as arrays, some ten thousand at a time.

The csv module makes a str of every field, and each is then parsed for itself. Here a block of bytes is
searched for commas and ends of lines at once, and a column is parsed with as many NumPy calls as its
longest field has characters. Fields in quotes are not known; the annotations have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..problems import Problems

__all__ = ["Rows", "read_rows"]

_BLOCK = 1 << 20  # bytes read at once: what is made of them stays in the cache
_WIDEST = 64  # characters of a field that is used
_NAMED = 1000  # wrong rows of a block; the others are counted
_DIGITS = 18  # as many fit into int64
_COMMA, _NEWLINE, _RETURN, _POINT, _MINUS, _ZERO = b",\n\r.-0"
_POWERS = 10.0 ** np.arange(_DIGITS + 1)


def _hexadecimal_pairs() -> np.ndarray:
    """The value of two characters, read as one little-endian number; -1 if they are no digits."""
    digit = np.full(256, -1, np.int16)
    for characters in (b"0123456789abcdef", b"0123456789ABCDEF"):
        digit[list(characters)] = range(16)
    second, first = np.meshgrid(digit, digit, indexing="ij")
    return np.where((first < 0) | (second < 0), np.int16(-1), first * 16 + second).ravel()


_PAIRS = _hexadecimal_pairs()


class Rows:
    """Rows that follow each other in a file.

    Each method parses a column. Where a field is wrong, it marks the row as bad and notes why; the
    value there means nothing.

    Attributes:
        good: whether nothing was wrong in a row so far, (N,) bool.
    """

    def __init__(
        self, data: np.ndarray, size: int, lines: np.ndarray, columns: dict[str, int]
    ) -> None:
        # data, with some zeros after its first `size` bytes, and the number of each of its lines
        self._data, self._columns = data, columns
        text = data[:size]
        separators = np.flatnonzero((text == _COMMA) | (text == _NEWLINE))
        last = np.flatnonzero(text[separators] == _NEWLINE)  # of a line, in separators
        first = np.concatenate([[0], last[:-1] + 1])
        count = last - first + 1
        begin = np.concatenate([[0], separators[last[:-1]] + 1])
        length = separators[last] - begin
        length -= (length > 0) & (data[separators[last] - 1] == _RETURN)
        whole = (count == len(columns)) & (length > 0)
        self._separators, self._first, self._begin = separators, first[whole], begin[whole]
        self._lines = lines[whole]
        self._end = begin[whole] + length[whole]
        self.good = np.ones(len(self._lines), bool)
        self._wrong: list[tuple[int, str]] = []
        self._others = 0
        self._name(
            lines,
            np.flatnonzero(~whole & (length > 0)),
            lambda i: f"the row has {count[i]} fields, its header {len(columns)}",
        )

    def __len__(self) -> int:
        return len(self._lines)

    def has(self, column: str) -> bool:
        """Whether the file has a column of this name."""
        return column in self._columns

    def text(self, column: str, width: int = _WIDEST) -> np.ndarray:
        """The fields, (N,) of dtype ``S{width}``; longer ones are cut off."""
        return self._text(*self._field(column), width)

    def _text(self, start: np.ndarray, length: np.ndarray, width: int) -> np.ndarray:
        # A view in which an element begins at each byte: one index then takes a whole field.
        shape = (len(self._data) - width + 1,)
        windows = np.ndarray(shape, f"V{width}", self._data.data, strides=(1,))
        characters = windows[start].view(np.uint8).reshape(len(start), width)
        characters[np.arange(width) >= length[:, None]] = 0
        return characters.view(f"S{width}").ravel()

    def hexadecimal(self, column: str) -> np.ndarray:
        """Numbers of 16 hexadecimal digits, (N,) uint64."""
        start, length = self._field(column)
        pairs = _PAIRS[self._text(start, length, 16).view("<u2").reshape(-1, 8)]  # (N, 8)
        self.refuse(
            (pairs < 0).any(axis=1) | (length != 16),
            lambda i: (
                f"{column} should be 16 hexadecimal digits, got {self._shown(start[i], length[i])}"
            ),
        )
        return pairs.astype(np.uint8).view(">u8").ravel().astype(np.uint64)

    def numbers(
        self, column: str, low: float, high: float, empty: float | None = None
    ) -> np.ndarray:
        """Numbers between two bounds, (N,) float64.

        Args:
            column: its name.
            low, high: the bounds.
            empty: what an empty field means; None if none may be empty.
        """
        start, length = self._field(column)
        width = int(length.max(initial=1).clip(1, _DIGITS))
        values, unusual = _decimals(self._text(start, length, width), length)
        values[length == 0] = np.nan
        for i in np.flatnonzero(unusual & (length > 0)):
            values[i] = _number(self._bytes(start[i], length[i]))
        wrong = ~((values >= low) & (values <= high))
        if empty is not None:
            wrong &= length > 0
            values[length == 0] = empty
        bounds = f"from {low:g} to {high:g}"
        self.refuse(
            wrong,
            lambda i: (
                f"{column} should be a number {bounds}, got {self._shown(start[i], length[i])}"
            ),
        )
        values[wrong] = low
        return values

    def places(self, column: str, names: np.ndarray, what: str) -> np.ndarray:
        """Where each field is in a list of names, (N,) int64.

        Args:
            column: its name.
            names: sorted, of dtype ``S``.
            what: they are, to say which one is not in the list.
        """
        start, length = self._field(column)
        fields = self._text(start, length, min(names.itemsize + 1, _WIDEST))
        places = np.minimum(np.searchsorted(names, fields), len(names) - 1)
        self.refuse(
            names[places] != fields,
            lambda i: f"{column} {self._shown(start[i], length[i])} is not {what}",
        )
        return places

    def refuse(self, bad: np.ndarray, why: Callable[[int], str]) -> None:
        """Marks rows as bad; ``why`` is called with the number of each that was good before."""
        bad = bad & self.good
        if bad.any():
            self._name(self._lines, np.flatnonzero(bad), why)
            self.good &= ~bad

    def note(self, path: Path, problems: Problems) -> None:
        """Adds what was wrong, in the order of the lines, to the problems of a file."""
        for line, reason in sorted(self._wrong):
            problems.note(f"{path}, line {line}", reason)
        problems.count += self._others

    def _name(self, lines: np.ndarray, wrong: np.ndarray, why: Callable[[int], str]) -> None:
        self._wrong += [(int(lines[i]), why(int(i))) for i in wrong[:_NAMED]]
        self._others += len(wrong[_NAMED:])

    def _field(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Where each field begins, and its length."""
        i = self._columns[column]
        start = self._begin if i == 0 else self._separators[self._first + i - 1] + 1
        is_last = i == len(self._columns) - 1
        end = self._end if is_last else self._separators[self._first + i]
        return start, end - start

    def _bytes(self, start: int, length: int) -> bytes:
        return self._data[start : start + min(length, _WIDEST)].tobytes()

    def _shown(self, start: int, length: int) -> str:
        return repr(self._bytes(start, length).decode("utf-8", "replace"))


def read_rows(path: Path, required: tuple[str, ...], problems: Problems) -> Iterator[Rows]:
    """The rows of a CSV file, with a progress bar.

    Args:
        path: the file, whose first line names the columns.
        required: columns that it must have.
        problems: takes what is wrong with its rows, once the next ones are asked for.

    Raises:
        OSError: if it cannot be read.
        ValueError: if a column is missing.
    """
    size = path.stat().st_size
    bar = tqdm(
        total=size,
        desc=f"reading {path.name}",
        unit="B",
        unit_scale=True,
        leave=False,
        disable=None,
    )
    with path.open("rb") as file, bar:
        columns = _columns(file.readline(_BLOCK), path, required)
        line, rest = 2, b""
        while block := file.read(_BLOCK):
            bar.update(len(block))
            block = rest + block
            # A line longer than a block is no row; its parts are refused one by one.
            end = block.rfind(b"\n") + 1 or len(block)
            rest = block[end:]
            count = block.count(b"\n")
            rows = _rows(block[:end], np.arange(line, line + max(count, 1)), columns)
            yield rows
            rows.note(path, problems)
            line += count
        if rest:
            rows = _rows(rest, np.array([line]), columns)
            yield rows
            rows.note(path, problems)


def _rows(block: bytes, lines: np.ndarray, columns: dict[str, int]) -> Rows:
    """The rows in some bytes; the newline at their end may be missing."""
    data = np.zeros(len(block) + _WIDEST + 1, np.uint8)
    text = data[: len(block)]
    text[:] = np.frombuffer(block, np.uint8)
    text[text == 0] = ord("?")  # zeros only pad fields
    size = len(block)
    if not block.endswith(b"\n"):
        data[size] = _NEWLINE
        size += 1
    return Rows(data, size, lines, columns)


def _columns(header: bytes, path: Path, required: tuple[str, ...]) -> dict[str, int]:
    """The number of each column."""
    names = header.decode("utf-8-sig", "replace").strip().split(",")
    missing = [name for name in required if name not in names]
    if missing:
        shown = ",".join(names)[:200]
        raise ValueError(
            f"{path}, line 1: it should name the columns {', '.join(required)}, "
            f"but {', '.join(missing)} is not in {shown!r}"
        )
    return {name: i for i, name in enumerate(names)}


def _decimals(text: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers such as ``-0.25``.

    Args:
        text: the fields, (N,) of dtype ``S``.
        length: of each.

    Returns:
        The numbers, (N,) float64, and which of them are written otherwise and not parsed.
    """
    unusual = length > _DIGITS
    # One character of all fields after another, each as a contiguous array.
    characters = text.view(np.uint8).reshape(len(text), text.itemsize).T.copy()
    digits = np.zeros(len(text), np.int64)
    count, decimals = np.zeros((2, len(text)), np.int8)
    after_point = np.zeros(len(text), bool)
    for k, character in enumerate(characters):
        digit = character - np.uint8(_ZERO)
        is_digit, is_point = digit < 10, character == _POINT
        digits = np.where(is_digit, digits * 10 + digit, digits)
        count += is_digit
        decimals += is_digit & after_point
        is_sign = (character == _MINUS) & (k == 0)
        unusual |= ~(is_digit | is_point | is_sign | (character == 0)) | (is_point & after_point)
        after_point |= is_point
    unusual |= count == 0
    return np.where(characters[0] == _MINUS, -digits, digits) / _POWERS[decimals], unusual


def _number(text: bytes) -> float:
    """Any number that Python reads; NaN if it is none."""
    try:
        return float(text.replace(b"_", b"?"))  # Python would read 1_0 as 10
    except ValueError:
        return float("nan")
