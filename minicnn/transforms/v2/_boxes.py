"""Boxes and points of samples: converted, clamped and sorted out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...graph.structure import leaves, replaced
from ...tensor import Tensor
from ...tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints, Mask, TVTensor, wrap
from ...tv_tensors.base import plain
from ...tv_tensors.boxes import check_clamping_mode
from ..mix import find_labels
from . import functional as F
from ._samples import get_bounding_boxes, get_keypoints
from ._transform import Transform

__all__ = [
    "ClampBoundingBoxes",
    "ClampKeyPoints",
    "ConvertBoundingBoxFormat",
    "SanitizeBoundingBoxes",
    "SanitizeKeyPoints",
    "SetClampingMode",
]

Params = dict[str, Any]


class ConvertBoundingBoxFormat(Transform):
    """Converts boxes to another format, given as itself or by its name."""

    _transformed_types = (BoundingBoxes,)

    def __init__(self, format: BoundingBoxFormat | str) -> None:
        super().__init__()
        self.format = format

    def transform(self, inpt: Any, params: Params) -> object:
        return F.convert_bounding_box_format(inpt, new_format=self.format)


class ClampBoundingBoxes(Transform):
    """Cuts off what of boxes is outside their image. See :func:`~.functional.clamp_bounding_boxes`."""

    _transformed_types = (BoundingBoxes,)

    def __init__(self, clamping_mode: str | None = "auto") -> None:
        super().__init__()
        self.clamping_mode = clamping_mode

    def transform(self, inpt: Any, params: Params) -> object:
        return F.clamp_bounding_boxes(inpt, clamping_mode=self.clamping_mode)


class ClampKeyPoints(Transform):
    """Moves points that are outside their image to its nearest pixel."""

    _transformed_types = (KeyPoints,)

    def transform(self, inpt: Any, params: Params) -> object:
        return F.clamp_keypoints(inpt)


class SetClampingMode(Transform):
    """Chooses how the next transforms clamp boxes.

    Args:
        clamping_mode: as for :class:`~minicnn.tv_tensors.BoundingBoxes`.
    """

    _transformed_types = (BoundingBoxes,)

    def __init__(self, clamping_mode: str | None) -> None:
        super().__init__()
        self.clamping_mode = check_clamping_mode(clamping_mode)

    def transform(self, inpt: Any, params: Params) -> object:
        return wrap(inpt, like=inpt, clamping_mode=self.clamping_mode)


LabelsGetter = Callable[[Any], Any] | str | None


class _Sanitizing(Transform):
    """Removes boxes or points, with the labels and masks that belong to them.

    Args:
        labels_getter: a function of the sample that returns a tensor of labels, or several in a
            tuple. ``"default"`` finds them in a dict, which may be the second of two parts, under
            ``"labels"`` or a key with ``"label"`` in it. None if there are none.
    """

    def __init__(self, labels_getter: LabelsGetter) -> None:
        super().__init__()
        if not (callable(labels_getter) or labels_getter in ("default", None)):
            raise ValueError(
                f"labels_getter must be 'default', a function or None, got {labels_getter!r}"
            )
        self.labels_getter = labels_getter

    def forward(self, *inputs: Any) -> object:
        sample = inputs if len(inputs) > 1 else inputs[0]
        parts = leaves(sample)
        valid = self._valid(parts)
        labels = self._labels(sample, len(valid))

        def sanitize(x: Any) -> object:
            belongs = isinstance(x, self._sanitized) or any(x is each for each in labels)
            if isinstance(x, Mask):
                belongs = self._takes_masks and len(x) == len(valid)
            return wrap(plain(x)[valid], like=x) if belongs else x

        return replaced(sample, sanitize)

    _sanitized: type[TVTensor]
    _takes_masks = False

    def _valid(self, parts: list[Any]) -> Tensor:
        """Which of the boxes or points of a sample stay."""
        raise NotImplementedError

    def _labels(self, sample: Any, count: int) -> Sequence[Tensor]:
        getter = self.labels_getter
        if getter is None:
            return ()
        found = getter(sample) if callable(getter) else find_labels(sample)
        if found is None and getter == "default":
            raise ValueError(
                "the sample has no labels: pass labels_getter=None, or a function that finds them"
            )
        labels = found if isinstance(found, (tuple, list)) else () if found is None else (found,)
        for each in labels:
            if not isinstance(each, Tensor):
                raise ValueError(f"labels must be tensors, got {type(each).__name__}")  # noqa: TRY004
            if len(each) != count:
                raise ValueError(f"labels must have shape ({count}, ...), got {tuple(each.shape)}")
        return labels


class SanitizeBoundingBoxes(_Sanitizing):
    """Removes boxes that are too small or not inside their image, with their labels and masks.

    Args:
        min_size: the smallest width and height, in pixels.
        min_area: the smallest area.
        labels_getter: a function of the sample that returns a tensor of labels, or several in a
            tuple. ``"default"`` finds them in a dict, which may be the second of two parts, under
            ``"labels"`` or a key with ``"label"`` in it. None if there are none.

    Raises:
        ValueError: for sizes below 1; when called without boxes or labels.
    """

    _sanitized = BoundingBoxes
    _takes_masks = True

    def __init__(
        self,
        min_size: float = 1.0,
        min_area: float = 1.0,
        labels_getter: LabelsGetter = "default",
    ) -> None:
        for name, value in (("min_size", min_size), ("min_area", min_area)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        super().__init__(labels_getter)
        self.min_size, self.min_area = min_size, min_area

    def _valid(self, parts: list[Any]) -> Tensor:
        boxes = get_bounding_boxes(parts)
        return F.sanitize_bounding_boxes(boxes, None, None, self.min_size, self.min_area)[1]

    def extra_repr(self) -> str:
        return (
            f"min_size={self.min_size}, min_area={self.min_area}, "
            f"labels_getter={self.labels_getter}"
        )


class SanitizeKeyPoints(_Sanitizing):
    """Removes points that are not inside their image, with their labels.

    Args:
        labels_getter: as for :class:`SanitizeBoundingBoxes`.

    Raises:
        ValueError: when called without points, or without labels that ``"default"`` looks for.
    """

    _sanitized = KeyPoints

    def __init__(self, labels_getter: LabelsGetter = None) -> None:
        super().__init__(labels_getter)

    def _valid(self, parts: list[Any]) -> Tensor:
        return F.sanitize_keypoints(get_keypoints(parts))[1]
