from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from imagenet_trees import FORMS
from PIL import Image
from scripts import assert_same_end, functions_of, metrics, run_here

import minicnn as mc
from minicnn import models, nn, training
from minicnn.data.split import targets_of
from minicnn.models import vision_transformer
from minicnn.nn import functional as F

pytestmark = pytest.mark.cpu_only

SCRIPT = "train_classifier.py"
# 12 pictures to train on, 3 steps an epoch, 6 to validate
TINY = "--size 32 --epochs 2 --batch-size 4 --lr 0.001 --device cpu"


def draw(folder: Path, per_class: int, seed: int) -> None:
    """Noisy pictures of three colours, in a folder each."""
    rng = np.random.default_rng(seed)
    for channel, name in enumerate(("blue", "green", "red")):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            pixels = rng.integers(0, 100, (40, 44, 3))
            pixels[..., 2 - channel] += 120
            picture = Image.fromarray(pixels.astype(np.uint8))
            picture.save(folder / name / f"{number}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """With folders train and val."""
    folder = tmp_path_factory.mktemp("colours")
    draw(folder / "train", per_class=4, seed=1)
    draw(folder / "val", per_class=2, seed=2)
    return folder


@pytest.mark.slow
def test_googlenet_and_that_ctrl_c_and_resume_lead_to_the_same_end(
    monkeypatch, capsys, tmp_path, data
):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    arguments = [*TINY.split(), "--model", "googlenet", "--data", data, "--out"]
    run_here(monkeypatch, SCRIPT, *arguments, whole / "out")
    printed = capsys.readouterr().out
    assert "googlenet on cpu: 12 pictures of 3 classes to train on, 6 to validate" in printed
    written = metrics(whole)
    assert [row["epoch"] for row in written["epochs"]] == [1, 2]
    assert written["best"] in written["epochs"]
    assert np.sum(written["best"]["val_confusion"]) == 6
    assert written["settings"]["classes"] == ["blue", "green", "red"]
    assert str(data / "val" / "red" / "1.png") in written["settings"]["pictures"]["val"]
    description, _ = training.read_run(whole / "out")
    assert description.options == {"transform_input": False}
    description.build(whole / "out" / "best.ckpt")

    steps = iter(range(1, 5))
    update = training.Progress.update

    def ctrl_c_in_step_4(self, *arguments):
        update(self, *arguments)
        if next(steps) == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched, pytest.raises(SystemExit, match="130"):
        patched.setattr(training.Progress, "update", ctrl_c_in_step_4)
        run_here(patched, SCRIPT, *arguments, stopped / "out")
    assert "stopped and saved" in capsys.readouterr().err
    run_here(monkeypatch, SCRIPT, *arguments, stopped / "out", "--resume")
    assert "epoch 1/2" not in capsys.readouterr().out
    assert_same_end(whole, stopped)


@pytest.mark.slow
def test_frozen_weights_stay_and_the_last_layer_is_trained(monkeypatch, tmp_path, capsys):
    draw(tmp_path / "data", per_class=7, seed=3)
    (tmp_path / "data" / "red" / "broken.png").write_bytes(b"no picture")
    mc.manual_seed(0)
    weights = models.resnet18().state_dict()
    mc.save(weights, tmp_path / "resnet18.ckpt")
    options = f"{TINY} --model resnet18 --workers 0 --freeze --precision bf16"
    run_here(
        monkeypatch, SCRIPT, *options.split(), "--data", tmp_path / "data",
        "--weights", tmp_path / "resnet18.ckpt", "--out", tmp_path / "out",
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "18 pictures of 3 classes to train on, 4 to validate" in printed  # 20 % of each class
    assert printed.count("broken.png: cannot identify") == 1
    assert "; 1 broken picture left out; " in printed
    trained = mc.load(tmp_path / "out" / "best.ckpt")["net"]
    assert trained["fc.weight"].shape == (3, 512)
    for name in ("conv1.weight", "layer4.1.conv2.weight", "layer2.0.bn1.weight"):
        assert np.array_equal(trained[name].numpy(), weights[name].numpy())
    optimizer = mc.load(tmp_path / "out" / "last.ckpt")["optimizer"]
    assert len(optimizer["state"]) == 2  # the weight and bias of the last layer


@pytest.mark.parametrize("form", ["tars", "kaggle"])
def test_imagenet(monkeypatch, capsys, tmp_path, form):
    root = FORMS[form](tmp_path / form)
    monkeypatch.setattr(models, "get_model", lambda *_, num_classes: Tiny(num_classes))
    arguments = [*TINY.split(), "--data", f"imagenet:{root}", "--out", tmp_path / "out"]
    run_here(monkeypatch, SCRIPT, *arguments)
    printed = capsys.readouterr().out
    assert "12 pictures of 4 classes to train on, 12 to validate" in printed
    assert "0 broken pictures left out" in printed
    settings = metrics(tmp_path)["settings"]
    assert settings["data"] == f"imagenet:{root}"
    assert settings["classes"][0] == "n01440764 tench"
    assert (settings["train_pictures"], settings["val_pictures"]) == (12, 12)
    assert "pictures" not in settings
    run_here(monkeypatch, SCRIPT, *arguments, "--resume", "--epochs", 3)
    assert "epoch 3/3" in capsys.readouterr().out
    run_here(monkeypatch, SCRIPT, *arguments, "--limit", 8)
    assert "8 pictures of 4 classes to train on, 8 to validate" in capsys.readouterr().out


def test_limit_counts_the_pictures_of_a_folder_of_classes_in_all(tmp_path):
    draw(tmp_path, per_class=7, seed=3)
    args = argparse.Namespace(limit=12, val_fraction=0.25, seed=0, out=tmp_path)
    args.data = training.data_source("imagenet")(str(tmp_path))
    run = SimpleNamespace(record=lambda **_: None, split=lambda *parts: parts)
    train, val, classes = functions_of(SCRIPT)["open_pictures"](run, args)
    assert (len(train), len(val), classes) == (9, 3, ["blue", "green", "red"])
    assert Counter(targets_of(train).tolist()) == {0: 3, 1: 3, 2: 3}


def test_files_of_weights_are_trained_at_other_sizes(monkeypatch, tmp_path):
    """Inception then has no auxiliary classifier; a transformer tells which size it needs."""
    monkeypatch.setitem(vision_transformer._SHAPES, "vit_b_32", (32, 1, 2, 8, 8))
    build = functions_of(SCRIPT)["build"]
    for name, size in (("inception_v3", 96), ("vit_b_32", 64)):
        with nn.init.no_init():
            mc.save(models.get_model(name).state_dict(), tmp_path / f"{name}.pth")
        args = argparse.Namespace(
            model=name, weights=str(tmp_path / f"{name}.pth"), size=size, freeze=True, device="cpu"
        )
        if name == "inception_v3":
            assert build(args, 3).AuxLogits is None
        else:
            with pytest.raises(ValueError, match="for images of 224 pixels, got image_size=64"):
                build(args, 3)


def test_weights_of_an_earlier_run_have_its_classes(tmp_path):
    weights = tmp_path / "best.ckpt"
    net = models.get_model("squeezenet1_1", num_classes=5)
    mc.save({"net": net.state_dict()}, weights)
    network = training.NetworkDescription("squeezenet1_1", list("abcde"), resize=64).as_plain()
    written = {"settings": {}, "best": None, "network": network}
    (tmp_path / "metrics.json").write_text(json.dumps(written))
    build = functions_of(SCRIPT)["build"]
    args = argparse.Namespace(weights=str(weights), size=64, freeze=True, device="cpu")
    args.model = "squeezenet1_1"
    fine = build(args, 3)
    assert fine.classifier[1].weight.shape[0] == 3
    assert mc.equal(fine.features[0].weight, net.features[0].weight)
    args.model = "squeezenet1_0"
    with pytest.raises(ValueError, match="has the weights of squeezenet1_1, got squeezenet1_0"):
        build(args, 3)


class Tiny(nn.Module):
    """A network for any size and number of classes."""

    def __init__(self, num_classes):
        super().__init__()
        self.layer = nn.Linear(3, num_classes)

    def forward(self, images):
        return self.layer(images.mean((2, 3)))


@pytest.mark.parametrize(
    ("model", "options", "size"),
    [
        ("resnet18", {}, 64),
        ("resnet18", {"data": "x"}, 224),
        ("inception_v3", {}, 75),
        ("inception_v3", {"data": "x"}, 299),
        ("efficientnet_b3", {"data": "x", "weights": "DEFAULT"}, 300),
        ("vit_b_16", {}, 64),
        ("vit_b_16", {"weights": "IMAGENET1K_SWAG_E2E_V1"}, 384),
    ],
)
def test_sizes_that_a_network_takes(model, options, size):
    args = argparse.Namespace(**{"model": model, "data": None, "weights": None} | options)
    assert functions_of(SCRIPT)["size_for"](args, 224 if args.data else 64) == size


@pytest.mark.slow
@pytest.mark.parametrize("model", ["inception_v3", "mobilenet_v3_small", "vit_b_32"])
def test_other_networks(monkeypatch, tmp_path, data, model):
    """Of fixed sizes, with auxiliary outputs or without."""
    monkeypatch.setitem(vision_transformer._SHAPES, "vit_b_32", (32, 1, 2, 8, 8))
    size = 75 if model == "inception_v3" else 32
    options = ["--model", model, "--data", data, "--out", tmp_path / "out", "--size", size]
    run_here(monkeypatch, SCRIPT, *TINY.split(), *options, "--epochs", 1)
    description, _ = training.read_run(tmp_path / "out")
    net = description.build(tmp_path / "out" / "best.ckpt")
    assert net(mc.zeros(1, 3, size, size)).shape == (1, 3)


def test_googlenets_auxiliary_losses_count_three_tenths_each():
    loss_of = functions_of(SCRIPT)["loss_of"]
    main, aux2, aux1, labels = mc.randn(4, 3), mc.randn(4, 3), mc.randn(4, 3), mc.arange(4) % 3
    loss = loss_of(models.GoogLeNetOutputs(main, aux2, aux1), labels)
    parts = [F.cross_entropy(logits, labels).item() for logits in (main, aux1, aux2)]
    assert loss.item() == pytest.approx(parts[0] + 0.3 * parts[1] + 0.3 * parts[2], rel=1e-6)
    assert loss_of(main, labels).item() == pytest.approx(parts[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--data nowhere", "nowhere"),
        ("--data {empty}", "no class folder in"),
        ("--data {data} --weights none.pth", "no file of weights at 'none.pth'"),
        ("--data {data} --weights IMAGENET1K_V9", "resnet18 has no weights 'IMAGENET1K_V9'"),
        ("--data {data} --model googlenet --size 14", "at least 15, got (1, 3, 14, 14)"),
        (
            "--data {data} --size 32 --batch-size 1",
            "--batch-size must be at least 2 at 32 px, got 1",
        ),
        ("--data {alone}", "has a folder train, but none of the name val"),
        ("--data {single}", "must have a folder for each class, got only 'red'"),
        ("--data {broken} --size 32", "none of the training pictures can be read"),
        ("--data {data} --resume", "no run to go on with"),
        ("--data {other}", "must have the same classes, got blue, green, red and blue, red"),
    ],
)
def test_a_mistake_is_told(monkeypatch, tmp_path, data, options, message):
    (tmp_path / "empty").mkdir()
    shutil.copytree(data, tmp_path / "other")
    shutil.rmtree(tmp_path / "other" / "val" / "green")
    shutil.copytree(data / "train", tmp_path / "alone" / "train")
    shutil.copytree(data / "train" / "red", tmp_path / "single" / "red")
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        (tmp_path / "broken" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "broken" / name).write_bytes(b"no picture")
    places = {name: tmp_path / name for name in ("empty", "other", "alone", "single", "broken")}
    places["data"] = data
    options = f"--model resnet18 {options} --device cpu --out {tmp_path / 'out'}"
    with pytest.raises(SystemExit) as exit:
        run_here(monkeypatch, SCRIPT, *options.format(**places).split())
    assert exit.value.code.startswith("error: ") and message in exit.value.code


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--freeze", "--freeze needs --weights"),
        ("--epochs 0", "--epochs: must be an integer of at least 1, got 0"),
        ("--val-fraction 2", "--val-fraction: must be between 0 and 1, got 2"),
        ("--data runs --out runs/a/b", "--out must not lie inside --data, whose pictures are all"),
        ("--data ", "--data: must not be empty"),
        ("--size 0", "--size: must be an integer of at least 1, got 0"),
        ("--model fcn8s", "invalid choice: 'fcn8s' (close to it: "),
        ("--model efficientnet-b0", "(close to it: efficientnet_b0, efficientnet_b"),
        ("--model ???", "(close to it: none; --help lists all)"),
    ],
)
def test_options_that_do_not_fit(monkeypatch, capsys, options, message):
    with pytest.raises(SystemExit):
        run_here(monkeypatch, SCRIPT, *options.split(" "))
    assert message in capsys.readouterr().err
