"""The script as a person runs it: in a process of its own, on a few drawn pictures."""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import scripts
from scripts import ROOT, assert_same_end, functions_of, metrics, results, run_here

from minicnn import training
from minicnn.data import DogsVsCats
from minicnn.data.drawn import draw_dogs_vs_cats

pytestmark = pytest.mark.cpu_only

# 18 pictures to train on, 5 steps an epoch, 6 to validate; SGD has the smaller state to save
TINY = "--epochs 2 --batch-size 4 --val-fraction 0.25 --optimizer sgd --lr 0.001 --device cpu"


run = functools.partial(scripts.run, "train_alexnet.py")
interrupt = functools.partial(scripts.interrupt, "train_alexnet.py")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return draw_dogs_vs_cats(tmp_path_factory.mktemp("data") / "pets", per_class=12, test=3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, data) -> Path:
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    result = run(folder, f"{TINY} --data {data}")
    assert result.returncode == 0, result.stdout + result.stderr
    (folder / "printed").write_text(result.stdout)
    return folder


@pytest.mark.slow
def test_it_leaves_its_results(whole):
    assert {path.name for path in (whole / "out").iterdir()} >= {
        "metrics.json",
        "last.ckpt",
        "best.ckpt",
    }
    written = metrics(whole)
    assert [epoch["epoch"] for epoch in written["epochs"]] == [1, 2]
    for epoch in written["epochs"]:
        assert epoch["images_per_second"] > 0 and epoch["seconds"] > epoch["seconds_waited"] > 0
        assert 0 <= epoch["train_accuracy"] <= 1 and 0 <= epoch["val_accuracy"] <= 1
        assert epoch["train_loss"] > 0 and epoch["val_loss"] > 0
        assert np.sum(epoch["val_confusion"]) == 6
    assert written["best"] in written["epochs"]
    assert written["settings"]["batch_size"] == 4
    assert [len(written["settings"]["pictures"][part]) for part in ("train", "val")] == [18, 6]
    assert written["versions"]["numpy"] == np.__version__
    description, _ = training.read_run(whole / "out")
    assert description.classes == ["cat", "dog"] and description.crop == 227
    description.build(whole / "out" / "best.ckpt")


@pytest.mark.slow
def test_it_draws_its_plots(whole):
    pytest.importorskip("matplotlib")
    for name in ("curves.png", "confusion.png", "predictions.png"):
        assert (whole / "out" / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_it_says_where_it_runs_and_how_far_it_is(whole):
    printed = (whole / "printed").read_text()
    assert "AlexNet on cpu: 18 pictures to train on, 6 to validate" in printed
    assert printed.count("epoch 2/2 ") == 5 + 1  # a line for each step, and the epoch's
    assert "0 broken pictures left out" in printed


@pytest.mark.slow
def test_resume_after_a_kill_is_bit_identical(tmp_path, data, whole):
    code, _ = interrupt(tmp_path, f"{TINY} --data {data}", "epoch 2/2  44%", signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert len(results(tmp_path)) == 1
    result = run(tmp_path, f"{TINY} --data {data} --resume")
    assert result.returncode == 0, result.stderr
    assert_same_end(whole, tmp_path)


@pytest.mark.slow
def test_resume_after_ctrl_c_is_bit_identical(tmp_path, data, whole):
    code, printed = interrupt(tmp_path, f"{TINY} --data {data}", "epoch 1/2  44%", signal.SIGINT)
    assert code == 130
    assert "stopped and saved" in printed and printed.rstrip().endswith("--resume")
    result = run(tmp_path, f"{TINY} --data {data} --resume --workers 0 --cache memory")
    assert result.returncode == 0, result.stderr
    assert "epoch 1/2  22%" not in result.stdout  # it did not begin again
    assert_same_end(whole, tmp_path)


@pytest.mark.slow
def test_the_recipe_learns_faster_than_adamw_from_usual_weights(tmp_path):
    def accuracy(options: str) -> float:
        folder = tmp_path / options.replace(" ", "")
        folder.mkdir(exist_ok=True)
        few = "--limit 320 --epochs 3 --batch-size 16 --device cpu --workers 0"
        result = run(folder, f"{few} {options}")
        assert result.returncode == 0, result.stderr
        return metrics(folder)["best"]["val_accuracy"]

    assert accuracy("") > 0.8 > accuracy("--optimizer adamw --init kaiming")


@pytest.mark.slow
def test_broken_pictures_are_left_out_and_named(tmp_path, data):
    pets = draw_dogs_vs_cats(tmp_path / "pets", per_class=4, test=2)
    (pets / "train" / "dog.2.jpg").write_bytes(b"no picture")
    (pets / "test" / "1.jpg").write_bytes(b"")
    result = run(tmp_path, f"{TINY} --data {pets} --epochs 1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("dog.2.jpg") == 1
    assert "1 broken picture left out" in result.stdout


@pytest.mark.slow
def test_broken_pictures_alone_end_in_a_line(tmp_path):
    pets = draw_dogs_vs_cats(tmp_path / "pets", per_class=2, test=1)
    for picture in (pets / "train").iterdir():
        picture.write_bytes(b"no picture")
    result = run(tmp_path, f"--data {pets} --val-fraction 0.5 --device cpu")
    assert result.stderr == "error: none of the training pictures can be read\n"


def test_broken_test_pictures_alone_end_in_a_line(tmp_path, capsys):
    (tmp_path / "1.jpg").write_bytes(b"")
    draw = functions_of("train_alexnet.py")["draw_predictions"]
    args = argparse.Namespace(test_count=10, out=tmp_path, device="cpu")
    with training.optional("predictions.png"):
        draw(None, DogsVsCats(tmp_path, split="test"), None, args)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("warning: left out ") and len(printed) == 2
    assert (
        printed[1] == "not written: predictions.png (none of the pictures to look at can be read)"
    )


@pytest.mark.slow
def test_it_draws_pictures_when_it_has_none(tmp_path):
    result = run(tmp_path, "--limit 8 --epochs 1 --batch-size 4 --device cpu")
    assert result.returncode == 0, result.stderr
    assert "kaggle.com" in result.stdout.splitlines()[0]
    assert len(metrics(tmp_path)["settings"]["pictures"]["train"]) == 6


@pytest.mark.slow
def test_without_matplotlib_it_says_what_it_did_not_draw(tmp_path, data):
    (tmp_path / "matplotlib.py").write_text("raise ImportError('hidden by the test')")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    result = run(tmp_path, f"{TINY} --data {data} --epochs 1 --limit 8", PYTHONPATH=path)
    assert result.returncode == 0, result.stderr
    for name in ("curves.png", "confusion.png", "predictions.png"):
        assert f"not written: {name} (hidden by the test)" in result.stdout
    assert not list((tmp_path / "out").glob("*.png"))


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ("--data nowhere.zip", 1, "nowhere.zip"),
        ("--data {empty}", 1, "no train pictures"),
        ("--data {data} --test nowhere", 1, "nowhere"),
        ("--data {data} --resume", 1, "no run to go on with"),
        ("--data {data} --out {data}/..", 1, "--data must not lie inside --out"),
        ("--data {data} --out {data}/out", 2, "--out must not lie inside --data, whose pictures"),
        (
            "--data {cats}",
            1,
            "there must be cats and dogs to train on, got DogsVsCats(12 cats and 0 d",
        ),
        ("--data {data} --limit 3", 2, "--limit: must be an integer of at least 4, got 3"),
        ("--data {data} --val-fraction 1.5", 2, "--val-fraction: must be between 0 and 1, got 1.5"),
        ("--data {data} --lr -1", 2, "--lr: must be a number above 0, got -1"),
        ("--data {data} --lr nan", 2, "--lr: must be a number above 0, got nan"),
        ("--data {data} --epochs 0", 2, "--epochs: must be an integer of at least 1, got 0"),
        ("--data {data} --batch-size x", 2, "must be an integer of at least 1, got x"),
        ("--data {data} --seed -1", 2, "--seed: must be an integer of at least 0, got -1"),
        ("--data {data} --workers -1", 2, "--workers: must be an integer of at least 0, got -1"),
        ("--data {data} --test-count 0", 2, "--test-count: must be an integer of at least 1"),
        ("--speed 3", 2, "unrecognized arguments: --speed 3"),
    ],
)
def test_a_mistake_is_told_in_a_line(monkeypatch, capfd, tmp_path, data, options, status, message):
    (tmp_path / "empty").mkdir()
    shutil.copytree(data / "train", tmp_path / "cats", ignore=shutil.ignore_patterns("dog.*"))
    options = options.format(data=data, empty=tmp_path / "empty", cats=tmp_path / "cats").split()
    with pytest.raises(SystemExit) as exit:
        run_here(monkeypatch, "train_alexnet.py", "--out", tmp_path / "out", *options)
    told = capfd.readouterr().err if status == 2 else f"{exit.value.code}\n"  # printed at the end
    assert (exit.value.code == 2) == (status == 2)
    assert told.startswith("error: ") and message in told and told.count("\n") == 1


def test_an_out_folder_that_cannot_be_made(tmp_path, data):
    (tmp_path / "out").write_text("a file")
    result = run(tmp_path, f"--data {data}")
    assert (result.returncode, result.stdout) == (1, "")
    assert (
        result.stderr
        == f"error: --out names the folder for the results, and {tmp_path / 'out'} is a file\n"
    )


@pytest.mark.slow
def test_resume_with_other_settings_is_refused(tmp_path, data, whole):
    (tmp_path / "out").symlink_to(whole / "out")
    result = run(tmp_path, f"{TINY} --data {data} --seed 7 --resume")
    assert result.returncode != 0
    assert result.stderr.startswith("error: ") and "seed was 0, now 7" in result.stderr
