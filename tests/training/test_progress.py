"""The progress of an epoch in a notebook."""

import io

import pytest
from notebook_shell import a_notebook

from minicnn import training

pytestmark = pytest.mark.cpu_only


def test_a_notebook_shows_one_bar_and_no_lines(capsys):
    with a_notebook() as outputs, training.Progress("epoch <1>", 100) as progress:
        for _ in range(20):
            progress.update(5, lambda: "loss < 0.5")
        (shown,) = outputs
        assert shown["text/html"].startswith(
            'epoch &lt;1&gt; <progress value="5" max="100"></progress> 5/100  loss &lt; 0.5'
        )
        assert shown["text/plain"].startswith("epoch <1> 5/100  loss < 0.5")
        progress.write("warning: a warning")
    assert outputs == [{"text/html": "", "text/plain": ""}]
    assert capsys.readouterr().out == "warning: a warning\n"


def test_a_file_gets_its_lines_in_a_notebook_too():
    log = io.StringIO()
    with a_notebook() as outputs, training.Progress("epoch 1", 10, file=log) as progress:
        progress.update(10, lambda: "loss 0.5")
    assert outputs == [] and log.getvalue().startswith("epoch 1 100%  loss 0.5")
