"""The error of memory pools."""

from .._errors import OutOfMemoryError

__all__ = ["OutOfMemoryError"]
