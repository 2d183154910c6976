from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scripts import run_here

import minicnn as mc
from minicnn import models, nn, viz

pytestmark = pytest.mark.cpu_only
CAT, SHEEP = 8, 17


class Bright(nn.Module):
    """Takes what is bright for a cat, and what is dark for the background."""

    def forward(self, x: mc.Tensor) -> dict[str, mc.Tensor]:
        scores = mc.zeros(len(x), 21, *x.shape[2:])
        scores[:, CAT] = x.mean(dim=1)
        return {"out": scores}


@pytest.fixture
def picture(tmp_path) -> Path:
    """600 x 300 pixels: the middle third is bright."""
    pixels = np.zeros((300, 600, 3), np.uint8)
    pixels[:, 200:400] = 255
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize(
    ("options", "size", "scale"), [([], (224, 224), 2), (["--preset"], (1040, 520), 1)]
)
def test_it_colours_what_the_network_sees(monkeypatch, capsys, picture, options, size, scale):
    monkeypatch.setattr(models, "get_model", lambda name, weights: Bright())
    run_here(monkeypatch, "segment.py", picture, *options)
    out = picture.with_name("photo-segmented.png")
    assert f"found cat; wrote {out}" in capsys.readouterr().out
    overlay = np.asarray(Image.open(out).crop((0, 0, scale * size[0], scale * size[1])))
    is_cat = (overlay == (viz.voc_palette()[CAT] / 2 + 127.5).round()).all(-1)
    is_background = (overlay == 0).all(-1)
    # the middle 224 of 512 x 256 pixels are left; 171 columns of them are cat
    expected = 171 / 224 if not options else 1 / 3
    assert is_cat.mean() == pytest.approx(expected, abs=0.03)
    assert is_background.mean() == pytest.approx(1 - expected, abs=0.03)


def test_a_photo_taken_sideways_is_turned_upright(monkeypatch, picture):
    monkeypatch.setattr(models, "get_model", lambda name, weights: Bright())
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by a quarter
    Image.open(picture).save(picture, exif=exif)
    run_here(monkeypatch, "segment.py", picture, "--preset")
    overlay = Image.open(picture.with_name("photo-segmented.png"))
    assert overlay.width == 520 and overlay.height > 1040


@pytest.mark.parametrize("out", ["nowhere/x.png", "x.what"])
def test_a_place_where_nothing_can_be_written_is_told(monkeypatch, picture, out):
    monkeypatch.setattr(models, "get_model", lambda name, weights: Bright())
    monkeypatch.chdir(picture.parent)
    with pytest.raises(SystemExit) as exit:
        run_here(monkeypatch, "segment.py", picture, "--out", out)
    assert exit.value.code.startswith(f"error: cannot write {out}: ")


@pytest.mark.parametrize("image", [".", "/"])
def test_a_folder_is_no_photograph(monkeypatch, image):
    with pytest.raises(SystemExit, match=f"error: {image}: Is a directory"):
        run_here(monkeypatch, "segment.py", image)


@pytest.mark.slow
def test_weights_from_a_file(monkeypatch, capsys, picture, tmp_path):
    net = models.fcn_resnet50(aux_loss=True)
    nn.init.zeros_(net.classifier[4].weight)
    with mc.no_grad():
        net.classifier[4].bias[:] = 0
        net.classifier[4].bias[SHEEP] = 1
    state = {name: torch.from_numpy(value.numpy()) for name, value in net.state_dict().items()}
    torch.save(state, tmp_path / "sheep.pth")
    run_here(
        monkeypatch, "segment.py", picture, "--model", "fcn_resnet50",
        "--weights", tmp_path / "sheep.pth", "--out", tmp_path / "sheep.png",
    )  # fmt: skip
    assert "found sheep; wrote" in capsys.readouterr().out
    pixel = Image.open(tmp_path / "sheep.png").getpixel((5, 5))
    assert pixel == tuple((viz.voc_palette()[SHEEP] / 2).round().astype(int))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["broken.png"], "broken.png: cannot identify image file"),
        (["none.png"], "none.png"),
        (["photo.png", "--weights", "none.pth"], "no file of weights at 'none.pth'"),
        (["photo.png"], "fcn_resnet101_coco-7ecb50ca.pth"),
        (["photo.png", "--model", "fcn8s"], "fcn8s has no weights 'DEFAULT'"),
    ],
)
def test_a_mistake_is_told(monkeypatch, tmp_path, picture, arguments: list[Any], message):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for name in ("MINICNN_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))  # nothing is there already
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody answers
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        run_here(monkeypatch, "segment.py", *arguments)
    assert exit.value.code.startswith("error: ") and message in exit.value.code
