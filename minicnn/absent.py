"""Devices and libraries that torch knows and minicnn does not use: they are never available."""

from __future__ import annotations

from typing import NoReturn


class AbsentDevice:
    """A kind of device that holds no tensors, such as ``minicnn.mps``.

    Questions are answered, seeds ignored, and what needs the device raises a RuntimeError.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def is_available(self) -> bool:
        """False."""
        return False

    def device_count(self) -> int:
        """0."""
        return 0

    def manual_seed(self, seed: int) -> None:
        """Does nothing."""

    manual_seed_all = manual_seed

    def _refuse(self, *args: object) -> NoReturn:
        raise RuntimeError(f"minicnn computes on 'cpu' and 'cuda', not on {self._name!r}")

    synchronize = empty_cache = current_device = set_device = get_device_name = _refuse
    current_allocated_memory = driver_allocated_memory = memory_allocated = _refuse


class AbsentLibrary:
    """A library or device of ``torch.backends`` that minicnn does not use."""

    enabled = False

    def is_available(self) -> bool:
        """False."""
        return False

    is_built = is_available


mps, xpu, mtia = map(AbsentDevice, ("mps", "xpu", "mtia"))
