from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import viz

PROBABILITIES = np.array(
    [[0.9, 0.1, 0.0], [0.3, 0.6, 0.1], [0.2, 0.5, 0.3], [0.0, 0.4, 0.6], [1.0, 0.0, 0.0]]
)
LABELS = np.array([0, 2, 0, 0, 1])  # right, and losses of -log 0.1, 0.2, 0, 0


def test_the_highest_losses_first() -> None:
    assert viz.worst_mistakes(PROBABILITIES, LABELS) == [
        viz.Mistake(4, 1, 0, 1.0, np.inf),  # of equal losses the more confident
        viz.Mistake(3, 0, 2, 0.6, np.inf),
        viz.Mistake(1, 2, 1, 0.6, -np.log(0.1)),
        viz.Mistake(2, 0, 1, 0.5, -np.log(0.2)),
    ]
    of_tensors = viz.worst_mistakes(mc.tensor(PROBABILITIES), mc.tensor(LABELS), count=1)
    assert of_tensors == [viz.Mistake(4, 1, 0, 1.0, np.inf)]
    assert viz.worst_mistakes(PROBABILITIES, PROBABILITIES.argmax(1)) == []
    assert viz.worst_mistakes(PROBABILITIES[:0], []) == []
    of_floats = viz.worst_mistakes(PROBABILITIES, LABELS.astype(np.float32), count=1)
    assert of_floats == of_tensors


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (PROBABILITIES[0], LABELS, r"got shapes \(3,\) and \(5,\)"),
        (PROBABILITIES, LABELS[:2], r"got shapes \(5, 3\) and \(2,\)"),
        (PROBABILITIES, LABELS + 1, "labels must be from 0 to 2, got 1 to 3"),
        (PROBABILITIES, LABELS + 0.5, "labels must be the numbers of classes"),
        (PROBABILITIES[:, :1], LABELS, "at least two classes"),
        (PROBABILITIES * 3 - 1, LABELS, "from 0 to 1, as softmax gives them, got -1.0 to 2.0"),
    ],
)
def test_what_does_not_fit(probabilities: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        viz.worst_mistakes(probabilities, labels)


class Pictures:
    """A dataset that notes which samples are read: pictures of one colour each."""

    def __init__(self, kind: str) -> None:
        self.kind, self.read = kind, []

    def __getitem__(self, index: int) -> Any:
        self.read.append(index)
        if self.kind == "a sample":
            return Image.new("RGB", (20, 20), (50 * index, 100, 0)), LABELS[index]
        colour = mc.tensor([50 * index, 100, 0], dtype=mc.uint8)
        return (colour[:, None, None].expand(-1, 20, 20) / 255 - 0.5) / 0.25


@pytest.mark.cpu_only
@pytest.mark.parametrize("kind", ["a sample", "normalised floats"])
def test_the_plot_shows_the_worst(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pictures, path = Pictures(kind), tmp_path / "mistakes.png"
    names, captions = ("cat", "dog", "fox"), [f"{index}.jpg" for index in range(5)]
    viz.plot_mistakes(
        pictures, PROBABILITIES, LABELS, names, path, 3, [0.5], [0.25] * 3, captions, "mistakes"
    )
    assert pictures.read == [4, 3, 1]
    with Image.open(path) as plot:
        colours = {colour for _, colour in plot.convert("RGB").getcolors(2**24)}
    assert {(200, 100, 0), (150, 100, 0), (50, 100, 0)} <= colours
    assert tuple(bytes.fromhex(viz.WRONG[1:])) in colours
    with pytest.raises(ValueError, match="at least one wrong answer, got none"):
        viz.plot_mistakes(pictures, PROBABILITIES, PROBABILITIES.argmax(1), names, path)
    with pytest.raises(TypeError, match="must be a PIL image or a tensor, got int"):
        viz.plot_mistakes([3] * 5, PROBABILITIES, LABELS, names, path)
    with pytest.raises(ValueError, match=r"must be \(1 or 3, H, W\), got \(2, 4, 4\)"):
        viz.plot_mistakes(mc.zeros(5, 2, 4, 4), PROBABILITIES, LABELS, names, path)
