"""What happens to samples one after the other, on their way from the shards to the program.

Each stage is called with an iterator of samples and the :class:`~.reading.Reading`, which it tells of
broken ones, and gives an iterator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from ..picture import BrokenPicture
from .decoding import Handler, Refused, decode_member
from .reading import BrokenSample, Reading

__all__ = [
    "Stage",
    "batch",
    "decode",
    "map_dict",
    "map_samples",
    "map_tuple",
    "select",
    "shuffle",
    "to_tuple",
]

Samples = Iterator[Any]
Stage = Callable[[Samples, Reading], Samples]


def shuffle(samples: Samples, reading: Reading, *, size: int, initial: int) -> Samples:
    """Takes the next sample at random from a buffer.

    As in ``webdataset``, the buffer begins with ``initial`` samples and grows to ``size`` by taking
    in two for each that it gives.
    """
    buffer: list[Any] = []
    for sample in samples:
        buffer.append(sample)
        if len(buffer) < size:
            buffer.extend(islice(samples, 1))
        if len(buffer) >= initial:
            yield _draw(buffer, reading)
    while buffer:
        yield _draw(buffer, reading)


def _draw(buffer: list[Any], reading: Reading) -> object:
    chosen = reading.generator.integers(0, len(buffer))
    buffer[chosen], buffer[-1] = buffer[-1], buffer[chosen]
    return buffer.pop()


def decode(
    samples: Samples,
    reading: Reading,
    *,
    handlers: tuple[Handler, ...],
    only: frozenset[str] | None,
) -> Samples:
    """Decodes the members of each sample."""
    for sample in samples:
        _check_dict(sample, "decode")
        decoded = dict(sample)
        for end, data in sample.items():
            if end.startswith("__") or not isinstance(data, bytes):
                continue
            if only is not None and end not in only:
                continue
            try:
                decoded[end] = decode_member(end, data, handlers)
            except Refused as error:
                raise BrokenSample(f"{_place(sample)}.{end}: {error}") from error
            except Exception as error:  # noqa: BLE001  decoders raise errors of all types
                reading.broken(f"{_place(sample)}.{end}", _reason(error, end), error)
                break
        else:
            yield decoded


def to_tuple(
    samples: Samples, reading: Reading, *, fields: Sequence[str | Sequence[str]]
) -> Samples:
    """Picks members; each field lists names, of which the first that is there counts."""
    alternatives = [field.split(";") if isinstance(field, str) else field for field in fields]
    for sample in samples:
        _check_dict(sample, "to_tuple")
        found = [next((end for end in ends if end in sample), None) for ends in alternatives]
        if None not in found:
            yield tuple(sample[end] for end in found)
            continue
        lacking = " or ".join(alternatives[found.index(None)])
        there = ", ".join(end for end in sample if not end.startswith("__"))
        reading.broken(_place(sample), f"it has no {lacking}, only {there}")


def map_samples(samples: Samples, reading: Reading, *, function: Callable[[Any], Any]) -> Samples:
    """Replaces each sample; those that become None are left out."""
    for sample in samples:
        result = function(sample)
        if isinstance(result, dict) and isinstance(sample, dict):
            result["__key__"] = sample.get("__key__")
        if result is not None:
            yield result


def map_dict(
    samples: Samples, reading: Reading, *, functions: dict[str, Callable[[Any], Any]]
) -> Samples:
    """Replaces members of samples that are dicts."""
    for sample in samples:
        _check_dict(sample, "map_dict")
        yield {**sample, **{end: function(sample[end]) for end, function in functions.items()}}


def map_tuple(
    samples: Samples, reading: Reading, *, functions: Sequence[Callable[[Any], Any] | None]
) -> Samples:
    """Replaces the first items of samples that are tuples; None leaves an item as it is."""
    for sample in samples:
        mapped = [
            item if function is None else function(item)
            for item, function in zip(sample, functions, strict=False)
        ]
        yield (*mapped, *sample[len(mapped) :])


def select(samples: Samples, reading: Reading, *, predicate: Callable[[Any], bool]) -> Samples:
    """Leaves out the samples for which ``predicate`` is false."""
    return filter(predicate, samples)


def batch(
    samples: Samples,
    reading: Reading,
    *,
    size: int,
    collate: Callable[[list[Any]], Any],
    partial: bool,
) -> Samples:
    """Joins samples; ``partial`` says whether the last batch may be smaller."""
    while group := list(islice(samples, size)):
        if len(group) == size or partial:
            yield collate(group)


def _check_dict(sample: object, method: str) -> None:
    if not isinstance(sample, dict):
        kind = type(sample).__name__
        raise TypeError(f"{method} expects samples that are dicts, got a {kind}; call it earlier")


def _place(sample: dict[str, Any]) -> str:
    return f"{sample.get('__url__', 'a shard')}/{sample.get('__key__')}"


def _reason(error: Exception, end: str) -> str:
    if isinstance(error, BrokenPicture):
        return str(error).removeprefix(f".{end}: ")
    text = str(error)
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
