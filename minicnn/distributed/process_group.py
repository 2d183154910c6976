"""Which processes work together: the group of all, and smaller ones."""

from __future__ import annotations

import atexit
import itertools
import os
from collections.abc import Sequence
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from .. import launch
from ..devices import Device, cuda_is_available, cupy
from .backend import Backend
from .failure import end_all_on_error
from .one_process import OneProcess

__all__ = [
    "GroupMember",
    "ProcessGroup",
    "destroy_process_group",
    "get_backend",
    "get_global_rank",
    "get_group_rank",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_process_group",
    "is_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "new_group",
    "the_group",
]

_TIMEOUT = timedelta(minutes=30)  # torch's
_numbers = itertools.count()


class ProcessGroup:
    """Some of the ranks, and what moves numbers between them.

    Args:
        backend: it.
        ranks: the numbers that the members have among all processes, by their number in the group.
        name: what the backend was called when it was asked for.
    """

    def __init__(self, backend: Backend, ranks: Sequence[int], name: str) -> None:
        self.backend = backend
        self._name = name
        self.ranks = list(ranks)
        self.group_name = str(next(_numbers))

    def rank(self) -> int:
        """The number of this process in the group."""
        return self.backend.rank

    def size(self) -> int:
        """The number of members."""
        return self.backend.size

    def name(self) -> str:
        """The name of the backend."""
        return self._name

    def number_of(self, rank: int) -> int:
        """The number in the group of a rank among all processes.

        Raises:
            ValueError: for a rank that is no member.
        """
        if rank not in self.ranks:
            raise ValueError(f"rank {rank} is not one of the group's ranks {self.ranks}")
        return self.ranks.index(rank)


class GroupMember:
    """Stands for a group that this process is not in, as in torch."""

    NON_GROUP_MEMBER = object()


class _World:
    """``group.WORLD``: the group of all, None before :func:`init_process_group`."""

    WORLD: ProcessGroup | None = None


group = _world = _World()  # functions have an argument of the first name
_groups: list[ProcessGroup] = []  # the smaller ones that this process is in


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: None = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Connects the processes that ``mpiexec`` started; a process that runs alone is rank 0 of 1.

    Args:
        backend: ``"mpi"``, which is also what ``"gloo"`` and None mean, or ``"nccl"``: arrays on
            GPUs travel through NCCL then, and those in host memory through MPI. Each rank gets a
            GPU, the one of number LOCAL_RANK, which becomes the current one.
        init_method: accepted for torch's scripts: MPI knows where the others are.
        timeout: how long ranks wait for each other, 30 minutes when left out.
        world_size, rank: need not be given. If they are, here or as WORLD_SIZE and RANK in the
            environment, they must be MPI's.
        store, group_name, pg_options: accepted; a ``store`` must be None.
        device_id: the GPU for ``"nccl"``, if it is another one.

    Raises:
        ValueError: for another backend, a second call, or a store.
        RuntimeError: if there are not as many processes as ``world_size`` says, mpi4py is not
            installed, or for ``"nccl"`` there is no CuPy, GPU or NCCL, or no GPU for each rank.

    An error that nobody catches now ends all processes. As ``torch.distributed.init_process_group``.
    """
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    if store is not None:
        raise ValueError("init_process_group takes no store: processes find each other through MPI")
    name = _checked_name(backend)
    seconds = (_TIMEOUT if timeout is None else timeout).total_seconds()
    found = _connected(name, seconds, device_id) if launch.is_launched() else OneProcess()
    _check_said("world_size", world_size, "WORLD_SIZE", found.size)
    _check_said("rank", rank, "RANK", found.rank)
    group.WORLD = ProcessGroup(found, range(found.size), name)
    atexit.register(destroy_process_group)


def _checked_name(backend: str | None) -> str:
    """The backend to take of those that are named, such as ``"cpu:gloo,cuda:nccl"``.

    NCCL's takes arrays in host memory, too; beside another one it is for the case of a GPU.
    """
    names = [name.rpartition(":")[2] for name in (backend or "mpi").lower().split(",")]
    if not set(names) <= {"mpi", "gloo", "nccl"}:
        raise ValueError(
            f"backend must be 'mpi', 'gloo', which means MPI, or 'nccl', got {backend!r}"
        )
    if "nccl" in names and (len(names) == 1 or cuda_is_available()):
        return "nccl"
    return next(name for name in names if name != "nccl")


def _connected(name: str, timeout: float, device_id: Any) -> Backend:
    if not is_mpi_available():
        raise RuntimeError(
            "this program was started by MPI's launcher, but needs mpi4py for it: "
            "pip install mpi4py mpich (in the same environment as mpiexec)"
        )
    from mpi4py import MPI

    from .mpi import MPIBackend

    if MPI.Query_thread() < MPI.THREAD_MULTIPLE:
        raise RuntimeError("minicnn.distributed needs an MPI with thread level MULTIPLE")
    world = MPI.COMM_WORLD
    end_all_on_error(world.Get_rank(), world.Get_size())
    if name != "nccl":
        return MPIBackend(world.Dup(), timeout)

    check_nccl()
    from .nccl import NCCLBackend

    device = _own_gpu(device_id, world.Get_rank())
    cupy().cuda.Device(device.index).use()
    return NCCLBackend(world.Dup(), timeout, device)


def check_nccl() -> None:
    """Raises a RuntimeError, of one line, without CuPy, a GPU or NVIDIA's library."""
    try:
        Device("cuda").check_computes()
    except RuntimeError as error:
        raise RuntimeError(f"backend 'nccl': {error}") from None
    from ..kernels.cuda import nccl

    nccl.unique_id()


def _own_gpu(device_id: Any, rank: int) -> Device:
    if device_id is not None and Device(device_id).index is not None:
        return Device(device_id)
    local_rank = {**launch.environment(), **os.environ}.get("LOCAL_RANK", rank)
    return Device("cuda", int(local_rank) % cupy().cuda.runtime.getDeviceCount())


def _check_said(what: str, argument: int, variable: str, found: int) -> None:
    said = argument if argument >= 0 else int(os.environ.get(variable, found))
    if said != found:
        count = said if what == "world_size" else "N"
        raise RuntimeError(
            f"init_process_group: {what} is {said}, but MPI, which starts all processes, says {found}: "
            f"{launch.how_to_start(count)}, and spawn none"
        )


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Leaves a group, by default that of all processes and all others, when all members do so.

    As ``torch.distributed.destroy_process_group``. It is called at the end of the program.
    """
    if group is None or group is _world.WORLD:
        leaving, _world.WORLD = _world.WORLD, None
        _groups.clear()
    else:
        leaving = the_group(group)
        _groups.remove(leaving)
    if leaving is not None:
        leaving.backend.close()


def the_group(chosen: Any = None) -> ProcessGroup:
    """The group of an operation, by default the one of all processes.

    Raises:
        ValueError: before :func:`init_process_group`, or for a group that this process is not in.
    """
    found = _world.WORLD if chosen is None else chosen
    if found is None:
        raise ValueError("Default process group has not been initialized: call init_process_group")
    if not isinstance(found, ProcessGroup):
        raise ValueError("this process is not in the group")  # noqa: TRY004  as torch
    return found


def new_group(
    ranks: Sequence[int] | None = None,
    timeout: timedelta | None = None,
    backend: str | None = None,
    pg_options: Any = None,
    use_local_synchronization: bool = False,
    group_desc: str | None = None,
) -> ProcessGroup | object:
    """A group of some ranks; all processes call it, in the same order.

    Args:
        ranks: their numbers, all when left out.
        timeout, backend, pg_options, use_local_synchronization, group_desc: accepted;
            they are those of all processes.

    Returns:
        The group, or ``GroupMember.NON_GROUP_MEMBER`` for a process that is not in it.

    Raises:
        ValueError: for a rank that does not exist, or one that is named twice.

    As ``torch.distributed.new_group``.
    """
    world = the_group()
    chosen = list(range(world.size())) if ranks is None else sorted(ranks)
    if len(set(chosen)) < len(chosen) or not set(chosen) <= set(world.ranks):
        raise ValueError(f"new_group expects different ranks below {world.size()}, got {ranks}")
    backend_of_group = world.backend.split(chosen)
    if backend_of_group is None:
        return GroupMember.NON_GROUP_MEMBER
    made = ProcessGroup(backend_of_group, chosen, world.name())
    _groups.append(made)
    return made


def is_available() -> bool:
    """True: there is a process group, even if only of one process."""
    return True


def is_initialized() -> bool:
    """Whether there is a process group."""
    return _world.WORLD is not None


def is_mpi_available() -> bool:
    """Whether mpi4py is installed."""
    return find_spec("mpi4py") is not None


def is_gloo_available() -> bool:
    """The same: ``"gloo"`` means MPI here."""
    return is_mpi_available()


def is_nccl_available() -> bool:
    """Whether there is a GPU, and CuPy finds NVIDIA's NCCL."""
    if not cuda_is_available():
        return False
    from ..kernels.cuda import nccl

    return nccl.is_there()


def get_rank(group: Any = None) -> int:
    """The number of this process, from 0; -1 if it is not in the group, 0 if there is none.

    torch raises an error if there is no group.
    """
    if group is None and not is_initialized():
        return 0
    return -1 if group is GroupMember.NON_GROUP_MEMBER else the_group(group).rank()


def get_world_size(group: Any = None) -> int:
    """The number of processes; -1 if this one is not in the group, 1 if there is none.

    torch raises an error if there is no group.
    """
    if group is None and not is_initialized():
        return 1
    return -1 if group is GroupMember.NON_GROUP_MEMBER else the_group(group).size()


def get_backend(group: Any = None) -> str:
    """The name of the backend, as it was asked for: ``"mpi"``, ``"gloo"`` or ``"nccl"``."""
    return the_group(group).name()


def get_process_group_ranks(group: Any) -> list[int]:
    """The ranks of a group among all processes."""
    return the_group(group).ranks


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """The number in a group of a rank among all processes."""
    return the_group(group).number_of(global_rank)


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """The number among all processes of a rank in a group."""
    return the_group(group).ranks[group_rank]
