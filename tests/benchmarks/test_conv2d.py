"""The tables of convolutions and max-pools, with few images."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys

import pytest

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def conv2d():
    return importlib.import_module("conv2d")


@pytest.fixture
def layer():
    layers = importlib.import_module("layers")
    return layers.Layer(
        "conv", (2, 64, 24, 24), (2, 64, 24, 24), (64, 64, 3, 3), (3, 3), (1, 1), (1, 1)
    )


@pytest.fixture
def few_layers(conv2d, monkeypatch):
    """Only the first two convolutions of each network, in short blocks."""
    monkeypatch.setattr(importlib.import_module("common"), "BLOCK_SECONDS", 0)
    of_network = conv2d.conv_layers
    monkeypatch.setattr(conv2d, "conv_layers", lambda *args: of_network(*args)[:2])


@pytest.mark.slow
def test_a_row_for_each_pass(conv2d, few_layers, monkeypatch, tmp_path, capsys):
    path = tmp_path / "conv2d.json"
    options = ["--network", "alexnet", "--batch", "1", "--blocks", "1", "--against", "torch"]
    monkeypatch.setattr(sys, "argv", ["conv2d.py", *options, "--json", str(path)])
    conv2d.main()
    stored = json.loads(path.read_text())
    rows = stored["rows"]
    assert [(row["layer"], row["pass"]) for row in rows] == [
        ("alexnet features.0", "forward"),
        ("alexnet features.0", "weight gradient"),  # the first layer has no input gradient
        ("alexnet features.3", "forward"),
        ("alexnet features.3", "input gradient"),
        ("alexnet features.3", "weight gradient"),
    ]
    assert {row["batch"] for row in rows} == {1}
    assert all(row["minicnn"] > 0 and row["torch"] > 0 for row in rows)
    assert all(1e-9 < row["error"] < 1e-5 for row in rows)
    assert {row["algorithm"].split()[0] for row in rows} <= {"winograd", "im2col"}
    assert "taking turns" in stored["processes"]
    assert stored["environment"]["threads"] and stored["environment"]["torch threads"]
    printed = capsys.readouterr().out.splitlines()
    assert "alexnet features.3: 96 x 27 x 27 -> 256 x 27 x 27, kernel 5 x 5" in printed
    assert len([line for line in printed if " error " in line]) == 5
    assert [line.split()[:2] for line in printed if " all " in line] == [["alexnet", "all"]]


@pytest.mark.slow
def test_grouped_layers_stand_beside_what_the_machine_needs(monkeypatch, tmp_path, capsys):
    depthwise, path = importlib.import_module("depthwise"), tmp_path / "depthwise.json"
    monkeypatch.setattr(importlib.import_module("common"), "BLOCK_SECONDS", 0)
    monkeypatch.setattr(depthwise, "SHAPES", {"small": [(8, 7, 1, 8), (8, 7, 2, 2)]})
    options = ["--batch", "2", "--blocks", "1", "--against", "torch", "--json", str(path)]
    monkeypatch.setattr(sys, "argv", ["depthwise.py", *options])
    depthwise.main()
    rows = json.loads(path.read_text())["rows"]
    assert [row["algorithm"] for row in rows] == ["depthwise"] * 3 + ["grouped"] * 3
    assert all(row["error"] < 1e-5 and row["torch"] > 0 for row in rows)
    assert all(seconds > 0 for row in rows for seconds in row["least"].values())
    printed = capsys.readouterr().out
    assert "small 2 groups, stride 2: 8 x 7 x 7 -> 8 x 4 x 4, kernel 3 x 3; at least:" in printed


@pytest.mark.slow
def test_a_row_for_each_pass_of_a_pool_alone(monkeypatch, capsys):
    common, pool2d = importlib.import_module("common"), importlib.import_module("pool2d")
    args = common.layer_parser(pool2d.__doc__).parse_args(["--batch", "1", "--blocks", "1"])
    layers = pool2d.pool_layers(pool2d.MODEL, args.batch, pool2d.SIZE)
    common.layer_table(pool2d.__file__, args, layers, pool2d.measure)
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.split() == ["milliseconds", "minicnn"]
    assert lines[0] == "features.2: 96 x 55 x 55 -> 96 x 27 x 27, kernel 3 x 3"
    assert [line.split()[0] for line in lines[1:3]] == ["forward", "gradient"]


def test_both_frameworks_compute_the_same(conv2d, layer):
    ours, theirs = conv2d.minicnn_calls(layer, "cpu"), conv2d.torch_calls(layer, "cpu")
    for pass_ in conv2d.PASSES:
        for layout in conv2d.LAYOUTS:
            expected = theirs[f"{pass_} {layout}"]().numpy()
            assert abs(ours[pass_]() - expected).max() < 1e-4 * abs(expected).max()


POOL2D_CASES = {
    "max_pool2d": {"kernel": 3, "stride": 2},
    "avg_pool2d": {"kernel": 3, "stride": 2},
    "local_response_norm": {},
    "batch_norm": {},
    "batch_norm_relu": {},
}


@pytest.mark.fast_only  # which alone have fused forms
@pytest.mark.parametrize("operation", POOL2D_CASES)
def test_both_frameworks_pool_and_normalise_the_same(operation):
    pool2d = importlib.import_module("pool2d")
    case = pool2d.case(operation, 2, 8, 13, 13, **POOL2D_CASES[operation])
    ours, theirs = pool2d.minicnn_calls(case, "cpu"), pool2d.torch_calls(case, "cpu")
    for pass_ in pool2d.PASSES[operation]:
        for ending in ("", pool2d.NCHW):
            found = first(ours[pass_ + ending]())
            for layout in pool2d.LAYOUTS:
                expected = first(theirs[f"{pass_}{ending} {layout}"]()).detach().numpy()
                assert abs(found - expected).max() < 2e-5


def first(result):
    return result[0] if isinstance(result, tuple) else result


def test_a_wrong_result_shows(conv2d, layer):
    arrays = conv2d.arrays_of(layer)
    passes = conv2d.minicnn_passes(*arrays, layer.geometry)
    for name, run in passes.items():
        assert conv2d.error(name, run(), arrays, layer) < 1e-5
        assert conv2d.error(name, run() * 1.01, arrays, layer) == pytest.approx(0.01, rel=0.01)


def test_algorithms_of_the_passes(conv2d, layer):
    many = dataclasses.replace(layer, input_shape=(32, 64, 24, 24))
    chosen = conv2d.algorithms(many)
    assert list(chosen) == list(conv2d.PASSES)
    assert {name.split()[0] for name in chosen.values()} == {"winograd"}
    assert set(conv2d.algorithms(layer).values()) == {"im2col"}  # few images are not worth it
