"""Cats and dogs drawn with Pillow: a small picture set for when no photographs are at hand.

Each picture is a face on a random background, of random coat, pose, size, light and grain. Coats,
backgrounds, poses and light come from the same ranges for both animals; what differs is what
differs in life: ears, eyes, muzzle, nose, whiskers, tongue, and none of these without exceptions.
"""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Points = np.ndarray  # (K, 2): x to the right, y down

COATS: tuple[Colour, ...] = (
    (44, 40, 42),  # black
    (92, 93, 104),  # blue-grey
    (150, 146, 142),  # silver
    (226, 220, 210),  # white
    (222, 190, 140),  # cream
    (205, 130, 62),  # ginger
    (150, 96, 58),  # brown
    (98, 62, 44),  # chocolate
)
CAT_EYES: tuple[Colour, ...] = (
    (120, 170, 70),
    (214, 178, 60),
    (90, 150, 190),
    (190, 120, 50),
)
DOG_EYES: tuple[Colour, ...] = (
    (70, 42, 26),
    (100, 62, 30),
    (48, 32, 26),
    (110, 150, 185),
)
PINK: Colour = (226, 150, 150)
DARK: Colour = (34, 28, 30)
WHITE: Colour = (240, 236, 228)

_ANGLES = np.linspace(0, 2 * math.pi, 40, endpoint=False)
_CIRCLE: Points = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def draw_dogs_vs_cats(
    folder: str | os.PathLike[str], per_class: int = 400, test: int = 20, seed: int = 0
) -> Path:
    """Draw a picture set in the layout of Kaggle's Dogs vs. Cats, unless ``folder`` exists.

    Makes ``train/cat.N.jpg`` and ``train/dog.N.jpg`` (``per_class`` of each, N from 0) and
    ``test/N.jpg`` (``test`` of both kinds, N from 1). The same seed draws the same pictures. The
    folder appears only when all of them are there, so a kill leaves no half set behind.
    """
    folder = Path(folder)
    if folder.exists():
        return folder
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in ("train", "test"):
        (unfinished / part).mkdir(parents=True)
    for label, species in enumerate(("cat", "dog")):
        for number in range(per_class):
            picture = draw_pet(species, np.random.default_rng([seed, label, number]))
            picture.save(unfinished / "train" / f"{species}.{number}.jpg", quality=92)
    for number in range(1, test + 1):
        rng = np.random.default_rng([seed, 2, number])
        picture = draw_pet("cat" if rng.random() < 0.5 else "dog", rng)
        picture.save(unfinished / "test" / f"{number}.jpg", quality=92)
    os.replace(unfinished, folder)
    return folder


def draw_pet(species: str, rng: np.random.Generator) -> Image.Image:
    """One RGB picture, about 200 pixels on a side, of a "cat" or a "dog"."""
    if species not in ("cat", "dog"):
        raise ValueError(f"species must be 'cat' or 'dog', got {species!r}")
    width, height = (int(side) for side in rng.integers(180, 241, size=2))
    # Pillow draws without anti-aliasing: draw at twice the size and halve
    canvas = _background(rng, 2 * width, 2 * height)
    pen = _Pen(canvas, rng)
    coat = _Coat(rng)
    _body(pen, coat, rng)
    (_cat if species == "cat" else _dog)(pen, coat, rng)
    return _photograph(canvas.reduce(2), rng)


class _Pen:
    """Draws in face coordinates: the head is about a unit circle around (0, 0), y down.

    The face is turned to a side by shifting what stands out of it: ``depth`` 0 is the outline of
    the head, 1 the tip of the nose.
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

    def place(self, points: Points, depth: float = 0.0) -> list[tuple[float, float]]:
        """Face coordinates to canvas pixels."""
        points = points + (depth * self.turn, depth * self.nod)
        return [tuple(p) for p in points @ self.rotation * self.unit + self.centre]

    def polygon(self, points: list[tuple[float, float]], fill: Colour, depth: float = 0.0) -> None:
        self.draw.polygon(self.place(np.array(points), depth), fill=fill)

    def smooth(self, points: list[tuple[float, float]], fill: Colour, depth: float = 0.0) -> None:
        """A closed curve near ``points``: their corners cut twice (Chaikin)."""
        curve = np.array(points)
        for _ in range(3):
            following = np.roll(curve, -1, axis=0)
            curve = np.stack(
                [0.75 * curve + 0.25 * following, 0.25 * curve + 0.75 * following],
                axis=1,
            ).reshape(-1, 2)
        self.draw.polygon(self.place(curve, depth), fill=fill)

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
        """An ellipse around (x, y); ``fluff`` is how far tufts of fur stand out of its rim."""
        circle = _CIRCLE
        if fluff:
            circle = np.repeat(circle, 2, axis=0)
            circle = circle * (1 + fluff * self.rng.uniform(-1, 1, size=(len(circle), 1)))
        self.draw.polygon(self.place(circle * (rx, ry) + (x, y), depth), fill=fill)

    def line(
        self,
        points: list[tuple[float, float]],
        fill: Colour,
        width: float,
        depth: float = 0.0,
    ) -> None:
        pixels = max(1, round(width * self.unit))
        self.draw.line(self.place(np.array(points), depth), fill=fill, width=pixels, joint="curve")


class _Coat:
    """Colours of one animal: base, darker, lighter, and the muzzle's."""

    def __init__(self, rng: np.random.Generator) -> None:
        base = np.array(COATS[rng.integers(len(COATS))]) * rng.uniform(0.9, 1.1)
        base = base + rng.normal(0, 4, size=3)
        self.base = _colour(base)
        self.dark = _colour(base * rng.uniform(0.55, 0.78))
        self.shade = _colour(base * 0.87)
        self.light = _colour(base + (255 - base) * rng.uniform(0.12, 0.3))
        white_muzzle = rng.random() < 0.45
        self.muzzle = _colour(np.array(WHITE) * rng.uniform(0.9, 1)) if white_muzzle else self.light
        self.marks = self.dark if rng.random() < 0.7 else self.light
        self.fluff = rng.uniform(0.0, 0.05)


def _colour(values: np.ndarray) -> Colour:
    r, g, b = np.clip(values, 0, 255).astype(int)
    return int(r), int(g), int(b)


def _paint(rng: np.random.Generator) -> Colour:
    """Any colour a wall or a collar may have, seldom a glaring one."""
    values = rng.uniform(30, 240, size=3)
    return _colour(values + rng.uniform(0, 0.8) * (values.mean() - values))


def _mix(a: Colour, b: Colour, share_of_b: float) -> Colour:
    return _colour(np.array(a) * (1 - share_of_b) + np.array(b) * share_of_b)


# --- the two animals -----------------------------------------------------------------------------


def _body(pen: _Pen, coat: _Coat, rng: np.random.Generator) -> None:
    """Shoulders and chest below the head, a bib or a collar now and then."""
    width = rng.uniform(0.8, 1.15)
    pen.ellipse(0, 2.1, width, 1.5, coat.shade, fluff=coat.fluff)
    if rng.random() < 0.4:
        pen.ellipse(0, 1.75, 0.45 * width, 0.8, coat.muzzle, fluff=coat.fluff)
    if rng.random() < 0.3:
        collar = _paint(rng)
        pen.smooth([(-0.75, 0.8), (0.75, 0.8), (0.7, 1.1), (0, 1.25), (-0.7, 1.1)], collar)


def _cat(pen: _Pen, coat: _Coat, rng: np.random.Generator) -> None:
    wide = rng.uniform(1.0, 1.12)
    _pointed_ears(
        pen,
        coat,
        base=rng.uniform(0.6, 0.72),
        height=rng.uniform(0.55, 0.85),
        spread=wide,
    )
    _head(pen, coat, wide, rng.uniform(0.84, 0.94))
    pen.ellipse(0, 0.3, wide * 1.02, 0.54, coat.base, fluff=coat.fluff)  # cheeks
    if rng.random() < 0.55:  # tabby: three stripes on the forehead, two on each cheek
        for x in (-0.22, 0, 0.22):
            pen.line([(x, -0.8), (x * 0.7, -0.42)], coat.marks, 0.08, depth=0.2)
        for side in (-1, 1):
            for y in (0.1, 0.32):
                pen.line([(side * wide, y - 0.08), (side * 0.68, y)], coat.marks, 0.06)
    pen.ellipse(-0.17, 0.43, 0.25, 0.2, coat.muzzle, depth=0.6, fluff=coat.fluff)
    pen.ellipse(0.17, 0.43, 0.25, 0.2, coat.muzzle, depth=0.6, fluff=coat.fluff)
    pen.ellipse(0, 0.6, 0.2, 0.14, coat.muzzle, depth=0.5)  # chin
    _cat_eyes(pen, rng)
    nose = PINK if rng.random() < 0.65 else _mix(coat.dark, DARK, 0.5)
    pen.smooth([(-0.15, 0.2), (0.15, 0.2), (0.02, 0.37), (-0.02, 0.37)], nose, depth=0.75)
    mouth = _mix(coat.muzzle, DARK, 0.65)
    for side in (-1, 1):
        pen.line(
            [(0, 0.33), (0, 0.43), (side * 0.09, 0.51), (side * 0.2, 0.5)],
            mouth,
            0.03,
            depth=0.7,
        )
    if rng.random() < 0.92:
        _whiskers(pen, rng)


def _dog(pen: _Pen, coat: _Coat, rng: np.random.Generator) -> None:
    wide = rng.uniform(0.78, 0.95)
    long = rng.uniform(0.92, 1.05)
    pricked = rng.random() < 0.25
    if pricked:
        _pointed_ears(
            pen,
            coat,
            base=rng.uniform(0.4, 0.5),
            height=rng.uniform(0.7, 1.0),
            spread=wide,
        )
    _head(pen, coat, wide, long)
    if rng.random() < 0.3:  # a patch around one eye
        pen.ellipse(rng.choice([-0.36, 0.36]), -0.18, 0.3, 0.34, coat.marks, depth=0.3)
    if rng.random() < 0.4:  # a blaze from the forehead to the nose
        pen.smooth(
            [(-0.06, -0.85), (0.06, -0.85), (0.2, 0.3), (-0.2, 0.3)],
            coat.muzzle,
            depth=0.3,
        )
    if not pricked:
        _floppy_ears(pen, coat, wide, rng)
    jowl = rng.uniform(0.4, 0.52)
    if rng.random() < 0.4:
        tongue = rng.uniform(0.95, 1.15)
        pen.smooth(
            [
                (-0.17, 0.6),
                (0.17, 0.6),
                (0.2, tongue),
                (0, tongue + 0.14),
                (-0.2, tongue),
            ],
            (222, 110, 120),
            depth=0.7,
        )
        pen.line([(0, 0.7), (0, tongue - 0.06)], (190, 84, 98), 0.03, depth=0.7)
    pen.ellipse(0, 0.3, jowl * 0.86, 0.42, coat.muzzle, depth=0.55)  # the bridge of the snout
    for side in (-1, 1):
        pen.ellipse(side * 0.2, 0.5, jowl * 0.68, 0.3, coat.muzzle, depth=0.75, fluff=coat.fluff)
    _dog_eyes(pen, coat, rng)
    nose = DARK if rng.random() < 0.75 else (112, 66, 56)
    pen.ellipse(0, 0.22, rng.uniform(0.2, 0.27), rng.uniform(0.15, 0.19), nose, depth=1.0)
    pen.ellipse(-0.06, 0.15, 0.07, 0.035, _mix(nose, WHITE, 0.5), depth=1.0)
    mouth = _mix(coat.muzzle, DARK, 0.7)
    for side in (-1, 1):
        pen.line(
            [(0, 0.36), (0, 0.58), (side * 0.18, 0.7), (side * 0.38, 0.62)],
            mouth,
            0.04,
            depth=0.8,
        )


def _head(pen: _Pen, coat: _Coat, wide: float, high: float) -> None:
    pen.ellipse(0, 0.03, wide, high, coat.shade, fluff=coat.fluff)
    pen.ellipse(0, -0.02, wide * 0.95, high * 0.94, coat.base, fluff=coat.fluff)
    pen.ellipse(0, -0.3, wide * 0.6, high * 0.5, _mix(coat.base, coat.light, 0.5), depth=0.15)


def _pointed_ears(pen: _Pen, coat: _Coat, base: float, height: float, spread: float) -> None:
    """Triangles on top of the head: ``base`` wide, ``height`` above it, around 0.6 ``spread``."""
    tip = pen.rng.uniform(0.0, 0.16)
    outer = coat.dark if pen.rng.random() < 0.3 else coat.shade
    for side in (-1, 1):
        x = side * 0.6 * spread
        inner_x, outer_x = x - side * base * 0.55, x + side * base * 0.5
        top = (x + side * tip, -0.72 - height)
        pen.polygon([(inner_x, -0.7), top, (outer_x, -0.25), (x, 0)], outer)
        lining = [
            (x - side * base * 0.3, -0.68),
            (x + side * tip * 0.9, -0.66 - height * 0.72),
            (x + side * base * 0.33, -0.42),
        ]
        pen.polygon(lining, _mix(PINK, coat.dark, 0.35))


def _floppy_ears(pen: _Pen, coat: _Coat, wide: float, rng: np.random.Generator) -> None:
    """Flaps that start high at the sides of the head and hang."""
    length = rng.uniform(0.75, 1.35)
    flare = rng.uniform(0.2, 0.5)
    colour = coat.dark if rng.random() < 0.6 else coat.shade
    for side in (-1, 1):
        flap = [
            (0.5 * wide, -0.92),
            (0.95 * wide, -0.75),
            (wide + flare, -0.1 + 0.3 * length),
            (wide + 0.75 * flare, -0.5 + length),
            (0.85 * wide, -0.55 + length),
            (0.78 * wide, -0.2),
        ]
        pen.smooth([(side * x, y) for x, y in flap], colour)


def _cat_eyes(pen: _Pen, rng: np.random.Generator) -> None:
    """Almonds with a slit, which opens in the dark."""
    iris = CAT_EYES[rng.integers(len(CAT_EYES))]
    slit, opening = rng.uniform(0.03, 0.12), rng.uniform(0.15, 0.24)
    for side in (-1, 1):
        x, y = side * 0.4, -0.1
        for grow, colour in ((1.22, DARK), (1.0, iris)):
            almond = [
                (x - side * 0.26 * grow, y + 0.09 * grow),
                (x - side * 0.06 * grow, y - opening * 1.25 * grow),
                (x + side * 0.2 * grow, y - opening * 1.1 * grow),
                (x + side * 0.27 * grow, y - 0.07 * grow),
                (x + side * 0.12 * grow, y + opening * 1.1 * grow),
                (x - side * 0.14 * grow, y + opening * 1.1 * grow),
            ]
            pen.smooth(almond, colour, depth=0.35)
        pen.ellipse(x, y, slit, opening * 0.82, DARK, depth=0.35)
        pen.ellipse(x - 0.06, y - 0.08, 0.035, 0.04, WHITE, depth=0.35)


def _dog_eyes(pen: _Pen, coat: _Coat, rng: np.random.Generator) -> None:
    """Round and dark, a wide pupil, brows above now and then."""
    iris = DOG_EYES[rng.integers(len(DOG_EYES))]
    radius = rng.uniform(0.12, 0.165)
    brows = rng.random() < 0.35
    for side in (-1, 1):
        x, y = side * 0.36, -0.16
        pen.ellipse(x, y, radius * 1.3, radius * 1.18, _mix(coat.dark, DARK, 0.6), depth=0.35)
        pen.ellipse(x, y, radius, radius, iris, depth=0.35)
        pen.ellipse(x, y, radius * 0.62, radius * 0.62, (18, 14, 14), depth=0.35)
        pen.ellipse(x - 0.045, y - 0.05, 0.038, 0.038, WHITE, depth=0.35)
        if brows:
            pen.ellipse(x, y - 0.3, 0.13, 0.06, coat.light, depth=0.3)


def _whiskers(pen: _Pen, rng: np.random.Generator) -> None:
    colour = WHITE if rng.random() < 0.7 else (70, 66, 66)
    length = rng.uniform(0.7, 1.05)
    for side in (-1, 1):
        for lift in (-0.14, 0.02, 0.18):
            start, droop = (side * 0.2, 0.42 + lift * 0.4), rng.uniform(-0.04, 0.1)
            middle = (side * (0.2 + 0.55 * length), 0.4 + lift)
            end = (side * (0.2 + length), 0.42 + 1.5 * lift + droop)
            pen.line([start, middle, end], colour, 0.018, depth=0.5)


# --- the world around them -----------------------------------------------------------------------


def _background(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A wall and a floor, a sky and a meadow, wallpaper, or lights out of focus."""
    small = Image.new("RGB", (width // 8, height // 8), _paint(rng))
    draw = ImageDraw.Draw(small)
    w, h = small.size
    kind = rng.integers(4)
    if kind == 0:  # wall and floor
        draw.rectangle((0, rng.uniform(0.4, 0.8) * h, w, h), fill=_paint(rng))
    elif kind == 1:  # sky and meadow
        sky = (rng.uniform(120, 190), rng.uniform(160, 215), rng.uniform(195, 245))
        draw.rectangle((0, 0, w, h), fill=_colour(np.array(sky)))
        grass = np.array((rng.uniform(70, 140), rng.uniform(110, 170), rng.uniform(40, 90)))
        horizon = rng.uniform(0.3, 0.7) * h
        draw.rectangle((0, horizon, w, h), fill=_colour(grass))
        for x, y in rng.uniform(size=(60, 2)) * (w, h - horizon):
            blade = _colour(grass * rng.uniform(0.75, 1.2))
            draw.line((x, horizon + y, x + rng.uniform(-2, 2), horizon + y - 3), fill=blade)
    elif kind == 2:  # wallpaper
        stripe, period = _paint(rng), int(rng.integers(5, 14))
        for x in range(0, 2 * w, period):
            draw.line((x, 0, x - h * (period % 2), h), fill=stripe, width=period // 3 + 1)
    else:  # lights and things out of focus
        for x, y, size in rng.uniform(size=(14, 3)):
            x, y, radius = x * w, y * h, (0.06 + 0.14 * size) * w
            spot = _paint(rng)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=spot)
    small = small.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6)))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def _photograph(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light from one side, a colour cast, exposure, and the grain of the film."""
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    width, height = picture.size
    direction = rng.uniform(0, 2 * math.pi)
    strength = rng.uniform(0.0, 0.35)
    x = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(math.cos(direction) * strength)
    y = np.linspace(-1, 1, height, dtype=np.float32) * np.float32(math.sin(direction) * strength)
    light = (1 + y[:, None] + x[None, :])[..., None]  # (H, W, 1)
    cast = rng.uniform(0.94, 1.06, size=3).astype(np.float32) * np.float32(rng.uniform(0.75, 1.15))
    pixels = np.asarray(picture, dtype=np.float32) * light * cast
    grain = rng.standard_normal((height, width, 1), dtype=np.float32)
    pixels += grain * np.float32(rng.uniform(1, 9))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
