"""The check of their input that the networks share."""

from __future__ import annotations

from ..tensor import Tensor


def check_images(name: str, x: Tensor, smallest: int) -> None:
    """Raises a ValueError unless ``x`` is (N, 3, H, W) with H and W at least ``smallest``."""
    if x.ndim != 4 or x.shape[1] != 3 or min(x.shape[2:]) < smallest:
        raise ValueError(
            f"{name} expects images of shape (N, 3, H, W) with H and W at least {smallest}, "
            f"got {tuple(x.shape)}"
        )
