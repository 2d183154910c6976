"""The trial run in which the learning rate grows."""

import copy
import random

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import data, nn, optim, training, viz


def a_training(optimizer: type = optim.SGD, **options) -> tuple:
    mc.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 1)
    )
    x = mc.randn(40, 4)
    loader = data.DataLoader(data.TensorDataset(x, x.sum(1, keepdim=True)), 8, shuffle=True)
    return net, optimizer(net.parameters(), lr=0.01, **options), F.mse_loss, loader


def test_rates_grow_exponentially():
    found = training.find_learning_rate(*a_training(), 1e-4, 1e-2, 21)
    np.testing.assert_allclose(found.rates, 10 ** np.linspace(-4, -2, 21), rtol=1e-12)


def test_losses_are_smoothed_to_both_sides():
    losses = np.random.default_rng(0).random(45)
    smoothed = training.LearningRates(list(range(1, 46)), losses.tolist()).smoothed
    expected = [losses[max(i - 2, 0) : i + 3].mean() for i in range(45)]
    np.testing.assert_allclose(smoothed, expected)


def test_it_is_a_plain_training_with_these_rates():
    net, optimizer, loss_function, loader = a_training()
    twin = copy.deepcopy(net)
    steps = optim.SGD(twin.parameters(), lr=1.0)
    mc.manual_seed(1)
    found = training.find_learning_rate(net, optimizer, loss_function, loader, 1e-3, 1e-1, 4)
    mc.manual_seed(1)
    raw = []
    for (x, y), rate in zip(loader, found.rates, strict=False):
        steps.param_groups[0]["lr"] = rate
        steps.zero_grad()
        loss = loss_function(twin(x), y)
        loss.backward()
        steps.step()
        raw.append(loss.item())
    np.testing.assert_allclose(found.losses, raw[:4], rtol=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "options"), [(optim.SGD, {"momentum": 0.9}), (optim.AdamW, {})]
)
@pytest.mark.parametrize("trained", [0, 3])
def test_everything_is_as_before(optimizer, options, trained):
    net, optimizer, loss_function, loader = a_training(optimizer, **options)
    for x, y in list(loader)[:trained]:
        optimizer.zero_grad()
        loss_function(net(x), y).backward()
        optimizer.step()
    optimizer.param_groups[0]["note"] = 1

    def everything() -> list:
        tensors = [*net.parameters(), *net.buffers()]
        grads = [p.grad for p in net.parameters()]
        numbers = [mc.get_rng_state(), *tensors, *[g for g in grads if g is not None]]
        return [
            [x.numpy_copy().tolist() for x in numbers],
            [g is None for g in grads],
            repr(optimizer.state_dict()),
            random.getstate(),
        ]

    before = everything()
    training.find_learning_rate(net, optimizer, loss_function, loader, steps=12)
    assert everything() == before


def test_the_loaders_own_generator_is_as_before():
    net, optimizer, loss_function, loader = a_training()
    generator = mc.Generator().manual_seed(3)
    loader = data.DataLoader(loader.dataset, 8, shuffle=True, generator=generator)
    before = generator.get_state()
    training.find_learning_rate(net, optimizer, loss_function, loader, steps=12)
    assert generator.get_state().tolist() == before.tolist()


def test_all_is_as_before_when_it_fails():
    net, optimizer, _, loader = a_training()
    before = net[0].weight.numpy_copy()

    def fails(output: mc.Tensor, target: mc.Tensor) -> mc.Tensor:
        if not (net[0].weight.numpy_copy() == before).all():
            raise KeyError("after a step")
        return F.mse_loss(output, target)

    with pytest.raises(KeyError):
        training.find_learning_rate(net, optimizer, fails, loader, 0.1, 1)
    np.testing.assert_array_equal(net[0].weight.numpy_copy(), before)
    assert optimizer.param_groups[0]["lr"] == 0.01


@pytest.mark.numbers_decide
def test_it_stops_when_the_loss_diverges_and_suggests_less():
    net, optimizer, loss_function, loader = a_training()
    found = training.find_learning_rate(net, optimizer, loss_function, loader, 1e-4, 1e6, 200)
    assert len(found.rates) < 200
    assert 1e-3 < found.suggestion < found.rates[int(np.argmin(found.smoothed))]


def test_the_suggestion_is_where_the_loss_falls_fastest():
    rates = np.geomspace(1e-5, 1, 51)
    losses = 1 / (1 + np.exp(4 * (np.log10(rates) + 2)))  # steepest at 0.01
    noise = np.random.default_rng(0).normal(0, 0.05, 51)
    found = training.LearningRates(rates.tolist(), losses.tolist())
    assert found.suggestion == pytest.approx(0.01)
    found = training.LearningRates(rates.tolist(), (losses + noise).tolist())
    assert 0.005 < found.suggestion < 0.02
    found = training.LearningRates([0.1, 0.4], [1.0, 0.5])
    assert found.suggestion == pytest.approx(0.2)


def test_groups_keep_their_proportions():
    net, _, loss_function, loader = a_training()
    groups = [
        {"params": net[0].parameters(), "lr": 0.1},
        {"params": net[4].parameters(), "lr": 0.5},
    ]
    optimizer, seen = optim.SGD(groups), []
    step = optimizer.step
    optimizer.step = lambda: seen.append([g["lr"] for g in optimizer.param_groups]) or step()
    training.find_learning_rate(net, optimizer, loss_function, loader, 1e-3, 1e-2, 3)
    np.testing.assert_allclose(seen, [[2e-4, 1e-3], [0.2 * 10**-2.5, 10**-2.5], [2e-3, 1e-2]])
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"start": 1.0, "end": 0.1}, "expects 0 < start < end and at least 2 steps, got 1.0, 0.1"),
        ({"steps": 1}, "at least 2 steps"),
        ({"loader": []}, "got an empty one"),
        ({"loss_function": lambda x, y: x.sum() * float("nan")}, "nan before the first step"),
        ({"start": 1e20, "end": 1e30}, r"start below 1e\+20"),
    ],
)
def test_arguments(options, text):
    names = ("net", "optimizer", "loss_function", "loader")
    with pytest.raises(ValueError, match=text):
        training.find_learning_rate(**{**dict(zip(names, a_training(), strict=True)), **options})


@pytest.mark.cpu_only
def test_the_curve_marks_the_suggestion(tmp_path):
    pytest.importorskip("matplotlib")
    from PIL import Image

    found = training.LearningRates([1e-3, 1e-2, 1e-1], [1.0, 0.5, 0.4])
    viz.plot_learning_rates(found, tmp_path / "rates.png", "a title")
    with Image.open(tmp_path / "rates.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(2**24)}
    assert tuple(bytes.fromhex(viz.VALIDATION[1:])) in colours
