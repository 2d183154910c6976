"""The error of an export."""

from __future__ import annotations

__all__ = ["FIXED_LENGTHS", "OnnxExporterError", "Unwritable"]

# what helps if the lengths cannot be open
FIXED_LENGTHS = "dynamic_batch=False, or fewer dynamic axes, export the example's lengths alone"


class OnnxExporterError(RuntimeError):
    """A network cannot be written as an ONNX model; the message says which part of it and why."""


class Unwritable(Exception):
    """Something that an operation needs cannot be written; the text goes on after its name."""
