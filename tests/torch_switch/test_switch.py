"""Programs under the switch run as under plain Python, with minicnn in the place of torch."""

import math

import pytest
from switched import ROOT, printed, python, switched

pytestmark = pytest.mark.cpu_only

IMPORTS = """
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.backends.cudnn as cudnn
import torch.multiprocessing as mp
import torch.nn.modules.conv
import torch.utils.model_zoo as model_zoo
import torchvision.transforms.functional as TF
from torch import Tensor, optim
from torch.autograd import Function
from torch.nn.modules.utils import _pair
from torch.nn.parameter import Parameter
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms
from torchvision.models.resnet import BasicBlock

import minicnn as mc
import minicnn.data, minicnn.models, minicnn.transforms

assert nn.Conv2d is torch.nn.modules.conv.Conv2d is mc.nn.Conv2d
assert (Tensor, Parameter, optim.SGD) == (mc.Tensor, mc.nn.Parameter, mc.optim.SGD)
assert F.relu is mc.nn.functional.relu and Function is mc.autograd.Function
assert StepLR is mc.optim.lr_scheduler.StepLR and DataLoader is mc.data.DataLoader
assert BasicBlock is mc.models.resnet.BasicBlock and models.resnet18 is mc.models.resnet18
assert transforms.Compose is mc.transforms.Compose and TF.resize is mc.transforms.functional.resize
assert datasets.ImageFolder is mc.data.ImageFolder
assert _pair(3) == (3, 3) and _pair([1, 2]) == (1, 2)
assert "torchgen" not in sys.modules
"""


def test_imports_answer_with_minicnn(tmp_path):
    printed("-c", "import sys\n" + IMPORTS, folder=tmp_path)


def test_a_script_is_run_as_by_python(tmp_path):
    (tmp_path / "beside.py").write_text("WORD = 'beside'")
    (tmp_path / "script.py").write_text(
        "import sys, beside\nimport torch\n"
        "print(__name__, __file__, sys.argv, sys.path[0], beside.WORD)\nsys.exit(3)\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script = tmp_path / "script.py"
    plain = python(script, "-x", "--check", folder=elsewhere)
    done = switched(script, "-x", "--check", folder=elsewhere)
    assert (done.returncode, done.stdout, done.stderr) == (3, plain.stdout, "")


def test_tracebacks_are_those_of_python(tmp_path):
    (tmp_path / "script.py").write_text("import torch\ndef f():\n    raise KeyError('x')\nf()\n")
    plain, done = (run("script.py", folder=tmp_path) for run in (python, switched))
    assert (done.returncode, done.stderr) == (1, plain.stderr)


def test_modules_and_code(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(
        "import sys, torch\nprint(__package__, sys.argv[1:], torch.__version__)"
    )
    assert printed("-m", "package", "-c", folder=tmp_path).startswith(
        "package ['-c'] 2.13.0+minicnn"
    )
    code = "import torchvision, sys; print(torchvision.__version__, sys.argv)"
    assert printed("-c", code, "a", folder=tmp_path).startswith("0.28.0+minicnn")


@pytest.mark.parametrize(
    "options", [["-X", "dev", "-O", "-m"], ["-Ob", "-Xdev", "-m"], ["-OXdev", "-m"]]
)
def test_options_of_python_are_kept(options, tmp_path):
    code = "import sys; print(sys.flags.optimize, sys.flags.dev_mode)"
    done = python(*options, "minicnn.torch", "-c", code, folder=tmp_path)
    assert done.stdout == "1 True\n", done.stderr
    joined = [*options[:-1], options[-1] + "minicnn.torch"]
    assert python(*joined, "-c", code, folder=tmp_path).stdout == "1 True\n"


SPAWNING = """
import multiprocessing, subprocess, sys

def child(queue, tensor):
    import torch, torchvision
    queue.put((torch.__version__, torchvision.__version__, type(tensor).of.__module__, tensor.sum().item()))

if __name__ == "__main__":
    {first}
    import torch
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=child, args=(queue, torch.ones(3)))
        process.start()
        answer = queue.get(timeout=60)
        process.join()
        assert answer[0] == torch.__version__ and "minicnn" in answer[1], answer
        assert answer[2:] == ("minicnn.tensor", 3), answer
    for code in ("import torch", "import torchvision.models, torch", "from torch.nn import Linear; import torch"):
        command = [sys.executable, "-c", code + "; print(torch.__version__)"]
        assert subprocess.check_output(command, text=True) == torch.__version__ + "\\n"
"""


def test_processes_are_under_the_switch_too(tmp_path):
    (tmp_path / "script.py").write_text(SPAWNING.format(first=""))
    printed("script.py", folder=tmp_path)


def test_install_reaches_processes_too(tmp_path):
    (tmp_path / "script.py").write_text(
        SPAWNING.format(first="import minicnn.torch; minicnn.torch.install()")
    )
    done = python("script.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_install_after_an_import_of_torch_is_refused(tmp_path):
    code = "import torch, minicnn.torch; minicnn.torch.install()"
    done = python("-c", code, folder=tmp_path)
    assert "install() must come before the first import of torch" in done.stderr


def test_a_notebook_loads_the_switch(tmp_path):
    code = (
        "import minicnn.torch as e; e.load_ipython_extension(None); e.install(); import torch, sys\n"
        "print(torch.__version__, len([f for f in sys.meta_path if type(f).__name__ == 'Finder']))"
    )
    assert "+minicnn" in python("-c", code, folder=tmp_path).stdout


def test_without_magic(tmp_path):
    code = (
        "from minicnn import torch, torchvision; import sys\n"
        "print(torch.nn.Linear(2, 3), torchvision.models.resnet18.__name__, 'torch' in sys.modules)"
    )
    done = python("-c", code, folder=tmp_path)
    assert done.stdout == "Linear(in_features=2, out_features=3, bias=True) resnet18 False\n"


def test_python_that_ignores_the_environment_is_refused(tmp_path):
    code = f"import sys, runpy; sys.path.insert(0, {str(ROOT)!r})\n"
    code += "runpy.run_module('minicnn.torch', run_name='__main__')"
    done = python("-E", "-c", code, folder=tmp_path)
    assert "needs PYTHONPATH, which Python's options -E and -I ignore" in done.stderr


INSPECTED = """
import copy, importlib.util, inspect, pickle, typing
import torch
from torch import nn

net = pickle.loads(pickle.dumps(nn.Linear(2, 3)))
assert isinstance(net, nn.Module) and issubclass(nn.Linear, torch.nn.modules.module.Module)
assert type(net).__module__ == "minicnn.nn.linear"
assert inspect.getsource(nn.Linear).startswith("class Linear(Module):")
assert inspect.getmodule(nn.Linear).__name__ == "minicnn.nn.linear"
assert "functional" in inspect.getsourcefile(torch.nn.functional)
assert importlib.util.find_spec("torch") is torch.__spec__
assert importlib.import_module("torch.nn") is torch.nn is nn
assert "Linear" in dir(nn) and "Linear" in nn.__all__ and "functional" in dir(nn)
assert not hasattr(torch, "fft") and hasattr(torch, "compile")
assert torch.compile(net)._orig_mod is torch.jit.script(net) is net
from torchvision import models
from torchvision.models.alexnet import AlexNet
assert models.alexnet is models.__dict__["alexnet"] is not models.alexnet.__module__
assert isinstance(models.alexnet(weights=None), AlexNet)
"""


def test_inspection_and_pickling(tmp_path):
    printed("-c", INSPECTED, folder=tmp_path)


def test_torch_rules_hold(tmp_path):
    code = (
        "import numpy as np, torch\nprint(torch.Tensor(np.ones(2)).dtype)\n"
        "from minicnn import Tensor; print(Tensor.of(np.ones(2)).dtype)"
    )
    assert printed("-c", code, folder=tmp_path) == "torch.float32\ntorch.float64\n"


def test_switches_reach_minicnn(tmp_path):
    code = (
        "import torch, minicnn as mc\ntorch.backends.cudnn.allow_tf32 = True\n"
        "print(mc.backends.cudnn.allow_tf32, torch.backends.cudnn.allow_tf32)\n"
        "torch.backends.cudnn.allow_tf32 = False\nprint(torch.backends.cudnn.allow_tf32)"
    )
    assert printed("-c", code, folder=tmp_path) == "True True\nFalse\n"


def test_classes_have_torchs_names(tmp_path):
    code = (
        "import pickle, torch; x = torch.ones(2); p = torch.nn.Parameter(x)\n"
        "print(type(x), type(p), type(x.shape))\n"
        "print(all(type(pickle.loads(pickle.dumps(v))) is type(v) for v in (x, p, x.shape)))\n"
        "print(isinstance(torch.nn.Linear(1, 1), torch.jit.ScriptModule))"
    )
    assert printed("-c", code, folder=tmp_path).splitlines() == [
        "<class 'torch.Tensor'> <class 'torch.nn.parameter.Parameter'> <class 'torch.Size'>",
        "True",
        "False",
    ]


def test_a_writer_takes_tensors_and_goes_on_without_a_graph(tmp_path):
    pytest.importorskip("tensorboardX")
    code = """
import torch
import tensorboardX
from torch.utils.tensorboard import SummaryWriter
assert issubclass(SummaryWriter, tensorboardX.SummaryWriter)
net = torch.nn.Linear(2, 1)
with SummaryWriter("runs") as writer:
    writer.add_scalar("loss", net(torch.ones(1, 2)).sum(), 0)
    writer.add_graph(net, torch.ones(1, 2))
"""
    done = switched("-c", code, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "minicnn does not trace networks" in done.stderr
    assert list((tmp_path / "runs").iterdir())


def test_paths_that_libraries_import(tmp_path):
    code = (
        "from torch.utils.hooks import RemovableHandle\n"
        "from torchvision.datasets.folder import IMG_EXTENSIONS, default_loader\n"
        "import torch, torch.nn.utils.prune\n"
        "print(torch._C._log_api_usage_once('library'))"
    )
    assert printed("-c", code, folder=tmp_path) == "None\n"


def test_operations_of_torchvision(tmp_path):
    """PyTorch cannot say what is expected: torchvision's operators come with one build of it alone."""
    code = (
        "import torch\n"
        "from torchvision import ops\n"
        "from torchvision.ops import FrozenBatchNorm2d, box_iou, boxes as box_ops, nms\n"
        "from torchvision.ops.focal_loss import sigmoid_focal_loss\n"
        "from torchvision.ops.roi_align import RoIAlign\n"
        "from torchvision.ops.feature_pyramid_network import LastLevelMaxPool\n"
        "boxes = torch.tensor([[0.0, 0, 4, 4], [0, 1, 4, 5], [5, 5, 7, 7]])\n"
        "print(nms(boxes, torch.tensor([0.3, 0.9, 0.5]), 0.4).tolist())\n"
        "print(box_iou(boxes[:1], boxes).tolist(), box_ops.box_area(boxes).tolist())\n"
        "x = FrozenBatchNorm2d(1, eps=0)(torch.arange(64.0).reshape(1, 1, 8, 8))\n"
        "print(ops.roi_align(x, [boxes], 1, aligned=True).flatten().tolist())\n"
        "print(RoIAlign(1, 1.0, 2)(x, [boxes[:1]]).item())\n"
        "print(sigmoid_focal_loss(torch.zeros(1), torch.ones(1)).item() * 16)\n"
    )
    nms, iou, aligned, align, loss = printed("-c", code, folder=tmp_path).splitlines()
    assert nms == "[1, 2]"
    assert iou == "[[1.0, 0.6000000238418579, 0.0]] [16.0, 16.0, 4.0]"
    assert aligned == "[13.5, 21.5, 49.5]" and align == "18.0"
    assert abs(float(loss) - math.log(2)) < 1e-6
