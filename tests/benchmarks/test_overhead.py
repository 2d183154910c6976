"""The table of call overheads: both frameworks are asked for the same, and every row is a time."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import minicnn
import minicnn.nn.functional as F

CHECKOUT = Path(__file__).parents[2]
pytestmark = pytest.mark.cpu_only


@pytest.fixture
def overhead():
    return importlib.import_module("overhead")


def test_both_frameworks_are_asked_for_the_same(overhead):
    ours = overhead.operations(minicnn, F)
    theirs = overhead.operations(torch, torch.nn.functional)
    assert ours.keys() == theirs.keys()
    for name, run in ours.items():
        result, expected = run(), theirs[name]()
        if isinstance(expected, torch.Tensor):
            assert result.requires_grad == expected.requires_grad, name
            result, expected = result.detach().numpy(), expected.detach().numpy()
            np.testing.assert_allclose(result, expected, rtol=1e-6, err_msg=name)
        else:
            assert result == expected, name


def test_a_row_for_each_operation(overhead, monkeypatch, capsys):
    monkeypatch.setattr(overhead, "REPEATS", 10)
    monkeypatch.setattr(sys, "argv", ["overhead.py", "--blocks", "1", "--against", "torch"])
    overhead.main()
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[-3:] == ["minicnn", "torch", "minicnn/torch"]
    operations = overhead.operations(minicnn, F)
    for name, line in zip(operations, lines, strict=False):
        assert line.startswith(name)
        ours, theirs, ratio = map(float, line.split()[-3:])
        assert ours > 0 and ratio == pytest.approx(ours / theirs, rel=0.2, abs=0.02)


def test_two_checkouts_are_compared(overhead, monkeypatch, capsys):
    monkeypatch.setattr(overhead, "REPEATS", 2)
    monkeypatch.setattr(sys, "argv", ["overhead.py", "--blocks", "1", "--against", str(CHECKOUT)])
    overhead.main()
    head = capsys.readouterr().out.splitlines()[0]
    assert head.split()[-3:] == ["minicnn", "other", "minicnn/other"]


def test_a_folder_without_minicnn_is_refused(overhead, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["overhead.py", "--against", str(tmp_path)])
    with pytest.raises(SystemExit):
        overhead.main()
    assert "torch or the folder of another checkout of minicnn, got" in capsys.readouterr().err
