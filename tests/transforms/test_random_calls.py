"""Random arguments and pictures of all kinds: torchvision's results, or errors of its types."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import minicnn as mc
from minicnn import transforms as T
from minicnn.tensor import Tensor

MODES = ("L", "RGB", "RGBA", "P", "1", "I", "I;16", "F", "LA", "CMYK")
SIZES = ((17, 23), (40, 30), (9, 9), (1, 1), (1, 5), (3, 2))
LEADING = ((3,), (1,), (4,), (2, 3), (2, 1))  # shapes before height and width

# Arguments of one call; `r` is the generator that they are chosen with.
Call = Callable[[random.Random], tuple[Any, ...]]


def mode(r: random.Random) -> Any:
    name = r.choice(["NEAREST", "BILINEAR", "BILINEAR", "BICUBIC", "BOX", "LANCZOS"])
    return lambda t: t.InterpolationMode[name]


def size(r: random.Random) -> Any:
    return r.choice([r.randint(1, 40), [r.randint(1, 40)], [r.randint(1, 40), r.randint(1, 40)]])


def fill(r: random.Random) -> Any:
    return r.choice([None, 0, 7, 0.5, [1], [1, 2, 3], (3,), [255], [1, 2]])


def center(r: random.Random) -> Any:
    return r.choice([None, [3, 4], (r.uniform(-5, 20), 2.5)])


FUNCTIONS: dict[str, Call] = {
    "resize": lambda r: (size(r), mode(r), r.choice([None, 60]), r.choice([True, False])),
    "pad": lambda r: (r.choice([2, [1, 3], [1, 2, 0, 3]]), fill(r), r.choice(["constant", "edge"])),
    "crop": lambda r: (r.randint(-3, 9), r.randint(-3, 9), r.randint(4, 30), r.randint(4, 30)),
    "center_crop": lambda r: (size(r),),
    "rotate": lambda r: (r.choice([90, r.uniform(-200, 400)]), mode(r), r.random() < 0.5, center(r),
                         fill(r)),
    "affine": lambda r: (r.uniform(-99, 99), (r.randint(-5, 5), r.uniform(-5, 5)), r.uniform(0.3, 2),
                         [r.uniform(-30, 30), r.uniform(-30, 30)], mode(r), fill(r), center(r)),
    "adjust_brightness": lambda r: (r.choice([0, 1, r.uniform(0, 3), -0.5]),),
    "adjust_contrast": lambda r: (r.choice([0, 1, r.uniform(0, 3), -0.5]),),
    "adjust_saturation": lambda r: (r.choice([0, 1, r.uniform(0, 3), -0.5]),),
    "adjust_sharpness": lambda r: (r.choice([0, 1, r.uniform(0, 3)]),),
    "adjust_hue": lambda r: (r.choice([0, 0.5, r.uniform(-0.5, 0.5), 0.6]),),
    "adjust_gamma": lambda r: (r.choice([0, 1, r.uniform(0.1, 3)]), r.uniform(0.2, 2)),
    "rgb_to_grayscale": lambda r: (r.choice([1, 3]),),
    "gaussian_blur": lambda r: (r.choice([1, 3, [5, 3], [3], 4]), r.choice([None, 0.7, (2.0, 1.0)])),
    "invert": lambda r: (),
    "autocontrast": lambda r: (),
    "equalize": lambda r: (),
    "posterize": lambda r: (r.randint(0, 9),),
    "solarize": lambda r: (r.choice([0, 100, r.uniform(0, 255), 256, 0.5]),),
    "five_crop": lambda r: (size(r),),
}  # fmt: skip
CLASSES: dict[str, Call] = {
    "RandomAffine": lambda r: (r.choice([0, 30, (10, 20)]), (0.1, 0.3), (0.5, 1.5),
                               r.choice([None, 10, [-5, 5, -9, 9]]), mode(r), fill(r), center(r)),
    "RandomCrop": lambda r: (size(r), r.choice([None, 2, (1, 3)]), r.random() < 0.5, r.choice([0, 9])),
    "RandomResizedCrop": lambda r: (size(r), (0.08, 1.0), (0.75, 1.33), mode(r)),
    "ColorJitter": lambda r: (r.choice([0, 0.4, (0.5, 1.5)]), 0.4, r.choice([0, 1.5]), 0.1),
    "RandomErasing": lambda r: (0.9, (0.02, 0.33), (0.3, 3.3), r.choice([0, [1, 2, 3], "random"])),
    "AutoAugment": lambda r: (lambda t: t.AutoAugmentPolicy.SVHN, mode(r), fill(r)),
    "RandAugment": lambda r: (r.randint(0, 3), r.choice([5, 9, 30]), 31, mode(r), fill(r)),
    "TrivialAugmentWide": lambda r: (31, mode(r), fill(r)),
    "AugMix": lambda r: (r.randint(1, 10), r.randint(1, 4), -1, 1.0, r.random() < 0.5),
}  # fmt: skip

# Not bit for bit on PIL images, as they become tensors on the way.
BY_WAY_OF_TENSORS = ("gaussian_blur", "AugMix")


def pil_image(r: random.Random) -> Image.Image:
    mode, (H, W), rng = r.choice(MODES), r.choice(SIZES), np.random.default_rng(r.randrange(10**6))
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, (H, W), dtype=np.uint16))
    if mode in ("I", "F"):
        return Image.fromarray((rng.random((H, W)) * 255).astype({"I": "i4", "F": "f4"}[mode]))
    noise = Image.fromarray(rng.integers(0, 256, (H, W, 4), dtype=np.uint8))
    return noise.convert("RGB" if mode in ("P", "CMYK") else "RGBA").convert(mode)


def array(r: random.Random) -> np.ndarray:
    dtype = r.choice(["uint8"] * 3 + ["float32"] * 2 + ["int8", "int16", "float64"])
    rng, shape = np.random.default_rng(r.randrange(10**6)), (*r.choice(LEADING), *r.choice(SIZES))
    if dtype[0] == "f":
        return rng.random(shape, dtype)
    return rng.integers(0, min(np.iinfo(dtype).max, 10**4), shape, dtype, endpoint=True)


def outcome(t: Any, name: str, arguments: list[Any], picture: Any) -> Any:
    """What a function or a transform of the library ``t`` returns or raises."""
    try:
        if name in FUNCTIONS:
            return getattr(t.functional, name)(picture, *arguments)
        return getattr(t, name)(*arguments)(picture)
    except Exception as error:  # noqa: BLE001  # its type is compared
        return error


def both(name: str, r: random.Random, torchvision: Any) -> Iterator[tuple[Any, Any, str]]:
    """What the two libraries make of the same picture, with what they were given as text."""
    arguments = (FUNCTIONS | CLASSES)[name](r)
    if r.random() < 0.5 and name != "RandomErasing":
        image = pil_image(r)
        pictures: list[Any] = [image, image]
    else:
        pixels = array(r)
        pictures = [Tensor.of(pixels.copy()), torch.from_numpy(pixels)]
    for t, picture in zip((T, torchvision), pictures):
        given = [a(t) if callable(a) else a for a in arguments]
        mc.manual_seed(7)
        torch.manual_seed(7)
        yield outcome(t, name, given, picture), picture, str(given)


def check(name: str, torchvision: Any, seeds: range) -> None:
    compared = 0
    for seed in seeds:
        (ours, picture, _), (theirs, _, given) = both(name, random.Random(seed), torchvision)
        if isinstance(theirs, (RuntimeError, IndexError, NotImplementedError)):
            continue  # stopped somewhere inside torch; minicnn says what is wrong, or takes it
        text = f"{name}({given}) of {getattr(picture, 'mode', '')} {picture!r:.40}: {ours!r:.200}"
        if isinstance(theirs, Exception):
            assert type(ours) is type(theirs), text
            continue
        assert not isinstance(ours, Exception), text
        for a, b in zip(
            *(x if isinstance(x, tuple) else (x,) for x in (ours, theirs)), strict=True
        ):
            compare(a, b, name, text)
        compared += 1
    assert compared


def compare(ours: Any, theirs: Any, name: str, text: str) -> None:
    if isinstance(theirs, Image.Image):
        assert ours.mode == theirs.mode and ours.getpalette() == theirs.getpalette(), text
    a, b = (np.asarray(x) if isinstance(x, Image.Image) else x.numpy() for x in (ours, theirs))
    assert a.dtype == b.dtype and a.shape == b.shape, text
    off = np.abs(a.astype(np.float64) - b)
    if isinstance(theirs, Image.Image) and name not in BY_WAY_OF_TENSORS:
        assert off.max() == 0, text
    elif a.dtype.kind == "f":
        assert (off <= 2e-6 * (1 + np.abs(b).max(initial=0))).all(), text
    else:
        assert (off <= 1 + 1e-5 * np.abs(b)).all(), text
        assert (off > 0).mean() < 0.05 or a.dtype.itemsize > 2, text


@pytest.mark.filterwarnings("ignore:(A|a)nti")
@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_a_few(torchvision, name):
    check(name, torchvision, range(8))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:(A|a)nti")
@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_many(torchvision, name):
    check(name, torchvision, range(8, 150))
