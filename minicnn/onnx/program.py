"""A model that was exported, and how it becomes a file."""

from __future__ import annotations

import os
from typing import IO, Any

from ..io.atomic import replacing

__all__ = ["ONNXProgram"]


class ONNXProgram:
    """An exported network.

    Attributes:
        model_proto: the ``onnx.ModelProto``.
    """

    def __init__(self, model_proto: Any) -> None:
        self.model_proto = model_proto

    def save(self, destination: str | os.PathLike[str] | IO[bytes]) -> None:
        """Writes the model to a path or a binary file.

        An older file stays until the new one is whole.

        Raises:
            OSError: if the file cannot be written.
        """
        content = self.model_proto.SerializeToString()
        if hasattr(destination, "write"):
            destination.write(content)
            return
        with replacing(destination) as file:
            file.write(content)
