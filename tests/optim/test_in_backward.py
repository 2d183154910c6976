"""The step beside ``backward``: the same numbers, on a second stream, in a captured graph, too."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, optim
from minicnn.optim import in_backward

OPTIMIZERS = {
    "SGD": lambda params: optim.SGD(params, lr=0.5, momentum=0.9, dampening=0.1),
    "AdamW": lambda params: optim.AdamW(params, lr=0.05),
    "two groups": lambda params: optim.SGD([{"params": list(params)[:1], "lr": 0.1},
                                            {"params": list(params)[1:]}], lr=0.5),
}  # fmt: skip


@pytest.fixture(autouse=True)
def every_parameter_at_once(monkeypatch):
    monkeypatch.setattr(in_backward, "_LEAST_WEIGHTS", 1)


@pytest.fixture
def needs_gpu(request):
    if request.config.getoption("device") == "cpu":
        pytest.skip("needs --device cuda or --device cuda-emulated")


class Training:
    """A small convolutional network, its optimizer with a schedule, and a step in bfloat16."""

    def __init__(self, optimizer, beside_backward):
        mc.manual_seed(1)
        self.net = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 5),
        )  # fmt: skip
        self.optimizer = optimizer(self.net.parameters())
        self.schedule = optim.lr_scheduler.StepLR(self.optimizer, 1, gamma=0.9)
        self.beside_backward = beside_backward

    def step(self, images, target):
        self.optimizer.zero_grad()
        with mc.autocast(dtype=mc.bfloat16):
            loss = F.cross_entropy(self.net(images), target)
        if self.beside_backward:
            with optim.step_in_backward(self.optimizer):
                loss.backward()
        else:
            loss.backward()
            self.optimizer.step()
        return loss

    def run(self, step, count=6):
        """The losses, and the weights, gradients and state at the end."""
        mc.manual_seed(2)  # for dropout
        rng = np.random.default_rng(0)
        results = []
        for _ in range(count):
            images = mc.tensor(rng.standard_normal((2, 3, 10, 10)).astype(np.float32))
            results.append(step(images, mc.tensor(rng.integers(0, 5, 2))).numpy_copy())
            self.schedule.step()
        params = list(self.net.parameters())
        tensors = params + [param.grad for param in params]
        for state in self.optimizer.state_dict()["state"].values():
            tensors += [value for value in state.values() if value is not None]
        return results + [tensor.numpy_copy() for tensor in tensors]


def assert_all_equal(results, expected):
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_the_numbers_are_those_of_a_step_after_backward(optimizer):
    plain, beside = Training(optimizer, False), Training(optimizer, True)
    assert_all_equal(beside.run(beside.step), plain.run(plain.step))


@pytest.mark.usefixtures("needs_gpu")
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_in_a_captured_graph(optimizer):
    plain, beside = Training(optimizer, False), Training(optimizer, True)
    expected = plain.run(plain.step)
    assert_all_equal(beside.run(mc.cuda.graph(beside.step)), expected)


@pytest.mark.usefixtures("needs_gpu")
@pytest.mark.parametrize("least, early", [(1, 6), (128 + 40 + 5 + 1, 4), (1 << 20, 0)])
def test_updates_go_to_a_second_stream(monkeypatch, least, early):
    """The last layers first, and together until they are enough; the rest after the block."""
    monkeypatch.setattr(in_backward, "_LEAST_WEIGHTS", least)
    training = Training(OPTIMIZERS["SGD"], beside_backward=True)
    first = mc.cuda.current_stream().stream
    update, on_second = training.optimizer.update, []

    def noting(group, params, scaling):
        on_second.extend([mc.cuda.current_stream().stream.ptr != first.ptr] * len(params))
        update(group, params, scaling)

    monkeypatch.setattr(training.optimizer, "update", noting)
    training.run(training.step, count=1)
    assert on_second == [True] * early + [False] * (6 - early)
    assert mc.cuda.current_stream().stream.ptr == first.ptr


@pytest.mark.emulated_only
def test_a_graph_whose_branches_are_not_joined_is_refused(monkeypatch):
    training = Training(OPTIMIZERS["SGD"], beside_backward=True)
    step = mc.cuda.graph(training.step)
    training.run(step, count=2)
    monkeypatch.setattr(in_backward._Updates, "join", lambda self: None)
    with pytest.raises(RuntimeError, match="StreamCaptureUnjoined"):
        training.run(step, count=1)


def test_parameters_without_a_gradient_keep_their_values():
    used, unused, before = (
        mc.ones(3, requires_grad=True),
        mc.ones(3, requires_grad=True),
        mc.ones(3),
    )
    before.grad = mc.ones(3)  # from an earlier backward
    optimizer = optim.SGD([used, unused, before.requires_grad_()], lr=1.0)
    with optim.step_in_backward(optimizer):
        (used * 2).sum().backward()
    assert used.tolist() == [-1, -1, -1] and unused.tolist() == [1, 1, 1]
    assert before.tolist() == [0, 0, 0]


def test_a_weight_of_two_layers_is_updated_when_both_gradients_are_there():
    weight = mc.ones(3, requires_grad=True)
    with optim.step_in_backward(optim.SGD([weight], lr=1.0)):
        (weight * 2 * weight).sum().backward()
    assert weight.tolist() == [-3, -3, -3]


@pytest.mark.parametrize("fails", [False, True])
def test_other_hooks_come_first_and_none_of_ours_stay(fails):
    averaged, other = mc.ones(2, requires_grad=True), mc.ones(2, requires_grad=True)

    def halve(param):
        param.grad.mul_(0.5)
        if fails:
            raise KeyError("hook")

    averaged.register_post_accumulate_grad_hook(halve)
    optimizer = optim.SGD([averaged, other], lr=1.0)
    try:
        with optim.step_in_backward(optimizer):
            (other + averaged * 4).sum().backward()
    except KeyError:
        assert averaged.tolist() == [1, 1]
    else:
        assert averaged.tolist() == [-1, -1] and other.tolist() == [0, 0]
    assert not getattr(other, "after_accumulation", None)


@pytest.mark.usefixtures("needs_gpu")
def test_a_second_backward_is_refused():
    weight = mc.ones(2, requires_grad=True)
    refused = pytest.raises(RuntimeError, match="expects one backward in its block, got another g")
    with refused, optim.step_in_backward(optim.SGD([weight], lr=1.0)):
        weight.sum().backward()
        weight.sum().backward()


@pytest.mark.usefixtures("needs_gpu")
def test_a_weight_that_backward_still_needs_is_noticed():
    """Of a layer before, which uses it without a gradient of its own."""
    x, weight = mc.ones(2, requires_grad=True), mc.ones(2, requires_grad=True)
    out = ((x * weight.detach()) * weight).sum()
    refused = pytest.raises(RuntimeError, match="was changed in place")
    with refused, optim.step_in_backward(optim.SGD([weight], lr=1.0)):
        out.backward()


def test_optimizers_with_steps_of_their_own_are_refused():
    weight = mc.ones(2, requires_grad=True)
    hooked = optim.SGD([weight], lr=1.0)
    hooked.register_step_post_hook(lambda *_: None)
    for optimizer in (optim.LBFGS([weight]), hooked):
        refused = pytest.raises(
            ValueError, match="without a step of its own and without hooks, got"
        )
        with refused, optim.step_in_backward(optimizer):
            pass


def test_what_is_no_optimizer_is_refused():
    for given, name in (None, "NoneType"), (nn.Linear(2, 2), "Linear"):
        refused = pytest.raises(TypeError, match=f"expects an optimizer, got {name}")
        with refused, optim.step_in_backward(given):
            pass
