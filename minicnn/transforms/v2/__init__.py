"""Transforms of whole samples: pictures with their boxes, masks and labels.

::

    import minicnn as mc
    from minicnn import tv_tensors
    from minicnn.transforms import v2

    transform = v2.Compose([
        v2.RandomResizedCrop(224),
        v2.RandomHorizontalFlip(),
        v2.ToImage(),
        v2.ToDtype(mc.float32, scale=True),
    ])
    boxes = tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(height, width))
    picture, target = transform(picture, {"boxes": boxes, "labels": labels})

A sample is any nesting of tuples, lists and dicts. What a transform does with each part depends on
its kind: PIL images, plain tensors and the classes of :mod:`minicnn.tv_tensors` are transformed, all
with the same random numbers, and everything else passes through (:class:`Transform` has the rules).
Names, arguments, results and random numbers are the ones of ``torchvision.transforms.v2``, which
draws some numbers in another way than the transforms of :mod:`minicnn.transforms`. Those do the
work here, too: this package adds boxes, points and masks to them.

How a transform is added:

- Its function stands in ``functional/``. The decorator ``functional`` makes it one for PIL images,
  plain tensors, ``Image`` and ``Video``; the last two are given to it as plain tensors, and what it
  returns becomes of the same class. ``kernel`` adds masks, boxes and points, where they change::

      @functional
      def solarize(inpt: Picture, threshold: float) -> Picture:
          return levels.solarize(inpt, threshold)

- The class is a :class:`Transform`, or a ``RandomTransform`` if it has a probability ``p``.
  ``make_params`` draws numbers with :mod:`minicnn.transforms._draws`, once for a sample, and
  ``transform`` is called for each part. There, ``self._call_kernel(F.solarize, inpt, …)`` leaves
  parts alone that the function has no kernel for. ``repr`` shows all attributes without underscore.
- A ``fill`` goes through ``check_fill`` and ``fill_for``, as it may be a dict of kinds.
"""

from ..interpolation import InterpolationMode
from ..mix import CutMix, MixUp
from ..policies import AutoAugmentPolicy
from . import functional
from ._auto_augment import AugMix, AutoAugment, RandAugment, TrivialAugmentWide
from ._boxes import (
    ClampBoundingBoxes,
    ClampKeyPoints,
    ConvertBoundingBoxFormat,
    SanitizeBoundingBoxes,
    SanitizeKeyPoints,
    SetClampingMode,
)
from ._color import (
    RGB,
    ColorJitter,
    Grayscale,
    RandomChannelPermutation,
    RandomGrayscale,
    RandomPhotometricDistort,
)
from ._compose import Compose, RandomApply, RandomChoice, RandomOrder
from ._convert import (
    ConvertImageDtype,
    Identity,
    Lambda,
    Normalize,
    PILToTensor,
    ToDtype,
    ToImage,
    ToPILImage,
    ToPureTensor,
    ToTensor,
)
from ._crop import CenterCrop, FiveCrop, RandomCrop, RandomResizedCrop, TenCrop
from ._filters import JPEG, GaussianBlur, GaussianNoise
from ._flip import RandomHorizontalFlip, RandomVerticalFlip
from ._iou_crop import RandomIoUCrop
from ._levels import (
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)
from ._pad import Pad, RandomZoomOut
from ._parts import RandomErasing, UniformTemporalSubsample
from ._resize import RandomResize, RandomShortestSize, Resize, ScaleJitter
from ._samples import (
    check_type,
    get_bounding_boxes,
    get_keypoints,
    has_all,
    has_any,
    query_chw,
    query_size,
)
from ._transform import Transform
from ._warp import ElasticTransform, RandomAffine, RandomPerspective, RandomRotation
from ._whitening import LinearTransformation

__all__ = [
    "JPEG",
    "RGB",
    "AugMix",
    "AutoAugment",
    "AutoAugmentPolicy",
    "CenterCrop",
    "ClampBoundingBoxes",
    "ClampKeyPoints",
    "ColorJitter",
    "Compose",
    "ConvertBoundingBoxFormat",
    "ConvertImageDtype",
    "CutMix",
    "ElasticTransform",
    "FiveCrop",
    "GaussianBlur",
    "GaussianNoise",
    "Grayscale",
    "Identity",
    "InterpolationMode",
    "Lambda",
    "LinearTransformation",
    "MixUp",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandAugment",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomApply",
    "RandomAutocontrast",
    "RandomChannelPermutation",
    "RandomChoice",
    "RandomCrop",
    "RandomEqualize",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomIoUCrop",
    "RandomOrder",
    "RandomPerspective",
    "RandomPhotometricDistort",
    "RandomPosterize",
    "RandomResize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomShortestSize",
    "RandomSolarize",
    "RandomVerticalFlip",
    "RandomZoomOut",
    "Resize",
    "SanitizeBoundingBoxes",
    "SanitizeKeyPoints",
    "ScaleJitter",
    "SetClampingMode",
    "TenCrop",
    "ToDtype",
    "ToImage",
    "ToPILImage",
    "ToPureTensor",
    "ToTensor",
    "Transform",
    "TrivialAugmentWide",
    "UniformTemporalSubsample",
    "check_type",
    "functional",
    "get_bounding_boxes",
    "get_keypoints",
    "has_all",
    "has_any",
    "query_chw",
    "query_size",
]
