from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scripts import run_here

import minicnn as mc
from minicnn import models, nn
from minicnn.data.drawn import draw_pet
from minicnn.models.presets import ImageClassification
from minicnn.nn import functional as F

pytestmark = pytest.mark.cpu_only


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two pictures, and a file of random weights as torch writes it."""
    folder = tmp_path_factory.mktemp("classify")
    for number in (1, 2):
        draw_pet("cat", np.random.default_rng(number)).save(folder / f"{number}.png")
    mc.manual_seed(0)
    state = models.resnet18().state_dict()
    torch.save({k: torch.from_numpy(v.numpy()) for k, v in state.items()}, folder / "random.pth")
    return folder


def test_it_prints_the_five_most_probable_classes(monkeypatch, capsys, folder):
    pictures = [folder / "1.png", folder / "2.png"]
    weights = folder / "random.pth"
    run_here(monkeypatch, "classify.py", *pictures, "--model", "resnet18", "--weights", weights)
    published = models.ResNet18_Weights.DEFAULT
    net = models.resnet18(weights=weights).eval()
    expected = []
    for path in pictures:
        batch = published.transforms()(Image.open(path)).unsqueeze(0)
        probabilities = F.softmax(net(batch), dim=1)[0].detach().numpy()
        expected.append(str(path))
        for label in np.argsort(-probabilities)[:5]:
            expected.append(
                f"  {100 * probabilities[label]:5.1f} %  {published.meta['categories'][label]}"
            )
    assert capsys.readouterr().out.splitlines() == expected


def test_a_photo_taken_sideways_is_turned_upright(monkeypatch, capsys, folder):
    picture = Image.open(folder / "1.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by a quarter
    picture.rotate(90).save(folder / "sideways.png", exif=exif)
    lines = []
    for name in ("1.png", "sideways.png"):
        options = ["--model", "resnet18", "--weights", folder / "random.pth"]
        run_here(monkeypatch, "classify.py", folder / name, *options)
        lines.append(capsys.readouterr().out.splitlines()[1:])
    assert lines[0] == lines[1]


def test_named_weights_bring_their_own_steps(monkeypatch, folder):
    used = []
    forward = ImageClassification.forward

    def note(preset: ImageClassification, image: Image.Image) -> mc.Tensor:
        used.append(preset.resize_size)
        return forward(preset, image)

    monkeypatch.setattr(ImageClassification, "forward", note)
    monkeypatch.setattr(models, "get_model", lambda name, weights: Thousand())
    options = ["--model", "resnet50", "--weights"]
    for weights in ("IMAGENET1K_V1", "DEFAULT", folder / "random.pth"):
        run_here(monkeypatch, "classify.py", folder / "1.png", *options, weights)
    assert used == [[256], [232], [232]]


class Thousand(nn.Module):
    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return mc.zeros(len(x), 1000)


def test_networks_without_published_weights_are_no_choice(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run_here(monkeypatch, "classify.py", "x.png", "--model", "alexnet227")
    assert "invalid choice: 'alexnet227'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["broken.png", "--weights", "random.pth"], "broken.png: cannot identify image file"),
        (["none.png", "--weights", "random.pth"], "none.png"),
        (["1.png", "--weights", "none.pth"], "no file of weights at 'none.pth'"),
        (["1.png", "--weights", "1.png"], "1.png"),
        (["1.png", "--weights", "IMAGENET1K_V9"], "has no weights 'IMAGENET1K_V9'"),
        (["1.png", "--model", "resnet34", "--weights", "random.pth"], "layer1.2.conv1.weight"),
        (["1.png"], "cannot download https://download.pytorch.org/models/resnet18-f37072fd.pth"),
    ],
)
def test_a_mistake_is_told(monkeypatch, tmp_path, folder, arguments, message):
    (folder / "broken.png").write_bytes(b"no picture")
    for name in ("MINICNN_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))  # nothing is there already
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody answers
    monkeypatch.chdir(folder)
    if "--model" not in arguments:
        arguments = [*arguments, "--model", "resnet18"]
    with pytest.raises(SystemExit) as exit:
        run_here(monkeypatch, "classify.py", *arguments)
    assert exit.value.code.startswith("error: ") and message in exit.value.code
