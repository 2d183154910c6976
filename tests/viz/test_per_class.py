"""Precision and recall against their definitions, class by class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import viz

RNG = np.random.default_rng(0)
LABELS = RNG.choice([0, 1, 2, 4], 60)  # no picture is of class 3, none is taken for class 4
PREDICTIONS = np.where(RNG.random(60) < 0.5, LABELS, RNG.integers(0, 4, 60)) % 4


def by_definition(predictions: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """As scikit-learn defines them, with ``zero_division=0``."""
    rows = []
    for label in range(classes):
        right = sum((predictions == label) & (labels == label))
        taken, support = sum(predictions == label), sum(labels == label)
        precision = right / taken if taken else 0
        recall = right / support if support else 0
        total = precision + recall
        rows.append((precision, recall, 2 * precision * recall / total if total else 0, support))
    return np.array(rows).T


FORMS: dict[str, Any] = {
    "classes": (PREDICTIONS, LABELS),
    "lists": (PREDICTIONS.tolist(), LABELS.tolist()),
    "tensors": (mc.tensor(PREDICTIONS, device="cpu"), mc.tensor(LABELS, device="cpu")),
    "scores": (np.eye(5)[PREDICTIONS] * 3 - 1, LABELS),
    "a confusion matrix": (np.bincount(LABELS * 5 + PREDICTIONS, minlength=25).reshape(5, 5),),
}


@pytest.mark.parametrize("form", FORMS)
def test_numbers(form: str) -> None:
    with np.errstate(all="raise"):
        found = viz.precision_recall(*FORMS[form])
    expected = by_definition(PREDICTIONS, LABELS, 5)
    assert (expected == 0).sum() >= 5
    measures = np.array([found.precision, found.recall, found.f1, found.support])
    np.testing.assert_allclose(measures, expected, rtol=1e-12)
    assert found.support.tolist() == expected[3].tolist()


def test_the_table() -> None:
    measures = viz.precision_recall(np.array([[3, 1], [0, 1200]]))
    assert measures.table(["cat", "dog"]).splitlines() == [
        "class  precision  recall     F1  pictures",
        "cat        100.0    75.0   85.7         4",
        "dog         99.9   100.0  100.0     1,200",
        "mean       100.0    87.5   92.8     1,204",
    ]
    assert str(measures).splitlines()[1].startswith("0 ")
    with pytest.raises(ValueError, match="there must be 2 class names, got 1"):
        measures.table(["cat"])


def test_a_tab_does_not_shift_the_columns() -> None:
    lines = viz.precision_recall(np.eye(2, dtype=int)).table(["a\tcat", "dog"]).splitlines()
    assert lines[1].startswith(r"a\tcat  ") and len(set(map(len, lines))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((2, 3)),), r"a confusion matrix .* got shape \(2, 3\)"),
        ((PREDICTIONS,), r"a confusion matrix .* got shape \(60,\)"),
        ((PREDICTIONS, LABELS[1:]), r"got shapes \(60,\) and \(59,\)"),
        (([], []), r"got shapes \(0,\) and \(0,\)"),
        (([[-3.0], [2.0]], [0, 1]), "at least two classes"),
        (([0.5, 1.0], [0, 1]), "labels must be the numbers of classes"),
        (([0, -1], [0, 1]), "classes must be 0 or above, got -1"),
        ((np.eye(3), [0, 1, 3]), "labels must be below 3, the number of scores, got 3"),
    ],
)
def test_what_does_not_fit(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        viz.precision_recall(*arguments)


@pytest.mark.cpu_only
def test_the_plot_has_bars_as_long_as_the_values(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "bars.png"
    matrix = np.array([[10, 0], [30, 10]])  # precision 25 % and 100 %, recall 100 % and 25 %
    viz.plot_precision_recall(viz.precision_recall(matrix), ["cat", "dog"], path, "bars")
    with Image.open(path) as plot:
        pixels = np.array(plot.convert("RGB"))
    for colour in viz.BY_CLASS[:2]:
        is_bar = (pixels == tuple(bytes.fromhex(colour[1:]))).all(2)
        lengths = sorted(set(is_bar[:, is_bar.any(0)].sum(1)))[-2:]  # of lines of pixels
        assert abs(lengths[0] / lengths[1] - 0.25) < 0.02
    with pytest.raises(ValueError, match="there must be 2 class names, got 3"):
        viz.plot_precision_recall(viz.precision_recall(matrix), ["a", "b", "c"], path)
