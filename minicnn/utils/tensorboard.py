"""``SummaryWriter``, which writes files for TensorBoard, from the package tensorboardX."""

from __future__ import annotations

import warnings
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


def graph(
    model: Any, args: Any = None, verbose: bool = False, use_strict_trace: bool = True
) -> tuple[Any, Any]:
    """An empty graph and its empty statistics, with a warning: what ``add_graph`` writes.

    torch traces the network to draw it. Nothing is traced here, and a program that asks for the
    drawing goes on without.
    """
    from tensorboardX.proto.graph_pb2 import GraphDef

    warnings.warn("add_graph draws nothing: minicnn does not trace networks", stacklevel=3)
    empty = GraphDef()  # written as statistics, too: no bytes
    return empty, empty
