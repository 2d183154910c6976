"""Reads a large JSON file piece by piece: the elements of its long arrays one after the other."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import IO, Any, NamedTuple

__all__ = ["DamagedJson", "Element", "read_elements"]

_CHUNK = 1 << 20  # bytes
_SPACE = re.compile(r"[ \t\n\r]*")
_LONGEST_TOKEN = 16  # characters of a literal or an escape that the end of a chunk may cut


class DamagedJson(ValueError):
    """JSON that cannot be read on; the message gives the position in the file."""


class Element(NamedTuple):
    """A part of the object that a file contains.

    Attributes:
        key: of the object.
        place: in the array with this key; None if ``value`` is all there is under the key, as of an
            empty array.
        value: the element, or all there is.
    """

    key: str
    place: int | None
    value: Any


def read_elements(
    file: IO[bytes], arrays: Collection[str], progress: Callable[[int], Any]
) -> Iterator[Element]:
    """The elements of some arrays in the object that a file contains, and its other members whole.

    Memory is needed for one element, or one other member, at a time.

    Args:
        file: holds one JSON object in UTF-8.
        arrays: keys of the object, under which there are arrays.
        progress: called with the number of bytes that were read.

    Raises:
        DamagedJson: where the file is damaged; what stands before has been returned by then.
    """
    text = _Text(file, progress)
    if not text.peek():
        raise text.damage("the file is empty")
    text.expect("{", "the file")
    keys: set[str] = set()
    while text.peek() != "}":
        if keys:
            text.expect(",", "the object")
        key = text.read_value()
        if not isinstance(key, str):
            raise text.damage(f"a key expected, got {key!r:.40}")
        if key in keys:
            raise text.damage(f"the key {key!r:.40} is there twice")
        keys.add(key)
        text.expect(":", f"the value of {key!r}")
        if key not in arrays:
            yield Element(key, None, text.read_value())
            continue
        text.expect("[", f"the array {key!r}")
        if text.peek() == "]":
            yield Element(key, None, [])
        place = 0
        while text.peek() != "]":
            if place:
                text.expect(",", f"{key!r} before element {place}")
            yield Element(key, place, text.read_value(f"element {place} of {key!r}"))
            place += 1
        text.expect("]", f"the array {key!r}")
    text.expect("}", "the object")
    if text.peek():
        raise text.damage("something follows the object")


class _Text:
    """The text of a file, of which a part is in memory, and a position in it."""

    def __init__(self, file: IO[bytes], progress: Callable[[int], Any]) -> None:
        self._file, self._progress = file, progress
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._scan = json.JSONDecoder().raw_decode
        self._part, self._at = "", 0
        self._bytes_before = 0  # the part
        self._bytes_read = 0

    def damage(self, reason: str) -> DamagedJson:
        """An error at the position."""
        byte = self._bytes_before + len(self._part[: self._at].encode())
        return DamagedJson(f"byte {byte}: {reason}")

    def peek(self) -> str:
        """The next character that is no space; the empty string at the end of the file."""
        while True:
            self._at = _SPACE.match(self._part, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._part):
                return self._part[self._at]
            if not self._read_more():
                return ""

    def expect(self, character: str, where: str) -> None:
        """Goes past ``character``.

        Raises:
            DamagedJson: if another one is there.
        """
        if (found := self.peek()) != character:
            if not found:
                raise self.damage(f"the file ends in {where}")
            raise self.damage(f"{character!r} expected for {where}, got {found!r}")
        self._at += 1

    def read_value(self, what: str = "a value") -> object:
        """Goes past the next value and returns it."""
        self.peek()
        while True:
            try:
                value, stop = self._scan(self._part, self._at)
            except json.JSONDecodeError as error:
                left, beyond = len(self._part) - error.pos, error.pos - self._at
                unfinished = error.msg.startswith("Unterminated string")
                # Far from the end of the part it is damage, and reading on would not help.
                if (unfinished or left < _LONGEST_TOKEN) and self._read_more():
                    continue
                ends = "the file ends in " if unfinished or left <= 0 else ""
                self._at += beyond
                raise self.damage(f"{ends}{what}: {error.msg}") from error
            except (RecursionError, ValueError) as error:  # nested too deeply, too many digits
                raise self.damage(f"{what}: {error}") from error
            # A number may go on: 12|3, 12.|3, 12e-|3.
            is_cut = isinstance(value, int | float) and stop + 2 >= len(self._part)
            if not (is_cut and self._read_more()):
                self._at = stop
                return value

    def _read_more(self) -> bool:
        """Drops what was read and adds as much as is left at least.

        Returns:
            False at the end of the file, where nothing is changed.
        """
        data = self._file.read(max(_CHUNK, len(self._part) - self._at))
        try:
            more = self._decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise DamagedJson(f"near byte {self._bytes_read + error.start}: no UTF-8") from error
        if not data:
            return False
        self._bytes_before += len(self._part[: self._at].encode())
        self._bytes_read += len(data)
        self._part, self._at = self._part[self._at :] + more, 0
        self._progress(len(data))
        return True
