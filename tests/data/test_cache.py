"""Datasets whose decoded pictures are kept: the same samples, without decoding."""

from __future__ import annotations

import functools
import os
import pickle
from pathlib import Path

import imagenet_trees
import numpy as np
import pytest
from pictures import jpeg, train_files, write_folder, write_zip
from PIL import Image

from minicnn import transforms as T
from minicnn.data import (
    BrokenPicture,
    CachedDataset,
    DataLoader,
    DogsVsCats,
    ImageFolder,
    ImageNet,
    PictureCache,
    TransformDataset,
    VOCSegmentation,
    load_picture,
    picture,
    stratified_split,
)

# a second warning that the cache is full is an error
pytestmark = [pytest.mark.cpu_only, pytest.mark.filterwarnings("error:the cache")]

AUGMENT = T.Compose([T.RandomCrop(8), T.RandomHorizontalFlip(), T.PILToTensor()])


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """Grows with each picture that is decoded in this process."""
    calls: list[int] = []
    decode = picture._decode

    def counting(data: bytes, draft: int | None = None) -> Image.Image:
        calls.append(len(data))
        return decode(data, draft)

    monkeypatch.setattr(picture, "_decode", counting)
    return calls


@pytest.fixture(params=["memory", "file"])
def where(request, tmp_path) -> str | Path:
    return "memory" if request.param == "memory" else tmp_path / "pictures.cache"


@pytest.fixture
def pets(tmp_path) -> Path:
    return write_zip(tmp_path / "train.zip", train_files())


def noise(seed: int, *shape: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


def test_pictures_of_a_zip_are_decoded_once(pets, where, decoded):
    plain = DogsVsCats(pets)
    cached = CachedDataset(plain, where, 1e6)
    expected = [(p.tobytes(), p.mode, p.info, label) for p, label in plain]
    decoded.clear()
    for _ in range(3):
        assert [(p.tobytes(), p.mode, p.info, label) for p, label in cached] == expected
    assert len(decoded) == len(plain) == len(cached) == len(cached.cache) == 6
    assert cached.describe(4) == plain.describe(4)


def test_the_next_run_uses_the_file(pets, tmp_path, decoded):
    for _ in range(2):
        cached = CachedDataset(DogsVsCats(pets), tmp_path / "a.cache", 1e6)
        assert len(list(cached)) == 6
    assert len(decoded) == 6


def test_changed_files_are_decoded_again(tmp_path, where, decoded):
    folder = write_folder(tmp_path / "pets", {"cat/a.jpg": jpeg(1), "dog/b.jpg": jpeg(2)})
    cached = CachedDataset(ImageFolder(folder), where, 1e6)
    list(cached)
    other = jpeg(3)
    (folder / "dog" / "b.jpg").write_bytes(other)
    os.utime(folder / "dog" / "b.jpg", ns=(1, 1))
    shown = [cached[1][0].tobytes() for _ in range(2)]
    assert shown == [load_picture(folder / "dog" / "b.jpg").tobytes()] * 2
    assert len(cached[0][0].tobytes()) and len(decoded) == 4  # load_picture decoded one of them
    (folder / "cat" / "a.jpg").unlink()
    with pytest.raises(FileNotFoundError):
        cached[0]


def test_a_changed_archive_is_decoded_again(pets, where, decoded):
    list(CachedDataset(DogsVsCats(pets), cache := PictureCache(where, 1e6)))
    os.utime(pets, ns=(1, 1))
    list(CachedDataset(DogsVsCats(pets), cache))
    assert (len(decoded), len(cache)) == (12, 6)


def test_pictures_in_tars_in_a_tar(tmp_path, where, decoded):
    cached = CachedDataset(ImageNet(imagenet_trees.in_tars(tmp_path / "imagenet")), where, 1e6)
    first, second = ([(p.tobytes(), label) for p, label in cached] for _ in range(2))
    assert first == second
    assert len(decoded) == len(cached) == len(cached.cache) > 0


def test_masks_keep_their_mode_and_joint_transforms_their_numbers(tmp_path, where, decoded):
    folder = tmp_path / "VOC2012"
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / name).mkdir(parents=True)
    for name in "ab":
        noise(ord(name), 20, 30 + ord(name) % 7, 3).save(folder / "JPEGImages" / f"{name}.jpg")
        mask = noise(ord(name), 20, 30 + ord(name) % 7).convert("P")
        mask.save(folder / "SegmentationClass" / f"{name}.png")
    (folder / "ImageSets" / "Segmentation" / "train.txt").write_text("a\nb\n")
    plain = VOCSegmentation(tmp_path / "VOC2012")
    cached = CachedDataset(plain, where, 1e6)
    for _ in range(2):
        for (image, mask), (image_now, mask_now) in zip(plain, cached, strict=True):
            assert (image.mode, mask.mode) == (image_now.mode, mask_now.mode) == ("RGB", "P")
            assert mask.getpalette() == mask_now.getpalette()
            assert (image.tobytes(), mask.tobytes()) == (image_now.tobytes(), mask_now.tobytes())
    transforms = T.JointTransform([T.RandomCrop(16)], [T.PILToTensor()])
    cropped = VOCSegmentation(tmp_path / "VOC2012", transforms=transforms)
    decoded.clear()
    of_cached = batches(CachedDataset(cropped, cached.cache))
    assert not decoded
    assert of_cached == batches(cropped)


def batches(dataset: object, epochs: int = 2, **options: object) -> list[list[bytes]]:
    loader = DataLoader(dataset, batch_size=2, shuffle=True, **options)
    loader.seed = 3
    loader.set_epoch(0)
    return [[item.numpy().tobytes() for item in batch] for _ in range(epochs) for batch in loader]


@pytest.mark.parametrize("workers", [{}, {"num_workers": 2}])
def test_augmentation_draws_the_same_numbers(pets, where, workers, decoded):
    expected = batches(TransformDataset(DogsVsCats(pets), AUGMENT))
    cached = CachedDataset(DogsVsCats(pets), where, 1e6)
    decoded.clear()
    assert batches(TransformDataset(cached, AUGMENT), **workers) == expected
    assert batches(CachedDataset(DogsVsCats(pets, transform=AUGMENT), cached.cache)) == expected
    assert len(decoded) == 6


def test_worker_processes_share_it(pets, where, decoded):
    cached = CachedDataset(DogsVsCats(pets, transform=AUGMENT), where, 1e6)
    assert len(pickle.dumps(cached.cache)) < 1000
    options = {"num_workers": 2, "worker_type": "process"}
    got = batches(cached, epochs=1, **options)
    assert len(cached.cache) == 6
    assert got == batches(cached, epochs=1) == batches(cached.dataset, epochs=1)
    assert len(decoded) == 6  # by the last, which is not cached


def test_what_does_not_fit_is_decoded_each_time(tmp_path, where, decoded):
    files = {f"cat/{n}.png": b"" for n in range(8)}
    folder = write_folder(tmp_path / "pets", files)
    for number, name in enumerate(files):
        noise(number, 80, 100, 3).save(folder / name)
    cached = CachedDataset(ImageFolder(folder), where, 100_000)
    with pytest.warns(UserWarning, match="is full: it keeps 4 pictures, the others are decoded"):
        list(cached)
    list(cached)
    list(cached)
    assert len(decoded) == 8 + 4 + 4
    assert cached.cache.used <= 100_000
    for name in files:
        os.utime(folder / name, ns=(1, 1))
    list(cached)  # replaces what is stale
    list(cached)
    assert len(decoded) == 8 + 4 + 4 + 8 + 4


def test_broken_pictures_are_named_in_each_epoch(tmp_path, where):
    write_folder(tmp_path / "pets", {"cat/a.jpg": jpeg(1), "cat/b.jpg": b"no picture"})
    load = functools.partial(load_picture, on_error="warn")
    cached = CachedDataset(ImageFolder(tmp_path / "pets", loader=load), where, 1e6)
    for _ in range(2):
        with pytest.raises(BrokenPicture, match=r"b\.jpg: cannot identify image"):
            cached[1]
    loader = DataLoader(TransformDataset(cached, T.PILToTensor()))
    with pytest.warns(UserWarning, match=r"left out sample 1: .*b\.jpg"):
        assert len(list(loader)) == 1


def test_pictures_without_a_file_are_not_kept(tmp_path, where, decoded, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = PictureCache(where, 1e6)
    for path in ("a.jpg", "https://example.org/a.jpg", "", ".", "a\0b"):
        with picture.looking_in(cache):
            for _ in range(2):
                picture.decode_picture(lambda: jpeg(1), path)
    assert (len(decoded), len(cache)) == (10, 0)


def test_only_the_thread_that_loads_a_sample_looks_in_the_cache(pets, decoded):
    cached = CachedDataset(DogsVsCats(pets), "memory", 1e6)
    list(cached)
    cached.dataset.load(0)
    assert (len(decoded), len(cached.dataset.verify())) == (7, 0)


def test_it_is_split_as_its_dataset(pets):
    plain = DogsVsCats(pets)
    for part, expected in zip(
        stratified_split(CachedDataset(plain), 0.4), stratified_split(plain, 0.4), strict=True
    ):
        assert np.array_equal(part.indices, expected.indices)


def test_the_budget_is_shown(pets, tmp_path):
    cached = CachedDataset(DogsVsCats(pets), tmp_path / "a.cache", budget=200_000)
    cached[0]
    assert repr(cached) == (
        f"CachedDataset(DogsVsCats(3 cats and 3 dogs from {pets}), PictureCache(1 pictures in "
        f"{tmp_path}/a.cache, {cached.cache.used:,} of at most 200,000 bytes))"
    )
    assert "in memory, " in repr(PictureCache())
    with pytest.raises(ValueError, match="budget must be at least 65,536 bytes, got -1"):
        CachedDataset(DogsVsCats(pets), budget=-1)
