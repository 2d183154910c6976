"""Names, arguments, defaults and attributes are torchvision's."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from minicnn import transforms as T
from minicnn.transforms import functional as F

MAKERS = [
    lambda t: t.Resize((3, 4), t.InterpolationMode.BICUBIC),
    lambda t: t.CenterCrop(5),
    lambda t: t.Pad((1, 2), 3, "edge"),
    lambda t: t.RandomApply([], 0.3),
    lambda t: t.RandomChoice([], [0.2]),
    lambda t: t.RandomOrder([]),
    lambda t: t.RandomCrop(9, (1, 2), True),
    lambda t: t.RandomHorizontalFlip(0.1),
    lambda t: t.RandomResizedCrop([9], (0.2, 0.3)),
    lambda t: t.FiveCrop(9),
    lambda t: t.TenCrop((9, 8), True),
    lambda t: t.ColorJitter(0, 0.5, (0.1, 2), 0.2),
    lambda t: t.RandomRotation(0, fill=None),
    lambda t: t.RandomAffine(0, shear=(3, 4), center=(1, 2)),
    lambda t: t.Grayscale(3),
    lambda t: t.RandomGrayscale(0.2),
    lambda t: t.RandomPerspective(fill=None),
    lambda t: t.RandomErasing(value="random"),
    lambda t: t.GaussianBlur(3, 2),
    lambda t: t.RandomPosterize(3),
    lambda t: t.RandomSolarize(0.3),
    lambda t: t.RandomAdjustSharpness(2),
    lambda t: t.ElasticTransform(sigma=[1.0, 2.0], fill=3),
    lambda t: t.RandAugment(),
    lambda t: t.TrivialAugmentWide(fill=[1, 2, 3]),
    lambda t: t.AugMix(4),
    lambda t: t.Normalize([0.1], (0.2,)),
]


def public(module: Any) -> list[str]:
    return [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]


def parameters(function: Any) -> list[tuple[str, Any, str]]:
    return [
        (p.name, p.kind, str(p.default).removeprefix("torch."))
        for p in inspect.signature(function).parameters.values()
    ]


def test_classes(torchvision):
    from torchvision.transforms import autoaugment, transforms

    for name in [*transforms.__all__, *autoaugment.__all__]:
        ours, theirs = getattr(T, name), getattr(torchvision, name)
        if name not in ("InterpolationMode", "AutoAugmentPolicy"):
            assert parameters(ours) == parameters(theirs), name
        if hasattr(theirs, "get_params"):
            assert parameters(ours.get_params) == parameters(theirs.get_params), name


def test_functions(torchvision):
    theirs = torchvision.functional
    names = [n for n in public(theirs) if getattr(theirs, n).__module__ == theirs.__name__]
    assert len(names) > 35
    for name in names:
        if name != "InterpolationMode":
            assert parameters(getattr(F, name)) == parameters(getattr(theirs, name)), name


@pytest.mark.parametrize("make", MAKERS, ids=range(len(MAKERS)))
def test_attributes(torchvision, make):
    ours, theirs = (
        {name: repr(value) for name, value in vars(made).items() if name[0] != "_"}
        for made in (make(T), make(torchvision))
    )
    assert ours == theirs
