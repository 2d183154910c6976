"""What ``--data`` names."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from minicnn import nn, training

pytestmark = pytest.mark.cpu_only

parse = training.data_source("imagenet", "coco")


def test_a_path_alone() -> None:
    for text in ("flowers", "/data/flowers", "C:\\data", "./imagenet:x", "Imagenet:x"):
        assert parse(text) == ("", Path(text))
        assert str(parse(text)) == str(Path(text))


def test_a_kind_and_a_path(monkeypatch) -> None:
    assert parse("imagenet:/data/x") == ("imagenet", Path("/data/x"))
    assert parse("coco:C:/data") == ("coco", Path("C:/data"))
    assert str(parse("imagenet:/data/x/")) == "imagenet:/data/x"
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    assert parse("imagenet:~/x").path == Path("/home/me/x")


def test_a_path_that_looks_like_a_kind(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imagenet:x").mkdir()
    assert parse("imagenet:x") == ("", Path("imagenet:x"))


def test_an_unknown_kind() -> None:
    message = "must be a path or one of imagenet:FOLDER, coco:FOLDER, got imagnet:x"
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        parse("imagnet:x")


def test_in_a_run(tmp_path) -> None:
    options = {"seed": 0, "resume": False, "epochs": 2, "out": tmp_path / "out"}
    args = argparse.Namespace(data=parse(f"imagenet:{tmp_path}"), **options)
    with training.open_run(args, ()) as run:
        run.start(net=nn.Linear(1, 1))
        run.save()
    saved = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert saved["settings"]["data"] == f"imagenet:{tmp_path}"
    args.data = parse(f"imagenet:{tmp_path}/out/data")
    with (
        pytest.raises(SystemExit, match="--data must not lie inside --out"),
        training.open_run(args, ()),
    ):
        pytest.fail("nobody refused the data")
