"""What turns a picture into the input of a network, as it was done when its weights were tested."""

from __future__ import annotations

from PIL import Image

from .. import nn
from ..dtypes import float32
from ..tensor import Tensor
from ..transforms import functional as F

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "ImageClassification", "SemanticSegmentation"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class _Preset(nn.Module):
    """Resizes, crops if there is a ``crop_size``, scales to 0 … 1 and normalises."""

    def __init__(
        self,
        resize_size: int | None,
        crop_size: int | None,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        interpolation: F.InterpolationMode,
        antialias: bool | None,
    ) -> None:
        super().__init__()
        self.resize_size = None if resize_size is None else [resize_size]
        self.crop_size = None if crop_size is None else [crop_size]
        self.mean, self.std = list(mean), list(std)
        self.interpolation, self.antialias = interpolation, antialias

    def cut(self, img: Image.Image | Tensor) -> Image.Image | Tensor:
        """The part of a picture that the network sees, at the size at which it sees it."""
        if self.resize_size is not None:
            img = F.resize(img, self.resize_size, self.interpolation, None, self.antialias)
        return img if self.crop_size is None else F.center_crop(img, self.crop_size)

    def forward(self, img: Image.Image | Tensor) -> Tensor:
        return F.normalize(_to_float(self.cut(img)), self.mean, self.std)

    def __repr__(self) -> str:
        shown = {
            **({} if self.crop_size is None else {"crop_size": self.crop_size}),
            "resize_size": self.resize_size,
            "mean": self.mean,
            "std": self.std,
            "interpolation": f"InterpolationMode.{self.interpolation.name}",
        }
        lines = "".join(f"\n    {name}={value}" for name, value in shown.items())
        return f"{type(self).__name__}({lines}\n)"


class ImageClassification(_Preset):
    """A picture, cut to a square, as the input of a classifier.

    Args:
        crop_size: pixels of the square that is cut from the centre.
        resize_size: pixels of the shorter side before that.
        mean, std: of the normalisation, one number for each channel.
        interpolation: how to resize.
        antialias: whether tensors are resized with antialiasing, as pictures always are.

    Called with a picture (or a tensor of one or more, uint8 or floats in [0, 1]), it returns floats
    (3, H, W). As torchvision's preset of the same name.
    """

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        interpolation: F.InterpolationMode = F.InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__(resize_size, crop_size, mean, std, interpolation, antialias)


class SemanticSegmentation(_Preset):
    """A whole picture as the input of a network that classifies its pixels.

    Arguments and results as :class:`ImageClassification`'s, without the crop.
    """

    def __init__(
        self,
        *,
        resize_size: int | None,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        interpolation: F.InterpolationMode = F.InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__(resize_size, None, mean, std, interpolation, antialias)


def _to_float(img: Image.Image | Tensor) -> Tensor:
    if not isinstance(img, Tensor):
        return F.to_tensor(img)
    return F.convert_image_dtype(img, float32)
