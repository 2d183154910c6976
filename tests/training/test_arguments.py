"""The options that all training scripts have."""

from __future__ import annotations

import argparse

import pytest
from pictures import train_files, write_zip

from minicnn import data, training

pytestmark = pytest.mark.cpu_only

DEFAULTS = {"epochs": 3, "size": 32}


def parsed(*options: str) -> argparse.Namespace:
    parser = training.ArgumentParser("A script.")
    training.add_arguments(parser, "runs/test", DEFAULTS, DEFAULTS)
    args = parser.parse_args(options)
    training.fill_in(args, DEFAULTS)
    return args


def test_pictures_are_not_kept_unless_asked_for(tmp_path):
    pictures = data.DogsVsCats(write_zip(tmp_path / "train.zip", train_files()))
    args = parsed()
    assert (args.cache, args.cache_gb) == (None, 4.0)
    assert training.cached(args, pictures) == (pictures,)


@pytest.mark.parametrize("where", ["memory", "{folder}/a.cache"])
def test_all_pictures_of_a_run_are_in_one_cache(tmp_path, where):
    pictures = data.DogsVsCats(write_zip(tmp_path / "train.zip", train_files()))
    args = parsed("--cache", where.format(folder=tmp_path), "--cache-gb", "0.001")
    train, val = training.cached(args, *data.stratified_split(pictures, 0.4))
    assert train.cache is val.cache and train.cache.budget == 1_000_000
    assert len(list(train)) + len(list(val)) == len(train.cache) == 6
    assert (tmp_path / "a.cache").exists() == (where != "memory")


def test_a_run_may_go_on_with_another_cache():
    assert {"cache", "cache_gb"} < {*training.MAY_DIFFER}


def test_an_empty_path_is_not_the_current_folder(capsys):
    with pytest.raises(SystemExit):
        parsed("--out", "")
    assert capsys.readouterr().err == "error: argument --out: must not be empty\n"


def test_a_budget_of_nothing(capsys):
    with pytest.raises(SystemExit):
        parsed("--cache", "memory", "--cache-gb", "0")
    assert "--cache-gb: must be a number above 0, got 0" in capsys.readouterr().err
    with pytest.raises(ValueError, match="--cache-gb must be at least 6.5536e-05, got 1e-06"):
        training.cached(parsed("--cache", "memory", "--cache-gb", "1e-6"), [])


def test_a_file_among_the_results(tmp_path):
    args = parsed("--cache", str(tmp_path / "a.cache"), "--out", str(tmp_path))
    with pytest.raises(ValueError, match=r"--cache must not lie inside --out.*a\.cache"):
        training.cached(args, [])


def test_tensorboard_is_an_option_of_all_scripts():
    assert not parsed().tensorboard and parsed("--tensorboard").tensorboard
    assert "tensorboard" in training.MAY_DIFFER
