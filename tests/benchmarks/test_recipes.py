"""The comparison of recipes: its defaults are the script's, and a second call goes on."""

from __future__ import annotations

import argparse
import importlib
import json
import sys

import pytest
from scripts import functions_of

import minicnn as mc
from minicnn import nn, optim
from minicnn.data.drawn import draw_dogs_vs_cats

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def recipes():
    return importlib.import_module("recipes")


def test_the_optimizer_is_that_of_the_script(recipes):
    script = functions_of("train_alexnet.py")
    arguments = argparse.Namespace(optimizer="muon", lr=script["PHOTOS"]["lr"])
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 2))
    found = recipes.make_optimizer(recipes.USUAL, net)
    expected = script["make_optimizer"](net, arguments)
    assert isinstance(found, optim.Combined) and isinstance(expected, optim.Combined)
    assert [type(each) for each in found.optimizers] == [type(e) for e in expected.optimizers]
    for ours, theirs in zip(found.param_groups, expected.param_groups, strict=True):
        options = [{k: v for k, v in g.items() if k != "params"} for g in (ours, theirs)]
        assert options[0] == options[1]
    assert recipes.USUAL.batch_size == script["PHOTOS"]["batch_size"]


def test_each_recipe_changes_something_and_no_two_are_the_same(recipes):
    assert len(set(recipes.RECIPES.values())) == len(recipes.RECIPES)


def test_first_logits_are_as_large_as_asked(recipes):
    mc.manual_seed(0)
    images = mc.randn(4, 3, recipes.CROP, recipes.CROP)
    net = recipes.make_network(recipes.Recipe(first_logits=0.5), images).eval()
    with mc.no_grad():
        assert float(net(images).std()) == pytest.approx(0.5, rel=1e-4)


@pytest.mark.slow
def test_a_second_call_goes_on(recipes, monkeypatch, tmp_path, capsys):
    pets = draw_dogs_vs_cats(tmp_path / "pets", per_class=6)
    path = tmp_path / "recipes.json"
    arguments = f"recipes.py --data {pets} --limit 10 --epochs 1 --json {path} --only".split()
    names = ["the recipe", "MixUp 0.2", "averaged weights, 0.998"]
    for asked, trained in ((names[:2], names[:2]), (names, names[2:])):
        monkeypatch.setattr(sys, "argv", [*arguments, *asked])
        recipes.main()
        printed = capsys.readouterr().out
        assert [name for name in names if f"{name}: " in printed] == trained
    rows = json.loads(path.read_text())["rows"]
    assert [row["name"] for row in rows] == names and rows[1]["recipe"]["mixup"] == 0.2
    assert all(f"| {name} | " in printed for name in names)
    assert all(0 <= row["epochs"][0]["mirrored"] <= 1 for row in rows)
    monkeypatch.setattr(sys, "argv", [*arguments, "the recipe", "--epochs", "2"])
    with pytest.raises(ValueError, match="was measured with {'epochs': 1, 'limit': 10}"):
        recipes.main()
