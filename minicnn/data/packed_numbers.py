"""Many short lists of numbers in three arrays, each list exactly as JSON had it."""

from __future__ import annotations

import array
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["NumberPacker", "PackedNumbers", "smallest_integers"]


class _Form(NamedTuple):
    """How the numbers of a list are stored, in words of 16 bits.

    Attributes:
        dtype: of each number.
        scale: by which it is divided; None for integers.
        mixed: whether some are integers; the bits of further words say which.
    """

    dtype: type[np.generic]
    scale: int | None
    mixed: bool = False

    @property
    def words(self) -> int:
        return np.dtype(self.dtype).itemsize // 2


# Coordinates mostly have two decimals: a hundredth of an integer is the very float64 of that text.
_FORMS = (
    _Form(np.uint16, 100),
    _Form(np.uint16, 100, mixed=True),
    _Form(np.float64, 1),
    _Form(np.float64, 1, mixed=True),
    _Form(np.uint16, None),
    _Form(np.int32, None),
    _Form(np.int64, None),
)
_EXACT = 2**53  # integers up to it are exact as float64
_AT_ONCE = 300  # lists; the garbage collector goes through all that wait


class PackedNumbers(Sequence[list[float]]):
    """A sequence of lists of numbers that cannot be changed.

    Args:
        words: the numbers of all lists, (M,) uint16.
        offsets: where each list begins, and where the last ends, (N + 1,) integers.
        forms: how the numbers of each are stored, (N,) uint8.
    """

    def __init__(self, words: np.ndarray, offsets: np.ndarray, forms: np.ndarray) -> None:
        self.words, self.offsets, self.forms = words, offsets, forms

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], name: str) -> PackedNumbers:
        """The lists that :meth:`NumberPacker.arrays` put among others."""
        return cls(*(arrays[f"{name}.{part}"] for part in ("words", "offsets", "forms")))

    def __len__(self) -> int:
        return len(self.forms)

    def __getitem__(self, index: int) -> list[float]:  # type: ignore[override]
        words = self.words[self.offsets[index] : self.offsets[index + 1]]
        form = _FORMS[self.forms[index]]
        if not form.mixed:
            numbers = words.copy().view(form.dtype)
            return (numbers if form.scale is None else numbers / form.scale).tolist()
        length = 16 * len(words) // (16 * form.words + 1)
        numbers = words[: length * form.words].copy().view(form.dtype) / form.scale
        is_integer = np.unpackbits(words[length * form.words :].copy().view(np.uint8), count=length)
        return [int(v) if i else v for v, i in zip(numbers.tolist(), is_integer, strict=True)]


class NumberPacker:
    """Packs lists one after the other."""

    def __init__(self) -> None:
        self._words, self._offsets = bytearray(), array.array("Q", [0])
        self._forms = bytearray()
        self._waiting: list[tuple[list[float], Any]] = []  # with the form

    def __len__(self) -> int:
        return len(self._forms) + len(self._waiting)

    def add(self, lists: list[Any]) -> bool:
        """Adds lists, if all of them are lists of numbers that can be stored exactly, at least one each.

        Returns:
            Whether they were added.
        """
        forms = [_form_of(numbers) for numbers in lists]
        if None in forms:
            return False
        self._waiting += zip(lists, forms, strict=True)
        if len(self._waiting) >= _AT_ONCE:
            self._pack()
        return True

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The lists as arrays, for :meth:`PackedNumbers.of_arrays`."""
        self._pack()
        return {
            f"{name}.words": np.frombuffer(self._words, np.uint16),
            f"{name}.offsets": smallest_integers(np.frombuffer(self._offsets, np.uint64)),
            f"{name}.forms": np.frombuffer(self._forms, np.uint8),
        }

    def _pack(self) -> None:
        if not self._waiting:
            return
        lists, forms = (list(part) for part in zip(*self._waiting, strict=True))
        self._waiting = []
        is_float = [_FORMS[form].scale is not None for form in forms]
        packed = iter(_hundredths(list(itertools.compress(lists, is_float))))
        for numbers, form in zip(lists, forms, strict=True):
            hundredths = next(packed) if _FORMS[form].scale is not None else None
            if hundredths is None:
                self._words += np.array(numbers, _FORMS[form].dtype).tobytes()
            else:
                form -= 2  # to the same one with hundredths
                self._words += hundredths
            if _FORMS[form].mixed:
                bits = np.packbits([type(number) is int for number in numbers]).tobytes()
                self._words += bits + b"\0" * (len(bits) % 2)
            self._forms.append(form)
            self._offsets.append(len(self._words) // 2)


def _form_of(values: object) -> int | None:
    """The place in the list of forms, floats as float64; None if ``values`` fit none."""
    if not isinstance(values, list) or not values:
        return None
    types = set(map(type, values))
    if types == {float}:
        return 2
    if types == {int}:
        low, high = min(values), max(values)
        if low >= 0 and high < 1 << 16:
            return 4
        if -(1 << 31) <= low and high < 1 << 31:
            return 5
        return 6 if -(1 << 63) <= low and high < 1 << 63 else None
    if types == {int, float} and all(type(v) is float or abs(v) <= _EXACT for v in values):
        return 3
    return None


def _hundredths(lists: list[list[float]]) -> list[bytes | None]:
    """Each list as hundredths, uint16; None where that would change a number."""
    if not lists:
        return []
    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    stops = np.cumsum(lengths)
    numbers = np.fromiter(itertools.chain.from_iterable(lists), np.float64, stops[-1])
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(numbers * 100)
        fits = (scaled <= 0xFFFF) & (scaled / 100 == numbers) & ~np.signbit(numbers)
        words = np.where(fits, scaled, 0).astype(np.uint16).tobytes()
    starts = stops - lengths
    whole = np.logical_and.reduceat(fits, starts)
    return [
        words[2 * start : 2 * stop] if exact else None
        for start, stop, exact in zip(starts.tolist(), stops.tolist(), whole.tolist(), strict=True)
    ]


def smallest_integers(numbers: np.ndarray) -> np.ndarray:
    """The same numbers, none of them negative, in the smallest unsigned dtype that has them."""
    return numbers.astype(np.min_scalar_type(numbers.max(initial=0)), copy=False)
