"""``torch.distributed`` as a script asks for it: there is one process, and it is the first."""

from __future__ import annotations

__all__ = ["get_rank", "get_world_size", "is_available", "is_initialized"]


def is_available() -> bool:
    """False: several processes cannot train one network together yet."""
    return False


def is_initialized() -> bool:
    """False, as there is no process group."""
    return False


def get_rank() -> int:
    """0, the number of this process."""
    return 0


def get_world_size() -> int:
    """1, the number of processes."""
    return 1
