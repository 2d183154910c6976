"""What a run tells of its network, also the runs of scripts that did not describe it yet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import models, training, transforms
from minicnn.training import NetworkDescription, read_run


def write(folder: Path, **metrics) -> Path:
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def test_a_description_survives_its_json(tmp_path):
    told = NetworkDescription(
        "fcn8s",
        ("a", "b"),
        resize=None,
        mean=(0.1, 0.2, 0.3),
        options={"channels": (4, 4, 4, 4, 4)},
        interpolation="bicubic",
    )
    run = training.Run(tmp_path, {"epochs": 1})
    run.describe_network(told)
    run.start(net=(net := told.build()))
    found, metrics = read_run(tmp_path)
    assert metrics["settings"] == {"epochs": 1}
    assert metrics["versions"]["minicnn"] == mc.__version__
    assert json.loads(json.dumps(found.as_plain())) == json.loads(json.dumps(told.as_plain()))
    again = found.build(tmp_path / "last.ckpt")
    assert not again.training and found.segments
    for name, weight in again.state_dict().items():
        assert (weight == net.state_dict()[name]).all()


def test_a_resumed_run_describes_its_network_again(tmp_path):
    for resume, classes in ((False, ["a", "b"]), (True, ["a", "c"])):
        run = training.Run(tmp_path, {"epochs": 1}, resume=resume)
        run.describe_network(NetworkDescription("resnet18", classes, 64))
        run.start(net=models.FCNHead(8, 2))
        if resume:
            run.finish_epoch(training.ClassificationMeter(), {"val_accuracy": 1.0}, 0.1)
        assert read_run(tmp_path)[0].classes == classes


@pytest.mark.parametrize("size", [(300, 200), (100, 350)])
def test_the_preset_does_what_the_training_script_did_to_validation_pictures(size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    picture = Image.fromarray(pixels)
    description = NetworkDescription("alexnet227", ("cat", "dog"), resize=256, crop=227)
    steps = [transforms.Resize(256), transforms.CenterCrop(227), transforms.PILToTensor()]
    normalize = transforms.NormalizeImages(description.mean, description.std)
    expected = normalize(transforms.Compose(steps)(picture).unsqueeze(0))[0]
    assert np.abs(description.preset()(picture).numpy() - expected.numpy()).max() < 1e-5


@pytest.mark.parametrize(
    ("settings", "best", "expected"),
    [
        (
            {"optimizer": "adamw", "init": "kaiming", "data": ["x.zip"]},
            {},
            NetworkDescription("alexnet227", ["cat", "dog"], resize=256, crop=227),
        ),
        (
            {
                "freeze": False,
                "classes": ["a", "b"],
                "size": 64,
                "model": "googlenet",
                "weights": None,
            },
            {},
            NetworkDescription(
                "googlenet", ["a", "b"], resize=73, crop=64, options={"transform_input": False}
            ),
        ),
        (
            {"data": "VOCdevkit", "model": "fcn_resnet50", "size": 480},
            {"val_iou": {"background": 0.9, "cat": None}},
            NetworkDescription("fcn_resnet50", ["background", "cat"], resize=520),
        ),
    ],
    ids=["train_alexnet", "train_classifier", "train_segmentation"],
)
def test_runs_from_before_scripts_described_their_network(tmp_path, settings, best, expected):
    assert read_run(write(tmp_path, settings=settings, best=best))[0] == expected


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"settings": {"epochs": 3}, "best": None}, "does not tell which network was trained"),
        ({"settings": {"data": None}, "best": {"val_iou": {}}}, "does not tell which network"),
        ({"losses": []}, "is not the metrics.json of a run"),
        (
            {"settings": {}, "best": {}, "network": {"name": "x"}},
            "describes its network in another",
        ),
        (
            {
                "settings": {},
                "best": {},
                "network": {"model": "x", "classes": [], "resize": 8, "interpolation": "cubic"},
            },
            "another way: interpolation must be one of nearest, .*bicubic.*, got 'cubic'",
        ),
    ],
)
def test_what_tells_no_network(tmp_path, metrics, message):
    with pytest.raises(ValueError, match=message):
        read_run(write(tmp_path, **metrics))


def test_options_that_the_network_does_not_have():
    described = NetworkDescription("resnet18", ["a", "b"], resize=64, options={"depth": 3})
    with pytest.raises(ValueError, match=r"resnet18 does not take the options .*'depth': 3"):
        described.build()


def test_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no metrics.json"):
        read_run(tmp_path)
