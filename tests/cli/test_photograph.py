"""A photograph of a cat through the command line, with weights given as files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from with_torchvision import torchvision

from minicnn import models

pytestmark = [pytest.mark.cpu_only, pytest.mark.slow]

CAT = models.ResNet18_Weights.DEFAULT.meta["categories"].index("tabby")


@pytest.fixture
def chelsea(tmp_path) -> Path:
    data = pytest.importorskip("skimage.data")
    Image.fromarray(data.chelsea()).save(tmp_path / "chelsea.png")
    return tmp_path / "chelsea.png"


def test_it_is_predicted_and_explained(minicnn, chelsea, tmp_path):
    torch.manual_seed(0)
    net = torchvision.models.resnet18().eval()
    with torch.no_grad():
        net.fc.bias[CAT] += 5
    weights = tmp_path / "resnet18.pth"
    torch.save(net.state_dict(), weights)
    table, sheet = tmp_path / "answers.csv", tmp_path / "sheet.png"
    status, out, _ = minicnn(
        "predict", chelsea, "--model", "resnet18", "--weights", weights, "--top", 5,
        "--csv", table, "--sheet", sheet, "--explain",
    )  # fmt: skip
    assert status == 0 and "tabby" in out.splitlines()[1]
    with table.open() as opened:
        rows = list(csv.DictReader(opened))
    prepare = torchvision.models.ResNet18_Weights.DEFAULT.transforms()
    with torch.no_grad():
        answers = net(prepare(Image.open(chelsea)).unsqueeze(0)).softmax(1)[0].topk(5)
    names = models.ResNet18_Weights.DEFAULT.meta["categories"]
    assert [row["class"] for row in rows] == [names[index] for index in answers.indices]
    found = [float(row["probability"]) for row in rows]
    assert found == pytest.approx(answers.values.tolist(), rel=1e-3)
    pixels = np.asarray(Image.open(sheet)).astype(int)
    left, right = pixels[30:230, 12:212], pixels[30:230, 214:414]
    change = np.abs(left - right)  # beside the photograph is the heat map, which has cold places
    assert change.max() > 60 and change.mean() > 2


def test_it_is_segmented(minicnn, chelsea, tmp_path):
    torch.manual_seed(0)
    net = torchvision.models.segmentation.fcn_resnet50(
        weights=None, weights_backbone=None, aux_loss=True
    ).eval()
    cat = models.FCN_ResNet50_Weights.DEFAULT.meta["categories"].index("cat")
    weights = tmp_path / "fcn.pth"
    with torch.no_grad():
        net.classifier[4].bias[cat] += 9
    torch.save(net.state_dict(), weights)
    status, out, _ = minicnn(
        "segment", chelsea, "--model", "fcn_resnet50", "--weights", weights, "--size", 120
    )
    assert status == 0
    prepare = torchvision.models.segmentation.FCN_ResNet50_Weights.DEFAULT.transforms(
        resize_size=120
    )
    with torch.no_grad():
        labels = net(prepare(Image.open(chelsea)).unsqueeze(0))["out"][0].argmax(0)
    share = 100 * (labels == cat).float().mean().item()
    assert 10 < share < 90
    place, found = out.splitlines()[1].split("  ", 1)
    assert f"cat {share:.1f} %" in found
    picture = Image.open(place)
    assert picture.width == 4 * labels.shape[1]  # enlarged, with a legend below
