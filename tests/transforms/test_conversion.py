from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import minicnn as mc
from minicnn import transforms as T
from minicnn.tensor import Tensor
from minicnn.transforms import functional as F


def test_to_tensor(picture):
    out = T.ToTensor()(picture)
    assert out.shape == (3, 17, 23) and out.dtype == np.float32
    expected = np.asarray(picture).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    assert np.array_equal(out.numpy(), expected)
    assert out.is_contiguous()  # which decides in what order noise of its shape is drawn


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


@pytest.mark.parametrize("convert", [T.functional.to_tensor, T.functional.pil_to_tensor])
def test_big_endian_pictures_become_native_tensors(convert):
    wide = Image.fromarray(np.array([[1, 300]], np.dtype(">u2")))
    assert wide.mode == "I;16B"
    tensor = convert(wide)
    assert tensor.array.dtype.isnative and tensor.tolist() == [[[1, 300]]]


@pytest.mark.parametrize(
    ("shape", "dtype", "mode"),
    [
        ((1, 5, 4), "uint8", None),
        ((5, 4), "uint8", "L"),
        ((1, 5, 4), "int16", None),
        ((1, 5, 4), "int32", "I"),
        ((1, 5, 4), "float32", None),
        ((1, 5, 4), "float32", "F"),
        ((2, 5, 4), "uint8", None),
        ((3, 5, 4), "uint8", None),
        ((3, 5, 4), "float64", "HSV"),
        ((3, 5, 4), "float32", "YCbCr"),
        ((4, 5, 4), "uint8", None),
        ((4, 5, 4), "uint8", "CMYK"),
        ((4, 5, 4), "uint8", "RGBX"),
    ],
)
def test_to_pil_image(torchvision, shape, dtype, mode):
    array = (np.random.default_rng(0).random(shape) * (1 if "float" in dtype else 200)).astype(
        dtype
    )
    theirs = torchvision.ToPILImage(mode)(torch.from_numpy(array))
    for given in (Tensor.of(array), array.transpose(1, 2, 0) if len(shape) == 3 else array):
        ours = T.ToPILImage(mode)(given)
        assert ours.mode == theirs.mode and ours.size == theirs.size
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize(
    ("array", "mode", "error", "message"),
    [
        (np.zeros((2, 3, 4), np.uint8), "RGB", ValueError, r"one of \('LA',\) for 2 .*got 'RGB'"),
        (np.zeros((1, 3, 4), np.uint8), "I", ValueError, r"one of \('L',\) for 1 .*got 'I'"),
        (np.zeros((5, 3, 4), np.uint8), None, ValueError, "1 to 4 channels"),
        (np.zeros(3, np.uint8), None, ValueError, "2 or 3 dimensions"),
        (np.zeros((1, 3, 4), np.int64), None, TypeError, "1 channels of int64"),
        (np.zeros((3, 3, 4), np.int32), None, TypeError, "3 channels of int32"),
    ],
)
def test_to_pil_image_rejects(torchvision, array, mode, error, message):
    with pytest.raises(error, match=message):
        F.to_pil_image(Tensor.of(array), mode)
    with pytest.raises(error):
        torchvision.functional.to_pil_image(torch.from_numpy(array), mode)


def test_to_pil_image_rejects_other_things(picture):
    with pytest.raises(TypeError, match="expects a tensor or an array, got Image"):
        F.to_pil_image(picture)


DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float32", "float64")


@pytest.mark.parametrize("before", DTYPES)
@pytest.mark.parametrize("after", (*DTYPES, "float16", "bfloat16"))
def test_convert_image_dtype(torchvision, before, after):
    most = 1 if "float" in before else np.iinfo(before).max
    array = (np.linspace(0, 1, 99) * most * (1 - 1e-9)).astype(before).reshape(1, 9, 11)
    try:
        convert = torchvision.ConvertImageDtype(getattr(torch, after))
        theirs = convert(torch.from_numpy(array))
    except RuntimeError:
        with pytest.raises(RuntimeError, match=f"{before} cannot be converted to {after} safely"):
            F.convert_image_dtype(Tensor.of(array), getattr(mc, after))
        return
    ours = T.ConvertImageDtype(getattr(mc, after))(Tensor.of(array))
    assert str(ours.dtype) == str(theirs.dtype)
    assert np.array_equal(ours.double().numpy(), theirs.double().numpy())


def test_to_tensor_has_the_default_dtype(picture):
    try:
        mc.set_default_dtype(mc.float64)
        out = F.to_tensor(picture)
    finally:
        mc.set_default_dtype(mc.float32)
    assert out.dtype is mc.float64
    assert np.array_equal(out.numpy(), np.asarray(picture).transpose(2, 0, 1) / 255)
