"""The base of datasets of pictures, as programs subclass it."""

from __future__ import annotations

from typing import Any

import pytest
from with_torchvision import torchvision

from minicnn.data import vision_dataset

pytestmark = pytest.mark.cpu_only

T = torchvision.transforms
THEIRS = torchvision.datasets.vision


def dataset(module: Any, *args: Any, **options: Any) -> Any:
    class Numbers(module.VisionDataset):
        def __len__(self) -> int:
            return 3

        def extra_repr(self) -> str:
            return "Split: all\nColour: grey"

    return Numbers(*args, **options)


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((), {}),
        (("~/pictures",), {}),
        (("x", None, T.ToTensor()), {}),
        (("x", None, None, T.Lambda(int)), {}),
        (("x",), {"transform": T.Compose([T.Resize(3), T.ToTensor()]), "target_transform": T.Lambda(int)}),
        (("x", T.Compose([])), {}),
    ],
)  # fmt: skip
def test_arguments_and_repr(args: Any, options: Any) -> None:
    ours, theirs = (dataset(module, *args, **options) for module in (vision_dataset, THEIRS))
    assert repr(ours) == repr(theirs)
    for name in ("root", "transform", "target_transform"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert (ours.transforms is None) == (theirs.transforms is None)


def test_both_kinds_of_transforms() -> None:
    with pytest.raises(ValueError, match="either transforms or transform and target_transform"):
        dataset(vision_dataset, "x", print, str)
    both = vision_dataset.StandardTransform(str, float)
    assert both(1, 2) == ("1", 2.0) == THEIRS.StandardTransform(str, float)(1, 2)
    with pytest.raises(NotImplementedError):
        dataset(vision_dataset, "x")[0]


def test_what_is_not_there_is_a_runtime_error_too() -> None:
    for kind in (FileNotFoundError, RuntimeError):
        assert issubclass(vision_dataset.DatasetNotFound, kind)
    assert str(vision_dataset.DatasetNotFound("no VOC in 'x'")) == "no VOC in 'x'"
