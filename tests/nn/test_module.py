"""Module: what it owns, how it is walked, moved, copied and written out."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn


def block(lib: Any) -> Any:
    """The same small network in both libraries."""
    return lib.Sequential(
        lib.Conv2d(3, 4, 3),
        lib.BatchNorm2d(4),
        lib.Sequential(lib.ReLU(inplace=True), lib.Flatten()),
        lib.Linear(16, 2, bias=False),
    )


class Shared(nn.Module):
    """One layer under two names, and a parameter and a buffer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second = self.first
        self.scale = nn.Parameter(mc.ones(1))
        self.register_buffer("count", mc.zeros(1))
        self.register_buffer("cache", mc.zeros(1), persistent=False)

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return self.second(self.first(x)) * self.scale


def test_walks_give_torchs_names_in_torchs_order() -> None:
    ours, theirs = block(nn), block(torch.nn)
    for walk in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        names = [name for name, _ in getattr(ours, walk)()]
        assert names == [name for name, _ in getattr(theirs, walk)()], walk
    assert [n for n, _ in ours.named_parameters("net", recurse=False)] == []
    assert [n for n, _ in ours[0].named_parameters("net")] == ["net.weight", "net.bias"]
    assert len(list(ours.modules())) == 7
    assert len(list(ours.children())) == 4


def test_shared_parts_come_once_but_keep_both_keys() -> None:
    net = Shared()
    assert [n for n, _ in net.named_parameters()] == ["scale", "first.weight", "first.bias"]
    everything = net.named_parameters(remove_duplicate=False)
    assert [n for n, _ in everything][-2:] == ["second.weight", "second.bias"]
    assert [n for n, _ in net.named_children()] == ["first"]
    assert list(net.modules()) == [net, net.first]
    assert list(net.modules(remove_duplicate=False)) == [net, net.first, net.second]
    assert list(net.state_dict()) == [
        "scale", "count", "first.weight", "first.bias", "second.weight", "second.bias",
    ]  # fmt: skip


def test_attributes_register_and_unregister() -> None:
    net = Shared()
    net.first = nn.Linear(2, 3)
    assert net.first.weight.shape == (3, 2)
    net.count = mc.ones(1)
    assert float(net.get_buffer("count")) == 1
    net.scale = None
    assert "scale" not in dict(net.named_parameters())
    assert "scale" not in net.state_dict()
    net.plain = 3
    net.plain = nn.Parameter(mc.ones(1))
    assert "plain" in dict(net.named_parameters())
    net.cache = nn.Parameter(mc.ones(1))
    assert "cache" in net.state_dict() and "cache" not in dict(net.named_buffers())


def test_attributes_are_deleted() -> None:
    net = Shared()
    for name in ("first", "scale", "count"):
        delattr(net, name)
        assert not hasattr(net, name)
    assert {"second", "cache"} <= set(dir(net))
    with pytest.raises(AttributeError, match="'Shared' object has no attribute 'first'"):
        net.first  # noqa: B018


def _assign(name: str, value: Any) -> None:
    setattr(Shared(), name, value)


class _NoSuper(nn.Module):
    def __init__(self) -> None:
        self.layer = nn.ReLU()


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: _NoSuper(), AttributeError, r"before Module.__init__\(\) call"),
        (lambda: _assign("scale", mc.ones(1)), TypeError, "scale takes a Parameter or None"),
        (lambda: _assign("first", 3), TypeError, "first takes a Module or None, got int"),
        (lambda: _assign("count", 3), TypeError, "count takes a Tensor or None, got int"),
        (lambda: Shared().register_buffer("a.b", None), KeyError, "a.b"),
        (lambda: Shared().register_buffer("first", None), KeyError, "'first' already exists"),
        (lambda: Shared().register_parameter("forward", None), KeyError, "already exists"),
        (lambda: Shared().register_parameter("p", mc.ones(1)), TypeError, "must be a Parameter"),
        (lambda: Shared().add_module("m", "layer"), TypeError, "must be a Module"),
        (lambda: Shared().add_module("", nn.ReLU()), KeyError, "cannot be empty"),
        (lambda: Shared().get_submodule("first.third"), AttributeError, "'third'"),
        (lambda: Shared().get_parameter("first.count"), AttributeError, "first.count"),
        (lambda: Shared().train("yes"), ValueError, "boolean, got 'yes'"),
        (lambda: Shared().to(dtype=mc.int64), TypeError, "floating-point dtype, got int64"),
        (lambda: nn.Module()(1), NotImplementedError, "Module has no forward"),
    ],
)
def test_misuse_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_access_by_path() -> None:
    net = block(nn)
    assert net.get_submodule("2.0") is net[2][0]
    assert net.get_submodule("") is net
    assert net.get_parameter("3.weight") is net[3].weight
    assert net.get_buffer("1.running_var") is net[1].running_var


def test_modes_reach_everything_below() -> None:
    net = block(nn)
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert all(module.training for module in net.train().modules())


def test_freezing_stops_gradients() -> None:
    net = block(nn)
    net[0].requires_grad_(False)
    net(mc.randn(2, 3, 4, 4)).sum().backward()
    assert net[0].weight.grad is None
    assert net[3].weight.grad is not None


def test_zero_grad() -> None:
    net = nn.Linear(3, 2)
    net(mc.ones(1, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(net.weight.grad.cpu().numpy(), np.zeros((2, 3)))
    net.zero_grad()
    assert net.weight.grad is None


def test_dtype_moves_floating_tensors_and_keeps_the_parameters_objects() -> None:
    net = block(nn)
    net(mc.randn(2, 3, 4, 4)).sum().backward()
    before = list(net.parameters())
    assert net.double() is net
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert {p.dtype for p in net.parameters()} == {mc.float64}
    assert {p.grad.dtype for p in net.parameters()} == {mc.float64}
    assert net[1].running_mean.dtype == mc.float64
    assert net[1].num_batches_tracked.dtype == mc.int64
    assert net.half()[3].weight.dtype == mc.float16
    assert net.float()[3].weight.dtype == mc.float32
    assert net.to(mc.tensor([1.0], dtype=mc.float64))[3].weight.dtype == mc.float64
    assert net.to("cpu", mc.float32, non_blocking=True).cpu()[3].weight.dtype == mc.float32


def test_apply_visits_children_first() -> None:
    visited: list[str] = []
    block(nn).apply(lambda module: visited.append(type(module).__name__))
    assert visited[:2] == ["Conv2d", "BatchNorm2d"]
    assert visited[-1] == "Sequential"


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_equal_and_independent(duplicate: Any) -> None:
    net = Shared()
    twin = duplicate(net)
    assert twin.first is twin.second
    assert isinstance(twin.scale, nn.Parameter)
    for (name, a), (_, b) in zip(net.state_dict().items(), twin.state_dict().items(), strict=True):
        np.testing.assert_array_equal(a.cpu().numpy(), b.cpu().numpy(), err_msg=name)
    twin.first.weight.array[...] = 7
    assert (net.first.weight.array != 7).all()
    twin(mc.ones(1, 2)).sum().backward()
    assert twin.scale.grad is not None and net.scale.grad is None


def test_repr_equals_torchs() -> None:
    assert repr(block(nn)) == repr(block(torch.nn))

    class Noted(nn.Module):
        def extra_repr(self) -> str:
            return "two\nlines"

    assert repr(Noted()) == "Noted(\n  two\n  lines\n)"


def test_parameter_shares_the_array_and_says_what_it_is() -> None:
    array = np.ones(2, np.float32)
    assert nn.Parameter(mc.from_numpy(array)).array is array
    assert not nn.Parameter(mc.ones(1), requires_grad=False).requires_grad
    assert repr(nn.Parameter(mc.ones(1))).startswith("Parameter containing:\ntensor([1.]")


def test_to_a_memory_format_moves_filters_alone() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    before = {name: value.numpy_copy() for name, value in net.state_dict().items()}
    assert net.to(memory_format=mc.channels_last) is net
    assert net[0].weight.is_contiguous(memory_format=mc.channels_last)
    assert not net[0].weight.is_contiguous()
    assert net[3].weight.is_contiguous()
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy_copy(), before[name])
    net.to(mc.float64, memory_format=mc.contiguous_format)
    assert net[0].weight.is_contiguous() and net[0].weight.dtype == mc.float64


@pytest.mark.parametrize(
    ("layer", "given"),
    [
        (nn.Conv2d(3, 4, 3), np.zeros((1, 3, 8, 8), np.float32)),
        (nn.Linear(2, 2), [1.0, 2.0]),
        (nn.ReLU(), 3.0),
        (nn.BatchNorm2d(3), None),
    ],
)
def test_what_is_no_tensor_is_named(layer, given):
    name, kind = type(layer).__name__, type(given).__name__
    with pytest.raises(TypeError, match=f"^{name} expects tensors, got {kind}$"):
        layer(given)


def test_a_mistake_in_forward_stays_an_attribute_error():
    class Wrong(nn.Module):
        def forward(self, x, options=None):
            return x.array + (self if options is None else options).shape

    with pytest.raises(AttributeError, match="'Wrong' object has no attribute 'shape'"):
        Wrong()(mc.ones(2))
    with pytest.raises(AttributeError, match="'dict' object has no attribute 'shape'"):
        Wrong()(mc.ones(2), {})
