"""Boxes, masks and keypoints drawn on an image, as ``torchvision.utils``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from ..autograd import no_grad
from ..tensor import Tensor
from ..warn import warn

__all__ = ["draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks"]

Color = str | tuple[int, int, int]
Colors = Color | list[Color] | None


@no_grad()
def draw_bounding_boxes(
    image: Tensor,
    boxes: Tensor,
    labels: Sequence[str | None] | None = None,
    colors: Colors = None,
    fill: bool | None = False,
    width: int = 1,
    font: str | None = None,
    font_size: int | None = None,
    label_colors: Colors = None,
    label_background_colors: Colors = None,
    fill_labels: bool = False,
) -> Tensor:
    """An image with boxes on it.

    Args:
        image: (1 or 3, H, W) of uint8, or of floats from 0 to 1.
        boxes: (N, 4): left, top, right and bottom edges in pixels; or (N, 8): x and y of four corners.
        labels: a text for each box.
        colors: one for all boxes or a list: names, ``"#ff00ff"`` or (red, green, blue) up to 255; by
            default different ones.
        fill: whether to fill the boxes, transparently.
        width: of the lines, in pixels.
        font: a file of a TrueType font; by default Pillow's own.
        font_size: in points, with ``font`` only.
        label_colors: of the texts; by default the boxes', or black on a background.
        label_background_colors: behind the texts; by default the boxes'.
        fill_labels: whether there is a background.

    Returns:
        (3, H, W) of the image's dtype.

    Raises:
        TypeError: if ``image`` is no tensor.
        ValueError: for another dtype or shape, edges in the wrong order, and too few labels or
            colors.

    As ``torchvision.utils.draw_bounding_boxes``.
    """
    check_image(image, (1, 3))
    edges = boxes.cpu().numpy()
    if edges.shape[-1] == 4 and (edges[:, :2] > edges[:, 2:]).any():
        raise ValueError(
            "boxes must have (xmin, ymin, xmax, ymax), with xmin <= xmax, ymin <= ymax"
        )
    count = len(edges)
    if count == 0:
        warn("draw_bounding_boxes got no boxes")
        return image
    if labels is not None and len(labels) != count:
        raise ValueError(f"there must be a label for each box, got {len(labels)} for {count}")
    if font is None and font_size is not None:
        message = "'font_size' will be ignored without 'font'"
        warn(message)
    outlines = _parse_colors(colors, count)
    inks = outlines
    if label_colors or fill_labels:
        inks = _parse_colors(label_colors or "black", count)
    papers = outlines
    if fill_labels and label_background_colors:
        papers = _parse_colors(label_background_colors, count)
    text = ImageFont.load_default() if font is None else ImageFont.truetype(font, font_size or 10)

    picture = _to_picture(image)
    draw = ImageDraw.Draw(picture, "RGBA" if fill else None)
    for i, box in enumerate(edges.astype(np.int64).tolist()):
        inside = (*outlines[i], 100) if fill else None
        if len(box) > 4:
            _oriented_box(draw, box, outlines[i], inside, width)
        else:
            draw.rectangle(box, width=width, outline=outlines[i], fill=inside)
        label = None if labels is None else labels[i]
        if label is not None:
            place = (box[0] + width + 1, box[1] + width + 1)
            if fill_labels:
                left, top, right, bottom = draw.textbbox(place, label, font=text)
                draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=papers[i])
            draw.text(place, label, fill=inks[i], font=text)
    return _from_picture(picture, image)


@no_grad()
def draw_segmentation_masks(
    image: Tensor, masks: Tensor, alpha: float = 0.8, colors: Colors = None
) -> Tensor:
    """An image with coloured masks on it; where masks overlap, it gets black.

    Args:
        image: (3, H, W) of uint8, or of floats from 0 to 1.
        masks: (N, H, W) or (H, W) of bool.
        alpha: opacity of the masks, 0 to 1.
        colors: as :func:`draw_bounding_boxes`'s.

    Returns:
        (3, H, W) of the image's dtype.

    Raises:
        TypeError: if ``image`` is no tensor.
        ValueError: for another dtype or shape, and too few colors.

    As ``torchvision.utils.draw_segmentation_masks``.
    """
    check_image(image, (3,))
    if masks.ndim == 2:
        masks = masks.unsqueeze(0)
    if masks.ndim != 3 or masks.dtype != np.bool_ or masks.shape[1:] != image.shape[1:]:
        raise ValueError(
            f"masks must be (N, H, W) of bool, with the image's H and W {tuple(image.shape[1:])}, "
            f"got {tuple(masks.shape)} of {masks.dtype}"
        )
    if len(masks) == 0:
        warn("masks doesn't contain any mask. No mask was drawn")
        return image
    pixels, areas = image.detach().cpu().numpy(), masks.cpu().numpy()
    palette = np.array(_parse_colors(colors, len(areas))[: len(areas)], np.float32)
    if image.is_floating_point():  # torchvision divides its own colours in float32
        palette = palette / (np.float64(255) if colors else np.float32(255))
    colored = pixels.copy()
    for area, color in zip(areas, palette.astype(pixels.dtype), strict=True):
        colored[:, area] = color[:, None]
    colored[:, areas.sum(0) > 1] = 0
    blended = (
        Tensor.of(pixels) * (1 - alpha) + Tensor.of(colored) * alpha
    )  # floats, of uint8 as well
    return blended.to(dtype=image.dtype, device=image.device)


@no_grad()
def draw_keypoints(
    image: Tensor,
    keypoints: Tensor,
    connectivity: Sequence[tuple[int, int]] | None = None,
    colors: Color | None = None,
    radius: int = 2,
    width: int = 3,
    visibility: Tensor | None = None,
) -> Tensor:
    """An image with points on it, which may be connected.

    Args:
        image: (3, H, W) of uint8, or of floats from 0 to 1.
        keypoints: (N, K, 2): x and y of K points of each of N objects.
        connectivity: pairs of points, by their numbers, between which to draw lines.
        colors: of the points; by default white.
        radius: of the points, in pixels.
        width: of the lines, in pixels.
        visibility: (N, K) or (N, K, 1) of bool: which points to draw.

    Returns:
        (3, H, W) of the image's dtype.

    Raises:
        TypeError: if ``image`` is no tensor.
        ValueError: for another dtype or shape.

    As ``torchvision.utils.draw_keypoints``.
    """
    check_image(image, (3,))
    if keypoints.ndim != 3:
        raise ValueError(f"keypoints must be (N, K, 2), got {tuple(keypoints.shape)}")
    points = keypoints.cpu().numpy().astype(np.int64)
    visible = np.ones(points.shape[:2], bool)
    if visibility is not None:
        visible = visibility.cpu().numpy().astype(bool)
        visible = visible[..., 0] if visible.ndim == 3 else visible
    if visible.shape != points.shape[:2]:
        raise ValueError(f"visibility must be {points.shape[:2]}, got {visible.shape}")
    picture = _to_picture(image)
    draw = ImageDraw.Draw(picture)
    for of_one, seen in zip(points.tolist(), visible.tolist(), strict=True):
        for (x, y), is_seen in zip(of_one, seen, strict=True):
            if is_seen:
                circle = (x - radius, y - radius, x + radius, y + radius)
                draw.ellipse(circle, fill=colors, outline=None, width=0)
        for start, end in connectivity or ():
            if seen[start] and seen[end]:
                draw.line((*of_one[start], *of_one[end]), width=width)
    return _from_picture(picture, image)


def _oriented_box(
    draw: ImageDraw.ImageDraw, corners: list[int], outline: Any, fill: Any, width: int
) -> None:
    """A box at an angle; its first edge is dashed, to show which one it is."""
    points = list(zip(corners[::2], corners[1::2], strict=True))
    _dashed_line(draw, points[0], points[1], outline, width)
    for start, end in zip(points[1:], [*points[2:], points[0]], strict=True):
        draw.line((start, end), width=width, fill=outline)
    draw.polygon(corners, fill=fill, outline=None, width=0)


def _dashed_line(
    draw: ImageDraw.ImageDraw, start: tuple[int, int], end: tuple[int, int], fill: Any, width: int
) -> None:
    """Dashes of 5 pixels, 5 pixels apart."""
    (x, y), (x1, y1) = (float(start[0]), float(start[1])), end
    left, is_dash = math.hypot(x1 - x, y1 - y), True
    while left > 0:
        angle, length = math.atan2(y1 - y, x1 - x), min(left, 5)
        to = (x + math.cos(angle) * length, y + math.sin(angle) * length)
        if is_dash:
            draw.line([(x, y), to], fill, width)
        (x, y), left, is_dash = to, left - length, not is_dash


def check_image(image: Any, channels: tuple[int, ...]) -> None:
    if not isinstance(image, Tensor):
        raise TypeError(f"image must be a tensor, got {type(image)}")
    fits = image.dtype == np.uint8 or image.is_floating_point()
    if not fits or image.ndim != 3 or image.shape[0] not in channels:
        known = " or ".join(map(str, channels))
        raise ValueError(
            f"image must be one image ({known}, H, W) of uint8 or floats, got "
            f"{tuple(image.shape)} of {image.dtype}"
        )


def _parse_colors(colors: Colors, count: int) -> list[tuple[int, ...]]:
    """A colour (red, green, blue) for each of ``count`` objects."""
    if colors is None:
        palette = (2**25 - 1, 2**15 - 1, 2**21 - 1)  # torchvision's, different for every object
        return [tuple(i * part % 255 for part in palette) for i in range(count)]
    if isinstance(colors, tuple) and len(colors) != 3 or not isinstance(colors, (list, tuple, str)):
        raise ValueError(f"colors must be a name, (red, green, blue) or a list, got {colors!r}")
    listed = colors if isinstance(colors, list) else [colors] * count
    if len(listed) < count:
        raise ValueError(f"there must be a color for each of {count} objects, got {len(listed)}")
    return [ImageColor.getrgb(color) if isinstance(color, str) else color for color in listed]


def _to_picture(image: Tensor) -> Image.Image:
    """An image in mode RGB; of floats, 0 … 1 becomes 0 … 255 as torchvision's ``to_dtype`` scales."""
    scaled = image.detach().cpu()
    if image.dtype != np.uint8:
        scaled = scaled.mul(256 - 1e-3)
    pixels = scaled.numpy().astype(np.int64).astype(np.uint8)
    pixels = np.broadcast_to(pixels, (3, *pixels.shape[1:]))  # grey: three times the same
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _from_picture(picture: Image.Image, image: Tensor) -> Tensor:
    """The picture as a tensor like ``image``."""
    pixels = Tensor.of(np.array(picture).transpose(2, 0, 1)).to(dtype=image.dtype)
    return (pixels if image.dtype == np.uint8 else pixels.mul(1 / 255)).to(device=image.device)
