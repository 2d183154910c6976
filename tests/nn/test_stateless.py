"""functional_call, sequences and uninitialised layers against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc

LIBRARIES = pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])


@LIBRARIES
def test_functional_call(lib: Any) -> None:
    net = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.BatchNorm1d(2))
    net.eval()
    old = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
    weight = lib.ones(2, 2, requires_grad=True)
    given = {"0.weight": weight, "0.bias": lib.zeros(2)}
    out = lib.func.functional_call(net, [given, {"1.running_mean": lib.ones(2)}], lib.ones(3, 2))
    assert out.detach().cpu().numpy() == pytest.approx(np.full((3, 2), 1 / np.sqrt(1 + 1e-5)))
    out.sum().backward()
    assert weight.grad is not None and net[0].weight.grad is None
    for name, tensor in net.state_dict().items():
        assert bool((tensor == old[name]).all())
    with pytest.raises(RuntimeError, match=r"1\.running_mean"):
        lib.func.functional_call(net, given, (lib.ones(3, 2),), strict=True)
    with pytest.raises(ValueError, match=r"0\.weight"):
        lib.func.functional_call(net, [given, {"0.weight": weight}], lib.ones(3, 2))


@LIBRARIES
def test_tied_weights(lib: Any) -> None:
    net = lib.nn.Sequential(lib.nn.Linear(2, 2, bias=False), lib.nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    double = {"0.weight": 2 * lib.eye(2)}
    assert lib.func.functional_call(net, double, lib.ones(1, 2)).tolist() == [[4, 4]]
    once = lib.func.functional_call(net, double, lib.ones(1, 2), tie_weights=False)
    assert once.detach().cpu().numpy() == pytest.approx(
        2 * net[0](lib.ones(1, 2)).detach().cpu().numpy()
    )


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_sequences(batch_first: bool, side: str) -> None:
    lengths = [3, 1, 4]
    arrays = [np.arange(2.0 * n).reshape(n, 2) for n in lengths]
    ours = mc.nn.utils.rnn.pad_sequence(list(map(mc.tensor, arrays)), batch_first, -1.0, side)
    theirs = torch.nn.utils.rnn.pad_sequence(
        list(map(torch.tensor, arrays)), batch_first, -1.0, side
    )
    assert ours.tolist() == theirs.tolist()
    if side == "right":
        parts = mc.nn.utils.rnn.unpad_sequence(ours, mc.tensor(lengths), batch_first)
        assert [p.tolist() for p in parts] == [a.tolist() for a in arrays]
    with pytest.raises(RuntimeError, match="padding_side"):
        mc.nn.utils.rnn.pad_sequence([mc.ones(1)], padding_side="top")


@LIBRARIES
def test_skip_init(lib: Any) -> None:
    layer = lib.nn.utils.skip_init(lib.nn.Linear, 3, 4)
    assert tuple(layer.weight.shape) == (4, 3)
    with pytest.raises(RuntimeError, match="device"):
        lib.nn.utils.skip_init(lib.nn.ReLU)
