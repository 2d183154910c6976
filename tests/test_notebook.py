"""What a notebook keeps of progress bars, live curves and values when it is executed and saved."""

import pytest

pytestmark = [pytest.mark.cpu_only, pytest.mark.slow]

PROGRAM = """
import time
from minicnn import training, viz
with training.Progress("epoch 1", 100) as progress, viz.LiveCurve(every=0) as curve:
    for step in range(1, 51):
        progress.update(2, lambda: "loss 0.5")
        if step % 25 == 0:
            curve.add(step, train_loss=1 / step)
            progress.write(f"step {step}")
"""


def test_it_keeps_the_last_picture_alone_and_no_bar():
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PROGRAM)])
    nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute()
    outputs = book.cells[0].outputs
    shown = [output.data for output in outputs if output.output_type == "display_data"]
    assert [sorted(data) for data in shown] == [["text/html", "text/plain"], ["image/png"]]
    assert shown[0]["text/html"] == ""
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert printed == "step 25\nstep 50\n"
