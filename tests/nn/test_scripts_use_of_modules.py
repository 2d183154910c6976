"""Hooks on states, lazy layers, wrappers and containers of parameters: as torch's."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

import minicnn as mc
from minicnn import nn

LIBRARIES = pytest.mark.parametrize(
    "lib, n", [(mc, nn), (torch, torch.nn)], ids=["minicnn", "torch"]
)


@LIBRARIES
def test_hooks_on_states(lib: Any, n: Any) -> None:
    net = n.Sequential(n.Linear(2, 2), n.ReLU())
    seen: list[Any] = []
    net[0].register_state_dict_pre_hook(lambda module, prefix, keep: seen.append(prefix))
    net[0].register_state_dict_post_hook(
        lambda module, state, prefix, metadata: state.update({f"{prefix}more": lib.ones(1)})
    )
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0.more"] and seen == ["0."]

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors) -> None:
        state[f"{prefix}bias"] = state.pop(f"{prefix}old_bias")
        del state[f"{prefix}more"]

    net[0].register_load_state_dict_pre_hook(rename)
    net.register_load_state_dict_post_hook(lambda module, keys: seen.append(keys))
    old = {**state, "0.old_bias": lib.full((2,), 7.0)}
    del old["0.bias"]
    net.load_state_dict(old)
    assert net[0].bias.tolist() == [7.0, 7.0] and list(old)[-1] == "0.old_bias"
    assert seen[-1].missing_keys == []


@LIBRARIES
def test_extra_state(lib: Any, n: Any) -> None:
    class Counting(n.Module):
        def __init__(self) -> None:
            super().__init__()
            self.count = 0

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    net = n.Sequential(Counting())
    net[0].count = 5
    state = copy.deepcopy(net.state_dict())
    assert state == {"0._extra_state": {"count": 5}}
    other = n.Sequential(Counting())
    other.load_state_dict(state)
    assert other[0].count == 5
    with pytest.raises(RuntimeError, match="Missing.*_extra_state"):
        other.load_state_dict({})


@LIBRARIES
def test_states_by_position_and_assigned(lib: Any, n: Any) -> None:
    layer = n.Linear(2, 1)
    with pytest.warns(FutureWarning) if lib is torch else pytest.MonkeyPatch.context():
        assert list(layer.state_dict({}, "a.")) == ["a.weight", "a.bias"]
    values = {"weight": lib.ones(1, 2, dtype=lib.float64), "bias": lib.zeros(1)}
    layer.load_state_dict(values, assign=True)
    assert (
        layer.weight.dtype == lib.float64 and layer.weight.data_ptr() == values["weight"].data_ptr()
    )
    assert isinstance(layer.weight, n.Parameter)


@LIBRARIES
def test_hooks_before_the_gradient_and_after_errors(lib: Any, n: Any) -> None:
    layer, seen = n.Linear(2, 1, bias=False), []
    layer.register_full_backward_pre_hook(lambda module, grads: (grads[0] * 2,))
    layer.register_full_backward_hook(
        lambda module, inputs, outputs: seen.append(outputs[0].item())
    )
    x = lib.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert seen == [2.0] and layer.weight.grad.tolist() == [[2.0, 2.0]]

    layer.register_forward_hook(lambda module, args, out: seen.append(out), always_call=True)
    with pytest.raises(RuntimeError):
        layer(lib.ones(1, 3))
    assert seen[-1] is None


@LIBRARIES
def test_small_methods(lib: Any, n: Any) -> None:
    net = n.Sequential(n.Sequential(n.Linear(2, 2)), n.BatchNorm1d(2))
    net.set_submodule("0.0", n.ReLU())
    assert isinstance(net[0][0], n.ReLU)
    with pytest.raises(ValueError, match="set_submodule|Cannot"):
        net.set_submodule("", n.ReLU())
    assert net.type(lib.float64)[1].weight.dtype == lib.float64
    assert net.share_memory() is net and net.compile() is None
    assert net.to_empty(device="cpu")[1].weight.shape == (2,)

    class Anchored(n.Module):
        def __init__(self) -> None:
            super().__init__()
            self.anchors = lib.ones(2)

        def _apply(self, fn: Any, recurse: bool = True) -> Any:
            super()._apply(fn)
            self.anchors = fn(self.anchors)
            return self

    assert n.Sequential(Anchored()).double()[0].anchors.dtype == lib.float64


def both_reprs(make: Any) -> tuple[str, str]:
    return repr(make(mc, nn)), repr(make(torch, torch.nn))


@pytest.mark.cpu_only  # a GPU is printed, too
@pytest.mark.parametrize(
    "make",
    [
        lambda lib, n: n.ParameterList([lib.ones(2), n.Parameter(lib.ones(2, 3)), 3]),
        lambda lib, n: n.ParameterList(),
        lambda lib, n: n.ParameterDict({"a": lib.ones(2), "b": lib.ones(1, dtype=lib.float64)}),
        lambda lib, n: n.ParameterDict({"a": lib.ones(2)}),
        lambda lib, n: n.DataParallel(n.Sequential(n.Linear(2, 3))),
        lambda lib, n: n.SyncBatchNorm.convert_sync_batchnorm(n.Sequential(n.BatchNorm2d(3))),
        lambda lib, n: n.LazyLinear(3, bias=False),
        lambda lib, n: n.LazyConv2d(3, 2, stride=2),
        lambda lib, n: n.LazyBatchNorm2d(momentum=0.2),
        lambda lib, n: n.LazyLinear(3).weight,
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")  # torch's
def test_print_as_in_torch(make: Any) -> None:
    ours, theirs = both_reprs(make)
    assert ours == theirs


@LIBRARIES
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_layers(lib: Any, n: Any) -> None:
    net = n.Sequential(n.LazyConv2d(4, 3), n.LazyBatchNorm2d(), n.Flatten(), n.LazyLinear(2))
    before = list(net.parameters())
    assert isinstance(net[0], n.Conv2d)
    out = net(lib.ones(2, 3, 5, 5))
    assert out.shape == (2, 2) and type(net[0]) is n.Conv2d and type(net[3]) is n.Linear
    assert all(a is b for a, b in zip(before, net.parameters()))
    assert net[1].running_mean.shape == (4,) and net[3].in_features == 36
    assert type(net[0].weight) is n.Parameter and net[0].in_channels == 3
    out.sum().backward()
    assert net[0].weight.grad.shape == (4, 3, 3, 3)


def test_lazy_layers_draw_the_weights_of_the_others() -> None:
    mc.manual_seed(3)
    lazy = nn.LazyLinear(4)
    lazy(mc.ones(1, 6))
    mc.manual_seed(3)
    assert mc.equal(lazy.weight, nn.Linear(6, 4).weight)


@LIBRARIES
def test_wrappers_of_one_device(lib: Any, n: Any) -> None:
    net = n.Sequential(n.Linear(2, 3), n.BatchNorm1d(3))
    wrapped = n.DataParallel(net)
    assert next(iter(wrapped.state_dict())) == "module.0.weight" and wrapped.module is net
    x = lib.ones(4, 2)
    assert wrapped.eval()(x).tolist() == net(x).tolist()
    weight = net[1].weight
    synced = n.SyncBatchNorm.convert_sync_batchnorm(net)
    assert isinstance(synced[1], n.SyncBatchNorm) and synced[1].weight is weight


@LIBRARIES
def test_containers_of_parameters(lib: Any, n: Any) -> None:
    row = n.ParameterList([lib.ones(2), lib.zeros(1)])
    row.append(lib.ones(3))
    row += [n.Parameter(lib.ones(4))]
    row[0] = lib.full((2,), 5.0)
    assert [len(p) for p in row] == [2, 1, 3, 4] and [len(p) for p in row[1:3]] == [1, 3]
    assert list(dict(row.named_parameters())) == ["0", "1", "2", "3"] and row[-1].requires_grad
    named = n.ParameterDict({"a": lib.ones(2)})
    named["b"] = lib.zeros(1)
    named.update({"c": lib.ones(1)})
    del named["a"]
    assert list(named) == list(named.keys()) == ["b", "c"] and "a" not in named and len(named) == 2
    assert named.get("a") is None and list(named.pop("b").shape) == [1]
    assert [k for k, _ in named.items()] == ["c"] and len(list(named.values())) == 1
    named.clear()
    assert len(named) == 0 and not list(named.parameters())


@LIBRARIES
def test_buffers_as_attributes(lib: Any, n: Any) -> None:
    class Net(n.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kept = n.Buffer(lib.ones(2))
            self.lost = n.Buffer(lib.ones(1), persistent=False)

    net = Net()
    assert list(net.state_dict()) == ["kept"] and list(dict(net.named_buffers())) == [
        "kept",
        "lost",
    ]
    assert isinstance(net.kept, n.Buffer) and not isinstance(lib.ones(1), n.Buffer)
