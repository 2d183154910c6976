"""The benchmark of loaders: its pictures, its ratios, and a run over a few pictures."""

from __future__ import annotations

import importlib
import json
import sys

import pytest
from PIL import Image

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def loader():
    return importlib.import_module("loader")


def test_pictures_are_as_large_as_imagenets(loader, tmp_path):
    mean = loader.draw_pictures(tmp_path, 3)
    paths = sorted(tmp_path.glob("*/*.jpg"))
    assert [path.parent.name for path in paths] == ["class 0", "class 1", "class 2"]
    assert {Image.open(path).size for path in paths} == {(500, 375)}
    assert 90_000 < mean < 130_000


def test_ratios_are_to_the_best_of_torchs(loader):
    def row(speed: float, cpu: float) -> dict[str, float]:
        return {"pictures/s": speed, "CPU us/picture": cpu}

    rows = loader.with_ratios(
        {
            "minicnn": {"training, bytes": row(900, 2000), "validation, bytes": row(700, 2500)},
            "torch": {
                "training, 1 processes": row(300, 3000),
                "training, 2 processes": row(600, 3200),
                "validation, 1 processes": row(350, 5000),
            },
        }
    )
    ratios = [list(row.values())[2:] for row in rows["minicnn"].values()]
    assert ratios == [[1.5, 1.5], [2.0, 2.0]]


@pytest.mark.slow
def test_a_row_for_each_way(loader, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(loader, "PICTURES", 6)
    monkeypatch.setattr(loader, "PASSES", 1)
    path = tmp_path / "loader.json"
    monkeypatch.setattr(sys, "argv", ["loader.py", "--blocks", "1", "--json", str(path)])
    loader.main()
    result = json.loads(path.read_text())
    expected = [f"{recipe}, {way}" for recipe in loader.RECIPES for way in loader.WAYS]
    assert list(result["rows"]["minicnn"]) == expected
    printed = capsys.readouterr().out
    for name, row in result["rows"]["minicnn"].items():
        assert row["pictures/s"] > 0 and row["speed/torch's"] > 0
        assert name in printed
    assert result["environment"]["cpu"]
