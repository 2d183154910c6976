"""Python objects between ranks, as JSON: what comes over the net is data and never runs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..tensor import Tensor
from .collectives import all_gather, broadcast
from .process_group import ProcessGroup, the_group

__all__ = ["all_gather_object", "broadcast_object_list", "gather_object", "scatter_object_list"]

_COLLECTIONS = {kind.__name__: kind for kind in (tuple, set, frozenset)}


def all_gather_object(object_list: list[Any], obj: Any, group: ProcessGroup | None = None) -> None:
    """Writes the objects of all ranks to a list.

    Args:
        object_list: one place for each rank.
        obj: numbers, strings, None, and lists, tuples, sets and dictionaries of them. What is of a
            class derived from these arrives as the one of these.
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


def gather_object(
    obj: Any,
    object_gather_list: list[Any] | None = None,
    dst: int = 0,
    group: ProcessGroup | None = None,
) -> None:
    """:func:`all_gather_object` of which only rank ``dst`` gives a list."""
    chosen = the_group(group)
    if (object_gather_list is not None) != (chosen.rank() == chosen.number_of(dst)):
        raise ValueError(f"object_gather_list must be given on rank {dst}, and on no other")
    everyone = [None] * chosen.size()
    all_gather_object(everyone if object_gather_list is None else object_gather_list, obj, group)


def scatter_object_list(
    scatter_object_output_list: list[Any],
    scatter_object_input_list: list[Any] | None = None,
    src: int = 0,
    group: ProcessGroup | None = None,
) -> None:
    """Writes what the list of rank ``src`` has for this rank to the first place of a list."""
    chosen = the_group(group)
    size = chosen.size()
    parts = [None] * size
    if chosen.rank() == chosen.number_of(src):
        if scatter_object_input_list is None or len(scatter_object_input_list) != size:
            raise ValueError(f"scatter_object_input_list must have {size} places on rank {src}")
        parts = scatter_object_input_list
    received = list(parts)
    broadcast_object_list(received, src, group)
    scatter_object_output_list[0] = received[chosen.rank()]


def _encoded(value: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(_as_json(value)).encode(), np.uint8).copy()


def _decoded(text: Tensor, length: Tensor) -> Any:
    return _from_json(json.loads(text.array.tobytes()[: int(length)]))


def _as_json(value: Any) -> Any:
    """The value in JSON's terms, where all but lists are ``{"name of its class": [items]}``."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[_as_json(key), _as_json(item)] for key, item in value.items()]}
    for name, kind in _COLLECTIONS.items():
        if isinstance(value, kind):
            return {name: [_as_json(item) for item in value]}
    raise TypeError(
        "objects go between ranks as JSON: numbers, strings, None, and lists, tuples, sets and "
        f"dictionaries of them, got {type(value).__name__}"
    )


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((name, items),) = value.items()
    if name == "dict":
        return {_from_json(key): _from_json(item) for key, item in items}
    return _COLLECTIONS[name](map(_from_json, items))
