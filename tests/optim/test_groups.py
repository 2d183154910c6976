"""Groups of parameters by layer."""

import pytest

from minicnn import models, nn, optim

pytestmark = pytest.mark.cpu_only


def names_of(net: nn.Module, params: list) -> list[str]:
    names = {id(p): name for name, p in net.named_parameters()}
    return [names[id(p)] for p in params]


def test_biases_and_norms_have_no_weight_decay():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    decayed, others = optim.parameter_groups(net, 0.1, 0.05)
    assert names_of(net, decayed["params"]) == ["0.weight", "3.weight"]
    assert names_of(net, others["params"]) == ["0.bias", "1.weight", "1.bias", "3.bias"]
    assert (decayed["lr"], decayed["weight_decay"]) == (0.1, 0.05)
    assert (others["lr"], others["weight_decay"]) == (0.1, 0)
    optimizer = optim.AdamW([decayed, others])
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.05, 0]


def test_a_layer_learns_slower_than_the_one_behind_it():
    net = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU()),
        nn.ModuleList([nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3)]),
        nn.Linear(4, 2),
    )
    rate_of = {
        name: group["lr"]
        for group in optim.parameter_groups(net, 0.8, 0.1, layer_decay=0.5)
        for name in names_of(net, group["params"])
    }
    assert rate_of == {
        "0.0.weight": 0.1, "0.1.weight": 0.1, "0.1.bias": 0.1,
        "1.0.weight": 0.2, "1.0.bias": 0.2, "1.1.weight": 0.4, "1.1.bias": 0.4,
        "2.weight": 0.8, "2.bias": 0.8,
    }  # fmt: skip


def test_layers_of_a_resnet():
    """The first convolution, each of the eight blocks, and the last layer."""
    net = models.resnet18()
    groups = optim.parameter_groups(net, 1.0, 0.1, layer_decay=0.5)
    assert sorted({group["lr"] for group in groups}) == [0.5**n for n in reversed(range(10))]
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(map(id, net.parameters()))


def test_frozen_and_shared_parameters():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    second.bias.requires_grad_(False)
    groups = optim.parameter_groups(nn.Sequential(first, second), 1.0, 0.1, layer_decay=0.5)
    assert [len(group["params"]) for group in groups] == [1, 1]


def test_no_decay_of_zero():
    with pytest.raises(ValueError, match="layer_decay must be above 0, got 0"):
        optim.parameter_groups(nn.Linear(1, 1), 0.1, 0.1, layer_decay=0)
