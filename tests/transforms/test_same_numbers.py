"""With the same seed, random transforms give torchvision's results, bit for bit on PIL images."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import minicnn as mc
from minicnn import transforms as T
from minicnn.tensor import Tensor

MAKERS = {
    "RandomCrop": lambda t: t.RandomCrop(9),
    "RandomCrop, padded": lambda t: t.RandomCrop((20, 25), 2, True, 7, "constant"),
    "RandomCrop, whole": lambda t: t.RandomCrop((17, 23)),
    "RandomResizedCrop": lambda t: t.RandomResizedCrop(12),
    "RandomResizedCrop, seldom fitting": lambda t: t.RandomResizedCrop(8, (0.5, 1), (1.5, 2)),
    "RandomHorizontalFlip": lambda t: t.RandomHorizontalFlip(0.7),
    "RandomVerticalFlip": lambda t: t.RandomVerticalFlip(),
    "RandomRotation": lambda t: t.RandomRotation(40, t.InterpolationMode.BILINEAR, True, fill=9),
    "RandomAffine": lambda t: t.RandomAffine(20, (0.1, 0.3), (0.8, 1.3), (-5, 5, 0, 9)),
    "RandomAffine, sheared along x": lambda t: t.RandomAffine(20, shear=9, fill=(1, 2, 3)),
    "ColorJitter": lambda t: t.ColorJitter(0.4, (0.5, 1.5), 0.6, 0.2),
    "ColorJitter of two": lambda t: t.ColorJitter(contrast=0.5, hue=(0.1, 0.3)),
    "RandomGrayscale": lambda t: t.RandomGrayscale(0.4),
    "RandomApply": lambda t: t.RandomApply([t.ColorJitter(0.4), t.RandomVerticalFlip()], 0.6),
    "RandomChoice": lambda t: t.RandomChoice([t.RandomCrop(9), t.Grayscale(3), t.Pad(2)], (2, 1, 1)),
    "RandomOrder": lambda t: t.RandomOrder([t.RandomCrop(15), t.Pad(2), t.RandomRotation(30)]),
    "RandomPerspective": lambda t: t.RandomPerspective(0.6, 0.8, fill=5),
    "GaussianBlur": lambda t: t.GaussianBlur((5, 3), (0.2, 3)),
    "RandomInvert": lambda t: t.RandomInvert(),
    "RandomPosterize": lambda t: t.RandomPosterize(3),
    "RandomSolarize": lambda t: t.RandomSolarize(99),
    "RandomAdjustSharpness": lambda t: t.RandomAdjustSharpness(1.7),
    "RandomAutocontrast": lambda t: t.RandomAutocontrast(),
    "RandomEqualize": lambda t: t.RandomEqualize(),
    **{f"AutoAugment, {policy}": lambda t, policy=policy: t.AutoAugment(t.AutoAugmentPolicy[policy])
       for policy in ("IMAGENET", "CIFAR10", "SVHN")},
    "RandAugment": lambda t: t.RandAugment(3, 12, interpolation=t.InterpolationMode.BILINEAR),
    "TrivialAugmentWide": lambda t: t.TrivialAugmentWide(fill=100),
    "a recipe": lambda t: t.Compose([
        t.RandomResizedCrop(14), t.RandomHorizontalFlip(), t.RandAugment(),
        t.ColorJitter(0.4, 0.4, 0.4), t.ToTensor(), t.Normalize((0.5,), (0.2,)), t.RandomErasing(0.6),
    ]),
}  # fmt: skip

# Computed in floats by another library's convolution or sampling.
FLOATS = {
    "AugMix": lambda t: t.AugMix(),
    "AugMix of few": lambda t: t.AugMix(5, 2, 2, 0.4, False),
    "ElasticTransform": lambda t: t.ElasticTransform(30.0, 2.0),
}


def results(make: Any, torchvision: Any, ours: Any, theirs: Any, seeds: int = 40) -> Any:
    """What both make of the images, for many seeds, and then the next random numbers."""
    for number in range(seeds):
        random.seed(number)
        mc.manual_seed(number)
        our_result = make(T)(ours), mc.rand(1).item(), random.random()
        random.seed(number)
        torch.manual_seed(number)
        yield our_result, (make(torchvision)(theirs), torch.rand(1).item(), random.random())


def pixels(result: Any) -> np.ndarray:
    return np.asarray(result) if isinstance(result, Image.Image) else result.numpy()


@pytest.mark.parametrize("name", MAKERS)
def test_pil_images(torchvision: Any, picture: Image.Image, name: str) -> None:
    outs = set()
    for ours, theirs in results(MAKERS[name], torchvision, picture, picture):
        assert ours[1:] == theirs[1:], "as many numbers were drawn"
        np.testing.assert_array_equal(pixels(ours[0]), pixels(theirs[0]))
        outs.add(pixels(ours[0]).tobytes())
    assert len(outs) > 1 or name == "RandomCrop, whole"


@pytest.mark.numbers_decide  # thresholds and factors are drawn
@pytest.mark.parametrize("name", [name for name in MAKERS if name != "a recipe"])
@pytest.mark.parametrize("kind", ["uint8", "float32", "batch"])
def test_tensors(torchvision: Any, picture: Image.Image, name: str, kind: str) -> None:
    array = np.asarray(picture).transpose(2, 0, 1).copy()
    if kind == "float32":
        if any(word in name for word in ("Augment", "Posterize", "Equalize", "Solarize")):
            return  # they are for bytes
        array = array.astype(np.float32) / np.float32(255)
    elif kind == "batch":
        array = np.stack([array, array[:, ::-1]])
    images = Tensor.of(array), torch.from_numpy(array)
    for ours, theirs in results(MAKERS[name], torchvision, *images, seeds=10):
        assert ours[1:] == theirs[1:], "as many numbers were drawn"
        check_nearly(ours[0].numpy(), theirs[0].numpy())


@pytest.mark.parametrize("name", FLOATS)
def test_pil_images_by_way_of_tensors(torchvision: Any, picture: Image.Image, name: str) -> None:
    for ours, theirs in results(FLOATS[name], torchvision, picture, picture, seeds=10):
        assert ours[1:] == theirs[1:], "as many numbers were drawn"
        check_nearly(pixels(ours[0]), pixels(theirs[0]))


def check_nearly(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Equal but for rounding; a point in the middle of two pixels may be either one."""
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    tolerance = 1 if ours.dtype == np.uint8 else 5e-5
    far = np.abs(ours.astype(np.float64) - theirs) > tolerance
    assert far.mean() < 0.01
    assert (ours != theirs).mean() < 0.01 or ours.dtype != np.uint8
