"""Neighbours that Compose joins: the results are those of one after the other, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from with_torchvision import torchvision

from minicnn import transforms as T
from minicnn.transforms import joined

pytestmark = pytest.mark.cpu_only

RNG = np.random.default_rng(0)


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    pixels = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def calls_of(name, monkeypatch):
    """A list that grows when ``name`` of Image is called."""
    calls = []
    method = getattr(Image.Image, name)
    monkeypatch.setattr(
        Image.Image, name, lambda *args, **kwargs: calls.append(args) or method(*args, **kwargs)
    )
    return calls


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "I;16", "F"])
@pytest.mark.parametrize("interpolation", T.InterpolationMode)
def test_resize_and_center_crop(interpolation, mode):
    for _ in range(12):
        img = picture(*RNG.integers(1, 120, 2), mode=mode if mode != "I;16" else "L")
        img = img.convert("I").convert("I;16") if mode == "I;16" else img
        size = int(RNG.integers(1, 90)) if RNG.random() < 0.7 else RNG.integers(1, 90, 2).tolist()
        resize, crop = T.Resize(size, interpolation), T.CenterCrop(RNG.integers(1, 90, 2).tolist())
        expected, got = crop(resize(img)), T.Compose([resize, crop])(img)
        assert got.mode == expected.mode and got.size == expected.size
        np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))


@pytest.mark.parametrize("height", [13, 14, 15, 48, 149, 150, 151, 200])
@pytest.mark.parametrize("width", [1, 5, 17, 18, 30])
def test_narrow_pictures(width, height):
    """Pillow 13 begins with the columns of some of them."""
    img = picture(18, 150)
    resize, crop = T.Resize((height, width)), T.CenterCrop((min(height, 12), 1))
    assert T.Compose([resize, crop])(img).tobytes() == crop(resize(img)).tobytes()


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (400, 400), (640, 123)], ids=str)
def test_the_usual_validation_is_torchvisions(size):
    img = picture(*size)
    got = T.Compose([T.Resize(256), T.CenterCrop(224)])(img)
    theirs = torchvision.transforms
    expected = theirs.Compose([theirs.Resize(256), theirs.CenterCrop(224)])(img)
    np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))


def test_a_wide_picture_is_resized_in_two_passes(monkeypatch):
    img = picture(500, 375)
    resized = calls_of("resize", monkeypatch)
    T.Compose([T.Resize(256), T.CenterCrop(224)])(img)
    assert [args[1] for args in resized] == [(341, 335), (224, 256)]


def test_to_tensor_and_normalize_use_one_array():
    img = picture(30, 20)
    steps = [T.ToTensor(), T.Normalize((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))]
    expected, got = steps[1](steps[0](img)), T.Compose(steps)(img)
    np.testing.assert_array_equal(got.numpy(), expected.numpy())
    pixels = RNG.random((5, 6, 3), np.float32)
    before = pixels.copy()
    np.testing.assert_array_equal(
        T.Compose(steps)(pixels).numpy(), steps[1](steps[0](pixels)).numpy()
    )
    np.testing.assert_array_equal(pixels, before)


def test_hooks_and_subclasses_keep_neighbours_apart():
    class Own(T.CenterCrop):
        pass

    resize, crop, own = T.Resize(8), T.CenterCrop(4), Own(4)
    assert len(joined.joined([resize, crop])) == 1
    assert joined.joined([resize, own]) == [resize, own]
    crop.register_forward_hook(lambda *_: None)
    assert joined.joined([resize, crop, own]) == [resize, crop, own]


def test_what_is_no_transform_is_an_error():
    with pytest.raises(TypeError, match="not callable"):
        T.Compose([None, T.ToTensor()])(picture(3, 3))


def test_what_has_no_partner_stays_as_it_is():
    steps = [T.Resize(8), T.ToTensor(), T.RandomErasing(), T.ToTensor()]
    assert joined.joined(steps) == steps
    assert joined.joined([]) == []
