"""Sequential, ModuleList and ModuleDict against torch's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn


def _linears(lib: Any, n: int = 4) -> list[Any]:
    return [lib.Linear(i + 1, i + 2) for i in range(n)]


def _changed(container: Any, change: Callable[[Any], Any]) -> Any:
    """``container`` after ``change``, or what ``change`` made of it."""
    result = change(container)
    return container if result is None else result


# what is done to a Sequential or ModuleList of four linear layers
CHANGES: list[Callable[[Any], Any]] = [
    lambda c: c[1:3],
    lambda c: c[-1],
    lambda c: c[::2],
    lambda c: c.append(type(c[0])(9, 9)),
    lambda c: c.insert(1, type(c[0])(9, 9)),
    lambda c: c.extend([type(c[0])(9, 9), type(c[0])(8, 8)]),
    lambda c: c.pop(1),
    lambda c: c.__delitem__(2),
    lambda c: c.__delitem__(slice(0, 2)),
    lambda c: c.__setitem__(-2, type(c[0])(9, 9)),
    lambda c: c + type(c)(*[type(c[0])(9, 9)] if "Seq" in type(c).__name__ else [[c[0]]]),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["Sequential", "ModuleList"])
def test_list_like_changes(kind: str, change: Any) -> None:
    made = []
    for lib in (nn, torch.nn):
        layers = _linears(lib)
        container = lib.Sequential(*layers) if kind == "Sequential" else lib.ModuleList(layers)
        made.append(_changed(container, change))
    ours, theirs = made
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_sequential_calls_in_order_and_slices_share() -> None:
    net = nn.Sequential(OrderedDict(scale=nn.Linear(2, 2), act=nn.ReLU()))
    x = mc.randn(3, 2)
    expected = net.act(net.scale(x)).detach().cpu().numpy()
    np.testing.assert_array_equal(net(x).detach().cpu().numpy(), expected)
    assert net[:1].scale is net.scale
    assert len(net) == 2
    assert [type(m).__name__ for m in net] == ["Linear", "ReLU"]


def test_indices_out_of_range() -> None:
    net = nn.Sequential(nn.ReLU())
    for index in (1, -2):
        with pytest.raises(IndexError, match="out of range for 1 modules"):
            net[index]


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.ModuleList([lib.ReLU(), lib.ReLU(), lib.Linear(2, 2)]),
        lambda lib: lib.ModuleList([lib.Sequential(lib.ReLU()), lib.Sequential(lib.ReLU())]),
        lambda lib: lib.ModuleList(),
        lambda lib: lib.Sequential(),
        lambda lib: lib.ModuleDict({"a": lib.ReLU(), "b": lib.Linear(1, 2)}),
    ],
)
def test_repr_equals_torchs(make: Any) -> None:
    assert repr(make(nn)) == repr(make(torch.nn))


def test_module_dict() -> None:
    layers = nn.ModuleDict({"a": nn.Linear(1, 2), "b": nn.ReLU()})
    layers["c"] = nn.Tanh()
    layers.update([("a", nn.Linear(3, 4))])
    assert list(layers) == list(layers.keys()) == ["a", "b", "c"]
    assert "b" in layers and len(layers) == 3
    assert [name for name, _ in layers.items()] == ["a", "b", "c"]
    assert [p.shape for p in layers.parameters()] == [(4, 3), (4,)]
    assert isinstance(layers.pop("b"), nn.ReLU)
    del layers["c"]
    assert [type(m) for m in layers.values()] == [nn.Linear]
    layers.clear()
    assert len(layers) == 0


@pytest.mark.parametrize("make", [nn.Sequential, lambda *given: nn.ModuleList(given)])
def test_a_class_for_a_module(make: Callable[..., nn.Module]) -> None:
    with pytest.raises(TypeError, match=r"got the class ReLU: write ReLU\(\)"):
        make(nn.ReLU, nn.ReLU())
