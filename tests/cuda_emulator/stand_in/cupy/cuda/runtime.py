"""A few functions of the CUDA runtime."""

from __future__ import annotations

import os
from typing import Any

from .. import emulation
from .._errors import CUDARuntimeError
from .._memory import free_bytes
from .._stream import refuse

__all__ = [
    "CUDARuntimeError",
    "deviceGetPCIBusId",
    "deviceSynchronize",
    "getDevice",
    "getDeviceCount",
    "getDeviceProperties",
    "memGetInfo",
]

# bytes a block may have at most, by architecture
MAX_SHARED_MEMORY = {"80": 166912, "89": 101376, "90": 232448}


def getDeviceCount() -> int:
    """One GPU."""
    return 1


def getDevice() -> int:
    """The number of the current GPU."""
    return 0


def getDeviceProperties(device: int) -> dict[str, Any]:
    """Those properties of the pretended GPU that are asked for."""
    return {
        "name": b"CUDA emulator",
        "major": int(emulation.arch[:-1]),
        "minor": int(emulation.arch[-1]),
        "multiProcessorCount": 4,
        "sharedMemPerBlockOptin": MAX_SHARED_MEMORY[emulation.arch],
        "totalGlobalMem": emulation.memory,
        "warpSize": 32,
    }


def deviceGetPCIBusId(device: int) -> str:
    """The address of the GPU; every process has another one."""
    return os.environ.get("CUDA_EMULATOR_BUS_ID", f"emulated:{os.getpid()}")


def deviceSynchronize() -> None:
    """Waits for all streams."""
    refuse("deviceSynchronize")


def memGetInfo() -> tuple[int, int]:
    """The free and the total bytes of the GPU."""
    return free_bytes(), emulation.memory
