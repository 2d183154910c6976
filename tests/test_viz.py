from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib")

from minicnn import viz

pytestmark = pytest.mark.cpu_only

EPOCHS = [
    {
        "epoch": epoch,
        "train_loss": 0.7 / epoch,
        "val_loss": 0.8 / epoch,
        "train_accuracy": 1 - 0.5 / epoch,
        "val_accuracy": 1 - 0.6 / epoch,
    }
    for epoch in (1, 2, 3)
]


def colours(path) -> set[tuple[int, int, int]]:
    with Image.open(path) as picture:
        return {colour for _, colour in picture.convert("RGB").getcolors(2**24)}


def rgb(name: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(name[1:]))


@pytest.mark.parametrize("count", [1, 3])
def test_curves_show_both_parts(tmp_path, count):
    viz.plot_curves(EPOCHS[:count], tmp_path / "curves.png", "a run")
    assert {rgb(viz.TRAIN), rgb(viz.VALIDATION)} <= colours(tmp_path / "curves.png")


def test_curves_need_an_epoch(tmp_path):
    with pytest.raises(ValueError, match="at least one epoch, got none"):
        viz.plot_curves([], tmp_path / "curves.png")


def draw_predictions(path, truth):
    images = [Image.new("RGB", size) for size in ((40, 30), (30, 50), (20, 20))]
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    viz.plot_predictions(images, probabilities, ("cat", "dog"), path, ["a", "b", "c"], truth)
    return colours(path)


def test_predictions_are_green_if_right_and_red_if_wrong(tmp_path):
    shown = draw_predictions(tmp_path / "p.png", truth=[0, 1, 1])
    assert rgb(viz.RIGHT) in shown and rgb(viz.WRONG) not in shown
    assert rgb(viz.WRONG) in draw_predictions(tmp_path / "p.png", truth=[0, 0, 1])


def test_predictions_without_truth_have_the_colours_of_their_classes(tmp_path):
    shown = draw_predictions(tmp_path / "p.png", truth=None)
    assert {rgb(viz.BY_CLASS[0]), rgb(viz.BY_CLASS[1])} <= shown
    assert not {rgb(viz.RIGHT), rgb(viz.WRONG)} & shown


def test_predictions_need_a_row_for_each_picture(tmp_path):
    with pytest.raises(ValueError, match="got 1 pictures and 2 rows"):
        viz.plot_predictions(
            [Image.new("RGB", (9, 9))], np.ones((2, 2)), ("cat", "dog"), tmp_path / "p.png"
        )


def test_confusion_is_dark_where_many_are(tmp_path):
    viz.plot_confusion(np.array([[10, 0], [5, 5]]), ("cat", "dog"), tmp_path / "c.png")
    assert {rgb(shade) for shade in viz.BLUES} <= colours(tmp_path / "c.png")


def test_a_confusion_matrix_of_many_classes_is_no_poster(tmp_path):
    viz.plot_confusion(np.eye(60, dtype=int), [f"class {i}" for i in range(60)], tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as drawn:
        assert max(drawn.size) < 2500


def test_a_class_without_pictures_is_no_division_by_zero(tmp_path):
    with np.errstate(all="raise"):
        viz.plot_confusion(np.array([[3, 0], [0, 0]]), ("cat", "dog"), tmp_path / "c.png")


def test_importing_viz_does_not_import_matplotlib():
    code = "import sys, minicnn.viz; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch, tmp_path):
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.colors"):
        monkeypatch.setitem(sys.modules, name, None)
    path, image = tmp_path / "c.png", Image.new("RGB", (9, 9))
    for draw in (
        lambda: viz.plot_curves(EPOCHS, path),
        lambda: viz.plot_confusion(np.ones((2, 2), int), ("cat", "dog"), path),
        lambda: viz.plot_predictions([image], np.ones((1, 2)), ("cat", "dog"), path),
    ):
        with pytest.raises(ModuleNotFoundError, match=r"which is not installed: pip install"):
            draw()


NAMES = ["$\\frac$", "caf\udce9.jpg", "\u732b.jpg"]


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_drawn(tmp_path, name):
    image, names = Image.new("RGB", (9, 9)), (name, "other")
    path = tmp_path / "p.png"
    viz.plot_predictions([image], np.ones((1, 2)), names, path, [name], truth=[1], title=name)
    viz.plot_confusion(np.ones((2, 2), int), names, tmp_path / "c.png", name)
    viz.plot_curves(EPOCHS, tmp_path / "e.png", name)


def test_epochs_of_a_training_that_diverged_can_be_drawn(tmp_path):
    lost = dict.fromkeys(EPOCHS[0], None) | {"epoch": 4}
    viz.plot_curves([*EPOCHS, lost], tmp_path / "e.png")
    viz.plot_curves([lost], tmp_path / "e.png")
