"""MixUp and CutMix, against torchvision's and against their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import data
from minicnn import transforms as T

N, CLASSES = 6, 4
IMAGES = np.random.default_rng(0).random((N, 3, 10, 7), np.float32)
LABELS = np.array([0, 3, 1, 1, 2, 0])


@pytest.fixture(scope="module")
def v2() -> Any:
    import with_torchvision  # noqa: F401
    from torchvision.transforms import v2

    return v2


def batch(library: Any, form: str) -> tuple[Any, ...]:
    images, labels = library.tensor(IMAGES), library.tensor(LABELS)
    if form == "bytes":
        images = (images * 255).to(library.uint8)
    if form == "soft":
        labels = library.tensor(np.eye(CLASSES, dtype=np.float32)[LABELS])
    return (
        ({"pictures": images, "n": 3, "my_label": labels},) if form == "dict" else (images, labels)
    )


@pytest.mark.numbers_decide
@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("MixUp", "floats"),
        ("MixUp", "soft"),
        ("MixUp", "dict"),
        ("CutMix", "floats"),
        ("CutMix", "bytes"),
        ("CutMix", "soft"),
    ],
)
@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_same_numbers_as_torchvision(v2, kind, form, alpha):
    options = {"alpha": alpha, "num_classes": CLASSES}
    if form == "dict":
        options["labels_getter"] = lambda sample: sample["my_label"]
    ours, theirs = getattr(T, kind)(**options), getattr(v2, kind)(**options)
    for seed in range(8):
        mc.manual_seed(seed)
        torch.manual_seed(seed)
        found, expected = ours(*batch(mc, form)), theirs(*batch(torch, form))
        if form == "dict":
            assert list(found) == list(expected) and found["n"] == 3
            found, expected = ([x["pictures"], x["my_label"]] for x in (found, expected))
        for mine, other in zip(found, expected, strict=True):
            assert mine.numpy_copy().dtype == other.numpy().dtype
            np.testing.assert_allclose(mine.numpy_copy(), other.numpy(), rtol=1e-6, atol=1e-7)


def test_labels_tell_how_much_of_each_image_there_is():
    """In a batch of constant images, the mean of an image is the mean of the labels' classes."""
    classes = mc.arange(4)
    images = classes.float().reshape(4, 1, 1, 1).expand(4, 3, 16, 16)
    mc.manual_seed(0)
    for transform in (T.MixUp(num_classes=4), T.CutMix(num_classes=4)):
        mixed, labels = transform(images, classes)
        np.testing.assert_allclose(labels.sum(1).numpy_copy(), 1, rtol=1e-6)
        means = (labels * classes).sum(1)
        np.testing.assert_allclose(
            mixed.mean((1, 2, 3)).numpy_copy(), means.numpy_copy(), rtol=1e-5, atol=1e-6
        )


def test_cross_entropy_of_mixed_labels_is_the_mixed_cross_entropy():
    logits, labels = mc.randn(N, CLASSES), mc.tensor(LABELS)
    mc.manual_seed(1)
    _, soft = T.MixUp(num_classes=CLASSES)(mc.tensor(IMAGES), labels)
    share = soft[0, 0].item()  # the last image, which comes before the first, has label 0, too …
    assert share == pytest.approx(1)
    share = soft[1, 3].item()  # … the second has its own label, 3, and that of the first, 0
    expected = share * F.cross_entropy(logits, labels) + (1 - share) * F.cross_entropy(
        logits, labels.roll(1, 0)
    )
    assert F.cross_entropy(logits, soft).item() == pytest.approx(expected.item(), rel=1e-5)


class Pictures(data.Dataset):
    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> tuple[mc.Tensor, int]:
        return mc.full((1, 4, 4), float(index)), index % CLASSES


@pytest.mark.cpu_only
def test_a_loader_mixes_the_same_with_any_number_of_workers():
    mix = T.RandomChoice([T.MixUp(num_classes=CLASSES), T.CutMix(num_classes=CLASSES)])

    def collate(samples: list) -> Any:
        return mix(*data.default_collate(samples))

    def epoch(workers: int) -> list[np.ndarray]:
        loader = data.DataLoader(Pictures(), 5, num_workers=workers, collate_fn=collate)
        loader.seed = 7
        loader.set_epoch(0)
        return [array.numpy_copy() for batch in loader for array in batch]

    one, two = epoch(0), epoch(2)
    assert one[1].shape == (5, CLASSES)
    assert not np.array_equal(one[0] - one[0][0], one[2] - one[2][0])  # another share
    for mine, other in zip(one, two, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("options", "inputs", "text"),
    [
        ({}, lambda x, y: (x, y), "needs num_classes"),
        ({"num_classes": 4}, lambda x, y: (x[0], y), "expects 6 images"),
        ({"num_classes": 4}, lambda x, y: (x[:2], y), r"got shape \(2, 3, 10, 7\)"),
        ({"num_classes": 4}, lambda x, y: (x, 3), "expects a tensor of labels .*, got int"),
        ({"num_classes": 3}, lambda x, y: (x, F.one_hot(y, 4)), r"expects labels \(N, 3\)"),
    ],
)
def test_what_cannot_be_mixed(options, inputs, text):
    for kind in (T.MixUp, T.CutMix):
        with pytest.raises(ValueError, match=text):
            kind(**options)(*inputs(mc.tensor(IMAGES), mc.tensor(LABELS)))


def test_bytes_are_not_added():
    with pytest.raises(TypeError, match="floats, got .*uint8"):
        T.MixUp(num_classes=CLASSES)(*batch(mc, "bytes"))


def test_arguments():
    with pytest.raises(ValueError, match="alpha must be above 0, got 0"):
        T.MixUp(alpha=0)
    with pytest.raises(ValueError, match="'default' or callable, got 'labels'"):
        T.CutMix(labels_getter="labels")
    assert repr(T.CutMix(num_classes=3)) == "CutMix(alpha=1.0, num_classes=3)"
