"""Pascal VOC from a small copy of its folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import transforms as T
from minicnn import viz
from minicnn.data import DataLoader, VOCSegmentation

NAMES = {"train": ["2007_000032", "2007_000039"], "val": ["2007_000033"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for image_set, names in NAMES.items():
        text = "".join(f"{name}\n" for name in names)
        (folder / "ImageSets" / "Segmentation" / f"{image_set}.txt").write_text(text)
        for number, name in enumerate(names):
            picture = rng.integers(0, 256, (20, 30, 3), np.uint8)
            Image.fromarray(picture).save(folder / "JPEGImages" / f"{name}.jpg")
            labels = np.full((20, 30), 15, np.uint8)
            labels[:, number] = 255
            mask = Image.fromarray(labels).convert("P")
            mask.putdata(labels.ravel().tolist())
            mask.putpalette(viz.voc_palette().ravel().tolist())
            mask.save(folder / "SegmentationClass" / f"{name}.png")
    return tmp_path


@pytest.mark.parametrize("inside", [".", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_folders(root: Path, inside: str) -> None:
    dataset = VOCSegmentation(root / inside)
    assert len(dataset) == 2
    assert [Path(path).name for path in dataset.images] == ["2007_000032.jpg", "2007_000039.jpg"]
    assert [Path(path).name for path in dataset.masks] == ["2007_000032.png", "2007_000039.png"]
    assert len(VOCSegmentation(str(root / inside), image_set="val")) == 1
    assert dataset.describe(1) == dataset.images[1]


def test_samples(root: Path) -> None:
    picture, mask = VOCSegmentation(root)[1]
    assert (picture.mode, picture.size) == ("RGB", (30, 20))
    assert (mask.mode, mask.size) == ("P", (30, 20))
    labels = np.asarray(mask)
    assert (labels[:, 1] == 255).all() and (np.delete(labels, 1, 1) == 15).all()
    assert mask.convert("RGB").getpixel((0, 0)) == (192, 128, 128)  # person


def test_transforms_and_loader(root: Path) -> None:
    transforms = T.JointTransform([T.RandomCrop(16)], [T.ToTensor()])
    loader = DataLoader(VOCSegmentation(root, transforms=transforms), batch_size=2)
    ((images, labels),) = loader
    assert images.shape == (2, 3, 16, 16) and labels.shape == (2, 16, 16)
    assert labels.dtype == mc.int64 and set(np.unique(labels.numpy())) <= {15, 255}


def test_broken_and_missing_files_are_left_out(root: Path) -> None:
    folder = root / "VOCdevkit" / "VOC2012"
    (folder / "SegmentationClass" / "2007_000039.png").write_bytes(b"no picture")
    (folder / "JPEGImages" / "2007_000033.jpg").unlink()
    crop = T.JointTransform([T.RandomCrop(16)], [T.ToTensor()])
    loader = DataLoader(VOCSegmentation(root, transforms=crop, on_error="warn"), batch_size=2)
    with pytest.warns(UserWarning, match=r"left out sample 1: .*2007_000039\.png: cannot identify"):
        ((images, _),) = loader
    assert len(images) == 1 and list(loader.skipped) == [1]
    val = DataLoader(VOCSegmentation(root, image_set="val", on_error="skip"))
    with pytest.warns(UserWarning, match="1 samples were left out"):
        assert not list(val)


def test_errors_say_what_is_missing(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image_set must be one of .*'trainval'.*got 'all'"):
        VOCSegmentation(root, image_set="all")
    with pytest.raises(
        FileNotFoundError,
        match="no VOC2007 in .*it must hold VOCdevkit/VOC2007.*unpack .* there, or in Python pass",
    ):
        VOCSegmentation(root, year="2007")
    with pytest.raises(FileNotFoundError, match=r"test\.txt"):
        VOCSegmentation(root, image_set="test")
    folder = root / "VOCdevkit" / "VOC2012"
    (folder / "SegmentationClass" / "2007_000039.png").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"1 files of .*train\.txt are missing.*000039\.png"
    ):
        VOCSegmentation(root)
