"""Transforms of images and videos give torchvision's results with the same seed."""

from __future__ import annotations

import inspect
import random
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import minicnn as mc
from minicnn import tv_tensors
from minicnn.tensor import Tensor
from minicnn.transforms import v2
from minicnn.tv_tensors.base import plain

MAKERS = {
    "Grayscale": lambda t: t.Grayscale(3),
    "RGB": lambda t: t.RGB(),
    "RandomGrayscale": lambda t: t.RandomGrayscale(0.5),
    "ColorJitter": lambda t: t.ColorJitter(0.4, (0.5, 1.5), 0.6, 0.2),
    "RandomPhotometricDistort": lambda t: t.RandomPhotometricDistort(p=0.6),
    "RandomChannelPermutation": lambda t: t.RandomChannelPermutation(),
    "RandomInvert": lambda t: t.RandomInvert(),
    "RandomPosterize": lambda t: t.RandomPosterize(3),
    "RandomSolarize": lambda t: t.RandomSolarize(0.4),
    "RandomAdjustSharpness": lambda t: t.RandomAdjustSharpness(1.7),
    "RandomAutocontrast": lambda t: t.RandomAutocontrast(),
    "RandomEqualize": lambda t: t.RandomEqualize(),
    "GaussianBlur": lambda t: t.GaussianBlur((5, 3), (0.2, 3)),
    "GaussianNoise": lambda t: t.GaussianNoise(0.1, 0.2),
    "JPEG": lambda t: t.JPEG((20, 90)),
    "RandomErasing": lambda t: t.RandomErasing(0.8, value=(0.1, 3, 0.5)),
    "RandomErasing of noise": lambda t: t.RandomErasing(1, value="random"),
    "AutoAugment": lambda t: t.AutoAugment(t.AutoAugmentPolicy.SVHN, fill=[1, 2, 3]),
    "AutoAugment, CIFAR10": lambda t: t.AutoAugment(t.AutoAugmentPolicy.CIFAR10, "bilinear"),
    "RandAugment": lambda t: t.RandAugment(3, 12, interpolation=t.InterpolationMode.BILINEAR),
    "TrivialAugmentWide": lambda t: t.TrivialAugmentWide(fill=0.5),
    "AugMix": lambda t: t.AugMix(5, alpha=0.6),
}
ONLY_TENSORS = ("GaussianNoise",)
BY_WAY_OF_TENSORS = ("GaussianBlur", "AugMix")


@pytest.fixture(scope="module")
def theirs(torchvision: Any) -> Any:
    from torchvision.transforms import v2 as theirs

    return theirs


def results(make: Any, theirs: Any, pictures: Any, seeds: int = 3) -> Any:
    for number in range(seeds):
        random.seed(number)
        mc.manual_seed(number)
        ours = make(v2)(pictures[0]), mc.rand(1).item()
        torch.manual_seed(number)
        yield ours, (make(theirs)(pictures[1]), torch.rand(1).item())


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in ONLY_TENSORS])
def test_pil_images(theirs, picture, name):
    for ours, expected in results(MAKERS[name], theirs, (picture, picture), 4):
        assert ours[1] == expected[1], "as many numbers were drawn"
        off = np.asarray(ours[0]).astype(int) - np.asarray(expected[0])
        assert np.abs(off).max() <= (name in BY_WAY_OF_TENSORS)
        assert ours[0].mode == expected[0].mode


def pictures_of(kind: str, picture: Image.Image) -> tuple[Any, Any]:
    """The same picture for both: as a plain tensor, an image or a video, of bytes or floats."""
    from torchvision import tv_tensors as their_kinds

    array = np.asarray(picture).transpose(2, 0, 1).copy()
    if "float" in kind:
        array = array.astype(np.float32) / np.float32(255)
    if "Video" in kind:
        array = np.stack([array, array[:, ::-1]])
    ours, theirs = Tensor.of(array), torch.from_numpy(array)
    name = kind.split()[-1]
    if name == "Tensor":
        return ours, theirs
    return getattr(tv_tensors, name)(ours), getattr(their_kinds, name)(theirs)


@pytest.mark.numbers_decide  # thresholds and factors are drawn
@pytest.mark.parametrize("name", [name for name in MAKERS if name != "JPEG"])
@pytest.mark.parametrize(
    "kind", [pytest.param("Tensor", marks=pytest.mark.slow), "float Image", "Video"]
)
def test_tensors(theirs, picture, name, kind):
    if name.startswith("RandomSolarize") and "float" not in kind:
        return  # its threshold is for floats
    for ours, expected in results(MAKERS[name], theirs, pictures_of(kind, picture), 2):
        assert type(ours[0]).__name__ == type(expected[0]).__name__
        assert ours[1] == expected[1], "as many numbers were drawn"
        a, b = plain(ours[0]).numpy(), expected[0].numpy()
        assert a.dtype == b.dtype and a.shape == b.shape
        off = np.abs(a.astype(np.float64) - b)
        # where a number is next to a threshold, one pixel may be on the other side of it
        assert np.sort(off.ravel())[-3] <= (1 if a.dtype == np.uint8 else 3e-6 * max(b.max(), 1))


REPRS = [
    *MAKERS.values(),
    lambda t: t.UniformTemporalSubsample(3),
    lambda t: t.GaussianBlur(3, 2),
    lambda t: t.JPEG(40),
    lambda t: t.RandAugment(fill={t.Transform: 3}),
    lambda t: t.MixUp(num_classes=3),
    lambda t: t.CutMix(alpha=0.3),
]


@pytest.mark.parametrize("make", REPRS, ids=range(len(REPRS)))
def test_reprs_and_signatures(theirs, make):
    ours, expected = make(v2), make(theirs)
    if not isinstance(ours, (v2.MixUp, v2.CutMix)):
        assert repr(ours) == repr(expected)
    signatures = [inspect.signature(type(x)).parameters.values() for x in (ours, expected)]
    for a, b in zip(*signatures, strict=True):
        assert (a.name, a.kind, str(a.default)) == (b.name, b.kind, str(b.default))


def test_jpeg_of_tensors_is_pillows(picture):
    pixels = v2.functional.jpeg(Tensor.of(np.asarray(picture).transpose(2, 0, 1).copy()), 50)
    saved = v2.functional.jpeg(picture, 50)
    assert np.array_equal(pixels.numpy().transpose(1, 2, 0), np.asarray(saved))
    grey = mc.full((2, 1, 8, 8), 7, dtype=mc.uint8)
    assert v2.functional.jpeg(grey, 90).tolist() == grey.tolist()


@pytest.mark.parametrize("n", [1, 3, 5, 12])
def test_uniform_temporal_subsample(theirs, n):
    video = np.arange(5 * 3, dtype=np.float32).reshape(5, 3, 1, 1)
    ours = v2.UniformTemporalSubsample(n)(tv_tensors.Video(Tensor.of(video)))
    expected = theirs.UniformTemporalSubsample(n)(torch.from_numpy(video))
    assert isinstance(ours, tv_tensors.Video)
    assert np.array_equal(plain(ours).numpy(), expected.numpy())


def test_linear_transformation(theirs):
    rng = np.random.default_rng(0)
    x, matrix, mean = (rng.random(s, np.float32) for s in ((2, 3, 2, 2), (12, 12), (12,)))
    ours = v2.LinearTransformation(Tensor.of(matrix), Tensor.of(mean))(
        tv_tensors.Image(Tensor.of(x))
    )
    transform = theirs.LinearTransformation(torch.from_numpy(matrix), torch.from_numpy(mean))
    assert isinstance(ours, tv_tensors.Image)
    np.testing.assert_allclose(plain(ours).numpy(), transform(torch.from_numpy(x)), rtol=1e-5)


def test_masks_and_labels_stay_as_they_are(picture):
    mask = tv_tensors.Mask(np.ones((17, 23), np.uint8))
    sample = {"image": picture, "mask": mask, "label": 3, "numbers": mc.ones(2)}
    out = v2.RandomPhotometricDistort(p=1)(sample)
    assert out["image"].tobytes() != picture.tobytes()
    assert out["mask"] is mask and out["label"] == 3 and out["numbers"] is sample["numbers"]
    with pytest.warns(UserWarning, match="leaves inputs of type Mask"):
        assert v2.RandomErasing(1)(sample)["mask"] is mask


WRONG = [
    lambda t, x: t.JPEG(0),
    lambda t, x: t.JPEG(True),
    lambda t, x: t.JPEG([90, 10]),
    lambda t, x: t.JPEG((1, 2, 3)),
    lambda t, x: t.JPEG("90"),
    lambda t, x: t.ColorJitter(hue=0.7),
    lambda t, x: t.ColorJitter("red"),
    lambda t, x: t.GaussianBlur(2),
    lambda t, x: t.GaussianBlur(3, (2, 1)),
    lambda t, x: t.GaussianNoise(sigma=-1)(x),
    lambda t, x: t.GaussianNoise()(Image.new("L", (2, 2))),
    lambda t, x: t.RandomErasing(value="black"),
    lambda t, x: t.RandomErasing(value=None),
    lambda t, x: t.RandomErasing(scale=(0.5, 2)),
    lambda t, x: t.RandomErasing(1, value=(1, 2))(x),
    lambda t, x: t.RandomInvert(2),
    lambda t, x: t.RandomPosterize(9, p=1)(x),
    lambda t, x: t.RandomSolarize(300, p=1)(x),
    lambda t, x: t.RGB()(x[:2]),
    lambda t, x: t.Grayscale(2)(x),
    lambda t, x: t.functional.permute_channels(x, [0, 1]),
    lambda t, x: t.functional.adjust_gamma(x, -1),
    lambda t, x: t.functional.adjust_brightness(x, -1),
    lambda t, x: t.functional.invert("x"),
    lambda t, x: t.AutoAugment("imagenet"),
    lambda t, x: t.AutoAugment(fill="red"),
    lambda t, x: t.AutoAugment()((Image.new("L", (2, 2)), Image.new("L", (2, 2)))),
    lambda t, x: t.AutoAugment()("no image"),
    lambda t, x: t.RandAugment(-1),
    lambda t, x: t.AugMix(severity=0),
    lambda t, x: t.MixUp(num_classes=3)(x[None], 3),
    lambda t, x: t.MixUp()(x[None], x[0, 0, :1] > 300),
    lambda t, x: t.CutMix(num_classes=2)(x, x[0, 0, :1] > 300),
    lambda t, x: t.CutMix(num_classes=2)(Image.new("L", (2, 2)), x[0, 0, :1] > 300),
]


@pytest.mark.parametrize("make", WRONG, ids=range(len(WRONG)))
def test_errors(theirs, picture, make):
    pictures = pictures_of("Tensor", picture)
    with pytest.raises((TypeError, ValueError)) as expected:
        make(theirs, pictures[1])
    with pytest.raises(expected.type):
        make(v2, pictures[0])


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
@pytest.mark.parametrize("kind", ["Image", "Video"])
def test_mixing_of_kinds(theirs, name, kind):
    from torchvision import tv_tensors as their_kinds

    shape = (4, 3, 9, 8) if kind == "Image" else (4, 2, 3, 9, 8)
    x, labels = np.random.default_rng(0).random(shape, np.float32), np.arange(4)
    for seed in range(5):
        mc.manual_seed(seed)
        sample = {
            "image": getattr(tv_tensors, kind)(Tensor.of(x)),
            "labels": Tensor.of(labels),
            "id": "a",
        }
        ours = getattr(v2, name)(num_classes=5)(sample)
        torch.manual_seed(seed)
        sample = {"image": getattr(their_kinds, kind)(x), "labels": torch.from_numpy(labels)}
        expected = getattr(theirs, name)(num_classes=5)(sample)
        assert type(ours["image"]) is getattr(tv_tensors, kind) and ours["id"] == "a"
        np.testing.assert_allclose(plain(ours["image"]).numpy(), expected["image"], atol=1e-6)
        np.testing.assert_allclose(ours["labels"].numpy(), expected["labels"], atol=1e-6)
