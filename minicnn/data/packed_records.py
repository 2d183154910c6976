"""Many JSON objects of a few kinds in arrays: as dicts, a million would take gigabytes."""

from __future__ import annotations

import array
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .packed import PackedStrings
from .packed_numbers import NumberPacker, PackedNumbers, smallest_integers

__all__ = ["MISSING", "PackedRecords", "RecordPacker", "as_integer"]

MISSING = -(1 << 63)  # in a column of integers

# The form of a value says where in the arrays it is. That of an object is a tuple of its keys, each
# with a form. Objects of one form, its layout, share it.
_INTEGER, _FLOAT, _FLOAT_INTEGER = "integer", "float", "integer as float"  # in the key's column
_NUMBER, _NUMBERS, _LISTS = "number", "numbers", "lists of numbers"  # among the lists of numbers
_TEXT, _JSON = "text", "json"  # among the strings
_EXACT = 2**53  # integers up to it are exact as float64
_DEEPEST = 3  # objects inside objects; what is deeper is stored as JSON


class PackedRecords(Sequence[dict[str, Any]]):
    """A sequence of objects that cannot be changed, each as :func:`json.load` gives it.

    Each access makes a dict of its own.

    Args:
        arrays: has those of :meth:`RecordPacker.arrays`.
        name: which these were given.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], name: str) -> None:
        self._arrays, self._name = arrays, name
        self._numbers = PackedNumbers.of_arrays(arrays, f"{name}.numbers")
        self._texts = PackedStrings.of_arrays(arrays, f"{name}.texts")
        self._layouts = [json.loads(s) for s in PackedStrings.of_arrays(arrays, f"{name}.layouts")]
        self._layout, self._first_list, self._first_text = (
            arrays[f"{name}.{part}"] for part in ("layout", "first_list", "first_text")
        )

    def column(self, key: str) -> np.ndarray:
        """The numbers of a key that was packed as a column, :data:`MISSING` or NaN where it has none."""
        return self._arrays[f"{self._name}.column.{key}"]

    def __len__(self) -> int:
        return len(self._layout)

    def __getitem__(self, index: int) -> dict[str, Any]:  # type: ignore[override]
        layout = self._layouts[self._layout[index]]
        lists, texts = (
            range(int(first[index]), int(first[index + 1]))
            for first in (self._first_list, self._first_text)
        )
        # One value at most takes more than one list: as many as are left by the others.
        spare = len(lists) - _count_lists(layout)
        return self._object(layout, index, iter(lists), iter(texts), spare)

    def _object(
        self, layout: list[Any], index: int, lists: Iterator[int], texts: Iterator[int], spare: int
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, form in layout:
            if form == _NUMBERS:
                found[key] = self._numbers[next(lists)]
            elif form == _LISTS:
                found[key] = [self._numbers[next(lists)] for _ in range(spare)]
            elif form == _NUMBER:
                (found[key],) = self._numbers[next(lists)]
            elif form == _TEXT:
                found[key] = self._texts[next(texts)]
            elif form == _JSON:
                found[key] = json.loads(self._texts[next(texts)])
            elif isinstance(form, list):
                found[key] = self._object(form, index, lists, texts, spare)
            else:
                value = self.column(key)[index].item()
                found[key] = int(value) if form == _FLOAT_INTEGER else value
        return found


def as_integer(value: object) -> int | None:
    """The integer of 64 bits that ``value`` equals, as 1.0 and True do; None if there is none."""
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value) if MISSING < value < 1 << 63 else None
    return None


def _count_lists(layout: list[Any]) -> int:
    """How many lists an object takes, without those of :data:`_LISTS`."""
    return sum(
        _count_lists(form) if isinstance(form, list) else form in (_NUMBER, _NUMBERS)
        for _, form in layout
    )


class RecordPacker:
    """Packs objects one after the other.

    Args:
        integers, floats: keys whose values become columns, arrays of one number for each object.
    """

    def __init__(self, integers: Sequence[str], floats: Sequence[str] = ()) -> None:
        self._columns: dict[str, array.array[Any]] = {
            **{key: array.array("q") for key in integers},
            **{key: array.array("d") for key in floats},
        }
        self._numbers = NumberPacker()
        self._text, self._text_offsets = bytearray(), array.array("Q", [0])
        self._layouts: dict[Any, int] = {}
        self._layout = array.array("I")
        self._first_list, self._first_text = array.array("Q", [0]), array.array("Q", [0])
        self._may_be_lists = True  # the next value of the current object

    def __len__(self) -> int:
        return len(self._layout)

    def add(self, record: dict[str, Any]) -> None:
        """Adds an object as :func:`json.load` gives it.

        Raises:
            RecursionError: if it is nested too deeply; nothing can be added after that.
        """
        self._may_be_lists = True
        columns = self._columns
        for key, column in columns.items():
            if key not in record:
                column.append(MISSING if column.typecode == "q" else math.nan)
        layout = tuple(
            [
                (
                    key,
                    self._add_to_column(columns[key], value)
                    if key in columns
                    else self._add(value),
                )
                for key, value in record.items()
            ]
        )
        self._layout.append(self._layouts.setdefault(layout, len(self._layouts)))
        self._first_list.append(len(self._numbers))
        self._first_text.append(len(self._text_offsets) - 1)

    def _add_to_column(self, column: array.array[Any], value: Any) -> Any:
        """Adds a value and returns its form."""
        integer = type(value) is int
        if column.typecode == "q" and integer and MISSING < value < 1 << 63:
            column.append(value)
            return _INTEGER
        if column.typecode == "d" and (type(value) is float or (integer and abs(value) <= _EXACT)):
            column.append(value)
            return _FLOAT_INTEGER if integer else _FLOAT
        equal = as_integer(value) if column.typecode == "q" else math.nan
        column.append(MISSING if equal is None else equal)
        return self._add_text(json.dumps(value), _JSON)

    def _add(self, value: Any, depth: int = 0) -> Any:
        """Adds a value and returns its form."""
        if isinstance(value, str) and value.isprintable():  # half surrogates are not
            return self._add_text(value, _TEXT)
        if isinstance(value, dict) and depth < _DEEPEST:
            return tuple([(key, self._add(part, depth + 1)) for key, part in value.items()])
        lists, kind = [value], _NUMBERS
        if not isinstance(value, list):
            lists, kind = [[value]], _NUMBER
        elif value and isinstance(value[0], list) and self._may_be_lists:
            lists, kind = value, _LISTS
        if self._numbers.add(lists):
            self._may_be_lists &= kind != _LISTS
            return kind
        return self._add_text(json.dumps(value), _JSON)

    def _add_text(self, text: str, form: str) -> str:
        self._text += text.encode()
        self._text_offsets.append(len(self._text))
        return form

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The objects as arrays, for :class:`PackedRecords`."""
        offsets, *firsts = (
            smallest_integers(np.frombuffer(numbers, np.uint64))
            for numbers in (self._text_offsets, self._first_list, self._first_text)
        )
        texts = PackedStrings(np.frombuffer(self._text, np.uint8), offsets)
        return {
            **{
                f"{name}.column.{key}": np.array(column, column.typecode)[: len(self)]
                for key, column in self._columns.items()
            },
            **self._numbers.arrays(f"{name}.numbers"),
            **texts.arrays(f"{name}.texts"),
            **PackedStrings.pack(map(json.dumps, self._layouts)).arrays(f"{name}.layouts"),
            f"{name}.layout": smallest_integers(np.frombuffer(self._layout, np.uint32)),
            f"{name}.first_list": firsts[0],
            f"{name}.first_text": firsts[1],
        }
