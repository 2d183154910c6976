"""Label maps in colour, by themselves or over their picture with a legend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["decode_segmap", "overlay_segmap", "voc_palette"]

VOID_COLOUR = (224, 224, 192)  # as in VOC's own masks
_SWATCH = 16  # pixels of a colour's square in the legend
_MARGIN = 8


def voc_palette(count: int = 256) -> np.ndarray:
    """The colours of Pascal VOC, (count, 3) of uint8: background black, aeroplane dark red, …

    The bits of a label, lowest first, become the bits of red, green and blue, highest first, so
    that neighbouring labels get very different colours.
    """
    labels = np.arange(count)
    palette = np.zeros((count, 3), np.uint8)
    for shift in range(8):
        for channel in range(3):
            bit = (labels >> (3 * shift + channel)) & 1
            palette[:, channel] |= (bit << (7 - shift)).astype(np.uint8)
    return palette


def decode_segmap(labels: np.ndarray, nc: int = 21) -> np.ndarray:
    """A label map in VOC's colours.

    Args:
        labels: (H, W) of integers; labels from ``nc`` on, such as 255 for void, are shown pale.
        nc: number of classes.

    Returns:
        (H, W, 3) of uint8.

    Raises:
        ValueError: for another shape, or for negative labels.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or (labels.size and labels.min() < 0):
        raise ValueError(
            f"decode_segmap expects labels (H, W) of 0 and above, got shape {labels.shape}"
            + (f" with {labels.min()}" if labels.ndim == 2 else "")
        )
    palette = np.vstack([voc_palette(nc), np.array([VOID_COLOUR], np.uint8)])
    return palette[np.minimum(labels, nc)]


def overlay_segmap(
    image: Image.Image,
    labels: np.ndarray,
    class_names: Sequence[str],
    alpha: float = 0.5,
    scale: int = 1,
) -> Image.Image:
    """A picture with its label map over it, outlined, and below it a legend of its classes.

    Args:
        image: the picture.
        labels: (H, W) of integers, of the picture's size.
        class_names: names by label; label 0 is the background, which is not coloured.
        alpha: opacity of the colours, 0 to 1.
        scale: integer by which to enlarge a small picture, and its labels with it.

    Raises:
        ValueError: if the sizes differ.
    """
    image, labels = image.convert("RGB"), np.asarray(labels)
    if image.size != labels.shape[::-1]:
        raise ValueError(
            f"labels must have the image's size {image.size[::-1]}, got {labels.shape}"
        )
    if scale > 1:
        image = image.resize((scale * image.width, scale * image.height), Image.Resampling.BICUBIC)
        labels = labels.repeat(scale, 0).repeat(scale, 1)
    colours = decode_segmap(labels, len(class_names))
    share = np.where(labels[..., None] == 0, 0.0, alpha)
    mixed = np.asarray(image) * (1 - share) + colours * share
    mixed[_outlines(labels)] = 255
    picture = Image.fromarray(mixed.round().astype(np.uint8))
    return _with_legend(picture, labels, class_names)


def _outlines(labels: np.ndarray) -> np.ndarray:
    """Where a pixel's label differs from its left or upper neighbour's, (H, W) of bool."""
    outlines = np.zeros(labels.shape, bool)
    outlines[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    outlines[1:] |= labels[1:] != labels[:-1]
    return outlines


def _with_legend(
    picture: Image.Image, labels: np.ndarray, class_names: Sequence[str]
) -> Image.Image:
    counts = np.bincount(labels.ravel().clip(0, len(class_names)), minlength=len(class_names) + 1)
    present = [label for label in range(1, len(class_names)) if counts[label]]
    present.sort(key=lambda label: -counts[label])
    entries = [
        (class_names[label], voc_palette()[label], counts[label] / labels.size) for label in present
    ]
    row = _SWATCH + _MARGIN
    height = _MARGIN + row * max(len(entries), 1)
    canvas = Image.new("RGB", (max(picture.width, 200), picture.height + height), "white")
    canvas.paste(picture, (0, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    if not entries:
        draw.text((_MARGIN, picture.height + _MARGIN), "nothing found", "black", font)
    for number, (name, colour, part) in enumerate(entries):
        top = picture.height + _MARGIN + number * row
        draw.rectangle((_MARGIN, top, _MARGIN + _SWATCH, top + _SWATCH), tuple(map(int, colour)))
        text = f"{name}  {100 * part:.1f} %"
        draw.text((2 * _MARGIN + _SWATCH, top + _SWATCH // 2), text, "black", font, anchor="lm")
    return canvas
