"""A pen that draws in the coordinates of a face, and colours for it."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Points = np.ndarray  # (K, 2): x to the right, y down
Corners = list[tuple[float, float]]

_ANGLES = np.linspace(0, 2 * math.pi, 40, endpoint=False)
_CIRCLE: Points = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


class Pen:
    """Draws in face coordinates: the head is roughly the unit circle around (0, 0), y down.

    The face has a random size, place and pose. It turns to a side by shifting the parts that stand
    out: ``depth`` is 0 for the outline of the head and 1 for the tip of the nose.
    """

    def __init__(self, canvas: Image.Image, rng: np.random.Generator) -> None:
        width, height = canvas.size
        self.draw = ImageDraw.Draw(canvas)
        self.rng = rng
        self.unit = min(width, height) * rng.uniform(0.23, 0.34)
        self.centre = (
            width * (0.5 + rng.uniform(-0.09, 0.09)),
            height * (0.5 + rng.uniform(-0.05, 0.07)),
        )
        self.turn = rng.uniform(-0.32, 0.32)
        self.nod = rng.uniform(-0.06, 0.12)
        angle = math.radians(rng.normal(0, 11))
        self.rotation = np.array(
            [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
        )

    def to_canvas(self, points: Points, depth: float = 0.0) -> Corners:
        """Converts face coordinates to pixels of the canvas."""
        points = points + (depth * self.turn, depth * self.nod)
        return [tuple(p) for p in points @ self.rotation * self.unit + self.centre]

    def polygon(self, points: Corners, fill: Colour, depth: float = 0.0) -> None:
        """Fills a polygon."""
        self.draw.polygon(self.to_canvas(np.array(points), depth), fill=fill)

    def smooth(self, points: Corners, fill: Colour, depth: float = 0.0) -> None:
        """Fills a polygon whose corners are cut off three times (Chaikin's algorithm)."""
        curve = np.array(points)
        for _ in range(3):
            following = np.roll(curve, -1, axis=0)
            curve = np.stack(
                [0.75 * curve + 0.25 * following, 0.25 * curve + 0.75 * following],
                axis=1,
            ).reshape(-1, 2)
        self.draw.polygon(self.to_canvas(curve, depth), fill=fill)

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        fill: Colour,
        depth: float = 0.0,
        fluff: float = 0.0,
    ) -> None:
        """Fills an ellipse around (x, y) with radii ``rx`` and ``ry``.

        ``fluff`` roughens its edge like fur: the radii vary by up to this share.
        """
        circle = _CIRCLE
        if fluff:
            circle = np.repeat(circle, 2, axis=0)
            circle = circle * (1 + fluff * self.rng.uniform(-1, 1, size=(len(circle), 1)))
        self.draw.polygon(self.to_canvas(circle * (rx, ry) + (x, y), depth), fill=fill)

    def line(self, points: Corners, fill: Colour, width: float, depth: float = 0.0) -> None:
        """Draws a line through ``points``, ``width`` wide in face coordinates."""
        pixels = self.to_canvas(np.array(points), depth)
        self.draw.line(pixels, fill, max(1, round(width * self.unit)), joint="curve")


def to_colour(values: np.ndarray) -> Colour:
    """Cuts three numbers off at 0 and 255, and rounds them down."""
    r, g, b = np.clip(values, 0, 255).astype(int)
    return int(r), int(g), int(b)


def random_colour(rng: np.random.Generator) -> Colour:
    """A colour for a wall or a collar, rarely a bright one."""
    values = rng.uniform(30, 240, size=3)
    return to_colour(values + rng.uniform(0, 0.8) * (values.mean() - values))


def mix(a: Colour, b: Colour, share_of_b: float) -> Colour:
    """A colour between ``a`` (``share_of_b`` 0) and ``b`` (1)."""
    return to_colour(np.array(a) * (1 - share_of_b) + np.array(b) * share_of_b)
