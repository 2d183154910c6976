"""The GPU as scripts see it: its name and memory, waiting for it, steps as CUDA graphs.

Without a GPU, questions are answered (no devices, no memory), and what needs one raises an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..constructors import CUDA_TYPES
from ..cuda_graph import graph
from ..cuda_memory import OutOfMemoryError
from ..devices import CPU, Device, cuda_is_available, cupy
from ..typing import DeviceLike
from . import amp, nvtx
from .memory import (
    empty_cache,
    ipc_collect,
    max_memory_allocated,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_cached,
    memory_reserved,
    memory_stats,
    memory_summary,
    reset_max_memory_allocated,
    reset_peak_memory_stats,
)
from .random import (
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)
from .streams import Event, Stream, current_stream, default_stream, stream

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "Event",
    "OutOfMemoryError",
    "Stream",
    "amp",
    "can_device_access_peer",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "empty_cache",
    "get_arch_list",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "graph",
    "init",
    "initial_seed",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_cached",
    "memory_reserved",
    "memory_stats",
    "memory_summary",
    "nvtx",
    "reset_max_memory_allocated",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_rng_state",
    "set_rng_state_all",
    "stream",
    "synchronize",
]


def __getattr__(name: str) -> Any:
    if name in CUDA_TYPES:  # cuda.FloatTensor and so on
        return CUDA_TYPES[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def is_available() -> bool:
    """Whether CuPy is installed and finds a GPU."""
    return cuda_is_available()


def is_initialized() -> bool:
    """Whether there is a GPU, which needs no initialisation."""
    return is_available()


def init() -> None:
    """Checks that there is a GPU.

    Raises:
        RuntimeError: without one.
    """
    Device("cuda").check_computes()


def device_count() -> int:
    """The number of GPUs."""
    return cupy().cuda.runtime.getDeviceCount() if is_available() else 0


def current_device() -> int:
    """The number of the GPU that ``"cuda"`` means at present.

    Raises:
        RuntimeError: without a GPU.
    """
    init()
    return cupy().cuda.runtime.getDevice()


def _number(device: DeviceLike | int | None) -> int:
    """The number of a GPU, by default of the current one.

    Raises:
        RuntimeError: without a GPU.
        ValueError: for another device.
    """
    init()
    index = None if device is None else _index(device)
    return current_device() if index is None else index


def _index(device: DeviceLike | int) -> int | None:
    wanted = Device(device)
    if wanted.type != "cuda":
        raise ValueError(f"expected a cuda device, got {wanted}")
    return wanted.index


class DeviceProperties(NamedTuple):
    """What a GPU is: its name, compute capability, memory in bytes and multiprocessors."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int


def get_device_properties(device: DeviceLike | int | None = None) -> DeviceProperties:
    """What a GPU is, by default the current one."""
    found = cupy().cuda.runtime.getDeviceProperties(_number(device))
    return DeviceProperties(
        found["name"].decode(),
        found["major"],
        found["minor"],
        found["totalGlobalMem"],
        found["multiProcessorCount"],
    )


def get_device_name(device: DeviceLike | int | None = None) -> str:
    """The name of a GPU, by default of the current one."""
    return cupy().cuda.runtime.getDeviceProperties(_number(device))["name"].decode()


def get_device_capability(device: DeviceLike | int | None = None) -> tuple[int, int]:
    """The compute capability of a GPU, such as (9, 0)."""
    found = get_device_properties(device)
    return found.major, found.minor


def get_arch_list() -> list[str]:
    """The architectures that kernels are compiled for: those of the GPUs that are there."""
    capabilities = [get_device_capability(i) for i in range(device_count())]
    return sorted({f"sm_{major}{minor}" for major, minor in capabilities})


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the current GPU computes in bfloat16; ``including_emulation`` changes nothing.

    GPUs that could only emulate it, before compute capability 8.0, are not supported at all.
    """
    return is_available() and get_device_capability()[0] >= 8


def can_device_access_peer(device: DeviceLike | int, peer_device: DeviceLike | int) -> bool:
    """Whether one GPU can read the memory of another."""
    ours, theirs = _number(device), _number(peer_device)
    return bool(cupy().cuda.runtime.deviceCanAccessPeer(ours, theirs))


def set_device(device: DeviceLike | int) -> None:
    """Makes a GPU the current one; a negative number changes nothing.

    Raises:
        RuntimeError: without a GPU.
        ValueError: for another device.
    """
    if isinstance(device, int) and device < 0:
        return
    index = _index(device)
    if index is not None:
        init()
        cupy().cuda.Device(index).use()


class device:
    """Makes a GPU the current one inside a ``with`` block; None or a negative number changes nothing.

    As ``torch.cuda.device``.
    """

    def __init__(self, device: DeviceLike | int | None) -> None:
        skip = device is None or (isinstance(device, int) and device < 0)
        self._index = None if skip else _index(device)  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        if self._index is not None:
            self._outside = current_device()
            set_device(self._index)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._index is not None:
            set_device(self._outside)


def synchronize(device: DeviceLike | int | None = None) -> None:
    """Waits until a GPU, by default the current one, has finished its work.

    Raises:
        RuntimeError: without a GPU.
    """
    if device is not None and Device(device) == CPU:
        raise ValueError(f"expected a cuda device, got {device}")
    with cupy().cuda.Device(_number(device)):
        cupy().cuda.get_current_stream().synchronize()
