"""The table of convolutions, on layers that take no time."""

from __future__ import annotations

import importlib
import json
import sys

import pytest

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def conv2d(monkeypatch):
    module = importlib.import_module("conv2d")
    layers = {"conv1": (3, 4, 12, 3, 1, 1), "conv2": (64, 64, 24, 3, 1, 1)}
    monkeypatch.setattr(module, "NETWORKS", {"alexnet": layers, "vgg16": {}})
    monkeypatch.setattr(module, "LAYERS", {f"alexnet {name}": layers[name] for name in layers})
    return module


def test_a_row_for_each_pass(conv2d, monkeypatch, tmp_path, capsys):
    path = tmp_path / "conv2d.json"
    arguments = [
        "--network",
        "alexnet",
        "--repeats",
        "1",
        "--against",
        "torch",
        "--json",
        str(path),
    ]
    monkeypatch.setattr(sys, "argv", ["conv2d.py", *arguments])
    monkeypatch.delitem(sys.modules, "cupy", raising=False)  # of other tests: it asks for a GPU
    conv2d.main()
    rows = json.loads(path.read_text())["rows"]
    assert [(row["layer"], row["pass"]) for row in rows] == [
        ("alexnet conv1", "forward"),
        ("alexnet conv1", "weight gradient"),  # the first layer has no input gradient
        ("alexnet conv2", "forward"),
        ("alexnet conv2", "input gradient"),
        ("alexnet conv2", "weight gradient"),
    ]
    assert {row["batch"] for row in rows} == {32}
    assert all(row["minicnn"] > 0 and row["torch"] > 0 for row in rows)
    assert all(1e-9 < row["error"] < 1e-5 for row in rows)
    assert {row["algorithm"].split()[0] for row in rows[2:]} == {"winograd"}
    printed = capsys.readouterr().out.splitlines()
    assert len([line for line in printed if " error " in line]) == 5
    assert [line.split()[:2] for line in printed if " all " in line] == [["alexnet", "all"]]


def test_a_wrong_result_shows(conv2d):
    layer = conv2d.LAYERS["alexnet conv2"]
    geometry = conv2d.geometry_of(layer)
    rng = conv2d.np.random.default_rng(0)
    shapes = (2, 64, 24, 24), (64, 64, 3, 3), (64,), (2, 64, 24, 24)
    arrays = [rng.standard_normal(shape, dtype="float32") for shape in shapes]
    passes = conv2d.minicnn_passes(*arrays, geometry)
    for name, run in passes.items():
        assert conv2d.error(name, run(), arrays, geometry) < 1e-5
        assert conv2d.error(name, run() * 1.01, arrays, geometry) == pytest.approx(0.01, rel=0.01)
