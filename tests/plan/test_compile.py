"""Which calls follow a plan, when plans are made again, and what a compiled module is."""

import copy
import os
import pickle
import signal
import threading
import warnings

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, optim

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]


def network():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4)
    ).eval()  # fmt: skip


def compiled_of(net, **options):
    return mc.compile(net, options={"cache": False}, **options)


def same(a, b):
    return np.allclose(a.array, b.array, rtol=1e-4, atol=1e-5)


def plans(compiled):
    return [entry.plan for entry in compiled._plans.entries.values() if entry.plan is not None]


def test_only_inference_follows_a_plan():
    net = network()
    compiled = compiled_of(net)
    x = mc.randn(2, 3, 6, 6)
    assert compiled(x).requires_grad and not plans(compiled)
    with mc.no_grad():
        net.train()
        compiled(x)
        assert not plans(compiled)
        net.eval()
        with mc.autocast("cpu"):
            compiled(x)
        compiled(x[:0])
        with mc.autograd.detect_anomaly():
            compiled(x)
        assert not plans(compiled)
        compiled(x)
        assert len(plans(compiled)) == 1
    with mc.inference_mode():
        assert same(compiled(x), net(x))
    net.requires_grad_(False)
    assert same(compiled(x), net(x)) and len(plans(compiled)) == 1
    x.requires_grad_()
    assert compiled(x).requires_grad


def test_other_dtypes_run_as_they_are_written():
    net = network().double()
    compiled = compiled_of(net)
    with mc.no_grad():
        x = mc.randn(2, 3, 6, 6, dtype=mc.float64)
        assert np.array_equal(compiled(x).array, net(x).array) and not plans(compiled)


def test_plain_kernels_and_a_preferred_algorithm_run_as_they_are_written(monkeypatch):
    net = network()
    compiled, x = compiled_of(net), mc.randn(2, 3, 6, 6)
    with mc.no_grad():
        with mc.backends.use_kernels("plain"):
            compiled(x)
        monkeypatch.setenv("MINICNN_CONV", "im2col")
        compiled(x)
    assert not plans(compiled)


def test_a_result_stays_what_it_is():
    compiled = compiled_of(network())
    with mc.no_grad():
        first = compiled(mc.randn(2, 3, 6, 6))
        kept = first.clone()
        second = compiled(mc.randn(2, 3, 6, 6))
    assert mc.equal(first, kept) and not mc.equal(first, second)


CHANGES = {
    "optimizer": lambda net: _step(net),
    "load_state_dict": lambda net: net.load_state_dict(network().state_dict()),
    "data": lambda net: net[0].weight.data.mul_(2),
    "new data": lambda net: setattr(net[0].weight, "data", mc.randn(8, 3, 3, 3)),
    "buffer": lambda net: net[1].running_mean.add_(1),
    "in place": lambda net: net[4].bias.add_(1),
    "parameter": lambda net: setattr(net[4], "weight", nn.Parameter(mc.randn(4, 8 * 36))),
    "module": lambda net: net.__setitem__(4, nn.Linear(8 * 36, 7)),
    "attribute": lambda net: setattr(net[1], "eps", 1.0),
    "dilation": lambda net: (
        setattr(net[0], "dilation", (2, 2)),
        setattr(net[0], "padding", (2, 2)),
    ),
    "hook": lambda net: net[2].register_forward_hook(lambda module, args, out: out + 1),
    "forward": lambda net: setattr(net[2], "forward", lambda x: x * 2),
    "to": lambda net: net.to(memory_format=mc.channels_last)[0].weight.mul_(2),
}


def _step(net):
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with mc.enable_grad():
        net.train()(mc.randn(2, 3, 6, 6)).sum().backward()
    optimizer.step()
    net.eval()


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_the_network_are_noticed(name):
    net = network()
    compiled, x = compiled_of(net), mc.randn(2, 3, 6, 6)
    with mc.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hooks, which cannot be recorded
        before = compiled(x)
        CHANGES[name](net)
        for _ in range(3):
            after = compiled(x)
            assert same(after, net(x))
    assert after.shape != before.shape or not same(after, before)


def test_a_plan_is_made_again_for_the_second_call_after_a_change():
    net = network()
    compiled, x = compiled_of(net), mc.randn(2, 3, 6, 6)
    with mc.no_grad():
        compiled(x)
        (first,) = plans(compiled)
        compiled(x)
        assert plans(compiled) == [first]
        net[0].weight.mul_(2)
        compiled(x)
        assert plans(compiled) == []
        compiled(x)
        assert len(plans(compiled)) == 1 and plans(compiled) != [first]


def test_each_shape_has_a_plan_and_eight_are_kept():
    net = nn.Conv2d(3, 4, 3).eval()
    compiled = compiled_of(net)
    with mc.no_grad():
        for size in range(4, 14):
            x = mc.randn(1, 3, size, size)
            assert same(compiled(x), net(x))
        assert len(plans(compiled)) == 8
        kept = plans(compiled)
        compiled(mc.randn(1, 3, 13, 13))
        assert plans(compiled) == kept


class Deciding(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x - 1


def test_what_cannot_be_recorded_runs_with_one_warning():
    net = Deciding().eval()
    compiled = compiled_of(net)
    with mc.no_grad():
        with pytest.warns(UserWarning, match=r"reads the numbers.*runs as it is written"):
            compiled(mc.ones(2, 2))
        for x in (mc.ones(2, 2), -mc.ones(2, 2), mc.ones(3)):  # a second warning would be an error
            assert mc.equal(compiled(x), net(x))
        with pytest.raises(mc.graph.CannotRecord, match="reads the numbers"):
            compiled_of(net, fullgraph=True)(mc.ones(2))


def test_a_network_that_changes_its_attributes_runs_as_it_is_written():
    class Counting(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x + self.calls

    compiled = compiled_of(Counting().eval())
    with mc.no_grad():
        with pytest.warns(UserWarning, match="changes attributes"):
            first = compiled(mc.zeros(1)).item()
        assert compiled(mc.zeros(1)).item() == first + 1
        assert compiled(mc.zeros(1)).item() == first + 2


def test_errors_of_the_network_are_its_own():
    compiled = compiled_of(network())
    with mc.no_grad(), pytest.raises(RuntimeError, match="conv2d expects 3 channels"):
        compiled(mc.randn(2, 4, 6, 6))


def test_arguments_that_are_no_tensors_belong_to_the_plan():
    class Scaled(nn.Module):
        def forward(self, x, factor, *, names=()):
            return x * factor + len(names)

    net = Scaled().eval()
    compiled = compiled_of(net)
    x = mc.randn(2)
    with mc.no_grad():
        for factor in (2.0, 3.0, True, 1):
            assert same(compiled(x, factor), net(x, factor))
        assert same(compiled(x, 2, names=["a"]), net(x, 2, names=["a"]))
        assert same(compiled(x, 2, names={"a"}), net(x, 2, names={"a"}))


def test_two_threads():
    net = network()
    compiled, xs = compiled_of(net), [mc.randn(4, 3, 6, 6) for _ in range(2)]
    wrong = []

    def call(x):
        with mc.no_grad():
            expected = net(x)
            wrong.extend(i for i in range(30) if not same(compiled(x), expected))

    threads = [threading.Thread(target=call, args=(x,)) for x in xs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_numbers_of_threads(threads):
    net, x = network(), mc.randn(4, 3, 6, 6)
    compiled, before = compiled_of(net), mc.get_num_threads()
    mc.set_num_threads(threads)
    try:
        with mc.no_grad():
            for n in (1, 3, 4):
                assert same(compiled(x[:n]), net(x[:n]))
    finally:
        mc.set_num_threads(before)


def test_functions_and_decorators():
    net = network()

    @mc.compile
    def one(x):
        return net(x).softmax(1)

    @mc.compile(dynamic=True, options={"cache": False})
    def two(x):
        "Doubles."
        return 2 * x

    assert two.__name__ == "two" and two.__doc__ == "Doubles."
    x = mc.randn(2, 3, 6, 6)
    with mc.no_grad():
        assert mc.equal(two(x), 2 * x) and two(4) == 8
        assert same(one(x), net(x).softmax(1)) and same(one(x), net(x).softmax(1))
        net[4].weight.mul_(3)
        for _ in range(3):
            assert same(one(x), net(x).softmax(1))


def test_a_compiled_module_is_like_the_module():
    net = network()
    compiled = mc.compile(net)
    assert type(compiled).__name__ == "OptimizedModule" and isinstance(compiled, nn.Module)
    assert compiled._orig_mod is net and len(compiled) == 5
    assert list(compiled.state_dict()) == [f"_orig_mod.{name}" for name in net.state_dict()]
    assert [id(p) for p in compiled.parameters()] == [id(p) for p in net.parameters()]
    compiled.train()
    assert net.training and net[1].training and compiled.training
    compiled.eval()
    assert not net.training
    compiled.note = 3
    assert net.note == 3 and compiled.note == 3
    del compiled.note
    assert not hasattr(net, "note") and not hasattr(compiled, "note")
    x = mc.randn(1, 3, 6, 6)
    with mc.no_grad():
        for other in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
            assert other._orig_mod is not net
            assert same(other(x), net(x))


def test_arguments_of_compile():
    net = network()
    assert mc.compile(net, backend="eager") is net and mc.compile(net, disable=True) is net
    assert mc.compile(net, mode="max-autotune", fullgraph=True)._orig_mod is net
    with pytest.raises(RuntimeError, match="mode must be one of"):
        mc.compile(net, mode="fast")
    with pytest.raises(RuntimeError, match="backend that is a function"):
        mc.compile(net, backend=lambda graph, inputs: graph)
    with pytest.raises(TypeError, match="expects a module or a function, got int"):
        mc.compile(3)


def test_a_compiled_module_within_a_compiled_function():
    inner = compiled_of(network())
    outer = mc.compile(lambda x: inner(x) + 1, fullgraph=True, options={"cache": False})
    x = mc.randn(2, 3, 6, 6)
    with mc.no_grad():
        assert same(outer(x), inner._orig_mod(x) + 1)


def test_arguments_that_are_written_to():
    """The recording does not change them; nobody sees that there was one."""
    compiled = compiled_of(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 3, 1)).eval())
    net, warns = compiled._orig_mod, pytest.warns(UserWarning, match="writes to the input")
    with mc.no_grad(), warns:
        for _ in range(3):
            x = mc.randn(2, 3, 6, 6)
            y = x.clone()
            assert same(compiled(x), net(y)) and mc.equal(x, y)


def test_one_tensor_for_two_arguments():
    compiled = compiled_of(lambda a, b: 2 * a + b)
    a, b = mc.randn(2, 3), mc.randn(2, 3)
    with mc.no_grad():
        for x, y in ((a, a), (a, b), (b, a)):
            assert same(compiled(x, y), 2 * x + y)


def test_results_that_are_the_same_in_every_call():
    compiled = compiled_of(lambda x: (x + 1, mc.arange(3.0), mc.arange(3.0) * 2, x.shape))
    x = mc.randn(2)
    with mc.no_grad():
        for _ in range(2):
            _, numbers, doubled, shape = compiled(x)
            assert mc.equal(2 * numbers, doubled) and doubled.sum() == 6 and shape == x.shape
            assert type(shape) is type(x.shape)
            numbers.zero_(), doubled.zero_()


def test_lists_and_dicts_of_a_module():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.factors, self.tables = [2.0], {"a": mc.ones(3)}

        def forward(self, x):
            return x * self.factors[0] + self.tables["a"] * 3

    net, x = Scaled().eval(), mc.randn(3)
    compiled = compiled_of(net)
    with mc.no_grad():
        for change in (
            lambda: None,
            lambda: net.factors.__setitem__(0, 3.0),
            lambda: net.tables["a"].add_(1),
            lambda: net.tables.update(a=mc.zeros(3)),
        ):
            change()
            for _ in range(3):
                assert same(compiled(x), net(x))


def test_arguments_of_unknown_types_run_as_they_are_written():
    class Box:
        def __init__(self, x):
            self.x = x

    compiled = compiled_of(lambda x, box: x + box.x)
    x, box = mc.ones(2), Box(mc.ones(2))
    with mc.no_grad():
        assert mc.equal(compiled(x, box), x + 1)
        box.x = mc.zeros(2)
        assert mc.equal(compiled(x, box), x)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_while_another_thread_uses_the_plan():
    compiled, x = compiled_of(network()), mc.randn(2, 3, 6, 6)
    with mc.no_grad():
        expected = compiled(x)
        (plan,) = plans(compiled)
        held, forked = threading.Event(), threading.Event()

        def hold():
            with compiled._plans.lock, plan.lock:
                held.set()
                forked.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        if (child := os.fork()) == 0:
            signal.alarm(20)  # ends a child that waits
            os._exit(0 if same(compiled(x), expected) else 1)
        forked.set()
        thread.join()
        assert os.waitpid(child, 0)[1] == 0


class CountsCalls(nn.Module):
    """Writes to a buffer, or replaces it."""

    def __init__(self, replaces):
        super().__init__()
        self.replaces = replaces
        self.register_buffer("calls", mc.zeros(1))

    def forward(self, x):
        if self.replaces:
            self.calls = self.calls + 1
        else:
            self.calls += 1
        return x * 2


@pytest.mark.parametrize("replaces", [False, True])
def test_a_recording_in_vain_leaves_no_trace(replaces):
    net = CountsCalls(replaces).eval()
    compiled, x = mc.compile(net), mc.ones(2, 3, 4, 4)
    with mc.no_grad():
        with pytest.warns(UserWarning, match="runs as it is written"):
            compiled(x)
        compiled(x)
    assert net.calls.item() == 2
