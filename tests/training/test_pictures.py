"""A resumed run never trains on a picture that it validates with, whatever happened to the files."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from PIL import Image
from safetensors.numpy import load_file

from minicnn import data, nn, training

pytestmark = [pytest.mark.cpu_only, pytest.mark.filterwarnings("ignore:.*left out")]


@pytest.fixture
def pictures(tmp_path) -> Path:
    """20 pictures of each of two classes."""
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (2, 2)).save(tmp_path / "pets" / name / f"{number}.png")
    with contextlib.suppress(OSError):  # macOS has only names in UTF-8
        (tmp_path / "pets" / "cat" / "7.png").rename(tmp_path / "pets" / "cat" / "caf\udce9.png")
    return tmp_path / "pets"


def opened(folder: Path, pictures: Path, resume: bool = False, limit: int = 40):
    """The run, and its pictures to train on and to validate with."""
    folder.mkdir(exist_ok=True)
    run = training.Run(folder, {"epochs": 1}, resume=resume)
    some = data.balanced_subset(data.ImageFolder(pictures), limit)
    return run, *run.split(*data.stratified_split(some, 0.2))


def names(part) -> list[str]:
    return [part.describe(index) for index in range(len(part))]


def start(run: training.Run) -> None:
    run.start(net=nn.Linear(1, 1))


def loaded(part) -> set[str]:
    """Names of the samples that a loader gives; the others are left out."""
    loader = data.DataLoader(part, collate_fn=lambda samples: samples)
    assert sum(map(len, loader)) + len(loader.skipped) == len(part)
    return {name for index, name in enumerate(names(part)) if index not in loader.skipped}


def test_no_validation_picture_is_trained_on(tmp_path, pictures, capsys):
    run, train, val = opened(tmp_path / "out", pictures)
    start(run)
    before = names(train), names(val)
    assert len(before[0]) == 32 and len(before[1]) == 8
    gone, renamed = before[0][3], before[1][2]
    Path(gone).unlink()
    Path(renamed).rename(pictures / "cat" / "another.png")
    Image.new("RGB", (2, 2)).save(pictures / "dog" / "-1.png")

    again, train, val = opened(tmp_path / "out", pictures, resume=True)
    start(again)
    assert (names(train), names(val)) == before
    assert loaded(train) == {*before[0]} - {gone} and loaded(val) == {*before[1]} - {renamed}
    assert "2 of them are gone and left out, 2 others are not used" in capsys.readouterr().out
    assert run.metrics["settings"]["pictures"] == {"train": before[0], "val": before[1]}


@pytest.mark.parametrize("limit", [40, 20])
def test_pictures_that_did_not_change_are_not_mentioned(tmp_path, pictures, capsys, limit):
    run, train, val = opened(tmp_path / "out", pictures, limit=limit)
    start(run)
    _, train_again, val_again = opened(tmp_path / "out", pictures, resume=True, limit=limit)
    assert (names(train_again), names(val_again)) == (names(train), names(val))
    assert train_again[5][1] == train[5][1]
    assert capsys.readouterr().out == ""


def test_a_subset_keeps_its_pictures(tmp_path, pictures):
    """Without its first picture, the same seed would choose others."""
    run, train, val = opened(tmp_path / "out", pictures, limit=20)
    start(run)
    before, gone = (names(train), names(val)), names(val)[0]
    Path(gone).unlink()
    _, train, val = opened(tmp_path / "out", pictures, resume=True, limit=20)
    assert (names(train), names(val)) == before
    assert loaded(train) == {*before[0]} and loaded(val) == {*before[1]} - {gone}


def test_pictures_inside_the_folder_of_the_run_may_move_with_it(tmp_path, pictures):
    inside = tmp_path / "out" / "pets"
    inside.parent.mkdir()
    pictures.rename(inside)
    run, *_ = opened(tmp_path / "out", inside)
    start(run)
    (tmp_path / "out").rename(tmp_path / "moved")
    _, train, _ = opened(tmp_path / "moved", tmp_path / "moved" / "pets", resume=True)
    assert not train.gone


def test_a_million_names_are_saved_as_bytes(tmp_path, pictures):
    """One by one they would take six seconds of a Ctrl-C."""
    run, *parts = opened(tmp_path / "out", pictures)
    start(run)
    saved = load_file(tmp_path / "out" / "last.ckpt")["run.pictures"]
    listed = json.loads((tmp_path / "out" / "metrics.json").read_text())["settings"]["pictures"]
    assert (
        json.loads(saved.tobytes()) == listed == dict(zip(listed, map(names, parts), strict=True))
    )


def test_a_picture_in_both_sets_is_refused(tmp_path, pictures):
    run, train, val = opened(tmp_path, pictures)
    val = data.Subset(val.dataset, [*val.indices, train.indices[4]])
    with pytest.raises(ValueError, match=r"1 pictures are in both .*, the first being .*png"):
        run.split(train, val)


def test_a_run_without_its_pictures_is_refused(tmp_path, pictures):
    run, _, val = opened(tmp_path / "out", pictures)
    start(run)
    for name in names(val):
        Path(name).unlink()
    with pytest.raises(ValueError, match="all 8 validation pictures of the run are gone"):
        opened(tmp_path / "out", pictures, resume=True)


def test_samples_without_names_cannot_be_recorded(tmp_path):
    run = training.Run(tmp_path, {"epochs": 1})
    samples = data.Subset(list(range(4)), [0, 1, 2])
    with pytest.raises(ValueError, match="samples of Subset have no names"):
        run.split(samples, samples)
