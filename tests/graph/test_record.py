"""What a recording holds, how it prints, and that nothing is left behind."""

import threading

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn
from minicnn.autograd import Function
from minicnn.graph import record
from minicnn.graph.recorder import record_call
from minicnn.nn import fusion
from minicnn.nn.module import Module
from minicnn.tensor import Tensor

pytestmark = pytest.mark.cpu_only


def network():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(), nn.Linear(64, 5),
    ).eval()  # fmt: skip


def test_layers_are_recorded_one_by_one_with_the_names_of_the_network():
    graph = record(network(), mc.randn(2, 3, 8, 8))
    assert [node.name for node in graph.nodes] == [
        "Conv2d", "FixedBatchNorm", "ReLU", "MaxPool2d", "Reshape", "Linear",
    ]  # fmt: skip
    assert [node.module for node in graph.nodes] == ["0", "1", "2", "3", "4", "6"]
    conv, norm, *_, linear = graph.nodes
    assert [x.name for x in conv.values] == ["input_1", "0.weight", "0.bias"]
    assert [x.kind for x in conv.values] == ["input", "parameter", "parameter"]
    assert [x.name for x in norm.values][1:] == [
        "1.weight", "1.bias", "1.running_mean", "1.running_var",
    ]  # fmt: skip
    assert norm.values[3].kind == "buffer"
    assert norm.values[0] is conv.outputs[0]
    assert graph.outputs == [linear.outputs[0]] and graph.outputs[0].shape == (2, 5)
    assert graph.result is graph.outputs[0]
    assert len(graph.users()[norm.outputs[0]]) == 1


def test_a_graph_prints_as_a_table():
    text = str(record(network(), mc.randn(2, 3, 8, 8)))
    heading, rule, first, conv, *_, last = text.split("\n")
    assert heading.split() == [
        "name", "operation", "inputs", "output", "shape", "parameters", "attributes",
    ]  # fmt: skip
    assert set(rule) == {"-", " "} and "input_1" in first
    assert "2 x 4 x 8 x 8" in conv and "weight, bias" in conv and "padding=(1, 1)" in conv
    assert last.split()[0] == "output" and "2 x 5" in last


def test_nested_arguments_and_results():
    class Net(nn.Module):
        def forward(self, images, *, more):
            return {"sum": images + more["a"][0], "both": (images, None, more["a"][1] * 2)}

    x, y, z = (mc.randn(2, 3) for _ in range(3))
    graph = record(Net().eval(), x, more={"a": [y, z]})
    assert [value.kind for value in graph.inputs] == ["input"] * 3
    assert graph.result["sum"] is graph.outputs[0]
    assert graph.result["both"][:2] == (graph.inputs[0], None)
    assert graph.outputs[1] is graph.inputs[0]


def test_operations_in_place_and_a_module_that_is_used_twice():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 1)

        def forward(self, x):
            y = self.conv(x)
            y += x
            y.relu_()
            return self.conv(y.view(1, 2, 4, 4))

    graph = record(Net().eval(), mc.randn(1, 2, 4, 4))
    first, add, relu, view, second = graph.nodes
    assert add.values[0] is first.outputs[0] and relu.values[0] is add.outputs[0]
    assert view.values[0] is relu.outputs[0] and second.values[1] is first.values[1]
    assert relu.writes_input


def test_a_function_and_its_modules():
    net = network()
    graph = record(lambda x: net(x).softmax(1), mc.randn(1, 3, 8, 8))
    assert graph.modules[0] is net and graph.nodes[0].values[1].kind == "parameter"


def test_constants_made_in_forward():
    graph = record(lambda x: x * mc.arange(3, dtype=mc.float32), mc.ones(2, 3))
    assert [x.kind for x in graph.nodes[-1].values] == ["input", "constant"]


def test_a_computed_index_is_a_value_of_the_options():
    graph = record_call(lambda x: x[0][x.argmax(1)], (mc.randn(2, 3),), {}, computed_options=True)
    argmax, getitem = graph.nodes[-2:]
    assert getitem.options["index"][0][0] is argmax.outputs[0] and len(getitem.values) == 2


@pytest.mark.parametrize(
    "function",
    [lambda x: x.topk(2).values, lambda x: (x > 0).any(1), lambda x: F.one_hot(x.argmax(1), 3)],
)
def test_what_is_chosen_is_computed_by_operations(function):
    graph = record(function, mc.randn(2, 3))
    assert graph.nodes and all(x.kind != "constant" for node in graph.nodes for x in node.values)


def test_a_part_of_a_sequential_keeps_its_names():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5))

        def forward(self, x):
            return self.layers[:2](x)

    node = record(Half().eval(), mc.randn(2, 3)).nodes[0]
    assert node.module == "layers.0"
    assert [x.name for x in node.values[1:]] == ["layers.0.weight", "layers.0.bias"]


REFUSED = {
    "item": (lambda x: x * x.sum().item(), r"reads the numbers of sum_1 in forward \(item\(\)\)"),
    "if": (lambda x: x if x.sum() > 0 else -x, "reads the numbers"),
    "numpy": (lambda x: mc.tensor(x.numpy() + 1), "reads the numbers of input_1"),
    "array": (lambda x: Tensor.of(x.array + 1), r"reads the numbers of input_1 .*its array"),
    "print": (lambda x: x + len(repr(x)), "reads the numbers"),
    "mask": (lambda x: x[x > 0], "reads numbers in forward: GetItem"),
    "nonzero": (lambda x: x[:, mc.nonzero(x[0] > 0)[:, 0]], "computed tensor|reads numbers|other"),
    "nonzero, returned": (lambda x: mc.nonzero(x), "no operation computed"),
    "equal": (lambda x: x if mc.equal(x, -x) else x + 1, "reads the numbers"),
    "random": (lambda x: x + mc.rand(2, 3), "draws random numbers"),
    "dropout": (lambda x: F.dropout(x), "draws random numbers"),
    "argument": (lambda x: x.add_(1), "writes to the input input_1"),
    "stale": (lambda x: _stale(x), "changed in place through another tensor"),
    "object": (lambda x: object(), "returns a object"),
    "written by index": (
        lambda x: _copied_by_index(x),
        "returns numbers that no operation computed",
    ),
    "a computed index": (lambda x: x[0][x.argmax(1)], "indexes by a computed tensor"),
}


def _copied_by_index(x):
    y = mc.zeros(2, 3)
    y[:, 1:] = x[:, 1:]
    return y


def _stale(x):
    y = x + 1
    view = y.view(3, 2)
    y.relu_()
    return view


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_recorded_says_so(name):
    function, reason = REFUSED[name]
    with pytest.raises(mc.graph.CannotRecord, match=reason):
        record(function, mc.randn(2, 3))


def test_networks_that_cannot_be_recorded():
    net = network()
    with pytest.raises(mc.graph.CannotRecord, match="its outermost module in training mode"):
        record(net.train(), mc.randn(1, 3, 8, 8))
    net.eval()[1].train()
    with pytest.raises(mc.graph.CannotRecord, match="has module '1' in training mode"):
        record(net, mc.randn(1, 3, 8, 8))
    net.eval()[0].register_forward_hook(lambda *_: None)
    with pytest.raises(mc.graph.CannotRecord, match="has hooks, .* in module '0'"):
        record(net, mc.randn(1, 3, 8, 8))
    with mc.autocast("cpu"), pytest.raises(mc.graph.CannotRecord, match="autocast is active"):
        record(network(), mc.randn(1, 3, 8, 8))


def test_a_network_that_writes_to_its_buffer():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", mc.zeros(()))

        def forward(self, x):
            self.calls += 1
            return x + 1

    with pytest.raises(mc.graph.CannotRecord, match="writes to the buffer calls"):
        record(Counting().eval(), mc.randn(1))


def test_random_numbers_are_not_used_up():
    state = mc.get_rng_state()
    with pytest.raises(mc.graph.CannotRecord):
        record(lambda x: x + mc.rand(3), mc.randn(3))
    mc.set_rng_state(state)
    mc.randn(3)
    expected = mc.rand(2)
    mc.set_rng_state(state)
    with pytest.raises(mc.graph.CannotRecord):
        record(lambda x: x + mc.rand(3), mc.randn(3))
    assert np.array_equal(mc.rand(2).array, expected.array)


def test_nothing_is_left_behind():
    def state():
        owners = (Function, "apply"), (Module, "__call__"), (Tensor, "item"), (Tensor, "array")
        return [vars(owner)[name] for owner, name in owners] + [fusion.run]

    before = state()
    record(network(), mc.randn(1, 3, 8, 8))
    with pytest.raises(ZeroDivisionError):
        record(lambda x: 1 / 0, mc.randn(1))
    assert all(a is b for a, b in zip(state(), before, strict=True))


def test_other_threads_are_not_recorded():
    started, done = threading.Event(), threading.Event()

    def other():
        started.wait()
        (mc.ones(2) * 3).tolist()
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    def function(x):
        started.set()
        done.wait()
        return x + 1

    graph = record(function, mc.ones(2))
    thread.join()
    assert [node.name for node in graph.nodes] == ["Add"]
