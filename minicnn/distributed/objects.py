"""Python objects between ranks, as JSON: what comes over the net is data and never runs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..tensor import Tensor
from .collectives import all_gather, broadcast
from .process_group import ProcessGroup, the_group

__all__ = ["all_gather_object", "broadcast_object_list"]


def all_gather_object(object_list: list[Any], obj: Any, group: ProcessGroup | None = None) -> None:
    """Writes the objects of all ranks to a list.

    Args:
        object_list: one place for each rank.
        obj: numbers, strings, None, lists and dictionaries with strings as keys; tuples become
            lists.
        group: who takes part.

    Raises:
        TypeError: for an object of another kind. torch pickles; a pickle runs code.
        ValueError: for a list of another length.
    """
    size = the_group(group).size()
    if len(object_list) != size:
        raise ValueError(f"object_list must have {size} places, got {len(object_list)}")
    own = _encoded(obj)
    lengths = [Tensor.of(np.zeros(1, np.int64)) for _ in range(size)]
    all_gather(lengths, Tensor.of(np.array([own.size])), group)
    longest = max(int(length) for length in lengths)
    texts = [Tensor.of(np.zeros(longest, np.uint8)) for _ in range(size)]
    all_gather(texts, Tensor.of(np.pad(own, (0, longest - own.size))), group)
    object_list[:] = [_decoded(text, length) for text, length in zip(texts, lengths)]


def broadcast_object_list(
    object_list: list[Any], src: int = 0, group: ProcessGroup | None = None, device: Any = None
) -> None:
    """Replaces the objects in a list, on every rank, by those of rank ``src``.

    Args:
        object_list: as :func:`all_gather_object` takes them; of the same length on all ranks.
        src: the rank that has them.
        group: who takes part.
        device: accepted for torch's scripts.

    Raises:
        TypeError: for an object of another kind.
    """
    chosen = the_group(group)
    sends = chosen.rank() == chosen.number_of(src)
    own = _encoded(object_list) if sends else np.zeros(0, np.uint8)
    length = Tensor.of(np.array([own.size]))
    broadcast(length, src, group)
    text = Tensor.of(own if sends else np.zeros(int(length), np.uint8))
    broadcast(text, src, group)
    object_list[:] = _decoded(text, length)


def _encoded(value: Any) -> np.ndarray:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"objects go between ranks as JSON, and this one cannot: {error}") from None
    return np.frombuffer(text.encode(), np.uint8).copy()


def _decoded(text: Tensor, length: Tensor) -> Any:
    return json.loads(text.array.tobytes()[: int(length)])
