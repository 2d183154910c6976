"""``torch.onnx.export`` under the switch."""

from __future__ import annotations

from typing import Any

from ..onnx import ONNXProgram
from ..onnx import export as _export

__all__ = ["export"]


def export(model: Any, args: Any = (), f: Any = None, **options: Any) -> ONNXProgram:
    """:func:`minicnn.onnx.export`, with all lengths fixed unless others are asked for, as in torch."""
    options.setdefault("dynamic_batch", False)
    return _export(model, args, f, **options)
