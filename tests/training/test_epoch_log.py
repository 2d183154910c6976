"""The numbers of each epoch for TensorBoard, and runs that are resumed."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import minicnn as mc
from minicnn import nn, training

pytestmark = pytest.mark.cpu_only


def open_run(folder: Path, resume: bool = False) -> training.Run:
    settings = {"epochs": 9, "tensorboard": True}
    run = training.Run(folder, settings, training.MAY_DIFFER, resume=resume)
    run.start(net=nn.Linear(1, 1))
    return run


def do_epoch(run: training.Run, **validation: float) -> None:
    meter = training.ClassificationMeter()
    meter.update(
        mc.tensor(1 / (run.epoch + 1)), mc.tensor([[0.0, 1.0]] * 4), mc.tensor([0, 1, 1, 1])
    )
    run.seconds, run.waited = 8.0, 2.0
    run.finish_epoch(meter, {"val_loss": 0.5, "val_accuracy": 0.25, **validation}, 0.01)


def events(path: Path) -> Iterator[Any]:
    """The records of a file: length, checksum, content, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    content = path.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        yield Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]


def points(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The points of each curve, where a session forgets those from its first step on.

    So TensorBoard does with all that came before a session's start.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(
        folder.glob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime_ns
    ):
        for event in events(path):
            if event.HasField("session_log"):
                kept = {k: [p for p in v if p[0] < event.step] for k, v in found.items()}
                found = kept
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_the_scalars_of_each_epoch(tmp_path):
    pytest.importorskip("tensorboardX")
    run = open_run(tmp_path)
    do_epoch(run, val_mean_iou=0.75)
    do_epoch(run, val_mean_iou=0.5)
    assert points(tmp_path) == {
        "loss/training": [(1, 1), (2, 0.5)],
        "loss/validation": [(1, 0.5), (2, 0.5)],
        "accuracy/training": [(1, 0.75), (2, 0.75)],
        "accuracy/validation": [(1, 0.25), (2, 0.25)],
        "mean_iou/validation": [(1, 0.75), (2, 0.5)],
        "run/learning_rate": [(n, pytest.approx(0.01)) for n in (1, 2)],
        "run/images_per_second": [(1, 0.5), (2, 0.5)],
        "run/waited": [(1, 0.25), (2, 0.25)],
    }


def test_a_resumed_run_has_each_point_once(tmp_path, monkeypatch):
    """The second epoch was written, but the process ended before it was saved."""
    pytest.importorskip("tensorboardX")
    run = open_run(tmp_path)
    do_epoch(run)
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(run, "save", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        do_epoch(run)
    assert [step for step, _ in points(tmp_path)["loss/training"]] == [1, 2]
    run = open_run(tmp_path, resume=True)
    do_epoch(run)
    do_epoch(run)
    assert points(tmp_path)["loss/training"] == [(1, 1), (2, 0.5), (3, pytest.approx(1 / 3))]
    assert len(list(tmp_path.glob("events*"))) == 2


def test_a_new_run_sets_the_curves_of_the_earlier_one_aside(tmp_path):
    pytest.importorskip("tensorboardX")
    folder = tmp_path / "run"
    folder.mkdir()
    do_epoch(open_run(folder))
    do_epoch(open_run(folder))
    assert [step for step, _ in points(folder)["loss/training"]] == [1]
    assert [step for step, _ in points(tmp_path / "run-1")["loss/training"]] == [1]


def test_what_writes_them_must_be_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(
        ValueError, match="--tensorboard needs tensorboardX, which is not installed"
    ):
        open_run(tmp_path)
    assert list(tmp_path.iterdir()) == []
