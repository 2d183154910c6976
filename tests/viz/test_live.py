"""Curves that grow in a notebook, and nothing outside of one."""

import base64
import io

import numpy as np
import pytest
from notebook_shell import a_notebook
from PIL import Image

pytest.importorskip("matplotlib")

import minicnn as mc
from minicnn import viz

pytestmark = pytest.mark.cpu_only


def lines_of(curve: viz.LiveCurve) -> dict[tuple[str, str], list[list[float]]]:
    """The points that are drawn, by panel and line."""
    return {
        (axes.get_title(loc="left"), line.get_label()): line.get_xydata().tolist()
        for axes in curve.figure().axes
        for line in axes.lines
    }


def test_training_and_validation_share_a_panel():
    curve = viz.LiveCurve("epoch")
    for epoch in (1, 2):
        curve.add(epoch, train_loss=1 / epoch, val_loss=mc.tensor(2.0), learning_rate=0.1)
    curve.add(2.5, train_loss=0.25)
    assert lines_of(curve) == {
        ("loss", "training"): [[1, 1], [2, 0.5], [2.5, 0.25]],
        ("loss", "validation"): [[1, 2], [2, 2]],
        ("learning rate", "learning_rate"): [[1, 0.1], [2, 0.1]],
    }
    assert {axes.get_xlabel() for axes in curve.figure().axes} == {"epoch"}


def test_what_is_not_known_leaves_a_gap():
    curve = viz.LiveCurve()
    for step, loss in enumerate((1.0, None, 2.0)):
        curve.add(step, loss=loss)
    (points,) = lines_of(curve).values()
    assert np.isnan(points[1][1]) and points[2] == [2, 2]


def test_a_notebook_shows_one_picture_and_replaces_it():
    with a_notebook() as outputs, viz.LiveCurve(every=0) as curve:
        curve.add(0, train_loss=1.0)
        first = dict(outputs[0])
        curve.add(1, train_loss=0.5, val_accuracy=0.5)
    assert len(outputs) == 1 and outputs[0] != first
    narrow, wide = (
        Image.open(io.BytesIO(base64.b64decode(shown["image/png"])))
        for shown in (first, outputs[0])
    )
    assert wide.width == 2 * narrow.width


def test_it_is_drawn_now_and_then_and_at_the_end(monkeypatch):
    drawn = []
    with a_notebook(), viz.LiveCurve(every=1000) as curve:
        monkeypatch.setattr(curve._output, "show", drawn.append)
        for step in range(5):
            curve.add(step, loss=step)
        assert len(drawn) == 1
    assert len(drawn) == 2


def test_outside_a_notebook_nothing_is_drawn(monkeypatch, tmp_path):
    with viz.LiveCurve(every=0) as curve:
        monkeypatch.setattr(curve, "figure", lambda: pytest.fail("drawn"))
        curve.add(0, loss=1)
    monkeypatch.undo()
    curve.save(tmp_path / "curve.png", "a run")
    assert Image.open(tmp_path / "curve.png").width == 600
