"""Every name in the tables is there; a name that is missing is explained in one line."""

import importlib
import subprocess
import sys

import pytest
from packaging.version import Version

from minicnn import models, nn
from minicnn.torch.alias import Alias, Finder, alias, find, sources
from minicnn.torch.tables import MODULES, NAMES

pytestmark = pytest.mark.cpu_only


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_its_sources(name):
    assert sources(name) or name in ("torchvision", "torchvision.version")
    if "tensorboard" in name:
        pytest.importorskip("tensorboardX")
    parent = name.rpartition(".")[0]
    assert not parent or parent in MODULES
    for attribute in alias(name).__all__:
        getattr(alias(name), attribute)


@pytest.mark.parametrize("name", ["torch.nn.modules", "torch.optim.adadelta"])
def test_all_names_can_be_imported_first(name):
    """Modules of minicnn that nobody has imported yet are not among them."""
    done = subprocess.run(
        [sys.executable, "-m", "minicnn.torch", "-c", f"from {name} import *"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_there(name):
    assert name.rpartition(".")[0] in MODULES
    assert find(name) is not None


def test_files_of_networks():
    """Programs import a network's building blocks from the file that has them."""
    files = {models.get_model_builder(name).__module__ for name in models.list_models()}
    for file in files - {"minicnn.models.segmentation.fcn_vgg"}:  # torchvision has no such file
        assert file in MODULES[file.replace("minicnn", "torchvision", 1)].split()


def test_networks_are_listed_by_the_module_of_torchvision():
    for name in ("models", "models.segmentation"):
        listed = models.list_models(alias(f"torchvision.{name}"))
        assert listed and listed == models.list_models(importlib.import_module(f"minicnn.{name}"))


@pytest.fixture
def under_the_switch(monkeypatch):
    """Imports of torch in this process give aliases, until the test ends."""
    for name in [n for n in sys.modules if n.partition(".")[0] in ("torch", "torchvision")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    yield
    for name in [n for n, m in list(sys.modules.items()) if isinstance(m, Alias)]:
        del sys.modules[name]


SENTENCES = {
    "torch.fft": "torch.fft: minicnn has no Fourier transforms",
    "torch.fft.rfft2": "torch.fft.rfft2: minicnn has no Fourier transforms",
    "torch.stft": "torch.stft: minicnn has no Fourier transforms",
    "torch.nn.quantized_lstm": "torch.nn.quantized_lstm: minicnn has no recurrent layers",
    "torch.nn.utils.rnn.pad_packed_sequence": (
        "torch.nn.utils.rnn.pad_packed_sequence: minicnn has no recurrent layers"
    ),
    "torch.complex32": "torch.complex32: minicnn has no complex numbers",
    "torch.sparse_coo_tensor": "torch.sparse_coo_tensor: minicnn has no sparse tensors",
    "torch.quantization": "torch.quantization: minicnn has no quantised tensors",
    "torch.nn.functional.max_pool3d": "torch.nn.functional.max_pool3d: minicnn has no 3-d layers",
    "torchvision.ops.DeformConv2d": (
        "torchvision.ops.DeformConv2d: minicnn has no deformable convolutions"
    ),
    "torchvision.ops.ps_roi_align": (
        "torchvision.ops.ps_roi_align: minicnn has no position-sensitive pooling of regions"
    ),
    "torchvision.ops.drop_block3d": "torchvision.ops.drop_block3d: minicnn has no 3-d layers",
    "torch.onnx.symbolic_helper": (
        "torch.onnx.symbolic_helper: minicnn has torch.onnx.export, and nothing else of torch's "
        "exporter to ONNX"
    ),
    "torch.nn.conv2d": "torch.nn.conv2d: minicnn has no such name; the nearest is torch.nn.Conv2d",
    "torch.nn.CONV2D": "torch.nn.CONV2D: minicnn has no such name; the nearest is torch.nn.Conv2d",
    "torch.nn.functinal": (
        "torch.nn.functinal: minicnn has no such name; the nearest is torch.nn.functional"
    ),
    "torch.xyzzyx": "torch.xyzzyx: minicnn has no such name",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_is_missing_is_explained(name, under_the_switch):
    module, _, last = name.rpartition(".")
    if module in MODULES:
        with pytest.raises(AttributeError) as error:
            getattr(alias(module), last)
        assert str(error.value) == SENTENCES[name]
        with pytest.raises(ImportError) as error:
            exec(f"from {module} import {last}")  # noqa: S102
        assert str(error.value) == SENTENCES[name]
    with pytest.raises(ImportError) as error:
        importlib.import_module(name)
    assert name.startswith(str(error.value).partition(":")[0])


@pytest.mark.parametrize("name, reason", [("LSTM", "recurrent"), ("Conv3d", "3-d")])
def test_no_module_is_a_layer_that_is_missing(name, reason, under_the_switch):
    layer = getattr(alias("torch.nn"), name)
    assert issubclass(layer, nn.Module) and not isinstance(nn.Linear(1, 1), layer)
    assert getattr(alias("torch.nn.modules.conv"), name) is layer
    for kind in layer, type("Own", (layer,), {}):
        with pytest.raises(NotImplementedError) as error:
            kind(3, 4, bias=False)
        assert str(error.value) == f"torch.nn.{name}: minicnn has no {reason} layers"


def test_no_tensor_has_a_dtype_that_is_missing(under_the_switch):
    torch = alias("torch")
    x = torch.ones(2)
    assert x.dtype != torch.complex64 and x.dtype not in (torch.cfloat, torch.cdouble)
    assert torch.cfloat is torch.complex64 and torch.cdouble is torch.complex128
    assert {torch.complex64: 8, torch.float32: 4}[x.dtype] == 4
    for make in (lambda t: torch.zeros(2, dtype=t), x.to, lambda t: torch.tensor(1, dtype=t)):
        with pytest.raises(TypeError, match=r"^torch.complex64: minicnn has no complex numbers$"):
            make(torch.complex64)


def test_what_libraries_import(under_the_switch):
    program = """
import torch.fx
from torch.hub import HASH_REGEX, urlparse
from torch.jit.annotations import List
from torch.nn.utils.rnn import PackedSequence
import safetensors.torch
@torch.fx.wrap
def double(x): return 2 * x
torch.fx.wrap("len")
assert double(2) == 4 and HASH_REGEX.search("resnet18-f37072fd.pth").group(1) == "f37072fd"
assert not isinstance(torch.ones(2), PackedSequence) and List[int] and urlparse("a://b").scheme == "a"
"""
    exec(program, {})  # noqa: S102


def test_a_program_can_do_without(under_the_switch):
    program = (
        "try:\n    import torchvision.models.video as video\nexcept ImportError:\n    video = None\n"
        "try:\n    from torch.fft import fft\nexcept ImportError:\n    fft = None\n"
    )
    scope = {}
    exec(program, scope)  # noqa: S102
    assert scope["video"] is None and scope["fft"] is None


def test_everything_can_be_imported_at_once(under_the_switch):
    scope = {}
    program = "from torch.nn import *\nfrom torch.nn.functional import *\nfrom torch import *"
    exec(program, scope)  # noqa: S102
    assert {"Linear", "relu", "randn", "Tensor"} <= scope.keys()


def test_versions():
    torch, torchvision = alias("torch"), alias("torchvision")
    assert Version(torch.__version__) >= Version("2.13.0")
    assert torch.__version__.split("+")[0] == "2.13.0"
    assert (
        torch.__version__ > "2.4"
        and torch.__version__ >= (2, 0)
        and not torch.__version__ < "1.9.1"
    )
    assert torch.__version__ <= "2.13.0" and torch.__version__ < "10"
    assert torch.version.__version__ is torch.__version__
    assert Version(torchvision.__version__) >= Version("0.28.0")
    assert torch.version.cuda is None and isinstance(torch.version.git_version, str)
    assert "NumPy" in torch.__config__.show() and "threads" in torch.__config__.parallel_info()
