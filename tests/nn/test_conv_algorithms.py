"""The table of algorithms of a network's convolutions."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

import minicnn
from minicnn import nn
from minicnn.kernels.cpu import conv
from minicnn.kernels.cpu.conv import Algorithm
from minicnn.kernels.cpu.conv import choose as original_choose

pytestmark = pytest.mark.cpu_only


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, (3, 5), padding="same", dilation=2, groups=2),
        nn.Conv2d(8, 6, 3, padding="valid", bias=False),
        nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1),
    )


def test_a_row_for_each_convolution() -> None:
    table = nn.conv_algorithms(network(), (5, 3, 32, 30))
    assert [layer.name for layer in table] == ["0", "3", "4", "5"]
    assert [layer.input_shape for layer in table] == [
        (5, 3, 32, 30),
        (5, 8, 16, 15),
        (5, 8, 16, 15),
        (5, 6, 14, 13),
    ]
    assert table[1].weight_shape == (8, 4, 3, 5)
    assert str(table[1].forward) == "grouped"


@pytest.mark.fast_only
def test_what_it_tells_is_what_training_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    told, used = set(), set()

    def choose_and_note(asked: set[object]) -> Callable[..., Algorithm]:
        def choose(*args: Any) -> Algorithm:
            asked.add((*args, chosen := original_choose(*args)))
            return chosen

        return choose

    table_module = importlib.import_module("minicnn.nn.conv_algorithms")
    monkeypatch.setattr(table_module, "choose", choose_and_note(told))
    monkeypatch.setattr(conv, "choose", choose_and_note(used))
    net = network()
    table = nn.conv_algorithms(net, (5, 3, 32, 30))
    used.clear()  # what the one image of the table used
    net(minicnn.randn(5, 3, 32, 30, requires_grad=True)).sum().backward()
    assert used == told and len(used) == 3 * len(table)
    assert {str(args[-1]) for args in used if args[0] == "forward"} == {
        str(chosen) for chosen in [*(layer.forward for layer in table[:3]), table[3].input_grad]
    }


def test_prints_as_a_table() -> None:
    lines = str(nn.conv_algorithms(network(), (5, 3, 32, 30))).splitlines()
    assert lines[0].split("  ")[0] == "layer" and len(lines) == 5
    assert lines[2].startswith("3      (5, 8, 16, 15)  (8, 4, 3, 5)  grouped")


def test_the_network_is_left_as_it_was() -> None:
    net = network()
    mean = net[1].running_mean.clone()
    nn.conv_algorithms(net, (5, 3, 32, 30))
    assert net.training and net[1].training
    assert (net[1].running_mean == mean).all()
    assert not net[0]._forward_hooks
