from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
from PIL import Image

from minicnn import nn
from minicnn import transforms as T
from minicnn.data.seeding import use_generator
from minicnn.random import Generator
from minicnn.transforms import functional as F

AUGMENTATION = T.Compose(
    [
        T.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), 5),
        T.RandomResizedCrop(12),
        T.RandomApply([T.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        T.RandomHorizontalFlip(),
        T.RandomGrayscale(),
        T.ToTensor(),
        T.Normalize([0.5], [0.5]),
        T.RandomErasing(value="random"),
    ]
)


def test_compose_goes_from_first_to_last():
    assert T.Compose([lambda x: x + 1, lambda x: x * 10])(2) == 30


def test_random_apply_does_all_or_nothing():
    transform = T.RandomApply([lambda x: x + 1, lambda x: x * 10], p=0.3)
    outs = [transform(2) for _ in range(500)]
    assert set(outs) == {2, 30}
    assert 100 < outs.count(30) < 200


def test_lambda():
    assert T.Lambda(abs)(-3) == 3
    with pytest.raises(TypeError, match="expects a callable, got int"):
        T.Lambda(3)


def test_the_current_generator_decides_everything(picture):
    def out(seed: int) -> bytes:
        with use_generator(Generator().manual_seed(seed)):
            return AUGMENTATION(picture).numpy().tobytes()

    outs = [out(seed) for seed in range(10)]
    assert outs == [out(seed) for seed in range(10)]
    assert len(set(outs)) == 10


def test_transforms_pickle(picture):
    copy = pickle.loads(pickle.dumps(AUGMENTATION))
    assert repr(copy) == repr(AUGMENTATION)


@pytest.mark.parametrize(
    ("transform", "text"),
    [
        (T.Compose([T.ToTensor()]), "Compose(\n    ToTensor()\n)"),
        (
            T.RandomApply([T.PILToTensor()], 0.2),
            "RandomApply(\n    p=0.2\n    PILToTensor()\n)",
        ),
        (
            T.Resize(256),
            "Resize(size=256, interpolation=bilinear, max_size=None, antialias=True)",
        ),
        (T.CenterCrop(9), "CenterCrop(size=(9, 9))"),
        (T.RandomCrop(9, 2), "RandomCrop(size=(9, 9), padding=2)"),
        (
            T.RandomResizedCrop(9),
            (
                "RandomResizedCrop(size=(9, 9), scale=(0.08, 1.0), ratio=(0.75, 1.3333), "
                "interpolation=bilinear, antialias=True)"
            ),
        ),
        (T.Pad(2), "Pad(padding=2, fill=0, padding_mode=constant)"),
        (T.RandomHorizontalFlip(), "RandomHorizontalFlip(p=0.5)"),
        (T.Normalize([0.5], [1]), "Normalize(mean=[0.5], std=[1])"),
        (
            T.RandomRotation(5),
            "RandomRotation(degrees=[-5.0, 5.0], interpolation=nearest, expand=False, fill=0)",
        ),
        (
            T.RandomAffine(5, (0.1, 0.1), fill=3),
            "RandomAffine(degrees=[-5.0, 5.0], translate=(0.1, 0.1), fill=3)",
        ),
        (
            T.ColorJitter(0.5),
            "ColorJitter(brightness=(0.5, 1.5), contrast=None, saturation=None, hue=None)",
        ),
        (T.Grayscale(), "Grayscale(num_output_channels=1)"),
        (
            T.RandomErasing(),
            "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)",
        ),
        (T.Lambda(abs), "Lambda()"),
    ],
    ids=lambda value: value.split("(")[0] if isinstance(value, str) else "",
)
def test_reprs(transform, text):
    assert repr(transform) == text


def test_modules_of_transforms(picture):
    """They are modules, and take modules."""
    both = nn.Sequential(T.CenterCrop(9), T.RandomHorizontalFlip(1))
    assert both(picture).tobytes() == F.hflip(F.center_crop(picture, 9)).tobytes()
    sometimes = T.RandomApply(nn.ModuleList([T.CenterCrop(9), T.Grayscale()]), 1)
    assert sometimes(picture).tobytes() == F.to_grayscale(F.center_crop(picture, 9)).tobytes()
    joint = T.JointTransform(
        [sometimes.transforms[0], T.RandomApply(nn.ModuleList([T.Pad(1)]), 1)], []
    )
    image, labels = joint(picture, picture.convert("L"))
    assert image.size == (11, 11) and labels.shape == (11, 11)


def test_a_subclass_defines_forward(picture):
    class Twice(T.RandomHorizontalFlip):
        def forward(self, img):
            return super().forward(super().forward(img))

    assert Twice(1)(picture).tobytes() == picture.tobytes()


def test_in_a_loader_choices_do_not_depend_on_python(picture):
    """A sample's own generator decides, so the number of workers makes no difference."""
    choose = T.RandomChoice([T.Lambda(lambda _, i=i: i) for i in range(9)])
    order = T.RandomOrder([T.Lambda(lambda x, i=i: (*x, i)) for i in range(5)])
    outs = []
    for python_seed in (1, 2):
        random.seed(python_seed)
        with use_generator(Generator().manual_seed(7)):
            outs.append([(choose(None), order(())) for _ in range(20)])
    assert outs[0] == outs[1]
    assert len({each for _, each in outs[0]}) > 5
    random.seed(3)
    state = random.getstate()
    order(())
    assert random.getstate() != state, "outside, Python's generator decides, as in torchvision"


def test_a_mask_gets_the_same_choice():
    values = np.random.default_rng(0).integers(0, 9, (12, 12), np.uint8)
    mask = Image.fromarray(values)
    joint = T.JointTransform(
        [T.RandomChoice([T.RandomVerticalFlip(1), T.Pad(2), T.CenterCrop(7)])], []
    )
    shapes = set()
    for seed in range(20):
        random.seed(seed)
        image, labels = joint(mask.convert("RGB"), mask)
        red, labels = np.asarray(image)[..., 0], labels.numpy()
        assert red.shape == labels.shape and (red == np.where(labels == 255, 0, labels)).all()
        shapes.add(red.shape)
    assert len(shapes) == 3
