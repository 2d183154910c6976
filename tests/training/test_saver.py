"""Checkpoints have the weights of the moment, also where a thread writes them later."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.training import saver
from minicnn.training.saver import Saver


@pytest.fixture
def device(request):
    return request.config.getoption("device").partition("-")[0]


@pytest.fixture
def net(device):
    return nn.Linear(3, 2).to(device)


def test_what_is_saved_can_be_loaded(tmp_path, net):
    saving = Saver(net)
    saving.save({"net": net.state_dict(), "epoch": 1}, tmp_path / "best.ckpt")
    saving.save({"net": net.state_dict(), "epoch": 2}, tmp_path / "last.ckpt")
    saving.wait()
    for name, epoch in (("best.ckpt", 1), ("last.ckpt", 2)):
        found = mc.load(tmp_path / name)
        assert found["epoch"] == epoch
        np.testing.assert_array_equal(found["net"]["weight"].numpy(), net.weight.numpy_copy())


@pytest.mark.cuda_only
def test_training_goes_on_while_weights_are_written(tmp_path, net, monkeypatch):
    path, go_on, write = tmp_path / "last.ckpt", threading.Event(), saver._write

    def slow(*arguments):
        assert go_on.wait(60)
        write(*arguments)

    monkeypatch.setattr(saver, "_write", slow)
    saving, before, rows = Saver(net), net.weight.numpy_copy(), [1]
    saving.save({"net": net.state_dict(), "rows": rows}, path)
    with mc.no_grad():
        net.weight.mul_(2)
    rows.append(2)
    assert not path.exists()
    go_on.set()
    saving.save({"net": net.state_dict()}, tmp_path / "best.ckpt")
    saving.wait()
    found = mc.load(path)
    np.testing.assert_array_equal(found["net"]["weight"].numpy(), before)
    assert found["rows"] == [1]
    best = mc.load(tmp_path / "best.ckpt")["net"]["weight"]
    np.testing.assert_array_equal(best.numpy(), 2 * before)


@pytest.mark.cpu_only
def test_on_the_cpu_it_is_written_at_once(tmp_path, net):
    Saver(net).save(net.state_dict(), tmp_path / "last.ckpt")
    assert mc.load(tmp_path / "last.ckpt").keys() == {"weight", "bias"}


@pytest.mark.cpu_only
def test_an_error_is_raised_at_once_on_the_cpu(tmp_path, net):
    with pytest.raises(OSError, match="cannot write"):
        Saver(net).save(net.state_dict(), tmp_path / "nowhere" / "last.ckpt")


@pytest.mark.cuda_only
@pytest.mark.parametrize("end", ["wait", "save"])
def test_an_error_is_raised_when_the_next_is_saved_or_at_the_end(tmp_path, net, end):
    saving, path = Saver(net), tmp_path / "nowhere" / "last.ckpt"
    saving.save(net.state_dict(), path)
    with pytest.raises(OSError, match="cannot write"):
        saving.wait() if end == "wait" else saving.save(net.state_dict(), path)
    saving.wait()
