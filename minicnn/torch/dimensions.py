"""``torch.export`` under the switch: the names of lengths, for ``torch.onnx.export``."""

from __future__ import annotations

__all__ = ["Dim"]


class Dim:
    """The name of a length that ``dynamic_shapes`` leaves open, as ``torch.export.Dim``.

    ``Dim.AUTO`` and ``Dim.DYNAMIC`` open a length without a name, and ``Dim.STATIC`` keeps it.

    Args:
        name: of the length in the model.
        min, max: without effect.
    """

    AUTO = DYNAMIC = object()
    STATIC = None

    def __init__(self, name: str, *, min: int | None = None, max: int | None = None) -> None:
        self.__name__ = name
