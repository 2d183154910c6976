"""Loaders of pictures: on a GPU they are decoded once, and give the same images from either memory."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn import transforms as T
from minicnn.data import DogsVsCats, Subset
from minicnn.data.drawn import draw_dogs_vs_cats
from minicnn.training import captured, picture_loaders
from minicnn.training.loaders import budget

NORMALIZE = T.NormalizeImages((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TRAIN = T.Compose([T.Resize(20), T.RandomCrop(17), T.RandomHorizontalFlip(), T.PILToTensor()])
VAL = T.Compose([T.Resize(20), T.CenterCrop(17), T.PILToTensor()])
TINY = 1e-9  # GB: no picture fits


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "pets"
    return DogsVsCats(draw_dogs_vs_cats(folder, per_class=5, test=0))


@pytest.fixture
def parts(pets):
    return (Subset(pets, [0, 2, 4, 5, 7, 8, 9]), TRAIN), (Subset(pets, [1, 3, 6]), VAL)


def options(device, gpu_gb=1.0):
    return argparse.Namespace(device=device, batch_size=2, workers=2, gpu_gb=gpu_gb)


def batches(loaders, device, epoch=0):
    """The images and labels of both loaders."""
    loaders.train.seed = 3
    loaders.train.set_epoch(epoch)
    result = []
    for loader in (loaders.train, loaders.val):
        for batch, labels in loader:
            result += [loaders.images(batch.to(device)).numpy_copy(), labels.numpy_copy()]
    return result


def assert_all_equal(ours, expected):
    for array, wanted in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(array, wanted)


@pytest.mark.cpu_only
def test_on_the_cpu_pictures_are_loaded_in_each_epoch(parts):
    loaders = picture_loaders(options("cpu"), *parts, NORMALIZE)
    assert loaders.images is NORMALIZE
    assert [len(loader) for loader in loaders[:2]] == [4, 2]
    sample, label = loaders.val.dataset[1]
    picture, expected = parts[1][0][1]
    np.testing.assert_array_equal(sample.numpy(), VAL(picture).numpy())
    assert label == expected


@pytest.mark.cuda_only
def test_both_memories_give_the_same_batches(parts, capsys):
    on_gpu = picture_loaders(options("cuda"), *parts, NORMALIZE)
    in_memory = picture_loaders(options("cuda", TINY), *parts, NORMALIZE)
    assert capsys.readouterr().out.count("decoded 10 pictures in ") == 2
    numbers, pixels = (next(iter(loaders.val))[0] for loaders in (on_gpu, in_memory))
    assert (tuple(numbers.shape), numbers.dtype, numbers.device.type) == ((2, 3), mc.int64, "cpu")
    assert (tuple(pixels.shape), pixels.dtype) == ((2, 3, 17, 17), mc.uint8)
    assert pixels.device.type == "cuda"
    for epoch in (0, 1):
        assert_all_equal(batches(in_memory, "cuda", epoch), batches(on_gpu, "cuda", epoch))


@pytest.mark.cuda_only
def test_validation_is_that_of_the_cpu(parts):
    on_gpu = picture_loaders(options("cuda"), *parts, NORMALIZE)
    on_cpu = picture_loaders(options("cpu"), *parts, NORMALIZE)
    ours = batches(on_gpu, "cuda")[-4:]
    assert_all_equal(ours, batches(on_cpu, "cpu")[-4:])


@pytest.mark.cuda_only
@pytest.mark.parametrize("gpu_gb", [1.0, TINY])
def test_images_have_the_precision_of_the_first_layer(parts, gpu_gb):
    loaders = picture_loaders(options("cuda", gpu_gb), *parts, NORMALIZE)
    batch = next(iter(loaders.val))[0].to("cuda")
    full = loaders.images(batch)
    with mc.autocast(dtype=mc.bfloat16):
        half = loaders.images(batch)
    assert (full.dtype, half.dtype) == (mc.float32, mc.bfloat16)
    np.testing.assert_array_equal(half.numpy_copy(), full.to(mc.bfloat16).numpy_copy())


@pytest.mark.cpu_only
def test_the_budget(monkeypatch):
    monkeypatch.setattr("minicnn.training.loaders.mem_get_info", lambda: (80, 100))
    assert budget(options("cuda", None)) == 40
    assert budget(options("cuda", 0.25)) == 25e7


@pytest.mark.cpu_only
def test_crops_of_two_sizes(parts):
    train, (val, _) = parts
    other = T.Compose([T.Resize(20), T.CenterCrop(16), T.PILToTensor()])
    with pytest.raises(ValueError, match=r"one size, got \(17, 17\) to train and \(16, 16\)"):
        picture_loaders(options("cuda"), train, (val, other), NORMALIZE)


@pytest.mark.cuda_only
@pytest.mark.parametrize("gpu_gb", [1.0, TINY])
def test_cutting_out_is_a_part_of_the_captured_step(parts, gpu_gb):
    args = options("cuda", gpu_gb)
    loaders = picture_loaders(args, *parts, NORMALIZE)
    net = nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.Flatten(), nn.Linear(64, 2)).to("cuda")

    def predict(batch):
        with mc.autocast(dtype=mc.bfloat16):
            return net(loaders.images(batch)).float()

    graphed = captured(predict, args)
    with mc.no_grad():
        for epoch in range(2):
            loaders.train.set_epoch(epoch)
            for batch, _ in loaders.train:
                logits, expected = graphed(batch), predict(batch.to("cuda"))
                np.testing.assert_array_equal(logits.numpy_copy(), expected.numpy_copy())
