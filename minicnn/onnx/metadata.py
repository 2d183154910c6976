"""What a model's file tells beside the network: labels, normalisation, input size.

They are the ``metadata_props`` of the file, JSON texts under these keys: ``labels`` (a list of names
by class number), ``mean`` and ``std`` (lists of numbers, one for each channel, of pixels from 0 to 1),
``input_size`` (the example's [height, width]), ``resize`` (pixels of a picture's shorter side before it
is cut to that size), ``interpolation`` (how it is resized: "bilinear", "bicubic", …).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

__all__ = ["metadata"]


def metadata(
    shapes: Sequence[tuple[int, ...]],
    labels: Sequence[str] | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    resize: int | None = None,
    interpolation: str | None = None,
) -> dict[str, str]:
    """The keys and texts.

    Args:
        shapes: of the example's inputs; the first one with four dimensions is an image.
        labels, mean, std, resize, interpolation: what is known; None leaves a key out.

    Raises:
        ValueError: for a ``mean`` without ``std`` or of another length, numbers that are not finite,
            or a ``std`` that is not above 0.
        TypeError: for one text as ``labels``.
    """
    found: dict[str, object] = {}
    if isinstance(labels, str):
        raise TypeError(f"labels must be a name for each class, got the text {labels!r}")
    if labels is not None:
        found["labels"] = [str(label) for label in labels]
    if (mean is None) != (std is None):
        raise ValueError(f"mean and std belong together, got mean={mean} and std={std}")
    if mean is not None and std is not None:
        means, stds = (np.array(values, np.float64) for values in (mean, std))
        is_finite = np.isfinite(means).all() and np.isfinite(stds).all()
        if means.ndim != 1 or means.shape != stds.shape or not is_finite or (stds <= 0).any():
            raise ValueError(
                f"mean and std must have one number for each channel, std above 0, got {mean} and {std}"
            )
        found["mean"], found["std"] = means.tolist(), stds.tolist()
    images = [shape for shape in shapes if len(shape) == 4]
    if images:
        found["input_size"] = list(images[0][2:])
    resizing = {"resize": resize, "interpolation": interpolation}
    found |= {key: value for key, value in resizing.items() if value is not None}
    return {key: json.dumps(value, ensure_ascii=False) for key, value in found.items()}
