"""What a transform does with the parts of a sample, and transforms of one's own."""

from __future__ import annotations

import pickle
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import minicnn as mc
from minicnn import nn, tv_tensors
from minicnn.data import DataLoader, Dataset
from minicnn.tensor import Tensor
from minicnn.transforms import v2

pytestmark = pytest.mark.cpu_only

Pair = namedtuple("Pair", "first second")
PICTURE = Image.new("RGB", (3, 2))


class Mark(v2.Transform):
    """Puts the names of the classes in the place of what it is given."""

    def make_params(self, flat_inputs):
        return {"count": len(flat_inputs)}

    def transform(self, inpt, params):
        return f"{type(inpt).__name__} of {params['count']}"


def plain() -> Tensor:
    return mc.zeros(3, 2, 3)


SAMPLES = {
    "one tensor": (plain(), "Tensor of 1"),
    "the first tensor": ((1, "a", plain(), None), (1, "a", "Tensor of 1", None)),
    "a picture": ((0, PICTURE), (0, "Image of 1")),
    "masks": ([tv_tensors.Mask(mc.zeros(2, 3)), plain()], ["Mask of 2", "Tensor of 2"]),
    "a dict": ({"b": PICTURE, "a": {"x": 3}}, {"b": "Image of 1", "a": {"x": 3}}),
    "a named tuple": (Pair(PICTURE, [2]), Pair("Image of 1", [2])),
    "an ordered dict": (OrderedDict(a=PICTURE), OrderedDict(a="Image of 1")),
    "a deque": (deque([PICTURE]), deque(["Image of 1"])),
    "nothing": ({1, 2}, {1, 2}),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_structures(name):
    sample, expected = SAMPLES[name]
    out = Mark()(sample)
    assert out == expected and type(out) is type(expected)


def test_plain_tensors_beside_an_image_stay():
    for image in (PICTURE, tv_tensors.Image(plain()), tv_tensors.Video(mc.zeros(1, 3, 2, 3))):
        tensor = plain()
        out = Mark()(tensor, {"image": image})
        assert out[0] is tensor and out[1]["image"].endswith("of 1")


def test_several_arguments_and_default_dicts():
    assert Mark()(PICTURE, 3) == ("Image of 1", 3)
    out = Mark()(defaultdict(list, x=PICTURE))
    assert out == {"x": "Image of 1"} and out["y"] == []


def test_text():
    class Shown(v2.Transform):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c, self._d, self.e = 1, (2, 3), "x", 4, {}
            self.mode = v2.InterpolationMode.BILINEAR

    assert repr(Shown()) == "Shown(a=1, b=(2, 3), c=x, mode=InterpolationMode.BILINEAR)"


REPRS = [
    lambda v: v.Compose([v.Resize(3), v.RandomApply([v.Identity()]), v.Lambda(abs, int)]),
    lambda v: v.RandomChoice([v.Identity(), v.ToImage()], [1, 2]),
    lambda v: v.RandomOrder([v.ToPILImage("RGB"), v.ToPILImage(), v.PILToTensor()]),
    lambda v: v.Resize(None, max_size=4),
    lambda v: v.CenterCrop(5),
    lambda v: v.TenCrop((5, 6), True),
    lambda v: v.RandomCrop(5, (3, 4)),
    lambda v: v.RandomResizedCrop(5, interpolation=v.InterpolationMode.BICUBIC),
    lambda v: v.Pad([3, 4], fill={int: 3}),
    lambda v: v.RandomZoomOut(3),
    lambda v: v.RandomRotation((30, 40), center=(1, 2), expand=True, fill=3),
    lambda v: v.RandomAffine(3, (0.1, 0.2), (0.5, 2), 4),
    lambda v: v.RandomPerspective(0.3, 0.2),
    lambda v: v.ElasticTransform(alpha=[1.0, 2.0], sigma=3),
    lambda v: v.RandomIoUCrop(),
    lambda v: v.ScaleJitter((3, 4)),
    lambda v: v.RandomShortestSize(3, 5),
    lambda v: v.RandomResize(3, 4),
    lambda v: v.ConvertImageDtype(None),
    lambda v: v.Normalize((0.1,), (0.2,)),
    lambda v: v.ConvertBoundingBoxFormat("xywh"),
    lambda v: v.SanitizeBoundingBoxes(),
    lambda v: v.SetClampingMode("hard"),
]


@pytest.mark.parametrize("make", REPRS, ids=range(len(REPRS)))
def test_reprs(torchvision, make):
    from torchvision.transforms import v2 as theirs

    assert repr(make(v2)) == repr(make(theirs))


WRONG = [
    lambda v, x: v.Resize((1, 2, 3)),
    lambda v, x: v.Resize(5.5),
    lambda v, x: v.Resize(None),
    lambda v, x: v.Resize(5, interpolation="cubic")(x),
    lambda v, x: v.Resize((5, 4), max_size=4)(x),
    lambda v, x: v.CenterCrop((1, 2, 3)),
    lambda v, x: v.RandomCrop(50)(x),
    lambda v, x: v.Pad("a"),
    lambda v, x: v.Pad(1, "a"),
    lambda v, x: v.Pad(1, padding_mode="x"),
    lambda v, x: v.RandomZoomOut(side_range=(0.5, 1)),
    lambda v, x: v.RandomHorizontalFlip(2),
    lambda v, x: v.RandomPerspective(2),
    lambda v, x: v.ElasticTransform("x"),
    lambda v, x: v.RandomIoUCrop()(x),
    lambda v, x: v.Compose(3),
    lambda v, x: v.Compose([]),
    lambda v, x: v.RandomChoice([v.Identity()], [1, 2]),
    lambda v, x: v.ToDtype("x"),
    lambda v, x: v.Normalize([0.1], [0.2])(x),
    lambda v, x: v.Normalize([0.1], [0.2])(Image.new("L", (2, 2))),
    lambda v, x: v.SanitizeBoundingBoxes(min_size=0),
    lambda v, x: v.SanitizeBoundingBoxes(labels_getter="labels"),
    lambda v, x: v.SanitizeBoundingBoxes()(x),
    lambda v, x: v.SetClampingMode("x"),
    lambda v, x: v.query_size([1]),
    lambda v, x: v.query_size([x, Image.new("L", (2, 2))]),
    lambda v, x: v.query_chw(["x"]),
    lambda v, x: v.functional.hflip("x"),
    lambda v, x: v.functional.register_kernel("hflop", int),
    lambda v, x: v.functional.register_kernel("hflip", int),
    lambda v, x: v.functional.perspective(x, None, None),
]


@pytest.mark.parametrize("make", WRONG, ids=range(len(WRONG)))
def test_what_is_refused(torchvision, make):
    from torchvision.transforms import v2 as theirs

    pixels = np.zeros((3, 20, 30), np.uint8)
    with pytest.raises((TypeError, ValueError)) as error:
        make(theirs, torch.from_numpy(pixels))
    with pytest.raises(error.type):
        make(v2, Tensor.of(pixels))


def test_a_kernel_for_a_class_of_ones_own():
    class Heights(tv_tensors.TVTensor):
        pass

    heights = Heights([1, 2, 3])
    with pytest.raises(TypeError, match="horizontal_flip expects one of"):
        v2.functional.horizontal_flip(heights)
    assert v2.RandomHorizontalFlip(1)(heights) is heights

    @v2.functional.register_kernel(functional="hflip", tv_tensor_cls=Heights)
    def flip_heights(inpt, *args, **kwargs):
        return tv_tensors.wrap(inpt.flip(-1), like=inpt)

    assert v2.RandomHorizontalFlip(1)(heights).tolist() == [3, 2, 1]
    with pytest.raises(ValueError, match="has a kernel for Heights already"):
        v2.functional.register_kernel(v2.functional.hflip, Heights)
    with pytest.raises(ValueError, match="the kernels of Image cannot be replaced"):
        v2.functional.register_kernel("hflip", tv_tensors.Image)


def test_dtypes():
    image, mask = tv_tensors.Image(mc.full((1, 2, 2), 255, dtype=mc.uint8)), mc.ones(2, 2)
    sample = {"image": image, "mask": tv_tensors.Mask(mask.byte()), "x": mc.zeros(1)}
    out = v2.ToDtype(mc.float32, scale=True)(sample)
    assert out["image"].max() == 1 and out["mask"].dtype == mc.uint8
    by_class = {tv_tensors.Mask: mc.int64, "others": None}
    out = v2.ToDtype(by_class)(sample)
    assert out["image"] is image and out["mask"].dtype == mc.int64
    with pytest.raises(ValueError, match="no entry for Image"):
        v2.ToDtype({tv_tensors.Mask: mc.int64})(sample)


def test_as_modules():
    both = nn.Sequential(v2.CenterCrop(2), v2.ToImage())
    assert both(PICTURE).shape == (3, 2, 2)
    transform = v2.Compose([v2.RandomCrop(2), v2.RandomApply(nn.ModuleList([v2.Pad(1)]))])
    assert repr(pickle.loads(pickle.dumps(transform))) == repr(transform)


class Boxed(Dataset):
    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        boxes = tv_tensors.BoundingBoxes(
            [[0.0, 0, 9, 9]], format="XYXY", canvas_size=(24, 32), clamping_mode=None
        )
        pixels = np.random.default_rng(index).integers(0, 256, (24, 32, 3), np.uint8)
        return self.transform(Image.fromarray(pixels), {"boxes": boxes})


@pytest.mark.slow
def test_in_a_loader_the_number_of_workers_makes_no_difference():
    transform = v2.Compose(
        [
            v2.RandomChoice([v2.RandomRotation(30), v2.RandomHorizontalFlip(1)]),
            v2.RandomResizedCrop(12),
            v2.ToImage(),
        ]
    )
    results = []
    for workers in (0, 1):
        mc.manual_seed(3)
        loader = DataLoader(Boxed(transform), 4, num_workers=workers, collate_fn=list)
        samples = [sample for batch in loader for sample in batch]
        assert all(type(target["boxes"]) is tv_tensors.BoundingBoxes for _, target in samples)
        assert {target["boxes"].canvas_size for _, target in samples} == {(12, 12)}
        results.append([(image.tolist(), t["boxes"].tolist()) for image, t in samples])
    assert results[0] == results[1]


def test_a_function_leaves_labels_alone():
    labels = plain()
    out = v2.Lambda(lambda x: 0)(PICTURE, {"labels": labels, "id": 7})
    assert out[0] == out[1]["id"] == 0 and out[1]["labels"] is labels
    assert v2.Lambda(lambda x: 0, int)(plain(), 3)[1] == 0


def test_as_subclass():
    class Own(tv_tensors.TVTensor):
        pass

    tensor = mc.ones(2, 3, requires_grad=True)
    own = tensor.as_subclass(Own)
    assert type(own) is Own and own.data_ptr() == tensor.data_ptr()
    plain = own.as_subclass(Tensor)
    assert type(plain) is Tensor
    (plain * 2).sum().backward()
    assert tensor.grad.tolist() == [[2, 2, 2], [2, 2, 2]]
