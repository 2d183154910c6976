"""train_alexnet.py on a GPU, or an emulated one, with a small network in AlexNet's place."""

from __future__ import annotations

import functools
import signal
from pathlib import Path

import numpy as np
import pytest
import scripts
from ranks import needs_mpi, printed_by_ranks
from scripts import ROOT, assert_same_end, metrics, results

from minicnn.data.drawn import draw_dogs_vs_cats

pytestmark = [pytest.mark.cuda_only, pytest.mark.numbers_decide, pytest.mark.slow]

# 18 pictures to train on, 5 steps an epoch of which the last is short, 6 to validate
TINY = "--epochs 2 --batch-size 4 --val-fraction 0.25 --lr 0.001 --gpu-gb 1"
SCRIPT = f"""
import runpy
import minicnn.models
from minicnn import nn

minicnn.models.AlexNet227 = lambda **_: nn.Sequential(
    nn.Conv2d(3, 8, 11, stride=16), nn.ReLU(), nn.MaxPool2d(3, 2),
    nn.Flatten(), nn.Dropout(), nn.Linear(288, 2),
)
runpy.run_path({str(ROOT / "examples" / "train_alexnet.py")!r}, run_name="__main__")
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("script") / "train_small.py"
    path.write_text(SCRIPT)
    return str(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return draw_dogs_vs_cats(tmp_path_factory.mktemp("data") / "pets", per_class=12, test=2)


@pytest.fixture
def run(script):
    return functools.partial(scripts.run, script)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, script, data) -> Path:
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    result = scripts.run(script, folder, f"{TINY} --data {data}")
    assert result.returncode == 0, result.stdout + result.stderr
    (folder / "printed").write_text(result.stdout)
    return folder


def test_it_trains_and_validates(whole):
    printed = (whole / "printed").read_text()
    assert "decoded 24 pictures in " in printed and "AlexNet on cuda" in printed
    assert "warning" not in printed
    for epoch in metrics(whole)["epochs"]:
        assert np.sum(epoch["val_confusion"]) == epoch["val_pictures"] == 6
        assert 0 < epoch["train_loss"] < 10


def test_killed_and_resumed_it_ends_the_same(tmp_path, script, data, whole):
    options = f"{TINY} --data {data}"
    code, _ = scripts.interrupt(script, tmp_path, options, "epoch 2/2  44%", signal.SIGKILL)
    assert code == -signal.SIGKILL and len(results(tmp_path)) == 1
    result = scripts.run(script, tmp_path, f"{options} --resume")
    assert result.returncode == 0, result.stderr
    assert_same_end(whole, tmp_path)


def test_stopped_within_an_epoch_and_resumed_from_the_other_memory(tmp_path, script, data, whole):
    options = f"{TINY} --data {data}"
    code, printed = scripts.interrupt(script, tmp_path, options, "epoch 1/2  44%", signal.SIGINT)
    assert code == 130 and "stopped and saved" in printed
    result = scripts.run(script, tmp_path, f"{options} --resume --gpu-gb 1e-9 --workers 0")
    assert result.returncode == 0, result.stderr
    assert_same_end(whole, tmp_path)


def test_broken_pictures_are_left_out_and_named_once(tmp_path, run):
    pets = draw_dogs_vs_cats(tmp_path / "pets", per_class=4, test=2)
    (pets / "train" / "dog.2.jpg").write_bytes(b"no picture")
    result = run(tmp_path, f"{TINY} --data {pets} --epochs 1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("dog.2.jpg") == 1
    assert "1 broken picture left out" in result.stdout


@needs_mpi
def test_two_processes_train_together(tmp_path, script, data):
    options = f"{TINY} --data {data} --epochs 1 --limit 8 --out {tmp_path}"
    printed = printed_by_ranks(2, script, *options.split())
    assert "2 processes" in printed and "best after epoch 1" in printed
