"""Memory formats: in which order the elements of a tensor lie in memory."""

from __future__ import annotations

import enum


class MemoryFormat(enum.Enum):
    """``minicnn.contiguous_format``, ``channels_last`` and so on.

    As ``torch.memory_format``.
    """

    contiguous_format = "contiguous_format"  # C order, the last dimension's elements side by side
    channels_last = "channels_last"  # images (N, C, H, W) in the order N, H, W, C
    channels_last_3d = "channels_last_3d"  # volumes (N, C, D, H, W) in the order N, D, H, W, C
    preserve_format = "preserve_format"  # as the tensor lies already

    @classmethod
    def _missing_(cls, value: object) -> MemoryFormat:
        """The format that ends the text of ``value``, such as ``torch.channels_last``."""
        name = str(value).rpartition(".")[2]
        if name not in cls.__members__:
            raise TypeError(f"memory_format must be {', '.join(cls.__members__)}, got {value!r}")
        return cls[name]

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    __str__ = __repr__


contiguous_format = MemoryFormat.contiguous_format
channels_last = MemoryFormat.channels_last
channels_last_3d = MemoryFormat.channels_last_3d
preserve_format = MemoryFormat.preserve_format


class Layout(enum.Enum):
    """How a tensor is stored: ``minicnn.strided``, the only way here. As ``torch.layout``."""

    strided = "strided"

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    __str__ = __repr__


strided = Layout.strided
