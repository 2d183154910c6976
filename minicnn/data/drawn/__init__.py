"""Datasets that are drawn: they need no download, and networks learn them in minutes."""

from .pets import draw_dogs_vs_cats, draw_pet
from .shapes import SHAPES, DrawnShapes

__all__ = ["SHAPES", "DrawnShapes", "draw_dogs_vs_cats", "draw_pet"]
