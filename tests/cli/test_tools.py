"""summary, export, profile and info."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import models, nn, training

pytestmark = pytest.mark.cpu_only


def test_summary(minicnn, trained):
    _, out, _ = minicnn("summary", "--run", trained.folder, "--batch-size", 3)
    net = models.resnet18(num_classes=2)
    assert out == f"{nn.summary(net, (3, 3, 32, 32))}\n"
    _, out, _ = minicnn("summary", "--model", "resnet18", "--classes", "a,b,c", "--size", 64)
    assert "parameters: 11,178,051" in out  # no weights are needed


def test_profile(minicnn, shapes, tmp_path):
    options = ["--size", 32, "--batch-size", 2, "--trace", tmp_path / "trace.json"]
    status, out, _ = minicnn("profile", "--model", "resnet18", *options)
    assert status == 0
    assert out.startswith("resnet18 on cpu, inference with 2 images:")
    assert "Conv2d" in out and "SGD.step" not in out and re.search(r"[\d.]+ images/s", out)
    assert json.loads((tmp_path / "trace.json").read_text())
    status, out, _ = minicnn("profile", "--run", shapes, "--size", 32, "--train", "--rows", 99)
    assert status == 0 and "SGD.step" in out and "a training step" in out


def test_export(minicnn, trained, photos, tmp_path):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    file = tmp_path / "pets.onnx"
    status, out, _ = minicnn("export", "--run", trained.folder, "--out", file)
    assert status == 0
    assert f"wrote {file}: resnet18 for images (N, 3, 32, 32), 2 classes" in out
    onnx.checker.check_model(str(file))
    prepare = training.read_run(trained.folder)[0].preset()
    batch = mc.stack([prepare(Image.open(photos / f"{number}.jpg")) for number in (1, 2, 3)])
    net = models.resnet18(weights=trained.folder / "best.ckpt", num_classes=2).eval()
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: batch.numpy()})
    assert np.abs(found - net(batch).detach().numpy()).max() < 1e-4
    assert "dog" in str(session.get_modelmeta().custom_metadata_map)


@pytest.mark.parametrize(
    ("out", "message"),
    [("pets.pth", "must end in .onnx"), ("nowhere/pets.onnx", "there is no folder nowhere")],
)
def test_where_export_cannot_write(minicnn, trained, out, message):
    assert message in minicnn("export", "--run", trained.folder, "--out", out)[0]


def test_info(minicnn, monkeypatch):
    monkeypatch.setenv("MINICNN_SOMETHING", "7")
    status, out, _ = minicnn("info")
    assert status == 0
    told = dict(re.split(r"  +", line, maxsplit=1) for line in out.splitlines())
    assert told["minicnn"] == mc.__version__ and told["NumPy"] == np.__version__
    assert told["threads"] == str(mc.get_num_threads())
    assert told["kernels"].startswith(("fast", "plain"))
    assert told["MINICNN_SOMETHING"] == "7"
    assert {"Python", "Pillow", "BLAS", "GPU", "for CuPy", "for plots"} <= told.keys()
