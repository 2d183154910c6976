"""Crops are cut out of the right pictures, at the right places, by the kernel and by the workers."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import transforms as T
from minicnn.data import DataLoader, Dataset, SkipSample
from minicnn.data.decoded import DecodedPictures
from minicnn.ops.images import normalize_crops
from minicnn.training import crops as module
from minicnn.training.crops import CropNumbers, CropPixels, Upload, packed
from minicnn.training.cut import Cut

NORMALIZE = T.NormalizeImages((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TRAIN = T.Compose([T.Resize(12), T.RandomCrop((9, 7)), T.RandomHorizontalFlip(), T.PILToTensor()])
VAL = T.Compose([T.Resize(12), T.CenterCrop((9, 7)), T.PILToTensor()])


class Pictures(Dataset):
    """Noise of several sizes; number 3 is broken if ``broken``."""

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken

    def __getitem__(self, index):
        if self.broken and index == 3:
            raise SkipSample("picture 3 is broken")
        rng = np.random.default_rng(index)
        pixels = rng.integers(0, 256, (*rng.integers(10, 20, 2), 3), np.uint8)
        return Image.fromarray(pixels), index % 2

    def __len__(self) -> int:
        return 10


@pytest.fixture
def device(request):
    return request.config.getoption("device").partition("-")[0]


class Both:
    """Loaders of the same crops as numbers and as pixels, which make the same images of them."""

    def __init__(self, transform, device, broken=False):
        self.decoded = DecodedPictures(Pictures(broken), Cut.of(transform).resize)
        self.cut, self.device = Cut.of(transform), device
        self.buffer, starts = packed(self.decoded.pictures, device)
        options = {"batch_size": 4, "shuffle": True, "num_workers": 2}
        self.numbers = DataLoader(CropNumbers(self.decoded, self.cut, starts), **options)
        self.pixels = DataLoader(CropPixels(self.decoded, self.cut), **options)
        self.numbers.seed = self.pixels.seed = 5

    def images(self, epoch, start_batch=0):
        """(images, labels) of each batch, by numbers."""
        self.numbers.set_epoch(epoch, start_batch)
        how = self.cut.size, NORMALIZE.mean, NORMALIZE.std
        return [
            (
                normalize_crops(self.buffer, crops.to(self.device), *how).numpy_copy(),
                labels.numpy(),
            )
            for crops, labels in self.numbers
        ]

    def images_of_pixels(self, epoch):
        self.pixels.set_epoch(epoch)
        return [
            (NORMALIZE(images.to("cpu")).numpy(), labels.numpy()) for images, labels in self.pixels
        ]


def assert_same(ours, expected):
    for batch, other in zip(ours, expected, strict=True):
        for array, wanted in zip(batch, other, strict=True):
            np.testing.assert_array_equal(array, wanted)


@pytest.mark.parametrize("transform", [TRAIN, VAL], ids=["random", "centre"])
def test_numbers_and_pixels_are_the_same_crops(transform, device):
    both = Both(transform, device)
    assert_same(both.images(0), both.images_of_pixels(0))


def test_they_are_those_of_the_transforms(device):
    """Bit for bit in float32, and rounded once in bfloat16."""
    both = Both(VAL, device)
    numbers = CropNumbers(both.decoded, both.cut, packed(both.decoded.pictures, device)[1])
    crops = mc.tensor(np.stack([numbers[i][0] for i in range(10)]), device=device)
    expected = NORMALIZE(mc.stack([VAL(Pictures()[i][0]) for i in range(10)])).numpy()
    cut = functools.partial(normalize_crops, both.buffer, crops, (9, 7))
    np.testing.assert_array_equal(cut(NORMALIZE.mean, NORMALIZE.std).numpy_copy(), expected)
    half = cut(NORMALIZE.mean, NORMALIZE.std, mc.bfloat16)
    assert half.dtype == mc.bfloat16
    np.testing.assert_array_equal(half.numpy_copy(), expected.astype(mc.bfloat16))


@pytest.mark.cpu_only
def test_each_training_crop_is_somewhere_in_a_picture():
    both = Both(TRAIN, "cpu")
    for images, _ in both.images_of_pixels(1):
        for image in images:
            views = [
                np.lib.stride_tricks.sliding_window_view(way, image.shape, (0, 1, 2))
                for pixels in both.decoded.pictures
                for way in normalized_both_ways(pixels)
            ]
            assert any((view == image).all((3, 4, 5)).any() for view in views)


def normalized_both_ways(pixels):
    tensor = mc.Tensor.of(pixels.transpose(2, 0, 1)[None])
    image = NORMALIZE(tensor).numpy()[0]
    return image, image[:, :, ::-1]


def test_epochs_differ_and_each_can_be_entered_anywhere(device):
    both = Both(TRAIN, device)
    first = both.images(0)
    assert_same(both.images(0), first)
    assert_same(both.images(0, start_batch=1), first[1:])
    assert not np.array_equal(both.images(1)[0][0], first[0][0])


def test_broken_pictures_are_left_out(device):
    both = Both(VAL, device, broken=True)
    with pytest.warns(UserWarning, match="1 samples were left out"):
        by_numbers = both.images(0)
    with pytest.warns(UserWarning, match="1 samples were left out"):
        assert_same(by_numbers, both.images_of_pixels(0))
    assert sum(len(labels) for _, labels in by_numbers) == 9
    assert both.numbers.skipped == both.pixels.skipped == {3: "picture 3 is broken"}


@pytest.mark.parametrize("at_once", [1, 500, 10**9])
def test_packed_in_pieces(monkeypatch, at_once, device):
    monkeypatch.setattr(module, "_PACKED_AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (h, 5, 3), np.uint8) for h in (7, 0, 3, 12, 0)]
    pixels, starts = packed(pictures, device)
    assert starts.tolist() == [0, 105, 105, 150, 330]
    np.testing.assert_array_equal(
        pixels.numpy_copy(), np.concatenate([picture.reshape(-1) for picture in pictures])
    )


@pytest.mark.emulated_only
def test_an_upload_waits_for_the_computing_once_it_has_its_memory(monkeypatch):
    """Else the GPU might still have to read an earlier batch when its memory is taken."""
    import cupy

    def logged(name, function):
        def call(*arguments):
            calls.append(name)
            return function(*arguments)

        return call

    calls, upload = [], Upload("cuda")
    copies = upload._copies
    monkeypatch.setattr(cupy, "empty", logged("take memory", cupy.empty))
    monkeypatch.setattr(copies, "wait_stream", logged("wait", copies.wait_stream))
    monkeypatch.setattr(cupy.ndarray, "set", logged("copy", cupy.ndarray.set))
    monkeypatch.setattr(copies, "synchronize", logged("be there", copies.synchronize))
    image = mc.Tensor.of(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    images, labels = upload([(image, 1), (image, 0)])
    assert calls == ["take memory", "wait", "copy", "be there"]
    assert images.device.type == "cuda" and labels.tolist() == [1, 0]
    np.testing.assert_array_equal(images.numpy_copy(), np.stack([image.numpy()] * 2))
