"""The scene of a drawn animal: the background, and the light and grain of a photograph."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .pen import random_colour, to_colour


def draw_background(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Draws a wall and a floor, a sky and a meadow, wallpaper, or lights out of focus."""
    small = Image.new("RGB", (width // 8, height // 8), random_colour(rng))
    draw = ImageDraw.Draw(small)
    w, h = small.size
    kind = rng.integers(4)
    if kind == 0:  # wall and floor
        draw.rectangle((0, rng.uniform(0.4, 0.8) * h, w, h), fill=random_colour(rng))
    elif kind == 1:  # sky and meadow
        sky = (rng.uniform(120, 190), rng.uniform(160, 215), rng.uniform(195, 245))
        draw.rectangle((0, 0, w, h), fill=to_colour(np.array(sky)))
        grass = np.array((rng.uniform(70, 140), rng.uniform(110, 170), rng.uniform(40, 90)))
        horizon = rng.uniform(0.3, 0.7) * h
        draw.rectangle((0, horizon, w, h), fill=to_colour(grass))
        for x, y in rng.uniform(size=(60, 2)) * (w, h - horizon):
            blade = to_colour(grass * rng.uniform(0.75, 1.2))
            draw.line((x, horizon + y, x + rng.uniform(-2, 2), horizon + y - 3), fill=blade)
    elif kind == 2:  # wallpaper
        stripe, period = random_colour(rng), int(rng.integers(5, 14))
        for x in range(0, 2 * w, period):
            draw.line((x, 0, x - h * (period % 2), h), fill=stripe, width=period // 3 + 1)
    else:  # lights and things out of focus
        for x, y, size in rng.uniform(size=(14, 3)):
            x, y, radius = x * w, y * h, (0.06 + 0.14 * size) * w
            spot = random_colour(rng)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=spot)
    small = small.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6)))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def photograph(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Adds light from one side, a colour cast, exposure, and the grain of film."""
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
