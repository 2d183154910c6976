"""A run of a small network, and calls of the command line in this process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pictures import numbered_files, train_files, write_folder, write_zip

import minicnn as mc
from minicnn import data, models, training
from minicnn.cli import main
from minicnn.data.drawn import SHAPES

SIDE = 32
NARROW = {"channels": (4, 4, 4, 4, 4), "hidden": 8, "batch_norm": True}  # of an FCN-8s


class Trained(NamedTuple):
    """The folder of a run, and the pictures that it had."""

    folder: Path
    pictures: Path


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Trained:
    """A ResNet-18 for cats and dogs at 32 px, whose run has 16 pictures to train on and 8 others."""
    root = tmp_path_factory.mktemp("trained")
    pictures = write_zip(root / "train.zip", train_files(12, 12))
    write_zip(root / "test.zip", numbered_files(12))
    folder = root / "run"
    folder.mkdir()
    mc.manual_seed(0)
    net = models.resnet18(num_classes=2)
    run = training.Run(folder, {"epochs": 1, "data": [str(pictures)]})
    run.split(*data.stratified_split(data.DogsVsCats(pictures), 1 / 3))
    run.describe_network(
        training.NetworkDescription("resnet18", ("cat", "dog"), resize=36, crop=SIDE)
    )
    run.start(net=net)
    results = {"val_loss": 1.0, "val_accuracy": 0.5}
    run.finish_epoch(training.ClassificationMeter(), results, learning_rate=0.1)
    (folder / "last.ckpt").unlink()  # it is large and not needed
    return Trained(folder, pictures)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory) -> Path:
    """A run of a narrow FCN-8s on drawn shapes, which takes everything for a star."""
    folder = tmp_path_factory.mktemp("shapes")
    net = models.get_model("fcn8s", num_classes=len(SHAPES), **NARROW)
    with mc.no_grad():
        net.score.bias[SHAPES.index("star")] = 1
    settings = {"epochs": 1, "data": None, "limit": 10, "size": 40, "seed": 3}
    run = training.Run(folder, settings, best_by="val_mean_iou")
    run.describe_network(training.NetworkDescription("fcn8s", SHAPES, resize=None, options=NARROW))
    run.start(net=net)
    results = {"val_loss": 1.0, "val_accuracy": 0.5, "val_mean_iou": 0.1}
    run.finish_epoch(training.ClassificationMeter(), results, learning_rate=0.1)
    return folder


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder of 12 pictures, and one that is none."""
    folder = write_folder(tmp_path / "photos", numbered_files(12, folder=""))
    (folder / "notes.txt").write_text("not a picture, and it does not look like one")
    return folder


@pytest.fixture
def minicnn(capsys, monkeypatch) -> Iterator[Callable[..., tuple[int | str | None, str, str]]]:
    """Calls the command line; returns the exit status or last words, and what was printed."""
    monkeypatch.setattr(sys, "argv", ["minicnn"])
    ctrl_c = signal.getsignal(signal.SIGINT)

    def call(*arguments: object) -> tuple[int | str | None, str, str]:
        capsys.readouterr()
        try:
            status: int | str | None = main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    yield call
    signal.signal(signal.SIGINT, ctrl_c)
