"""Open Images: nine million photographs with labels, boxes and masks."""

from .dataset import OpenImages

__all__ = ["OpenImages"]
