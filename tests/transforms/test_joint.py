"""A picture and its mask together: moved and cut alike, labels never mixed, what is new is void."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import transforms as T


def pair(width: int = 40, height: int = 30, mode: str = "L") -> tuple[Image.Image, Image.Image]:
    """A picture whose red is 10 times the mask's label, in patches of 5 pixels."""
    labels = np.random.default_rng(0).integers(0, 21, (height // 5, width // 5), np.uint8)
    labels = labels.repeat(5, 0).repeat(5, 1)
    picture = np.stack([10 * labels, 255 - labels, labels], -1).astype(np.uint8)
    mask = Image.fromarray(labels)
    if mode == "P":
        mask = mask.convert("P")
        mask.putdata(labels.ravel().tolist())
        mask.putpalette(list(range(255, -1, -1)) * 3)
    return Image.fromarray(picture), mask


@pytest.mark.parametrize("mode", ["L", "P"])
def test_without_transforms_the_labels_come_as_they_are(mode: str) -> None:
    picture, mask = pair(mode=mode)
    image, labels = T.JointTransform([], [T.ToTensor()])(picture, mask)
    assert image.shape == (3, 30, 40) and labels.shape == (30, 40)
    assert labels.dtype == mc.int64
    np.testing.assert_array_equal(labels.numpy(), np.asarray(pair()[1]))


def test_every_label_survives() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    mask = Image.fromarray(values)
    _, labels = T.JointTransform([T.RandomHorizontalFlip(1.0)], [])(mask.convert("RGB"), mask)
    np.testing.assert_array_equal(labels.numpy(), values[:, ::-1])


@pytest.mark.parametrize(
    "transform",
    [
        T.RandomCrop(17),
        T.RandomHorizontalFlip(),
        T.RandomVerticalFlip(),
        T.CenterCrop((20, 15)),
        T.RandomResizedCrop(24, interpolation=T.InterpolationMode.NEAREST),
        T.RandomApply([T.RandomHorizontalFlip(), T.RandomCrop(20)]),
        T.Compose([T.RandomCrop(25), T.RandomVerticalFlip()]),
        T.RandomRotation(30, fill=255),
        T.RandomAffine(20, (0.2, 0.2), (0.8, 1.2), 10),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_picture_and_mask_move_alike(transform: Any) -> None:
    picture, mask = pair()
    joint = T.JointTransform([transform], [])
    results = set()
    for _ in range(20):
        image, labels = joint(picture, mask)
        red, labels = np.asarray(image)[..., 0], labels.numpy()
        assert red.shape == labels.shape
        here = labels != 255
        np.testing.assert_array_equal(red[here], 10 * labels[here])
        assert here.any()
        results.add(labels.tobytes())
    assert len(results) > 1 or isinstance(transform, T.CenterCrop)


@pytest.mark.parametrize(
    "resize",
    [
        T.Resize((47, 33)),
        T.Compose([T.Resize((47, 33))]),
        T.RandomApply([T.Resize((47, 33))], p=1.0),
        T.RandomResizedCrop((47, 33)),
    ],
    ids=["alone", "in Compose", "in RandomApply", "RandomResizedCrop"],
)
def test_resized_labels_are_never_mixed(resize: Any) -> None:
    labels = np.where(np.arange(40) % 2, 20, 3).astype(np.uint8)[None].repeat(30, 0)
    picture = Image.fromarray(labels).convert("RGB")
    image, resized = T.JointTransform([resize], [])(picture, Image.fromarray(labels))
    assert resized.shape == (47, 33)
    assert set(np.unique(resized.numpy())) <= {3, 20}
    assert len(np.unique(np.asarray(image))) > 2, "the picture is interpolated"
    assert "bilinear" in repr(resize).lower(), "the user's transform stays as it is"


@pytest.mark.parametrize("fill", [0, 7, (124, 116, 104)])
def test_padding_is_void(fill: Any) -> None:
    picture, mask = pair()
    image, labels = T.JointTransform([T.Pad(4, fill=fill)], [])(picture, mask)
    assert np.asarray(image)[0, 0].tolist() == list(fill if isinstance(fill, tuple) else [fill] * 3)
    labels = labels.numpy()
    np.testing.assert_array_equal(labels[4:-4, 4:-4], np.asarray(mask))
    labels[4:-4, 4:-4] = 255
    assert (labels == 255).all()
    _, labels = T.JointTransform([T.RandomCrop(60, pad_if_needed=True, fill=fill)], [])(*pair())
    assert labels.shape == (60, 60) and (labels.numpy() == 255).sum() == 60 * 60 - 40 * 30


def test_colours_are_for_the_picture_alone() -> None:
    steps = [T.ColorJitter(0.5), T.ToTensor(), T.Normalize((0.5,) * 3, (0.5,) * 3)]
    image, labels = T.JointTransform([T.RandomHorizontalFlip(0.0)], steps)(*pair())
    assert image.dtype == mc.float32 and image.numpy().min() < 0
    np.testing.assert_array_equal(labels.numpy(), np.asarray(pair()[1]))


def test_the_same_seed_gives_the_same_pair() -> None:
    joint = T.JointTransform([T.RandomCrop(20), T.RandomRotation(30)], [T.ToTensor()])
    results = []
    for _ in range(2):
        mc.manual_seed(5)
        results.append([joint(*pair()) for _ in range(2)])
    for (image, labels), (again, labels_again) in zip(*results):
        np.testing.assert_array_equal(image.numpy(), again.numpy())
        np.testing.assert_array_equal(labels.numpy(), labels_again.numpy())
    assert (results[0][0][1].numpy() != results[0][1][1].numpy()).any()


def test_sizes_must_agree() -> None:
    picture, mask = pair()
    with pytest.raises(ValueError, match=r"image's size \(40, 30\), got \(39, 30\)"):
        T.JointTransform([], [])(picture, mask.crop((0, 0, 39, 30)))


@pytest.mark.parametrize("mode", ["RGB", "I", "1"])
def test_masks_of_other_modes(mode: str) -> None:
    picture, mask = pair()
    with pytest.raises(ValueError, match=f"mode L or P, its pixels the labels, got {mode}"):
        T.JointTransform([], [])(picture, mask.convert(mode))


def test_repr() -> None:
    text = repr(T.JointTransform([T.Resize(256)], [T.ToTensor()]))
    assert text.startswith("JointTransform(both=[Resize(size=256") and "image=[ToTensor()]" in text
