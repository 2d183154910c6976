"""Cats and dogs drawn with Pillow: a small picture set that needs no download.

Each picture is a face on a random background, with random coat, pose, size, light and grain. Coats,
backgrounds, poses and light come from the same ranges for both animals. Ears, eyes, muzzle, nose,
whiskers and tongue differ, as in life, and each of them has exceptions.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from .pen import Colour, Pen, mix, random_colour, to_colour
from .scene import draw_background, photograph

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


def draw_dogs_vs_cats(
    folder: str | os.PathLike[str], per_class: int = 400, test: int = 20, seed: int = 0
) -> Path:
    """Draws a picture set in the layout of Kaggle's Dogs vs. Cats, unless ``folder`` exists.

    The pictures are drawn into another folder, which is renamed when it is complete: an
    interrupted call does not leave half a set in ``folder``.

    Args:
        folder: where to; it gets ``train/cat.N.jpg`` and ``train/dog.N.jpg`` (N from 0), and
            ``test/N.jpg`` (N from 1).
        per_class: number of training pictures of each animal.
        test: number of test pictures, cats and dogs together.
        seed: the same seed draws the same pictures.

    Returns:
        ``folder``.
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
    """Draws one picture in mode RGB, 180 to 240 pixels wide and high.

    Args:
        species: ``"cat"`` or ``"dog"``.
        rng: decides everything else.

    Raises:
        ValueError: for another ``species``.
    """
    if species not in ("cat", "dog"):
        raise ValueError(f"species must be 'cat' or 'dog', got {species!r}")
    width, height = (int(side) for side in rng.integers(180, 241, size=2))
    # Pillow draws without anti-aliasing: draw at twice the size and halve
    canvas = draw_background(rng, 2 * width, 2 * height)
    pen = Pen(canvas, rng)
    coat = _Coat(rng)
    _body(pen, coat, rng)
    (_cat if species == "cat" else _dog)(pen, coat, rng)
    return photograph(canvas.reduce(2), rng)


class _Coat:
    """Colours of one animal: the coat, darker and lighter shades of it, its muzzle and markings."""

    def __init__(self, rng: np.random.Generator) -> None:
        base = np.array(COATS[rng.integers(len(COATS))]) * rng.uniform(0.9, 1.1)
        base = base + rng.normal(0, 4, size=3)
        self.base = to_colour(base)
        self.dark = to_colour(base * rng.uniform(0.55, 0.78))
        self.shade = to_colour(base * 0.87)
        self.light = to_colour(base + (255 - base) * rng.uniform(0.12, 0.3))
        white_muzzle = rng.random() < 0.45
        self.muzzle = (
            to_colour(np.array(WHITE) * rng.uniform(0.9, 1)) if white_muzzle else self.light
        )
        self.marks = self.dark if rng.random() < 0.7 else self.light
        self.fluff = rng.uniform(0.0, 0.05)


def _body(pen: Pen, coat: _Coat, rng: np.random.Generator) -> None:
    """Shoulders and chest below the head, sometimes with a bib or a collar."""
    width = rng.uniform(0.8, 1.15)
    pen.ellipse(0, 2.1, width, 1.5, coat.shade, fluff=coat.fluff)
    if rng.random() < 0.4:
        pen.ellipse(0, 1.75, 0.45 * width, 0.8, coat.muzzle, fluff=coat.fluff)
    if rng.random() < 0.3:
        collar = random_colour(rng)
        pen.smooth([(-0.75, 0.8), (0.75, 0.8), (0.7, 1.1), (0, 1.25), (-0.7, 1.1)], collar)


def _cat(pen: Pen, coat: _Coat, rng: np.random.Generator) -> None:
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
    nose = PINK if rng.random() < 0.65 else mix(coat.dark, DARK, 0.5)
    pen.smooth([(-0.15, 0.2), (0.15, 0.2), (0.02, 0.37), (-0.02, 0.37)], nose, depth=0.75)
    mouth = mix(coat.muzzle, DARK, 0.65)
    for side in (-1, 1):
        pen.line(
            [(0, 0.33), (0, 0.43), (side * 0.09, 0.51), (side * 0.2, 0.5)],
            mouth,
            0.03,
            depth=0.7,
        )
    if rng.random() < 0.92:
        _whiskers(pen, rng)


def _dog(pen: Pen, coat: _Coat, rng: np.random.Generator) -> None:
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
        _tongue(pen, tip=rng.uniform(0.95, 1.15))
    pen.ellipse(0, 0.3, jowl * 0.86, 0.42, coat.muzzle, depth=0.55)  # the bridge of the snout
    for side in (-1, 1):
        pen.ellipse(side * 0.2, 0.5, jowl * 0.68, 0.3, coat.muzzle, depth=0.75, fluff=coat.fluff)
    _dog_eyes(pen, coat, rng)
    nose = DARK if rng.random() < 0.75 else (112, 66, 56)
    pen.ellipse(0, 0.22, rng.uniform(0.2, 0.27), rng.uniform(0.15, 0.19), nose, depth=1.0)
    pen.ellipse(-0.06, 0.15, 0.07, 0.035, mix(nose, WHITE, 0.5), depth=1.0)
    mouth = mix(coat.muzzle, DARK, 0.7)
    for side in (-1, 1):
        pen.line(
            [(0, 0.36), (0, 0.58), (side * 0.18, 0.7), (side * 0.38, 0.62)],
            mouth,
            0.04,
            depth=0.8,
        )


def _head(pen: Pen, coat: _Coat, wide: float, high: float) -> None:
    pen.ellipse(0, 0.03, wide, high, coat.shade, fluff=coat.fluff)
    pen.ellipse(0, -0.02, wide * 0.95, high * 0.94, coat.base, fluff=coat.fluff)
    pen.ellipse(0, -0.3, wide * 0.6, high * 0.5, mix(coat.base, coat.light, 0.5), depth=0.15)


def _pointed_ears(pen: Pen, coat: _Coat, base: float, height: float, spread: float) -> None:
    """Triangles on top of the head, ``base`` wide and ``height`` high, at x = ±0.6 ``spread``."""
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
        pen.polygon(lining, mix(PINK, coat.dark, 0.35))


def _floppy_ears(pen: Pen, coat: _Coat, wide: float, rng: np.random.Generator) -> None:
    """Flaps that hang down from the upper sides of the head."""
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


def _cat_eyes(pen: Pen, rng: np.random.Generator) -> None:
    """Almond-shaped, with a slit as the pupil, more or less open."""
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


def _dog_eyes(pen: Pen, coat: _Coat, rng: np.random.Generator) -> None:
    """Round and dark with a wide pupil, sometimes with brows."""
    iris = DOG_EYES[rng.integers(len(DOG_EYES))]
    radius = rng.uniform(0.12, 0.165)
    brows = rng.random() < 0.35
    for side in (-1, 1):
        x, y = side * 0.36, -0.16
        pen.ellipse(x, y, radius * 1.3, radius * 1.18, mix(coat.dark, DARK, 0.6), depth=0.35)
        pen.ellipse(x, y, radius, radius, iris, depth=0.35)
        pen.ellipse(x, y, radius * 0.62, radius * 0.62, (18, 14, 14), depth=0.35)
        pen.ellipse(x - 0.045, y - 0.05, 0.038, 0.038, WHITE, depth=0.35)
        if brows:
            pen.ellipse(x, y - 0.3, 0.13, 0.06, coat.light, depth=0.3)


def _tongue(pen: Pen, tip: float) -> None:
    """Hangs from the mouth down to y = ``tip``, with a line along its middle."""
    outline = [(-0.17, 0.6), (0.17, 0.6), (0.2, tip), (0, tip + 0.14), (-0.2, tip)]
    pen.smooth(outline, (222, 110, 120), depth=0.7)
    pen.line([(0, 0.7), (0, tip - 0.06)], (190, 84, 98), 0.03, depth=0.7)


def _whiskers(pen: Pen, rng: np.random.Generator) -> None:
    colour = WHITE if rng.random() < 0.7 else (70, 66, 66)
    length = rng.uniform(0.7, 1.05)
    for side in (-1, 1):
        for lift in (-0.14, 0.02, 0.18):
            start, droop = (side * 0.2, 0.42 + lift * 0.4), rng.uniform(-0.04, 0.1)
            middle = (side * (0.2 + 0.55 * length), 0.4 + lift)
            end = (side * (0.2 + length), 0.42 + 1.5 * lift + droop)
            pen.line([start, middle, end], colour, 0.018, depth=0.5)
