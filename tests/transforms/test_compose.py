from __future__ import annotations

import pickle

import pytest

from minicnn import transforms as T
from minicnn.data.seeding import use_generator
from minicnn.random import Generator

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
