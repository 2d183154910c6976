"""The table of all networks: what is counted, and what is written."""

import importlib
import json
import sys

import pytest

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def table():
    return importlib.import_module("all_networks")


def test_networks_with_published_weights(table):
    names = table.published()
    assert {"resnet50", "vgg16", "fcn_resnet50"} <= set(names)
    assert "alexnet227" not in names


def test_what_is_counted_is_what_is_published(table):
    row = table.facts("resnet18")
    assert (row["size"], row["parameters"]) == (224, 11_689_512)
    assert row["multiply_adds"] / 1e9 == pytest.approx(row["published"]["ops"], abs=1e-3)
    assert row["published"]["acc@1"] == 69.758


def test_results_of_other_networks_stay(table, monkeypatch, tmp_path):
    def facts(name):
        published = {"acc@1": 69.76} if name == "resnet18" else {"miou": 60.5}
        return {
            "network": name, "size": 224, "parameters": 11_689_512, "multiply_adds": 1.8e9,
            "published": published,
        }  # fmt: skip

    times = {"minicnn": 0.0123, "torch": 0.0246, "layout": "channels_last", "ratio": 2.0}
    monkeypatch.setattr(table, "facts", facts)
    monkeypatch.setattr(table, "measure", lambda name, size, workers: times)
    environment = {
        "cpu": "Test CPU", "threads": 2, "blas": ["openblas 1.2 (Core)"], "OPENBLAS_CORETYPE": None,
        "numpy": "2.0", "torch": "2.13",
    }  # fmt: skip
    monkeypatch.setattr(table, "environment_of", lambda found: environment)
    for name in ("resnet18", "fcn_resnet50"):
        monkeypatch.setattr(
            sys, "argv", ["all_networks.py", "--out", str(tmp_path), "--networks", name]
        )
        table.main()
    stored = json.loads((tmp_path / "all_networks.json").read_text())
    assert [row["network"] for row in stored["networks"]] == ["fcn_resnet50", "resnet18"]
    page = (tmp_path / "all_networks.md").read_text()
    assert "| resnet18 | 224 | 11.7 | 1.80 | 69.8 | 12.3 | 24.6 | 2.00 |" in page
    assert "| fcn_resnet50 | 224 | 11.7 | 1.80 | 60.5\\* |" in page


@pytest.mark.slow
def test_a_network_from_beginning_to_end(table, monkeypatch, tmp_path):
    pytest.importorskip("with_torchvision")
    monkeypatch.setattr(table, "SECONDS", 0)
    monkeypatch.setattr(
        sys, "argv", ["all_networks.py", "--out", str(tmp_path), "--networks", "squeezenet1_1"]
    )
    table.main()
    (row,) = json.loads((tmp_path / "all_networks.json").read_text())["networks"]
    assert row["minicnn"] > 0 and row["torch"] > 0
