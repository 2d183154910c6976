"""What an export takes, what it writes into the file, and how it refuses."""

import functools
import io
import json

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn
from minicnn.autograd import Function
from minicnn.graph import CannotRecord
from minicnn.nn.utils import prune
from minicnn.onnx.registry import WRITERS
from minicnn.torch.alias import find

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_answers import assert_equal_answers, drawn, session_of

pytestmark = pytest.mark.cpu_only


def small_net():
    mc.manual_seed(0)
    features = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)
    )
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).eval()


IMAGES = mc.rand(2, 3, 16, 16)


def test_the_file(tmp_path):
    path = tmp_path / "net.onnx"
    labels, mean, std = ["cat", "Hündin"], [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    resizing = {"resize": 20, "interpolation": "bicubic"}
    mc.onnx.export(small_net(), IMAGES, path, labels=labels, mean=mean, std=std, **resizing)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (10, 18)
    assert (model.producer_name, model.producer_version) == ("minicnn", mc.__version__)
    found = {prop.key: json.loads(prop.value) for prop in model.metadata_props}
    assert found == {"labels": labels, "mean": mean, "std": std, **resizing, "input_size": [16, 16]}


def test_names():
    net = small_net()
    graph = mc.onnx.export(net, IMAGES).model_proto.graph
    assert [node.op_type for node in graph.node] == [
        "Conv", "BatchNormalization", "Relu", "MaxPool", "GlobalAveragePool", "Flatten", "Gemm",
    ]  # fmt: skip
    assert [node.name for node in graph.node[:2]] == ["0.0/Conv", "0.1/BatchNormalization"]
    weights = {tensor.name for tensor in graph.initializer}
    assert weights == {name for name in net.state_dict() if "num_batches" not in name}
    assert [x.name for x in graph.input] == ["input"] and [x.name for x in graph.output] == [
        "output"
    ]


def test_shapes_are_declared():
    graph = mc.onnx.export(small_net(), IMAGES).model_proto.graph
    dims = {
        x.name: [d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim]
        for x in (*graph.input, *graph.value_info, *graph.output)
    }
    assert dims["input"] == ["batch", 3, 16, 16] and dims["output"] == ["batch", 5]
    assert dims["0.0/Conv"] == ["batch", 4, 8, 8]


def test_layer_norm_is_one_node():
    net = nn.LayerNorm(8)
    graph = mc.onnx.export(net, mc.rand(2, 3, 8)).model_proto.graph
    assert [node.op_type for node in graph.node] == ["LayerNormalization"]
    assert list(graph.node[0].input) == ["input", "weight", "bias"]


# ------------------------------------------------------------------ open lengths


@pytest.mark.parametrize(
    "options",
    [
        {"dynamic_axes": {"input": {0: "n", 2: "height", 3: "width"}, "output": {0: "n"}}},
        {"dynamic_axes": {"input": [0, 2, 3]}},
        {"dynamic_shapes": ({0: "n", 2: "height", 3: "width"},)},
        {"dynamic_shapes": {"input": ["n", None, "height", "width"]}},
    ],
)
def test_open_lengths(options):
    net = small_net()
    session = session_of(net, IMAGES, **options)
    for size in ((40, 33), (17, 18)):
        assert_equal_answers(session, net, [drawn((2, 3, *size), 3)])


class Segmentation(nn.Module):
    """Half the size and back, as FCN does, with a shortcut."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU())
        self.deep = nn.Conv2d(4, 4, 3, padding=2, dilation=2)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        features = self.down(x)
        both = mc.cat([features + self.deep(features), features], 1)
        size = x.shape[-2:]
        return {"out": F.interpolate(self.head(both), size=size, mode="bilinear")}


def test_segmentation_of_any_size():
    net = Segmentation().eval()
    axes = {"x": {0: "batch", 2: "height", 3: "width"}}
    session = session_of(net, mc.rand(1, 3, 32, 32), dynamic_axes=axes)
    assert session.get_outputs()[0].shape == ["batch", 2, "height", "width"]
    assert_equal_answers(session, net, [drawn((1, 3, 41, 50), 2)])


def test_fixed_lengths():
    session = session_of(small_net(), IMAGES, dynamic_batch=False)
    assert session.get_inputs()[0].shape == [2, 3, 16, 16]


def test_an_axis_that_no_input_has():
    with pytest.warns(UserWarning, match="dynamic_axes names .*'images'"):
        mc.onnx.export(small_net(), IMAGES, dynamic_axes={"images": {0: "batch"}})
    with pytest.raises(ValueError, match="got axis 4"):
        mc.onnx.export(small_net(), IMAGES, dynamic_axes={"input": {4: "batch"}})


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.reshape(-1)[: len(x) ** 2], "GetItem, .* needs a number that is 4 or 25"),
        (lambda x: x + 1 if len(x) > 2 else x, "runs other operations"),
        (lambda x: x.reshape(2, -1), "fails with inputs of"),
    ],
)
def test_a_batch_that_cannot_be_open(function, message):
    with pytest.raises(mc.onnx.OnnxExporterError, match=message):
        mc.onnx.export(function, mc.rand(2, 30)[:, :29])
    mc.onnx.export(function, mc.rand(2, 30), dynamic_batch=False)


def test_windows_that_depend_on_the_size():
    axes = {"input": {2: "height"}}
    with pytest.raises(mc.onnx.OnnxExporterError, match="AvgPool2d, .* has other windows"):
        mc.onnx.export(nn.AdaptiveAvgPool2d(2), IMAGES, dynamic_axes=axes)


# ------------------------------------------------------------------ arguments


class Mixed(nn.Module):
    def forward(self, x, pair, *, scale=None, flag=True):
        first, second = pair
        out = x + first * second.float()
        return {"sum": out if flag else out.sum(), "parts": (out * scale, [first])}


def test_nested_arguments_and_results():
    pair = mc.rand(2, 3), mc.randint(0, 5, (2, 3))
    example = (mc.rand(2, 3), pair, {"scale": mc.rand(3), "flag": True})
    session = session_of(Mixed(), example)
    assert [x.name for x in session.get_inputs()] == ["x", "pair.0", "pair.1", "scale"]
    assert [x.name for x in session.get_outputs()] == ["sum", "parts.0", "parts.1.0"]
    arrays = [drawn((0, 3), 4), drawn((0, 3), 4, 1), np.arange(12).reshape(4, 3), drawn((0,), 3, 2)]

    def net(x, first, second, scale):
        return Mixed()(x, (first, second), scale=scale)

    assert_equal_answers(session, net, arrays)
    by_keyword = mc.onnx.export(Mixed(), example[:2], kwargs=example[2]).model_proto
    assert by_keyword.graph.input[3].name == "scale"


def test_given_names():
    session = session_of(small_net(), (IMAGES,), input_names=["images"], output_names=["scores"])
    assert session.get_inputs()[0].name == "images" and session.get_outputs()[0].name == "scores"
    with pytest.raises(ValueError, match="has 1 inputs"):
        mc.onnx.export(small_net(), IMAGES, input_names=["a", "b"])
    with pytest.raises(ValueError, match=r"got \['x'\] for both"):
        mc.onnx.export(small_net(), IMAGES, input_names=["x"], output_names=["x"])


def test_training_mode_is_restored():
    net = small_net().train()
    net[0][1].eval()
    session = session_of(net, IMAGES)
    assert [module.training for module in (net, net[0], net[0][1])] == [True, True, False]
    assert_equal_answers(session, net.eval(), [IMAGES.numpy()])


def test_only_evaluation_mode_is_exported():
    with pytest.raises(CannotRecord, match="in training mode"):
        mc.onnx.export(small_net().train(), IMAGES, training=mc.onnx.TrainingMode.PRESERVE)


def test_hooks_are_part_of_the_network():
    """Pruning and weight norm make weights by them; others may only look."""
    net, seen = small_net(), []
    prune.l1_unstructured(net[0][0], "weight", 0.5)
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(net[3])
    net[1].register_forward_hook(lambda module, args, output: output * 2)
    net.register_forward_hook(lambda module, args, output: seen.append(output.shape))
    session = session_of(net, IMAGES)
    assert_equal_answers(session, net, [drawn((0, 3, 16, 16), 5)])
    assert len(seen) > 1


@pytest.mark.parametrize(
    "function",
    [
        lambda x: mc.zeros(x.size(0), 5),
        lambda x: (x, mc.arange(x.size(0)), mc.ones(2)),
        lambda x: x.mul_(2).add_(1),
        functools.partial(F.max_pool2d, kernel_size=2),
    ],
    ids=["zeros", "counted", "in place", "partial"],
)
def test_functions(function):
    session = session_of(function, IMAGES)
    for batch in (1, 3):
        assert_equal_answers(session, function, [drawn((0, 3, 16, 16), batch)])


def shifted(x):
    y = mc.zeros_like(x)
    y[:, :, 1:] = x[:, :, :-1]
    y[:, :, 0] = 1
    return y


def collected(x):
    y = mc.zeros(x.size(0), 6, 16, 16)
    y[:, :3], y[:, 3], y[..., 4:, ::2, 5] = x, x.mean(1), x[:, :2, ::2, 5]
    return y


def of_another_dtype(x):
    y = x + 1
    y[:, 1] = x[:, 0] > 0
    y[:, 2, 3:5] = mc.arange(16.0)
    y.copy_(y * 2)
    return y, x


def masked(x):
    mask = mc.zeros(16, 16)
    mask[2, 3:] = -100
    mask[mc.tril(mc.ones(16, 16)) == 0] = 7
    return x + mask


@pytest.mark.parametrize("function", [shifted, collected, of_another_dtype, masked])
def test_writes_to_parts_of_tensors(function):
    session = session_of(function, IMAGES)
    for batch in (1, 3):
        assert_equal_answers(session, function, [drawn((0, 3, 16, 16), batch)])


def write_to_a_mask(x):
    y = x + 1
    y[x < 0] = 0
    return y


def write_to_the_first_image(x):
    y = x + 1
    y[0] = 0
    return y


def write_to_channels(x):
    y = x + 1
    y[:, [0, 2]] = 0
    return y


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (write_to_a_mask, "such as a mask"),
        (write_to_the_first_image, "a part of an axis of open length"),
        (write_to_channels, "places that index tensors name"),
    ],
)
def test_writes_that_cannot_be_exported(function, message):
    with pytest.raises((CannotRecord, mc.onnx.OnnxExporterError), match=message):
        mc.onnx.export(function, mc.randn(2, 3, 4, 4))


def test_other_tensors_for_other_batches():
    with pytest.raises(mc.onnx.OnnxExporterError, match="returns other tensors"):
        mc.onnx.export(lambda x: [x] * x.size(0), IMAGES)
    with pytest.raises(mc.onnx.OnnxExporterError, match="depend on the lengths"):
        mc.onnx.export(lambda x: mc.eye(x.size(0)), IMAGES)


def test_forward_is_told():
    asked = []

    def function(x):
        asked.append(mc.onnx.is_in_onnx_export())
        return x + 1

    mc.onnx.export(function, mc.rand(2, 3))
    assert all(asked) and asked and not mc.onnx.is_in_onnx_export()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"opset_version": 30}, "18 to 21"),
        ({"training": mc.onnx.TrainingMode.TRAINING}, "evaluation mode"),
        ({"export_params": False}, "writes the weights"),
        ({"keep_initializers_as_inputs": True}, "keep_initializers_as_inputs=False alone"),
        ({"mean": [0.5]}, "belong together"),
        ({"mean": [0.5], "std": [0.0]}, "above 0"),
        ({"mean": [np.nan], "std": [1.0]}, "one number for each channel"),
        ({"mean": 0.5, "std": 0.5}, "one number for each channel"),
        ({"labels": "cat"}, "a name for each class"),
    ],
)
def test_refused_arguments(options, error):
    with pytest.raises((ValueError, TypeError), match=error):
        mc.onnx.export(small_net(), IMAGES, **options)


def test_refused_examples():
    with pytest.raises(ValueError, match=r"must have elements, got shape \(0, 3, 16, 16\)"):
        mc.onnx.export(small_net(), IMAGES[:0])
    with pytest.raises(TypeError, match="made of tensors"):
        mc.onnx.export(small_net(), IMAGES.numpy())


def test_other_arguments_of_torch():
    mc.onnx.export(small_net(), IMAGES, dynamo=True, do_constant_folding=True, export_params=True)
    with pytest.raises(TypeError, match="no argument 'optimise'"):
        mc.onnx.export(small_net(), IMAGES, optimise=True)
    with pytest.warns(UserWarning, match="18 instead of 11"):
        mc.onnx.export(small_net(), IMAGES, opset_version=11)


# ------------------------------------------------------------------ what fails


class Inverse(nn.Module):
    def forward(self, x):
        return mc.linalg.inv(x)


def test_an_operation_that_onnx_lacks(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"older")
    net = nn.Sequential(nn.ReLU(), nn.Sequential(Inverse()))
    with pytest.raises(
        mc.onnx.OnnxExporterError, match=r"Inv, in module '1\.0', .*What can be done"
    ):
        mc.onnx.export(net, mc.eye(3).expand(2, 3, 3), path)
    assert path.read_bytes() == b"older" and list(tmp_path.iterdir()) == [path]


def test_numbers_that_python_reads():
    with pytest.raises(CannotRecord, match="reads the numbers"):
        mc.onnx.export(lambda x: x if x.sum() > 0 else -x, mc.rand(2, 3))


class Double(Function):
    def forward(self, x):
        return x * 2


def test_an_operation_of_ones_own(monkeypatch):
    def net(x):
        return Double.apply(x)

    with pytest.raises(mc.onnx.OnnxExporterError, match="Double, in the network's own forward"):
        mc.onnx.export(net, mc.rand(2, 3))
    monkeypatch.setitem(WRITERS, Double, None)  # which is undone at the end

    @mc.onnx.exporter(Double)
    def double(step, x):
        return step.node("Add", x, x)

    assert_equal_answers(session_of(net, mc.rand(2, 3)), net, [drawn((0, 3), 3)])


def test_without_onnx(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="the package onnx"):
        mc.onnx.export(small_net(), IMAGES)


def test_weights_beyond_2_gb(monkeypatch):
    monkeypatch.setattr("minicnn.onnx.write.LARGEST", 100)
    with pytest.raises(mc.onnx.OnnxExporterError, match="less than 2 GB"):
        mc.onnx.export(small_net(), IMAGES)


def test_a_file_and_a_program(tmp_path):
    file = io.BytesIO()
    program = mc.onnx.export(small_net(), IMAGES, file)
    program.save(tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").read_bytes() == file.getvalue()


def test_under_the_switch():
    """As in torch, lengths are fixed unless others are asked for."""
    export = find("torch.onnx.export")
    axes = {"images": {0: "n"}}
    for options, dim in (({}, 2), ({"dynamic_axes": axes, "input_names": ["images"]}, "n")):
        graph = export(small_net(), (IMAGES,), **options).model_proto.graph
        first = graph.input[0].type.tensor_type.shape.dim[0]
        assert (first.dim_param or first.dim_value) == dim


def test_lengths_with_names_under_the_switch():
    export, dim = find("torch.onnx.export"), find("torch.export.Dim")
    shapes = {"input": {0: dim("n", min=1), 1: dim.STATIC, 2: dim.DYNAMIC, 3: dim.AUTO}}
    graph = export(small_net(), (IMAGES,), dynamic_shapes=shapes, dynamo=True).model_proto.graph
    dims = graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["n", 3, "s0_2", "s0_3"]


def test_half_precision():
    net = small_net().half()
    session = session_of(net, IMAGES.half())
    assert_equal_answers(session, net, [drawn((0, 3, 16, 16), 3).astype(np.float16)], 2e-3)
