"""state_dict and load_state_dict: keys, copies, and what does not fit."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn


def network(lib: Any) -> Any:
    return lib.Sequential(lib.Conv2d(2, 3, 3), lib.BatchNorm2d(3), lib.Linear(4, 5))


def test_prefix_and_type() -> None:
    state = network(nn).state_dict(prefix="net.")
    assert isinstance(state, OrderedDict)
    assert list(state) == list(network(torch.nn).state_dict(prefix="net."))
    assert list(nn.Linear(1, 1).state_dict(prefix="net")) == ["netweight", "netbias"]


def test_tensors_are_detached_and_share_memory() -> None:
    net = network(nn)
    state = net.state_dict()
    assert not state["2.weight"].requires_grad
    assert state["2.weight"].array is net[2].weight.array
    assert net.state_dict(keep_vars=True)["2.weight"] is net[2].weight


@pytest.mark.parametrize("wrap", [lambda a: a, mc.tensor], ids=["numpy", "tensor"])
def test_loading_copies_into_the_same_memory(wrap: Any) -> None:
    net = network(nn)
    net[0].weight.array = net[0].weight.array.T.copy().T
    arrays = {key: value.array for key, value in net.state_dict().items()}
    source = {
        key: np.random.default_rng(0).normal(size=a.shape).astype(np.float64)
        for key, a in arrays.items()
    }
    result = net.load_state_dict({key: wrap(array) for key, array in source.items()})
    assert repr(result) == "<All keys matched successfully>"
    result = net.load_state_dict({}, strict=False)
    theirs = torch.nn.Linear(1, 1, bias=False).load_state_dict({}, strict=False)
    assert repr(theirs).partition("[")[0] == repr(result).partition("[")[0]
    for key, value in net.state_dict().items():
        assert value.array is arrays[key]
        np.testing.assert_array_equal(value.cpu().numpy(), source[key].astype(value.dtype))
    assert net[0].weight.array.flags.f_contiguous
    assert net[0].weight.requires_grad


def _broken(state: Any, wrap: Any) -> Any:
    state = dict(state)
    del state["0.bias"], state["1.running_mean"]
    state["2.weight"] = wrap(np.zeros((5, 3), np.float32))
    state["extra"] = wrap(np.zeros(1, np.float32))
    return state


def test_errors_are_torchs_and_leave_the_module_as_it_was() -> None:
    net, theirs = network(nn), network(torch.nn)
    before = {key: value.numpy_copy() for key, value in net.state_dict().items()}
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(_broken(network(nn).state_dict(), mc.tensor))
    with pytest.raises(RuntimeError) as expected:
        theirs.load_state_dict(_broken(theirs.state_dict(), torch.tensor))
    text = str(expected.value).replace("torch.Size([5, 3])", "(5, 3)")
    assert str(error.value) == text.replace("torch.Size([5, 4])", "(5, 4)")
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(value.cpu().numpy(), before[key])


def test_not_strict_reports_but_shapes_must_fit() -> None:
    net = network(nn)
    state = _broken(network(nn).state_dict(), mc.tensor)
    with pytest.raises(RuntimeError, match=r"size mismatch for 2.weight: .*\(5, 3\)"):
        net.load_state_dict(state, strict=False)
    del state["2.weight"]
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert missing == ["0.bias", "1.running_mean", "2.weight"]
    assert unexpected == ["extra"]
    np.testing.assert_array_equal(
        net[0].weight.detach().cpu().numpy(), state["0.weight"].cpu().numpy()
    )


def test_old_batch_norm_without_counter_loads() -> None:
    state = network(nn).state_dict()
    del state["1.num_batches_tracked"]
    assert network(nn).load_state_dict(state) == ([], [])


def test_only_mappings_are_loaded() -> None:
    with pytest.raises(TypeError, match="must be a mapping"):
        network(nn).load_state_dict([1, 2])  # type: ignore[arg-type]
