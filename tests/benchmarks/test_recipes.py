"""The comparison of recipes: its defaults are the script's, and a second call goes on."""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import sys
from pathlib import Path

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


@pytest.fixture
def pets(tmp_path):
    """Four cats and four dogs, and an empty result of theirs."""
    folder = draw_dogs_vs_cats(tmp_path / "pets", per_class=4)
    settings = {"epochs": 3, "limit": None, "data": [str(folder)], "pictures": 8}
    (tmp_path / "old.json").write_text(json.dumps({"settings": settings, "rows": []}))
    return folder


def call(recipes, monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, "argv", ["recipes.py", *map(str, arguments)])
    recipes.main()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--data {folder}/pets --epochs 2 --json {folder}/old.json",
            r"was measured with .*: 3, .*now",
        ),
        ("--data {folder}/more --json {folder}/old.json", r"now .*more'\], 'pictures': 8}"),
        ("--data {folder}/pets --limit 6 --json {folder}/old.json", "'pictures': 8}, now"),
        (
            "--data {folder}/pets --json {folder}/empty",
            "must be a new file or one of recipes.py, got",
        ),
        (
            "--data {folder}/pets --json {folder}/list",
            "must be a new file or one of recipes.py, got",
        ),
        ("--data {folder}/pets --json {folder}/no/x.json", "cannot write .*: there is no folder"),
        ("--data {folder}/none", "none"),
        ("--data {folder}/cut.zip", "cut.zip"),
        ("--data {folder}/cats", "there must be cats and dogs to train on, got DogsVsCats"),
        ("--data {folder}/broken", "none of the training pictures can be read"),
    ],
)
def test_mistakes_are_told_in_a_line(recipes, monkeypatch, tmp_path, pets, options, message):
    shutil.copytree(pets, tmp_path / "more")
    (tmp_path / "empty").touch()
    (tmp_path / "list").write_text("[1]")
    archive = Path(shutil.make_archive(str(tmp_path / "cut"), "zip", pets))
    archive.write_bytes(archive.read_bytes()[:1000])
    for name in (
        "cats/cat.1.jpg",
        "cats/cat.2.jpg",
        *(f"broken/{a}.{i}.jpg" for a in ("cat", "dog") for i in (1, 2)),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(SystemExit, match=f"^error: [^\n]*{message}"):
        call(recipes, monkeypatch, *options.format(folder=tmp_path).split())


def test_options_that_do_not_fit(recipes, monkeypatch, capsys):
    for option, least in (("--epochs", 1), ("--limit", 4)):
        with pytest.raises(SystemExit):
            call(recipes, monkeypatch, "--data", "pets", option, 0)
        assert f"{option}: must be an integer of at least {least}, got 0" in capsys.readouterr().err


def test_a_broken_picture_is_left_out(recipes, tmp_path, pets):
    (pets / "train" / "cat.3.jpg").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="cat.3.jpg"):
        parts = recipes.decoded(recipes.open_pictures([pets], None))
    assert sorted(map(len, parts)) == [2, 5]


def test_ctrl_c_says_how_to_go_on(recipes, monkeypatch, tmp_path, pets, capsys):
    def train(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(recipes, "train", train)
    with pytest.raises(SystemExit, match="130"):
        call(recipes, monkeypatch, "--data", pets, "--json", tmp_path / "old.json")
    assert "the same command goes on after the finished recipes" in capsys.readouterr().err


def test_the_kept_result_can_be_gone_on_with(recipes):
    path = Path(recipes.__file__).parent / "results" / "dogs-vs-cats" / "recipes.json"
    settings = {"epochs": 3, "limit": None, "data": ["dogs-vs-cats"], "pictures": 20000}
    assert len(recipes.read_rows(path, settings)) == 14
