"""Bit for bit the results of torchvision on PIL images, and its way to print transforms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from PIL import Image

import minicnn as mc
from minicnn import transforms as T
from minicnn.tensor import Tensor
from minicnn.transforms import functional as F
from minicnn.transforms._draws import dirichlet

CORNERS = [[0, 0], [22, 0], [22, 16], [0, 16]]
CALLS = [
    *(("resize", (size,), {}) for size in ([10], [40], [30, 9], [200])),
    ("resize", ([40],), {"max_size": 45}),
    *(("center_crop", (size,), {}) for size in ([7, 3], [8, 8], [12, 10], [20, 5], [30, 31])),
    *(("pad", (p,), {"padding_mode": m}) for p, m in itertools.product(
        ([2], [1, 3], [1, 2, 3, 4]), ("constant", "edge", "reflect", "symmetric"))),
    ("pad", ([3],), {"fill": (9, 8, 7)}),
    ("resized_crop", (2, 3, 10, 11, [20, 15]), {}),
    ("hflip", (), {}),
    ("vflip", (), {}),
    *(("rotate", (angle,), {"expand": expand}) for angle, expand in itertools.product(
        (0, 33.3, -170), (False, True))),
    ("rotate", (20,), {"center": (3, 4), "fill": (5, 6, 7)}),
    ("affine", (30, (2, -3), 1.3, (10, 5)), {}),
    ("affine", (-77, (0, 0), 0.6, (0, -25)), {"center": (2, 3), "fill": (1, 2, 3)}),
    *((f"adjust_{name}", (factor,), {}) for name, factor in itertools.product(
        ("brightness", "contrast", "saturation"), (0.0, 0.3, 1.0, 1.7))),
    *(("adjust_hue", (factor,), {}) for factor in (-0.5, -0.21, 0.0, 0.1, 0.5)),
    ("to_grayscale", (1,), {}),
    ("to_grayscale", (3,), {}),
    ("pil_to_tensor", (), {}),
    ("to_tensor", (), {}),
    ("rgb_to_grayscale", (3,), {}),
    ("pad", ([-2, 3, 1, -4],), {}),
    ("pad", ([-2, 3, 1, -4],), {"padding_mode": "reflect"}),
    ("crop", (-3, 5, 40, 12), {}),
    ("perspective", (CORNERS, [[2, 1], [20, 0], [22, 15], [1, 14]]), {"fill": 4}),
    ("gaussian_blur", ([5, 3],), {}),
    ("gaussian_blur", (3, [0.5]), {}),
    ("adjust_sharpness", (0.0,), {}),
    ("adjust_sharpness", (2.5,), {}),
    ("adjust_gamma", (0.6, 1.2), {}),
    *(("posterize", (bits,), {}) for bits in (1, 4, 8)),
    *(("solarize", (threshold,), {}) for threshold in (0, 100, 255)),
    *((name, (), {}) for name in ("invert", "autocontrast", "equalize")),
    *((name, (), {}) for name in ("get_dimensions", "get_image_size", "get_image_num_channels")),
    ("five_crop", ([7, 9],), {}),
    ("ten_crop", (8,), {}),
    ("ten_crop", (8, True), {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "options"), CALLS, ids=lambda v: v if isinstance(v, str) else None
)
def test_functions(torchvision, picture, name, arguments, options):
    ours = getattr(F, name)(picture, *arguments, **options)
    theirs = getattr(torchvision.functional, name)(picture, *arguments, **options)
    for a, b in zip(images(ours), images(theirs), strict=True):
        if isinstance(a, Image.Image):
            assert a.mode == b.mode
        assert np.array_equal(np.asarray(a), np.asarray(b))


def images(result):
    return result if isinstance(result, (tuple, list)) else [result]


ONLY_PIL = ("to_grayscale", "pil_to_tensor", "to_tensor")


@pytest.mark.parametrize("shape", [(3, 17, 23), (2, 1, 17, 23)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [call for call in CALLS if call[0] not in ONLY_PIL],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_functions_of_tensors(torchvision, name, arguments, options, dtype, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if dtype == "float32":
        if name in ("posterize", "equalize"):
            return  # they are for bytes
        array = array.astype(np.float32) / np.float32(255)
        arguments = tuple(a / 255 if name == "solarize" else a for a in arguments)
    fill = options.get("fill")
    if isinstance(fill, tuple):
        options = {**options, "fill": 9 if name == "pad" else list(fill)[: shape[-3]]}
    elif fill is not None:
        options = {**options, "fill": [fill]}
    ours = getattr(F, name)(Tensor.of(array), *arguments, **options)
    theirs = getattr(torchvision.functional, name)(torch.from_numpy(array), *arguments, **options)
    for a, b in zip(images(ours), images(theirs), strict=True):
        if isinstance(a, int):
            assert a == b
            continue
        a, b = a.numpy(), b.numpy()
        assert a.dtype == b.dtype and a.shape == b.shape
        if dtype == "float32":
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5)
        else:
            assert np.abs(a.astype(int) - b).max() <= 1 and (a != b).mean() < 0.01


@pytest.mark.parametrize("name", ["resize", "rotate", "affine"])
@pytest.mark.parametrize("mode", ["NEAREST", "BILINEAR", "BICUBIC"])
def test_interpolation(torchvision, picture, name, mode):
    arguments = {"resize": ([13, 29],), "rotate": (15,), "affine": (15, (1, 2), 0.8, (3, 4))}[name]
    ours = getattr(F, name)(picture, *arguments, interpolation=T.InterpolationMode[mode])
    theirs = getattr(torchvision.functional, name)(
        picture, *arguments, interpolation=torchvision.InterpolationMode[mode]
    )
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16"])
def test_modes(torchvision, picture, mode):
    if mode == "I;16":
        converted = Image.fromarray(np.arange(300, 340, dtype=np.uint16).reshape(5, 8))
    else:
        converted = picture.convert("L" if mode in ("I", "F") else "RGB").convert(mode)
    assert converted.mode == mode
    for name in ("to_tensor", "pil_to_tensor"):
        ours = getattr(F, name)(converted).numpy()
        theirs = getattr(torchvision.functional, name)(converted).numpy()
        assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


def test_normalize(torchvision, picture):
    stats = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ours = F.normalize(F.to_tensor(picture), *stats).numpy()
    theirs = torchvision.functional.normalize(torchvision.functional.to_tensor(picture), *stats)
    assert np.array_equal(ours, theirs.numpy())


REPRS = [
    lambda t: t.Compose([t.Resize(9), t.RandomApply([t.ToTensor()]), t.Lambda(abs)]),
    lambda t: t.Resize((3, 4), t.InterpolationMode.BICUBIC),
    lambda t: t.Resize([3], 3, antialias=None),
    lambda t: t.Pad((1, 2), 3, "edge"),
    lambda t: t.CenterCrop(5),
    lambda t: t.CenterCrop([5, 6]),
    lambda t: t.FiveCrop((5,)),
    lambda t: t.TenCrop([5, 6], True),
    lambda t: t.RandomCrop([5, 6], 2),
    lambda t: t.RandomHorizontalFlip(0.3),
    lambda t: t.RandomVerticalFlip(),
    lambda t: t.RandomResizedCrop(224),
    lambda t: t.RandomRotation(30, center=(1, 2), fill=None),
    lambda t: t.RandomAffine(30, (0.1, 0.2), (1, 2), 10, t.InterpolationMode.BILINEAR, 2, (1, 2)),
    lambda t: t.RandomPerspective(0.3, 0.4),
    lambda t: t.ColorJitter(0.1, (0.5, 2), 3, 0.2),
    lambda t: t.RandomErasing(0.3, value="random"),
    lambda t: t.Normalize((0.5,), (0.5,)),
    lambda t: t.Grayscale(3),
    lambda t: t.RandomGrayscale(),
    lambda t: t.PILToTensor(),
    lambda t: t.ToPILImage("RGB"),
    lambda t: t.ToPILImage(),
    lambda t: t.ConvertImageDtype(None),
    lambda t: t.RandomChoice([t.ToTensor(), t.Pad(1)], [0.1, 0.2]),
    lambda t: t.RandomOrder((t.ToTensor(), t.Pad(1))),
    lambda t: t.GaussianBlur(3, 0.5),
    lambda t: t.GaussianBlur([5, 3]),
    lambda t: t.RandomInvert(0.2),
    lambda t: t.RandomPosterize(3),
    lambda t: t.RandomSolarize(100, 0.1),
    lambda t: t.RandomAdjustSharpness(2),
    lambda t: t.RandomAutocontrast(),
    lambda t: t.RandomEqualize(),
    lambda t: t.ElasticTransform(),
    lambda t: t.AutoAugment(t.AutoAugmentPolicy.SVHN, fill=[1]),
    lambda t: t.RandAugment(interpolation=t.InterpolationMode.BILINEAR),
    lambda t: t.TrivialAugmentWide(fill=3),
    lambda t: t.AugMix(),
    lambda t: t.InterpolationMode.BOX,
]


@pytest.mark.parametrize("make", REPRS, ids=range(len(REPRS)))
def test_reprs(torchvision, make):
    assert repr(make(T)) == repr(make(torchvision))
    assert str(make(T)) == str(make(torchvision))


WRONG = [
    lambda t, x: t.Resize(9.5),
    lambda t, x: t.Resize((1, 2, 3)),
    lambda t, x: t.functional.resize(x, 9, "bilinear"),
    lambda t, x: t.functional.resize(x, (9, 9), max_size=10),
    lambda t, x: t.CenterCrop((1, 2, 3)),
    lambda t, x: t.Pad((1, 2, 3)),
    lambda t, x: t.Pad("1"),
    lambda t, x: t.Pad(1, padding_mode="wrap"),
    lambda t, x: t.Pad(1, "black"),
    lambda t, x: t.functional.pad(x, 1, (1, 2)),
    lambda t, x: t.RandomCrop(99)(x),
    lambda t, x: t.RandomResizedCrop(3, 0.5),
    lambda t, x: t.FiveCrop(99)(x),
    lambda t, x: t.RandomRotation(-1),
    lambda t, x: t.RandomRotation((1, 2, 3)),
    lambda t, x: t.RandomRotation(1, center=3),
    lambda t, x: t.RandomAffine(0, 0.1),
    lambda t, x: t.RandomAffine(0, (0.1, 2)),
    lambda t, x: t.RandomAffine(0, scale=(0, 1)),
    lambda t, x: t.functional.affine(x, 0, (1, 2, 3), 1, 0),
    lambda t, x: t.functional.affine(x, 0, (1, 2), 1, (1, 2, 3)),
    lambda t, x: t.RandomPerspective(fill={1, 2}),
    lambda t, x: t.functional.perspective(x, [[0, 0]], [[0, 0]]),
    lambda t, x: t.ColorJitter((1, 2, 3)),
    lambda t, x: t.ColorJitter(hue=0.7),
    lambda t, x: t.ColorJitter(-1),
    lambda t, x: t.functional.adjust_hue(x, 0.7),
    lambda t, x: t.functional.adjust_gamma(x, -1),
    lambda t, x: t.functional.rgb_to_grayscale(x, 2),
    lambda t, x: t.RandomErasing(value=None),
    lambda t, x: t.RandomErasing(value="black"),
    lambda t, x: t.RandomErasing(p=2),
    lambda t, x: t.RandomErasing(scale=(0.5, 2)),
    lambda t, x: t.RandomErasing(ratio=2),
    lambda t, x: t.functional.erase("x", 1, 1, 1, 1, 1),
    lambda t, x: t.GaussianBlur(4),
    lambda t, x: t.GaussianBlur(3, (2, 1)),
    lambda t, x: t.GaussianBlur(3, (1, 2, 3)),
    lambda t, x: t.functional.gaussian_blur(x, "3"),
    lambda t, x: t.functional.gaussian_blur(x, 3, -1),
    lambda t, x: t.functional.posterize(x, 9),
    lambda t, x: t.RandomChoice(t.ToTensor()),
    lambda t, x: t.RandomChoice([t.ToTensor()], 0.5),
    lambda t, x: t.RandomOrder(3),
    lambda t, x: t.Lambda(3),
    lambda t, x: t.ElasticTransform(3),
    lambda t, x: t.ElasticTransform(sigma=[1.0, 2.0, 3.0]),
    lambda t, x: t.ElasticTransform(fill="black"),
    lambda t, x: t.functional.elastic_transform(x, 3),
    lambda t, x: t.AutoAugment("imagenet"),
    lambda t, x: t.AugMix(severity=11),
    lambda t, x: t.ToTensor()("x"),
    lambda t, x: t.PILToTensor()(np.zeros((3, 3))),
    lambda t, x: t.ConvertImageDtype(None)(x if isinstance(x, Image.Image) else "x"),
    lambda t, x: t.functional.get_dimensions("x"),
]


@pytest.mark.parametrize("kind", ["PIL", "tensor"])
@pytest.mark.parametrize("make", WRONG, ids=range(len(WRONG)))
def test_errors(torchvision, picture, make, kind):
    array = np.asarray(picture).transpose(2, 0, 1).copy()
    with pytest.raises((TypeError, ValueError)) as theirs:
        make(torchvision, picture if kind == "PIL" else torch.from_numpy(array))
    with pytest.raises(theirs.type):
        make(T, picture if kind == "PIL" else Tensor.of(array))


ONLY_SOME_TENSORS = [
    ("adjust_brightness", (2, 5, 5), "uint8", (0.5,)),
    ("adjust_contrast", (2, 5, 5), "uint8", (0.5,)),
    ("adjust_saturation", (3, 5, 5), "uint8", (-0.5,)),
    ("adjust_hue", (4, 5, 5), "uint8", (0.5,)),
    ("adjust_sharpness", (3, 5, 5), "uint8", (-0.5,)),
    ("rgb_to_grayscale", (5, 5), "uint8", ()),
    ("invert", (2, 5, 5), "uint8", ()),
    ("posterize", (3, 5, 5), "float32", (3,)),
    ("equalize", (3, 5, 5), "float32", ()),
    ("solarize", (3, 5, 5), "float32", (3,)),
    ("normalize", (3, 5, 5), "uint8", ([0.5], [0.5])),
    ("normalize", (5, 5), "float32", ([0.5], [0.5])),
    ("normalize", (3, 5, 5), "float32", ([0.5], [0.0])),
    ("rotate", (3, 5, 5), "uint8", (30, T.InterpolationMode.BICUBIC)),
    ("rotate", (3, 5, 5), "uint8", (30, T.InterpolationMode.NEAREST, False, None, [1, 2])),
    ("hflip", (5,), "uint8", ()),
]


@pytest.mark.parametrize(("name", "shape", "dtype", "arguments"), ONLY_SOME_TENSORS)
def test_tensors_that_are_refused(torchvision, name, shape, dtype, arguments):
    array = np.zeros(shape, dtype)
    same = [
        torchvision.InterpolationMode[a.name] if isinstance(a, T.InterpolationMode) else a
        for a in arguments
    ]
    with pytest.raises((TypeError, ValueError)) as theirs:
        getattr(torchvision.functional, name)(torch.from_numpy(array), *same)
    with pytest.raises(theirs.type):
        getattr(F, name)(Tensor.of(array), *arguments)


@pytest.mark.parametrize("mode", ["NEAREST", "NEAREST_EXACT", "BILINEAR", "BICUBIC"])
@pytest.mark.parametrize("antialias", [True, False, None])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "float64"])
def test_resize_of_tensors(torchvision, mode, antialias, dtype):
    array = (np.random.default_rng(0).random((2, 3, 17, 23)) * 255).astype(dtype)
    theirs = torchvision.functional.resize(
        torch.from_numpy(array), [9, 40], torchvision.InterpolationMode[mode], antialias=antialias
    )
    ours = F.resize(Tensor.of(array), [9, 40], T.InterpolationMode[mode], antialias=antialias)
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(
        ours.numpy().astype(np.float64),
        theirs.numpy(),
        atol=1 if "int" in dtype else 1e-4,
        rtol=1e-3,
    )


@pytest.mark.parametrize("value", [0.5, (1, 2, 3), "random"])
@pytest.mark.parametrize("shape", [(3, 16, 24), (2, 3, 16, 24)])
def test_random_erasing(torchvision, value, shape):
    array = np.random.default_rng(0).random(shape, np.float32)
    for seed in range(20):
        mc.manual_seed(seed)
        ours = T.RandomErasing(0.7, value=value)(Tensor.of(array))
        torch.manual_seed(seed)
        theirs = torchvision.RandomErasing(0.7, value=value)(torch.from_numpy(array))
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-6)
        assert mc.rand(1).item() == torch.rand(1).item()


@pytest.mark.parametrize("alpha", [0.3, 1.0, 4.0])
def test_dirichlet(alpha):
    for seed in range(50):
        mc.manual_seed(seed)
        torch.manual_seed(seed)
        theirs = torch._sample_dirichlet(torch.full((1, 3), alpha))
        assert np.array_equal(dirichlet(alpha, 1, 3), theirs.numpy())


DIFFERENTIABLE = [
    ("resize", ([9, 30],)),
    ("pad", ([2, 3], 0, "reflect")),
    ("crop", (-2, 3, 9, 30)),
    ("rotate", (30, "BILINEAR")),
    ("adjust_contrast", (0.7,)),
    ("adjust_hue", (0.2,)),
    ("gaussian_blur", (3,)),
    ("adjust_sharpness", (0.5,)),
    ("normalize", ([0.1, 0.2, 0.3], [0.5, 0.6, 0.7])),
]


@pytest.mark.parametrize(("name", "arguments"), DIFFERENTIABLE)
def test_gradients(torchvision, name, arguments):
    x = np.random.default_rng(0).random((3, 17, 23), np.float32)
    gradients = []
    for t, image in ((T, Tensor.of(x)), (torchvision, torch.from_numpy(x))):
        image.requires_grad = True
        given = [t.InterpolationMode.BILINEAR if a == "BILINEAR" else a for a in arguments]
        out = getattr(t.functional, name)(image, *given)
        (out * out).sum().backward()
        gradients.append(image.grad.numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-4)
