"""``SummaryWriter``, which writes files for TensorBoard, from the package tensorboardX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

__all__ = ["SummaryWriter"]


def __getattr__(name: str) -> Any:
    """tensorboardX's class of that name, imported on first use.

    Raises:
        ImportError: if tensorboardX is not installed.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import tensorboardX
    except ImportError as error:
        raise ImportError(
            "SummaryWriter needs tensorboardX, which is not installed: pip install tensorboardX"
        ) from error
    return getattr(tensorboardX, name)
