"""Image, Video and Mask: tensors of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image as pil

from ..typing import DeviceLike, DTypeLike
from .base import TVTensor, as_numbers

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Image", "Mask", "Video"]


class _Pixels(TVTensor):
    """A tensor made of what ``as_tensor`` takes, or of a PIL image.

    Args:
        data: a tensor, an array, numbers or a PIL image.
        dtype, device, requires_grad: by default those of ``data``.
    """

    def __new__(
        cls,
        data: Any,
        *,
        dtype: DTypeLike | None = None,
        device: DeviceLike | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        if isinstance(data, pil.Image):
            from ..transforms.conversion import pil_to_tensor

            data = pil_to_tensor(data)
        return as_numbers(data, dtype, device, requires_grad).as_subclass(cls)


class Image(_Pixels):
    """An image, or a batch: (…, C, H, W), or (H, W), which becomes (1, H, W).

    Args:
        data: a tensor, an array, numbers or a PIL image.
        dtype, device, requires_grad: by default those of ``data``.

    Raises:
        ValueError: for fewer than two dimensions.

    As ``torchvision.tv_tensors.Image``.
    """

    def __new__(cls, data: Any, **options: Any) -> Self:
        out = super().__new__(cls, data, **options)
        if out.ndim < 2:
            raise ValueError(f"Image expects two dimensions at least, got shape {tuple(out.shape)}")
        return out if out.ndim > 2 else out.unsqueeze(0).as_subclass(cls)

    def __repr__(self) -> str:
        return self._text_with()


class Video(_Pixels):
    """Images in the order of time: (…, T, C, H, W).

    Args:
        data: a tensor, an array or numbers.
        dtype, device, requires_grad: by default those of ``data``.

    Raises:
        ValueError: for fewer than four dimensions.

    As ``torchvision.tv_tensors.Video``.
    """

    def __new__(cls, data: Any, **options: Any) -> Self:
        out = super().__new__(cls, data, **options)
        if out.ndim < 4:
            raise ValueError(f"Video expects shape (..., T, C, H, W), got {tuple(out.shape)}")
        return out

    def __repr__(self) -> str:
        return self._text_with()


class Mask(_Pixels):
    """Which class, or which object, each pixel belongs to: (…, H, W).

    Args:
        data: a tensor, an array, numbers or a PIL image.
        dtype, device, requires_grad: by default those of ``data``.

    As ``torchvision.tv_tensors.Mask``.
    """
