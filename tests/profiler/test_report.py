"""What is made of events: exact work, sums, the table and the trace."""

import json

import pytest

import minicnn as mc
from minicnn import nn, optim
from minicnn.profiler import Event, profile, record_function


def summaries(prof):
    return {row.name: row for row in prof.key_averages()}


def test_flops_and_bytes_of_a_convolution_and_its_gradients():
    conv = nn.Conv2d(4, 6, 3, padding=1, stride=2, groups=2)
    x = mc.randn(5, 4, 9, 9).requires_grad_()
    with profile() as prof:
        conv(x).sum().backward()
    found = summaries(prof)
    out = 5 * 6 * 5 * 5
    for name in ("Conv2d", "Conv2dInputGrad", "Conv2dWeightGrad"):
        assert found[name].flops == 2 * out * (2 * 3 * 3), name
    weights, inputs = 6 * 2 * 3 * 3, 5 * 4 * 9 * 9
    assert found["Conv2d"].bytes == 4 * (inputs + weights + 6 + out)
    assert found["Conv2dInputGrad"].bytes == 4 * (out + weights + inputs)
    assert found["Conv2d.backward"].flops == 2 * found["Conv2d"].flops
    assert found["backward"].flops == 2 * found["Conv2d"].flops


def test_flops_of_matrix_products():
    linear = nn.Linear(7, 3)
    x = mc.randn(5, 7).requires_grad_()
    with profile() as prof:
        linear(x).sum().backward()
        mc.matmul(mc.randn(4, 2, 3), mc.randn(4, 3, 5))
    found = summaries(prof)
    for name in ("Linear", "LinearInputGrad", "LinearWeightGrad"):
        assert found[name].flops == 2 * 5 * 7 * 3, name
    assert found["MatMul"].flops == 2 * 4 * 2 * 3 * 5
    assert found["MatMul"].bytes == 4 * 4 * (2 * 3 + 3 * 5 + 2 * 5)


def test_flops_of_a_network_are_twice_the_multiply_adds_of_its_summary():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    with profile() as prof, record_function("all"):
        net(mc.randn(1, 3, 8, 8))
    assert summaries(prof)["all"].flops == 2 * nn.summary(net, (1, 3, 8, 8)).multiply_adds


def test_a_view_moves_no_bytes_and_a_copy_does():
    x = mc.randn(4, 6)
    with profile() as prof:
        x.reshape(6, 4)
        x.transpose(0, 1).reshape(24)
    view, copy = (event for event in prof.events if event.name == "Reshape")
    assert (view.bytes, copy.bytes) == (0, 2 * 4 * 24)


def test_bytes_of_an_optimizer_step():
    net = nn.Linear(3, 2)
    optimizer = optim.Adam(net.parameters())
    net.weight.grad = mc.ones(2, 3)
    with profile() as prof:
        optimizer.step()
    # weights and two moments are read and written, gradients read; the bias has none
    assert summaries(prof)["Adam.step"].bytes == 4 * 6 * (2 * 3 + 1)


@pytest.fixture
def made_up():
    """A profile that recorded, in milliseconds: outer 10, of which Conv2d 4 and Linear 3."""
    prof = profile()
    prof.seconds = 0.02
    ms = 10**6
    shapes = ((2, 3), None)
    prof.events = [
        Event("Conv2d", "operation", 0, shapes, 1 * ms, 5 * ms, 0, 8 * 10**6, 10**6),
        Event("Linear", "operation", 0, ((4,),), 5 * ms, 8 * ms, 0, 3 * 10**6, 6 * 10**6),
        Event("outer", "user", 0, (), 0, 10 * ms, 7 * ms, 11 * 10**6, 7 * 10**6),
    ]
    return prof


def test_the_table(made_up):
    assert made_up.table().splitlines() == [
        "name    calls  self ms  self %  total ms  GFLOP  GFLOP/s   MB  GB/s",
        "-------------------------------------------------------------------",
        "Conv2d      1     4.00    40.0      4.00   0.01      2.0  1.0   0.2",
        "Linear      1     3.00    30.0      3.00   0.00      1.0  6.0   2.0",
        "outer       1     3.00    30.0     10.00   0.01      1.1  7.0   0.7",
        "-------------------------------------------------------------------",
        "recorded: 10.0 ms in 20.0 ms",
    ]


@pytest.mark.parametrize(
    ("sort_by", "names"),
    [
        ("total_time", ["outer", "Conv2d", "Linear"]),
        ("flops", ["outer", "Conv2d", "Linear"]),
        ("bytes", ["outer", "Linear", "Conv2d"]),
        ("name", ["Conv2d", "Linear", "outer"]),
    ],
)
def test_the_order_and_number_of_rows(made_up, sort_by, names):
    for limit in (1, 2, 3, None):
        lines = made_up.table(sort_by, row_limit=limit).splitlines()[2:-2]
        assert [line.split()[0] for line in lines] == names[:limit]


def test_an_unknown_order_is_an_error(made_up):
    with pytest.raises(ValueError, match="sort_by must be one of self_time, .* got 'speed'"):
        made_up.table(sort_by="speed")


def test_rows_by_input_shape():
    with profile() as prof:
        for n in (2, 3, 3):
            mc.exp(mc.ones(n, 1))
    assert len(prof.key_averages()) == 1
    rows = prof.key_averages(group_by_input_shape=True)
    assert [(row.input_shapes, row.calls) for row in rows] == [(((2, 1),), 1), (((3, 1),), 2)]
    lines = prof.table("calls", group_by_input_shape=True).splitlines()
    assert [line.split()[-1] for line in lines[2:4]] == ["3x1", "2x1"]


def test_the_table_of_nothing():
    with profile() as prof:
        pass
    assert prof.table().splitlines()[-1].startswith("recorded: 0.0 ms")


def test_the_trace(tmp_path):
    x = mc.randn(2, 3).requires_grad_()
    with profile() as prof, record_function("step"):
        mc.matmul(x, mc.ones(3, 4)).sum().backward()
    path = tmp_path / "trace.json"
    prof.export_chrome_trace(path)
    trace = json.loads(path.read_text())
    events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert len(events) == len(prof.events)
    by_name = {event["name"]: event for event in reversed(events)}  # the first of each name
    assert by_name["MatMul"]["args"]["flops"] == 2 * 2 * 3 * 4
    assert by_name["MatMul"]["args"]["input shapes"] == "2x3, 3x4"
    assert by_name["step"]["ts"] == 0

    def lies_within(inner, outer):
        slack = 1e-6  # of a microsecond: the numbers are rounded
        ends = [by_name[name]["ts"] + by_name[name]["dur"] for name in (inner, outer)]
        starts = [by_name[name]["ts"] for name in (inner, outer)]
        return starts[0] >= starts[1] - slack and ends[0] <= ends[1] + slack

    assert lies_within("MatMul", "step") and lies_within("backward", "step")
    assert lies_within("MatMul.backward", "backward") and not lies_within("MatMul", "backward")
    assert list(tmp_path.iterdir()) == [path]


def test_a_trace_that_cannot_be_written_leaves_the_old_one(tmp_path, made_up, monkeypatch):
    path = tmp_path / "trace.json"
    path.write_text("old")
    made_up.events[0].name = object()  # not JSON
    with pytest.raises(TypeError):
        made_up.export_chrome_trace(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
