"""Tensors that know what they are: made, printed, copied and combined as torchvision's."""

from __future__ import annotations

import copy
import importlib
import pickle

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import tv_tensors as tt
from minicnn.tensor import Tensor

pytestmark = pytest.mark.cpu_only


@pytest.fixture(scope="module")
def theirs():
    from with_torchvision import torchvision

    return importlib.import_module(f"{torchvision.__name__}.tv_tensors")


def boxes(**changes):
    settings = {"format": "xyxy", "canvas_size": (5, 6), **changes}
    return tt.BoundingBoxes([[1.0, 2, 3, 4]], **settings)


TEXTS = [
    lambda t: t.Image([[[1, 2], [3, 4]]]),
    lambda t: t.Image([[0.5]]),
    lambda t: t.Mask([[True, False]]),
    lambda t: t.Video([[[[0.0]]]]) if t is tt else t.Video(np.zeros((1, 1, 1, 1), np.float32)),
    lambda t: t.BoundingBoxes([1, 2, 3, 4], format="XYWH", canvas_size=(5, 6)),
    lambda t: t.BoundingBoxes(
        [[1.0, 2, 3, 4, 5]], format="cxcywhr", canvas_size=(5, 6), clamping_mode=None
    ),
    lambda t: t.KeyPoints([1, 2], canvas_size=(5, 6)),
    lambda t: t.KeyPoints([[[1.5, 2]]], canvas_size=(5, 6)),
]


@pytest.mark.parametrize("make", TEXTS, ids=range(len(TEXTS)))
def test_text(theirs, make):
    assert repr(make(tt)) == repr(make(theirs))


WRONG = [
    lambda t, zeros: t.Image([1, 2]),
    lambda t, zeros: t.Video(zeros),
    lambda t, zeros: t.BoundingBoxes([[1, 2, 3, 4]], format="XXYY", canvas_size=(1, 1)),
    lambda t, zeros: t.BoundingBoxes([[[1, 2, 3, 4]]], format="XYXY", canvas_size=(1, 1)),
    lambda t, zeros: t.BoundingBoxes([[1, 2, 3, 4, 5]], format="XYWHR", canvas_size=(1, 1)),
    lambda t, zeros: t.BoundingBoxes(
        [[1, 2, 3, 4]], format="XYXY", canvas_size=(1, 1), clamping_mode="x"
    ),
    lambda t, zeros: t.KeyPoints([[1, 2, 3]], canvas_size=(1, 1)),
    lambda t, zeros: t.set_return_type("Image"),
    lambda t, zeros: t.is_rotated_bounding_format(3),
]


@pytest.mark.parametrize("make", WRONG, ids=range(len(WRONG)))
def test_what_is_refused(theirs, make):
    zeros = np.zeros((2, 2), np.float32)
    with pytest.raises(Exception) as error:
        make(theirs, zeros)
    with pytest.raises(error.type):
        make(tt, zeros)


def test_pil_images_and_arrays():
    picture = Image.fromarray(np.zeros((2, 3, 3), np.uint8))
    assert tt.Image(picture).shape == (3, 2, 3)
    assert tt.Mask(picture.convert("L")).shape == (1, 2, 3)
    pixels = np.zeros((4, 5), np.uint8)
    assert np.shares_memory(tt.Mask(pixels).numpy(), pixels)


def test_operations_return_plain_tensors():
    image = tt.Image(mc.zeros(3, 2, 2))
    for out in (image + 1, 1 - image, image.sum(), image[0], image.float(), image.cpu(), -image):
        assert type(out) is Tensor
    assert type(mc.zeros(3, 2, 2) + image) is Tensor
    assert type(mc.stack([image, image])) is Tensor
    assert type(image.add_(1)) is Tensor and image.sum() == 12


@pytest.mark.parametrize(
    "keep",
    [
        lambda x: x.clone(),
        lambda x: x.to(mc.float64),
        lambda x: x.to("cpu"),
        lambda x: x.detach(),
        lambda x: x.requires_grad_(),
        copy.copy,
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),
        lambda x: tt.wrap(x + 0, like=x),
    ],
    ids=range(9),
)
def test_copies_keep_the_class(keep):
    out = keep(boxes())
    assert type(out) is tt.BoundingBoxes
    assert out.format is tt.BoundingBoxFormat.XYXY
    assert out.canvas_size == (5, 6) and out.clamping_mode == "soft"
    assert out.tolist() == [[1, 2, 3, 4]]


def test_wrap_changes_attributes():
    out = tt.wrap(mc.zeros(2, 4), like=boxes(), format="XYWH", canvas_size=(1, 2))
    assert out.format is tt.BoundingBoxFormat.XYWH and out.canvas_size == (1, 2)
    assert type(tt.wrap(mc.zeros(2), like=mc.zeros(1))) is Tensor


def test_return_type():
    image = tt.Image(mc.ones(1, 2, 2))
    with tt.set_return_type("TVTensor"):
        assert type(image + 1) is type(2 * image) is type(image.exp()) is tt.Image
        assert type(boxes().unbind()[0]) is tt.BoundingBoxes
        assert image.shape == (1, 2, 2) and image.sum().item() == 4
    assert type(image + 1) is Tensor


def test_gradients_go_through():
    x = mc.ones(3, 2, 2, requires_grad=True)
    image = tt.Image(x)
    assert image.requires_grad
    (tt.wrap(image * 2, like=image) * 3).sum().backward()
    assert (x.grad == 6).all()


def test_a_class_of_ones_own():
    class Heights(tt.TVTensor):
        pass

    heights = Heights([1, 2, 3])
    assert repr(heights) == "Heights([1., 2., 3.])"
    heights.unit = "m"
    assert type(heights.clone()) is Heights and heights.clone().unit == "m"


def test_an_unknown_format_is_told_with_the_known_ones():
    with pytest.raises(KeyError, match="must be one of XYXY, XYWH, .*, got 'corners'"):
        tt.BoundingBoxFormat.of("corners")
