"""Checkpoints have the weights of the moment, also where a thread writes them later."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.training import saver as module
from minicnn.training.saver import Saver


@pytest.fixture
def net(request):
    return nn.Linear(3, 2).to(request.config.getoption("device").partition("-")[0])


@pytest.mark.parametrize("in_background", [False, True])
def test_what_is_saved_can_be_loaded(tmp_path, net, in_background):
    saver = Saver()
    if in_background:
        with saver.in_background(net):
            save_two(saver, net, tmp_path)
    else:
        save_two(saver, net, tmp_path)
    for name, epoch in (("best.ckpt", 1), ("last.ckpt", 2)):
        found = mc.load(tmp_path / name)
        assert found["epoch"] == epoch
        np.testing.assert_array_equal(found["net"]["weight"].numpy(), net.weight.numpy_copy())


def save_two(saver, net, folder):
    for epoch, name in ((1, "best.ckpt"), (1, "last.ckpt"), (2, "last.ckpt")):
        saver.save({"net": net.state_dict(), "epoch": epoch}, folder / name)


@pytest.mark.cuda_only
def test_training_goes_on_while_weights_are_written(tmp_path, net, monkeypatch):
    path, go_on, write = tmp_path / "last.ckpt", threading.Event(), module._write

    def slow(*arguments):
        assert go_on.wait(60)
        write(*arguments)

    monkeypatch.setattr(module, "_write", slow)
    saver, before, rows = Saver(), net.weight.numpy_copy(), [1]
    on_cpu = [mc.ones(2, device="cpu"), np.ones(2)]
    with saver.in_background(net):
        of_other_types = {"milestones": Counter([3, 3, 5]), "shape": (2, 3)}
        saver.save({"net": net.state_dict(), "rows": rows, "on_cpu": on_cpu} | of_other_types, path)
        with mc.no_grad():
            net.weight.mul_(2)
        rows.append(2)
        for numbers in on_cpu:
            numbers += 1
        saver.save({"net": net.state_dict()}, tmp_path / "best.ckpt")
        assert not path.exists()
        go_on.set()
    found, best = mc.load(path), mc.load(tmp_path / "best.ckpt")
    np.testing.assert_array_equal(found["net"]["weight"].numpy(), before)
    np.testing.assert_array_equal(best["net"]["weight"].numpy(), 2 * before)
    assert {name: found[name] for name in of_other_types} == of_other_types
    assert isinstance(found["milestones"], Counter) and found["rows"] == [1]
    assert [numbers.tolist() for numbers in found["on_cpu"]] == [[1, 1], [1, 1]]


@pytest.mark.cuda_only
def test_what_waits_too_long_is_left_out(tmp_path, net, monkeypatch):
    """The first is written at once; while it is, newer ones take the places of those that wait."""
    go_on, began, write, written = threading.Event(), threading.Event(), module._write, []

    def slow(writer, path):
        began.set()
        assert go_on.wait(60)
        write(writer, path)
        written.append((path.name, mc.load(path)["epoch"]))

    monkeypatch.setattr(module, "_write", slow)
    saver = Saver()
    with saver.in_background(net):
        saver.save({"epoch": 0}, tmp_path / "last.ckpt")
        assert began.wait(60)
        for epoch in (1, 2, 3):
            for name in ("best.ckpt", "last.ckpt"):
                saver.save({"epoch": epoch}, tmp_path / name)
        go_on.set()
    assert written == [("last.ckpt", 0), ("best.ckpt", 3), ("last.ckpt", 3)]


@pytest.mark.cpu_only
def test_on_the_cpu_it_is_written_at_once(tmp_path, net):
    saver = Saver()
    with saver.in_background(net):
        saver.save(net.state_dict(), tmp_path / "last.ckpt")
        assert mc.load(tmp_path / "last.ckpt").keys() == {"weight", "bias"}
        with pytest.raises(OSError, match="cannot write"):
            saver.save(net.state_dict(), tmp_path / "nowhere" / "last.ckpt")


@pytest.mark.cuda_only
@pytest.mark.parametrize("is_last", [True, False])
def test_an_error_is_raised_when_the_next_is_saved_or_at_the_end(tmp_path, net, is_last):
    saver, path, saved = Saver(), tmp_path / "nowhere" / "last.ckpt", 0
    with pytest.raises(OSError, match="cannot write"), saver.in_background(net):
        saver.save(net.state_dict(), path)
        saved += 1
        if not is_last:
            assert isinstance(saver._writing.exception(60), OSError)
            saver.save(net.state_dict(), path)
            saved += 1
    assert saved == 1
    saver.save(net.state_dict(), tmp_path / "last.ckpt")
    assert (tmp_path / "last.ckpt").exists()
