from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import transforms as T
from minicnn.tensor import Tensor
from minicnn.transforms import functional as F

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def image_tensor(shape: tuple[int, ...] = (3, 5, 4), channels_last: bool = False) -> Tensor:
    array = np.random.default_rng(0).random(shape, dtype=np.float32)
    if channels_last:
        array = np.moveaxis(np.ascontiguousarray(np.moveaxis(array, -3, -1)), -1, -3)
    return Tensor.of(array)


def test_to_tensor(picture):
    out = T.ToTensor()(picture)
    assert out.shape == (3, 17, 23) and out.dtype == np.float32
    expected = np.asarray(picture).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    assert np.array_equal(out.numpy(), expected)
    assert out.array.transpose(1, 2, 0).flags.c_contiguous


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "CMYK"])
def test_to_tensor_scales_8_bit_modes(picture, mode):
    converted = picture.quantize(8) if mode == "P" else picture.convert(mode)
    pixels = np.asarray(converted).reshape(17, 23, -1).transpose(2, 0, 1)
    out = F.to_tensor(converted)
    assert out.dtype == np.float32
    assert np.array_equal(out.numpy(), pixels / np.float32(255))


def test_to_tensor_of_one_bit(picture):
    bits = picture.convert("1")
    out = F.to_tensor(bits)
    assert out.dtype == np.float32 and np.array_equal(out.numpy()[0], np.asarray(bits))


@pytest.mark.parametrize(
    ("mode", "dtype"), [("I", np.int32), ("I;16", np.int16), ("F", np.float32)]
)
def test_to_tensor_leaves_wide_modes_unscaled(mode, dtype):
    values = np.array([[0, 300], [1000, 7]])
    wide = Image.fromarray(values.astype(np.uint16 if mode == "I;16" else dtype))
    assert wide.mode == mode
    out = F.to_tensor(wide)
    assert out.dtype == dtype and np.array_equal(out.numpy()[0], values)


def test_to_tensor_of_arrays():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert np.array_equal(F.to_tensor(array).numpy(), array[None] / np.float32(255))
    wide = array.astype(np.float64)[..., None]
    out = F.to_tensor(wide)
    assert out.shape == (1, 2, 3) and out.dtype == np.float64
    wide[0, 0] = 99
    assert out.numpy()[0, 0, 0] == 0  # a copy
    with pytest.raises(ValueError, match=r"got shape \(2,\)"):
        F.to_tensor(np.zeros(2))
    with pytest.raises(TypeError, match=r"expected a PIL image, got builtins\.str"):
        F.to_tensor("cat.jpg")


def test_pil_to_tensor(picture):
    out = T.PILToTensor()(picture)
    assert out.dtype == np.uint8
    assert np.array_equal(out.numpy(), np.asarray(picture).transpose(2, 0, 1))
    assert T.PILToTensor()(picture.convert("L")).shape == (1, 17, 23)


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
@pytest.mark.parametrize("value", [0, (1, 2, 3), "random"])
def test_random_erasing(channels_last, value):
    x = image_tensor((3, 32, 48), channels_last)
    before = x.numpy().copy()
    out = T.RandomErasing(1, value=value)(x).numpy()
    assert np.array_equal(x.numpy(), before)
    changed = (out != before).any(0)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    block = out[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert block[0].size == changed.sum()  # one full rectangle
    assert 0.015 < changed.mean() < 0.34
    if value == "random":
        assert abs(block.mean()) < 0.5 and 0.5 < block.std() < 1.5
    else:
        assert np.array_equal(block, np.broadcast_to(np.reshape(value, (-1, 1, 1)), block.shape))


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


def test_random_erasing_in_place_or_not_at_all():
    x = image_tensor((3, 32, 48))
    assert T.RandomErasing(0)(x) is x
    whole = T.RandomErasing(1, scale=(1, 1), ratio=(1, 1))(x)  # no room for such a rectangle
    assert np.array_equal(whole.numpy(), x.numpy())
    assert T.RandomErasing(1, inplace=True)(x) is x
    assert (x.numpy() == 0).mean() > 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 2}, "p must be between"),
        ({"value": "noise"}, "must be 'random', got 'noise'"),
        ({"scale": (0.5, 1.5)}, "scale must be between 0 and 1"),
        ({"ratio": (3, 1)}, r"ratio must be \(min, max\)"),
    ],
)
def test_random_erasing_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        T.RandomErasing(**arguments)


def test_random_erasing_needs_a_tensor_and_a_value_for_each_channel(picture):
    with pytest.raises(TypeError, match="RandomErasing expects a tensor, got Image"):
        T.RandomErasing()(picture)
    with pytest.raises(ValueError, match="value must be 1 or 3 numbers, got 2"):
        T.RandomErasing(1, value=(1, 2))(image_tensor((3, 32, 32)))


@pytest.mark.parametrize("convert", [T.functional.to_tensor, T.functional.pil_to_tensor])
def test_big_endian_pictures_become_native_tensors(convert):
    wide = Image.fromarray(np.array([[1, 300]], np.dtype(">u2")))
    assert wide.mode == "I;16B"
    tensor = convert(wide)
    assert tensor.array.dtype.isnative and tensor.tolist() == [[[1, 300]]]
