"""What a model's file tells beside the network: labels, normalisation, input size.

They are the ``metadata_props`` of the file, JSON texts under these keys: ``labels`` (a list of names
by class number), ``mean`` and ``std`` (lists of numbers, one for each channel, of pixels from 0 to 1),
``input_size`` (the example's [height, width]).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

__all__ = ["metadata"]


def metadata(
    shapes: Sequence[tuple[int, ...]],
    labels: Sequence[str] | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
) -> dict[str, str]:
    """The keys and texts.

    Args:
        shapes: of the example's inputs; the first one with four dimensions is an image.
        labels, mean, std: what is known; None leaves a key out.

    Raises:
        ValueError: for a ``mean`` without ``std`` or of another length, or a ``std`` that is not
            above 0.
    """
    found: dict[str, object] = {}
    if labels is not None:
        found["labels"] = [str(label) for label in labels]
    if (mean is None) != (std is None):
        raise ValueError(f"mean and std belong together, got mean={mean} and std={std}")
    if mean is not None and std is not None:
        found["mean"], found["std"] = [[float(v) for v in values] for values in (mean, std)]
        if len(mean) != len(std) or min(map(float, std), default=1) <= 0:
            raise ValueError(
                f"mean and std must have one number for each channel, std above 0, got {mean} and {std}"
            )
    images = [shape for shape in shapes if len(shape) == 4]
    if images:
        found["input_size"] = list(images[0][2:])
    return {key: json.dumps(value, ensure_ascii=False) for key, value in found.items()}
