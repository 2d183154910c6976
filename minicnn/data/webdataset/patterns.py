"""Names of shards: patterns with braces, as in a shell."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterable, Iterator
from itertools import product

__all__ = ["expand_braces", "shard_names", "shard_path"]

_NUMBERS = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.-?(\d+))?")
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.-?(\d+))?")
_ALPHABET = string.ascii_uppercase + string.ascii_lowercase
_PADDED = re.compile(r"-?0\d")
_PROTOCOL = re.compile(r"(\w[\w+.-]+)://")

Shards = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def shard_names(shards: Shards) -> list[str]:
    """The names of all shards, in their order.

    Args:
        shards: a pattern for :func:`expand_braces`, several with ``::`` between them, a path, which
            is taken as it is, or a list of all these.

    Raises:
        ValueError: if there is none, or one is not a file on disk.
    """
    names: list[str] = []
    for shard in [shards] if isinstance(shards, (str, os.PathLike)) else shards:
        if isinstance(shard, str):
            names += [name for part in shard.split("::") for name in expand_braces(part)]
        else:
            names.append(os.fspath(shard))
    if not names:
        raise ValueError("WebDataset expects at least one shard, got none")
    for name in names:
        shard_path(name)
    return names


def shard_path(name: str) -> str:
    """The path of a shard, whose name may begin with ``file:``.

    Raises:
        ValueError: for a command or the address of a server.
    """
    if name.startswith("pipe:"):
        raise ValueError(f"{name}: loading a dataset runs no commands; write its output to a file")
    if name.startswith("file:"):
        return name.removeprefix("file:").removeprefix("//")
    if protocol := _PROTOCOL.match(name):
        raise ValueError(
            f"{name}: shards are read from disk, not by {protocol[1]}; download them, for example "
            "with minicnn.io.download"
        )
    return name


def expand_braces(pattern: str) -> list[str]:
    """All strings that a pattern stands for, as bash and Python's ``braceexpand`` expand it.

    Args:
        pattern: text with ``{a,b}`` for alternatives, and ``{000..146}`` or ``{a..e}`` for ranges,
            whose step may follow: ``{0..9..2}``. Numbers are filled up with zeros if the first or the
            last begins with one. Braces may be nested. A backslash takes the meaning from the
            character after it, so write ``/`` between folders on Windows, too.

    Raises:
        ValueError: if a brace is not closed, or was not opened.
    """
    texts: list[Iterable[str]] = []  # between the braces and in them
    start = 0
    for begin, end in _pairs(pattern):
        texts += [[_unescaped(pattern[start:begin])], _alternatives(pattern[begin + 1 : end])]
        start = end + 1
    return ["".join(parts) for parts in product(*texts, [_unescaped(pattern[start:])])]


def _pairs(pattern: str) -> Iterator[tuple[int, int]]:
    """Where each outermost brace opens and closes."""
    depth = begin = 0
    for i, character in _unescaped_characters(pattern):
        if character == "{":
            begin = begin if depth else i
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                yield begin, i
        if depth < 0:
            break
    if depth:
        raise ValueError(f"the braces of a pattern must come in pairs, got {pattern!r}")


def _unescaped_characters(pattern: str) -> Iterator[tuple[int, str]]:
    """Each character and its position, without backslashes and what they escape."""
    for found in re.finditer(r"\\.|(.)", pattern, re.DOTALL):
        if found[1] and found[1] != "\\":
            yield found.start(), found[1]


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _alternatives(inner: str) -> list[str]:
    """What stands for a pair of braces with ``inner`` between them."""
    if numbers := _NUMBERS.fullmatch(inner):
        padded = any(_PADDED.match(end) for end in numbers.groups()[:2])
        width = max(len(numbers[1]), len(numbers[2])) if padded else 0
        return [f"{n:0{width}d}" for n in _range(int(numbers[1]), int(numbers[2]), numbers[3])]
    if letters := _LETTERS.fullmatch(inner):
        first, last = (_ALPHABET.index(end) for end in letters.groups()[:2])
        return [_ALPHABET[n] for n in _range(first, last, letters[3])]
    commas, depth = [], 0
    for i, character in _unescaped_characters(inner):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and not depth:
            commas.append(i)
    if not commas:
        return [f"{{{text}}}" for text in expand_braces(inner)]
    starts, ends = [0, *(i + 1 for i in commas)], [*commas, len(inner)]
    return [text for a, b in zip(starts, ends, strict=True) for text in expand_braces(inner[a:b])]


def _range(first: int, last: int, step: str | None) -> range:
    """From ``first`` to ``last``, which is part of it, up or down."""
    size = int(step or 1) or 1
    return range(first, last + 1, size) if first < last else range(first, last - 1, -size)
