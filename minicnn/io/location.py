"""``map_location``: on which device the tensors of a file are put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from ..devices import Device, to_device
from ..tensor import Tensor
from ..typing import Array

__all__ = ["MapLocation", "Placement", "placement"]

MapLocation: TypeAlias = (
    Device | str | Mapping[str, Device | str] | Callable[[Tensor, str], Tensor | None] | None
)
# Puts an array, which was saved from a device such as "cuda:0", where it belongs.
Placement: TypeAlias = Callable[[Array, str], Array]


def placement(map_location: MapLocation) -> Placement:
    """The function that moves the memory of tensors as ``map_location`` says.

    Raises:
        TypeError: for another type of ``map_location``.
        RuntimeError: for a device that does not exist.
    """
    if map_location is None:
        return lambda array, _: array
    if isinstance(map_location, (str, Device)):
        device = Device(map_location)
        to_device(np.empty(0), device)  # raises before anything is read if there is no such device
        return lambda array, _: to_device(array, device)
    if isinstance(map_location, Mapping):
        devices = {saved: Device(device) for saved, device in map_location.items()}
        return lambda array, saved: to_device(array, devices.get(saved, Device("cpu")))
    if callable(map_location):
        return lambda array, saved: _answer(map_location, array, saved)
    raise TypeError(
        "map_location must be a device, its name, a dict of names, a function or None, "
        f"got {type(map_location).__name__}"
    )


def _answer(
    function: Callable[[Tensor, str], Tensor | None], array: np.ndarray, saved: str
) -> Array:
    """What the function makes of a tensor's memory; None leaves it on the CPU."""
    moved = function(Tensor.of(array), saved)
    if moved is None:
        return array
    if not isinstance(moved, Tensor) or moved.shape != array.shape or moved.dtype != array.dtype:
        raise TypeError("map_location must return the tensor it was given, on some device, or None")
    return moved.array
