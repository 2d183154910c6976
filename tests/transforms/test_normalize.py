from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import transforms as T
from minicnn.tensor import Tensor
from minicnn.transforms import functional as F
from minicnn.transforms import v2

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def image_tensor(shape: tuple[int, ...] = (3, 5, 4), channels_last: bool = False) -> Tensor:
    array = np.random.default_rng(0).random(shape, dtype=np.float32)
    if channels_last:
        array = np.moveaxis(np.ascontiguousarray(np.moveaxis(array, -3, -1)), -1, -3)
    return Tensor.of(array)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 3, 5, 4)])
@pytest.mark.parametrize("inplace", [False, True])
def test_normalize(shape, channels_last, inplace):
    x = image_tensor(shape, channels_last)
    before = x.numpy().copy()
    mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (MEAN, STD))
    out = T.Normalize(MEAN, STD, inplace)(x)
    assert np.array_equal(out.numpy(), (before - mean) / std)
    assert out.array.strides == x.array.strides
    assert (out is x) == inplace
    assert inplace or np.array_equal(x.numpy(), before)


def test_normalize_of_one_number_and_one_channel():
    x = image_tensor((1, 5, 4))
    assert np.array_equal(F.normalize(x, [0.5], [2]).numpy(), (x.numpy() - np.float32(0.5)) / 2)
    x = image_tensor((3, 5, 4), channels_last=True)
    assert np.array_equal(F.normalize(x, [0.5], [2]).numpy(), (x.numpy() - np.float32(0.5)) / 2)


@pytest.mark.parametrize("mean, std", [(0.5, 0.25), (mc.tensor(0.5), 0.25), ([0.5], 0.25)])
def test_numbers_need_no_list(mean, std):
    """As in ``Normalize((0.5), (0.5))``, which is often written."""
    x = mc.rand(3, 4, 5)
    expected = F.normalize(x, [0.5], [0.25])
    assert mc.equal(F.normalize(x, mean, std), expected)
    assert mc.equal(T.Normalize(mean, std)(x), expected)
    assert mc.equal(v2.Normalize(mean, std)(x), expected)
    with pytest.raises(ValueError, match="std must not be 0"):
        T.Normalize(mean, 0)


def test_normalize_passes_gradients_on():
    x = image_tensor()
    x.requires_grad = True
    F.normalize(x, MEAN, STD).sum().backward()
    expected = np.broadcast_to(1 / np.array(STD, np.float32)[:, None, None], x.shape)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "mean", "std", "error", "message"),
    [
        (image_tensor(), [0.5] * 3, [1, 0, 1], ValueError, "std must not be 0"),
        (image_tensor(), [0.5] * 2, [1] * 3, ValueError, "mean must have 1 or 3 values.*got 2"),
        (image_tensor(), [0.5] * 3, [1] * 4, ValueError, "std must have 1 or 3 values.*got 4"),
        (image_tensor((5, 4)), [0.5], [1], ValueError, r"\(..., C, H, W\), got \(5, 4\)"),
        (Tensor.of(np.zeros((3, 2, 2), np.uint8)), [0.5], [1], TypeError, "floats, got uint8"),
        (np.zeros((3, 2, 2)), [0.5], [1], TypeError, "expects a tensor, got ndarray"),
    ],
)
def test_normalize_rejects(x, mean, std, error, message):
    with pytest.raises(error, match=message):
        F.normalize(x, mean, std)


def test_normalize_by_zero_is_noticed_when_made():
    with pytest.raises(ValueError, match="std must not be 0"):
        T.Normalize([0.5], [0.0])


@pytest.mark.parametrize("channels_last", [False, True])
def test_normalize_images_is_to_tensor_and_normalize_of_a_batch(picture, channels_last):
    one_by_one = [F.normalize(F.to_tensor(picture), MEAN, STD).numpy() for _ in range(2)]
    images = mc.stack([F.pil_to_tensor(picture)] * 2)
    if channels_last:
        images = Tensor.of(images.numpy().transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2))
    out = T.NormalizeImages(MEAN, STD)(images)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out.numpy(), np.stack(one_by_one))  # to the bit


@pytest.mark.fast_only
def test_normalized_images_are_channels_last_in_memory(picture):
    out = T.NormalizeImages(MEAN, STD)(mc.stack([F.pil_to_tensor(picture)] * 2))
    assert out.array.transpose(0, 2, 3, 1).flags.c_contiguous


def test_normalize_images_in_half_precision(picture):
    images = mc.stack([F.pil_to_tensor(picture)])
    half = T.NormalizeImages(MEAN, STD, mc.float16)
    assert repr(half) == f"NormalizeImages(mean={MEAN}, std={STD}, dtype=float16)"
    expected = T.NormalizeImages(MEAN, STD)(images).numpy().astype(np.float16)
    np.testing.assert_array_equal(half(images).numpy(), expected)


def test_normalize_images_arguments():
    images = Tensor.of(np.zeros((2, 3, 4, 4), np.uint8))
    with pytest.raises(ValueError, match=r"std must not be 0, got \(1, 0, 1\)"):
        T.NormalizeImages(MEAN, (1, 0, 1))
    with pytest.raises(ValueError, match="mean must have 3 values for images of shape .*got 1"):
        T.NormalizeImages((0.5,), STD)(images)
    with pytest.raises(TypeError, match="expects a tensor of uint8, got float32"):
        T.NormalizeImages(MEAN, STD)(images.float())
    with pytest.raises(ValueError, match=r"expects shape \(N, C, H, W\), got \(3, 4, 4\)"):
        T.NormalizeImages(MEAN, STD)(images[0])


@pytest.mark.parametrize("part", [
    np.s_[:, :, ::2], np.s_[:, :, 1:5], np.s_[:, 1:3], np.s_[:2],
], ids=str)  # fmt: skip
def test_in_place_on_a_part_of_a_channels_last_image(part):
    pixels = np.random.default_rng(0).random((8, 10, 3), dtype=np.float32)
    x = mc.Tensor.of(pixels.transpose(2, 0, 1))[part]
    mean, std = [0.1, 0.2, 0.3][: len(x)], [0.5, 0.6, 0.7][: len(x)]
    expected = F.normalize(x, mean, std)
    F.normalize(x, mean, std, inplace=True)
    np.testing.assert_array_equal(x.numpy(), expected.numpy())
