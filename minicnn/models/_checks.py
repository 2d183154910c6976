"""What the networks say about an input that does not fit them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..tensor import Tensor

__all__ = ["made_for_images"]


@contextlib.contextmanager
def made_for_images(name: str, x: Tensor, smallest: int) -> Iterator[None]:
    """Explains a layer's error by an input that is no (N, 3, H, W) with H and W at least ``smallest``.

    Only when a layer has failed: a network whose first layers were replaced may take other images.
    """
    try:
        yield
    except (ValueError, RuntimeError) as error:
        if x.ndim == 4 and x.shape[1] == 3 and min(x.shape[2:]) >= smallest:
            raise
        raise ValueError(
            f"{name} expects images of shape (N, 3, H, W) with H and W at least {smallest}, "
            f"got {tuple(x.shape)}: {error}"
        ) from error
