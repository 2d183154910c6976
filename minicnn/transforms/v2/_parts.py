"""Erases rectangles of images and videos, and picks images from videos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ...tensor import Tensor
from ...tv_tensors import BoundingBoxes, KeyPoints, Mask
from ...warn import warn
from ..erasing import check_erasing, random_rectangle
from . import functional as F
from ._samples import query_chw
from ._transform import RandomTransform, Transform

__all__ = ["RandomErasing", "UniformTemporalSubsample"]


class RandomErasing(RandomTransform):
    """Erases a random rectangle with probability ``p``; masks, boxes and points stay as they are.

    Args:
        p: probability.
        scale: bounds of the rectangle's area, as a share of the image's.
        ratio: bounds of its height / width.
        value: fills it: one number, one for each channel, or ``"random"`` for N(0, 1).
        inplace: erase in the given tensor.

    Raises:
        TypeError: for another ``value``.
        ValueError: for arguments out of range.

    Source: Zhong et al., Random Erasing Data Augmentation, 2017; as in torchvision.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Sequence[float] | str = 0.0,
        inplace: bool = False,
    ) -> None:
        super().__init__(p)
        check_erasing(scale, ratio, value)
        self.scale, self.ratio = scale, ratio
        values = [value] if isinstance(value, (int, float)) else value
        self.value = None if isinstance(values, str) else [float(number) for number in values]
        self.inplace = inplace

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size = query_chw(flat_inputs)
        if self.value is not None and len(self.value) not in (1, size[0]):
            raise ValueError(f"value must be 1 or {size[0]} numbers, got {len(self.value)}")
        box = random_rectangle(size, self.scale, self.ratio, self.value)
        return dict(zip("ijhwv", box or (0, 0, *size[1:], None)))

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        if params["v"] is None:
            return inpt
        return self._call_kernel(F.erase, inpt, **params, inplace=self.inplace)

    def _call_kernel(
        self, functional: Callable[..., Any], inpt: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if isinstance(inpt, (BoundingBoxes, KeyPoints, Mask)):
            name = type(inpt).__name__
            warn(f"RandomErasing leaves inputs of type {name} as they are")
        return super()._call_kernel(functional, inpt, *args, **kwargs)


class UniformTemporalSubsample(Transform):
    """Images of videos at equal distances in time: :func:`functional.uniform_temporal_subsample`."""

    _transformed_types: ClassVar[Sequence[type | Callable[[Any], bool]]] = (Tensor,)

    def __init__(self, num_samples: int) -> None:
        super().__init__()
        self.num_samples = num_samples

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        return self._call_kernel(F.uniform_temporal_subsample, inpt, self.num_samples)
