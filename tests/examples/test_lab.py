"""The notebook runs from top to bottom, its outputs are kept, and each of its pictures is there."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from typing import Any

import notebooks
import pytest
from PIL import Image
from scripts import ROOT

pytestmark = pytest.mark.cpu_only
NOTEBOOK = ROOT / "examples" / "lab.ipynb"
DRAWS = re.compile(r"^\s*(show\(|with viz\.LiveCurve)", re.MULTILINE)  # a cell with a picture


def source(cell: Any) -> str:
    return "".join(cell["source"])


def code_cells(book: Any) -> list[Any]:
    return [cell for cell in book["cells"] if cell["cell_type"] == "code"]


def pictures(cell: Any) -> list[Image.Image]:
    """The pictures below a cell, decoded."""
    shown = [output.get("data", {}).get("image/png") for output in cell["outputs"]]
    return [Image.open(io.BytesIO(base64.b64decode("".join(png)))) for png in shown if png]


def assert_every_picture_is_there(book: Any) -> None:
    drawing = [cell for cell in code_cells(book) if DRAWS.search(source(cell))]
    assert len(drawing) > 12
    for cell in drawing:
        assert pictures(cell), cell["id"]
        assert all(len(picture.convert("RGB").getcolors(1 << 24)) > 8 for picture in pictures(cell))


def printed(book: Any, cell_id: str) -> str:
    (cell,) = (cell for cell in code_cells(book) if cell["id"] == cell_id)
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


def test_it_is_committed_with_its_outputs() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    book = json.loads(text)
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    cells = code_cells(book)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert_every_picture_is_there(book)
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    streams = {output.get("name", "stdout") for cell in cells for output in cell["outputs"]}
    assert "error" not in kinds and streams == {"stdout"}
    assert len(text) < 1.5e6
    assert not re.search(r"/(home|root|tmp|Users|work)/", text)


def test_it_draws_everything_that_explains_a_network() -> None:
    text = "\n".join(map(source, code_cells(json.loads(NOTEBOOK.read_text(encoding="utf-8")))))
    for name in (
        "LiveCurve", "grad_cam", "occlusion", "overlay_heat_map", "overlay_segmap", "plot_confusion",
        "plot_curves", "plot_explanations", "plot_feature_maps", "plot_filters",
        "plot_learning_rates", "plot_mistakes", "plot_precision_recall", "plot_predictions", "saliency",
    ):  # fmt: skip
        assert f"viz.{name}(" in text, name


@pytest.mark.slow
def test_it_runs_within_five_minutes_on_two_cores(tmp_path, monkeypatch) -> None:
    for library in ("nbclient", "nbformat", "ipykernel", "matplotlib"):
        pytest.importorskip(library)
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(threads, os.environ.get(threads, "2"))
    before = os.times()
    book = notebooks.execute(NOTEBOOK, tmp_path)  # a cell that fails raises its error
    after = os.times()
    assert_every_picture_is_there(book)
    accuracy = re.search(r"network\s+([\d.]+)%", printed(book, "averages-compare"))
    assert accuracy and float(accuracy[1]) > 80
    ious = [float(iou) for iou in re.findall(r"IoU ([\d.]+)", printed(book, "segmentation-train"))]
    assert len(ious) == 5 and min(ious) > 0.5
    assert "equal: False" not in str(book) and "equal: True" in printed(book, "convolution-check")
    # of both cores; by the clock it takes half of that, unless other programs take them
    assert sum(after[2:4]) - sum(before[2:4]) < 600  # user and system time of child processes
