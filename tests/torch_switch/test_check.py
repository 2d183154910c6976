"""``--check`` lists what a script uses that is missing, with lines, and runs nothing."""

import pytest
from switched import switched

from minicnn.torch.check import check, missing

pytestmark = pytest.mark.cpu_only

SCRIPT = """\
import torch
import torch.nn as nn
raise SystemExit("it was run")
class Net(nn.Module):
    def __init__(self):
        self.rnn = nn.LSTM(3, 4)
    def forward(self, x):
        return torch.fft.fft(x)
"""


def test_command(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "good.py").write_text("import torch\nprint(torch.nn.Linear(1, 2))")
    done = switched("--check", "script.py", "good.py", folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "script.py:6: torch.nn.LSTM: minicnn has no recurrent layers",
        "script.py:8: torch.fft: minicnn has no Fourier transforms",
    ]
    done = switched("--check", "good.py", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "nothing missing\n")
    assert switched("--check", folder=tmp_path).returncode == 1


CASES = {
    "import torch.fft": ["1: torch.fft"],
    "from torch.nn import LSTM, Linear": ["1: torch.nn.LSTM"],
    "from torch import nn as n\nn.GRU": ["2: torch.nn.GRU"],
    "import torch as th\nfft = th.fft\nfft.rfft": ["2: torch.fft", "3: torch.fft"],
    "import torch\nnn = torch.nn\nnn.LSTM": ["3: torch.nn.LSTM"],
    "import torch.nn.functional as F\nF.relu(F.conv3d)": ["2: torch.nn.functional.conv3d"],
    "def f():\n    import torch.nn as nn\n    return nn.LSTM": ["3: torch.nn.LSTM"],
    "import torch\nif torch.cuda.is_available():\n    torch.cuda.nope()": ["3: torch.cuda.nope"],
    "import torch\ntorch.rand(3).stft(2)": ["2: torch.Tensor.stft"],
    "import torch\ntorch.Tensor.to_sparse": ["2: torch.Tensor.to_sparse"],
    "import torch\ntorch.backends.cudnn.anything = True": [],
    "import torch\ntorch.backends.cudn.benchmark = True": ["2: torch.backends.cudn"],
    "from torch.nn import *\nLinear(1, 2), LSTM(1, 2), len": ["2: torch.nn.LSTM"],
    "from torchvision import models\nmodels.nonet()": ["2: torchvision.models.nonet"],
    "from torchvision import models\nmodels.__dict__['resnet18'](), models.__name__": [],
    "import torch\nx.dtype == torch.complex64, type(m) in (torch.nn.LSTM,)": [],
    "import torch\ntorch.ones(2, dtype=torch.complex64) == x": ["2: torch.complex64"],
    "import torch.nn as nn\nisinstance(nn.Conv3d(1, 1, 1), nn.Linear)": ["2: torch.nn.Conv3d"],
    "from torch import nn\nisinstance(m, (nn.LSTM, nn.Nope))": ["2: torch.nn.Nope"],
    # another thing of that name
    "import torch.nn as nn\ndef f(nn):\n    return nn.LSTM": [],
    "import torch.nn as nn\nf = lambda nn: nn.LSTM\ng = [nn.LSTM for nn in ()]": [],
    "from torchvision import transforms\ndef f():\n    transforms = g()\n    transforms.Nope": [],
    "from .torch import fft\nfrom mytorch.nn import LSTM": [],
    # a program that can do without
    "try:\n    from torch.fft import fft\nexcept ImportError:\n    fft = None": [],
    "try:\n    import torchvision.models.video as T\nexcept:\n    T = None\nT.Nope": [],
    "import torch\ntry:\n    torch.stft\nexcept AttributeError:\n    pass": [],
    "import torch\ntry:\n    torch.stft\nexcept ValueError:\n    pass": ["3: torch.stft"],
    "import torch\nif hasattr(torch, 'stft'):\n    torch.stft()": [],
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch.nn import LSTM": [],
}


@pytest.mark.parametrize("script", CASES)
def test_uses(script, tmp_path):
    file = tmp_path / "script.py"
    file.write_text(script)
    found = [
        line.removeprefix(f"{file}:").rpartition(": minicnn has no")[0] for line in missing(file)
    ]
    assert found == CASES[script]


def test_folders_and_files_that_cannot_be_read(tmp_path, capsys):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.py").write_text("from torch.nn import LSTM")
    (tmp_path / "b.py").write_text("x = 1\ndef f(:")
    (tmp_path / "latin.py").write_bytes(
        b"# -*- coding: latin-1 -*-\nx = '\xe4'\nimport torch.fft\n"
    )
    assert check([str(tmp_path), str(tmp_path / "none.py")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.removeprefix(str(tmp_path)) for line in lines] == [
        "/b.py:2: SyntaxError: invalid syntax",
        "/inner/a.py:1: torch.nn.LSTM: minicnn has no recurrent layers",
        "/latin.py:3: torch.fft: minicnn has no Fourier transforms",
        f"/none.py: FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path}/none.py'",
    ]


def test_all_parts_of_a_try_block_are_read(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n"
        "try:\n    pass\n"
        "except ValueError:\n    torch.fft\n"
        "else:\n    torch.nn.LSTM\n"
        "finally:\n    torch.nn.GRU\n"
    )
    assert [line.split(":")[1] for line in missing(script)] == ["5", "7", "9"]
