"""Many strings in two arrays: a million str objects would take 100 MB in every worker process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import overload

import numpy as np

__all__ = ["PackedStrings"]


class PackedStrings(Sequence[str]):
    """A sequence of strings that cannot be changed.

    Args:
        text: the bytes of all strings in UTF-8, one after the other, (M,) uint8.
        offsets: where each begins, and where the last ends, (N + 1,) integers.

    Names of files that are no UTF-8 come back as :func:`os.fsdecode` gives them.
    """

    def __init__(self, text: np.ndarray, offsets: np.ndarray) -> None:
        self.text, self.offsets = text, offsets

    @classmethod
    def pack(cls, strings: Iterable[str]) -> PackedStrings:
        """Packs strings; a generator is used up piece by piece."""
        text = bytearray()
        offsets = [0]
        for string in strings:
            text += string.encode("utf-8", "surrogateescape")
            offsets.append(len(text))
        dtype = np.uint32 if len(text) < 1 << 32 else np.uint64
        return cls(np.frombuffer(bytes(text), np.uint8), np.array(offsets, dtype))

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], name: str) -> PackedStrings:
        """The strings that :meth:`arrays` put among others."""
        return cls(arrays[f"{name}.text"], arrays[f"{name}.offsets"])

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The two arrays, named after ``name``, for an :class:`~minicnn.data.index.Index`."""
        return {f"{name}.text": self.text, f"{name}.offsets": self.offsets}

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        length = len(self)
        if not -length <= index < length:
            raise IndexError(f"index {index} is out of range for {length} strings")
        index %= length
        start, stop = int(self.offsets[index]), int(self.offsets[index + 1])
        return self.text[start:stop].tobytes().decode("utf-8", "surrogateescape")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PackedStrings | list | tuple):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:3]))
        return f"PackedStrings({len(self)}: [{shown}{', …' if len(self) > 3 else ''}])"
