"""``SummaryWriter``, which writes files for TensorBoard, from the package tensorboardX."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ..tensor import Tensor
from ..warn import warn

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

__all__ = ["SummaryWriter"]


def __getattr__(name: str) -> Any:
    """The writer, made on first use.

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
    return _taking_tensors(tensorboardX.SummaryWriter)


@functools.cache
def _taking_tensors(writer: type) -> type:
    """A subclass of tensorboardX's writer, which knows no tensors but torch's."""

    class SummaryWriter(writer):
        def __getattribute__(self, name: str) -> Any:
            member = super().__getattribute__(name)
            if not name.startswith("add_"):
                return member
            return lambda *args, **kwargs: member(*_in_arrays(args), **_in_arrays(kwargs))

    return SummaryWriter


def _in_arrays(value: Any) -> Any:
    """NumPy's arrays in the place of tensors, in lists and dicts as well."""
    if isinstance(value, Tensor):
        return value.numpy(force=True)
    if type(value) in (list, tuple):
        return type(value)(map(_in_arrays, value))
    if type(value) is dict:
        return {key: _in_arrays(member) for key, member in value.items()}
    return value


def graph(
    model: Any, args: Any = None, verbose: bool = False, use_strict_trace: bool = True
) -> tuple[Any, Any]:
    """An empty graph and its empty statistics, with a warning: what ``add_graph`` writes.

    torch traces the network to draw it. Nothing is traced here, and a program that asks for the
    drawing goes on without.
    """
    from tensorboardX.proto.graph_pb2 import GraphDef

    warn("add_graph draws nothing: minicnn does not trace networks")
    empty = GraphDef()  # written as statistics, too: no bytes
    return empty, empty
