"""What is recorded: names, calls, nesting, threads; and that nothing is left behind."""

import threading

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, optim
from minicnn.autograd import Function, engine
from minicnn.optim import Optimizer
from minicnn.profiler import profile, record_function


def calls(prof):
    return {row.name: row.calls for row in prof.key_averages()}


def network():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 9, 5), nn.ReLU(),
        nn.Linear(5, 2),
    )  # fmt: skip


def train(net, steps=2):
    """A few steps on the same numbers each time; returns the losses."""
    mc.manual_seed(1)
    images, labels = mc.randn(6, 3, 8, 8), mc.arange(6) % 2
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.fast_only
def test_every_operation_gradient_and_optimizer_step_is_an_event():
    net = network()
    with profile() as prof:
        train(net, steps=3)
    found = calls(prof)
    chained = "Chained" if next(net.parameters()).is_cuda else ""
    names = f"{chained}Conv2d", f"{chained}MaxPool2dReLU", "LinearReLU", "Linear"
    expected = {name: 3 for name in names} | {f"{name}.backward": 3 for name in names}
    expected |= {"SoftmaxCrossEntropy": 3, "Conv2dWeightGrad": 3}
    expected |= {"LinearInputGrad": 6, "LinearWeightGrad": 6}
    expected |= {"backward": 3, "SGD.step": 3}
    assert {name: found.get(name) for name in expected} == expected
    assert "Conv2dInputGrad" not in found  # nobody asks for the gradient of the images


def test_events_within_others_are_part_of_their_total_but_not_of_their_self_time():
    x = mc.ones(2, 3).requires_grad_()
    with profile() as prof, record_function("outer"):
        with record_function("inner"):
            (x * x).sum().backward()
        mc.exp(x)
    events = {event.name: event for event in prof.events}
    outer, inner, exp = events["outer"], events["inner"], events["Exp"]
    assert outer.nested == inner.total + exp.total
    assert outer.self_time == outer.total - inner.total - exp.total
    assert outer.start <= inner.start <= inner.end <= exp.start <= exp.end <= outer.end
    assert events["backward"].nested == events["Mul.backward"].total + events["Sum.backward"].total
    assert (inner.category, exp.category) == ("user", "operation")
    assert events["backward"].category == events["Mul.backward"].category == "backward"
    assert outer.bytes == inner.bytes + exp.bytes
    assert sum(event.self_time for event in prof.events) == outer.total


def test_results_are_the_same_to_the_last_bit():
    plain, profiled = network(), network()
    profiled.load_state_dict(plain.state_dict())
    losses = train(plain)
    with profile():
        assert train(profiled) == losses
    for ours, expected in zip(profiled.parameters(), plain.parameters(), strict=True):
        np.testing.assert_array_equal(ours.detach().cpu().numpy(), expected.detach().cpu().numpy())


def patched():
    return (
        vars(Function)["apply"],
        engine._walk,
        engine._Walk._differentiate,
        Optimizer.apply_gradients,
    )


def test_outside_of_the_block_nothing_is_recorded_or_in_the_way():
    before = patched()
    with profile() as prof:
        assert all(now is not then for now, then in zip(patched(), before, strict=True))
        mc.exp(mc.ones(2))
    assert patched() == before
    with record_function("too late"):
        mc.exp(mc.ones(2))
    assert calls(prof) == {"Exp": 1}


def test_an_error_is_an_event_that_ends_and_the_profile_ends_with_it():
    before = patched()

    class Faulty(Function):
        def forward(self, x):
            return x

        def backward(self, grad):
            raise KeyError("faulty")

    prof = profile()
    with pytest.raises(KeyError, match="faulty"), prof, record_function("block"):
        with pytest.raises(RuntimeError, match="matmul|lengths|size"):
            mc.matmul(mc.ones(2, 3), mc.ones(4, 5))
        Faulty.apply(mc.ones(1).requires_grad_()).backward()
    assert patched() == before
    assert calls(prof) == {"Faulty": 1, "Faulty.backward": 1, "backward": 1, "block": 1}
    with prof:
        mc.exp(mc.ones(2))
    assert prof.events[-1].name == "Exp"
    assert sum(e.self_time for e in prof.events) == sum(
        e.total for e in prof.events if e.name in ("block", "Exp")
    )


def test_two_profiles_do_not_run_at_a_time():
    with profile() as prof:
        with pytest.raises(RuntimeError, match="a profile is running already"), profile():
            pass
        mc.exp(mc.ones(2))
    assert calls(prof) == {"Exp": 1}


def test_each_thread_has_a_nesting_of_its_own():
    both = threading.Barrier(2, timeout=60)

    def work(name):
        with record_function(name):
            both.wait()  # both blocks are open now
            mc.exp(mc.ones(3))
            both.wait()

    device = mc.get_default_device()

    def other():
        mc.set_default_device(device)
        work("other")

    with profile() as prof:
        thread = threading.Thread(target=other)
        thread.start()
        work("this")
        thread.join()
    found = {event.name: event for event in prof.events if event.category == "user"}
    assert found["this"].thread != found["other"].thread
    for event in prof.events:
        if event.name == "Exp":
            (around,) = (e for e in found.values() if e.thread == event.thread)
            assert around.nested == event.total


def test_a_function_can_be_decorated_and_recurse():
    @record_function("factorial")
    def factorial(n):
        return n * factorial(n - 1) if n else 1

    assert factorial(4) == 24
    with profile() as prof:
        assert factorial(4) == 24
    assert calls(prof) == {"factorial": 5}


def test_a_block_that_a_generator_holds_open_does_not_upset_the_others():
    def batches():
        with record_function("load"):
            yield 1

    with profile() as prof:
        with record_function("step"):
            held = batches()
            next(held)
        mc.exp(mc.ones(2))
        list(held)
        mc.exp(mc.ones(2))
    assert calls(prof) == {"load": 1, "step": 1, "Exp": 2}
    assert prof.events[-1].self_time == prof.events[-1].total
