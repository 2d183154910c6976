"""A contact sheet: pictures in rows, each with its name, its answer and a bar of its probability."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from ..viz.figures import BY_CLASS, FAINT, INK

__all__ = ["SIDE", "Cell", "draw_sheet"]

SIDE = 200  # pixels of a picture
_GAP, _LINE, _BAR = 12, 18, 6
_WIDTH = 1250  # of the sheet at most: five pictures or three pairs


class Cell(NamedTuple):
    """One answer: its pictures, of SIDE x SIDE, a name, the class and its number, a probability."""

    pictures: Sequence[Image.Image]
    name: str
    answer: str
    number: int
    probability: float


def draw_sheet(cells: Sequence[Cell]) -> Image.Image:
    """All cells, which have equally many pictures, in rows from left to right."""
    width = max(len(cell.pictures) for cell in cells) * (SIDE + 2) - 2
    height = SIDE + 2 * _LINE + _BAR
    columns = min(len(cells), _WIDTH // (width + _GAP))
    rows = -(-len(cells) // columns)
    size = (columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP)
    sheet = Image.new("RGB", size, "white")
    for place, cell in enumerate(cells):
        row, column = divmod(place, columns)
        left, top = _GAP + column * (width + _GAP), _GAP + row * (height + _GAP)
        sheet.paste(_draw_cell(cell, width, height), (left, top))
    return sheet


def _draw_cell(cell: Cell, width: int, height: int) -> Image.Image:
    drawn = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(12)
    draw.text((0, 0), _shortened(_drawable(cell.name), width, font), INK, font)
    for place, picture in enumerate(cell.pictures):
        drawn.paste(picture, (place * (SIDE + 2), _LINE))
    colour, bar = BY_CLASS[cell.number % len(BY_CLASS)], _LINE + SIDE + 2
    draw.rectangle((0, bar, width - 1, bar + _BAR - 3), FAINT)
    draw.rectangle((0, bar, round(cell.probability * (width - 1)), bar + _BAR - 3), colour)
    percent = f"  {100 * cell.probability:.1f} %"
    room = width - int(font.getlength(percent)) - 1
    answer = _shortened(_drawable(cell.answer), room, font)
    draw.text((0, bar + _BAR - 1), answer + percent, colour, font)
    return drawn


def _drawable(text: str) -> str:
    """The text without accents: Pillow's own font has the letters of English alone."""
    letters = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _shortened(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text if it fits, else its end, which tells more than the beginning of a path."""
    if font.getlength(text) <= width:
        return text
    ends = range(len(text) + 1)
    first = bisect_left(ends, True, key=lambda i: font.getlength("…" + text[i:]) <= width)
    return "…" + text[first:]
