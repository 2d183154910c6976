"""Networks of PyTorch scripts, which run under the switch, are explained like all others."""

from __future__ import annotations

from pathlib import Path

import pytest
from switched import printed

pytestmark = pytest.mark.cpu_only

SCRIPT = """
import torch
from torch import nn
from torchvision.models import resnet18

from minicnn import viz

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
net, images = resnet18(num_classes=4), torch.randn(1, 3, 40, 32)
heat = viz.grad_cam(net, images)
print(type(heat) is torch.Tensor, tuple(heat.shape), heat.dtype, heat.max().item())
print(torch.equal(heat, viz.grad_cam(net, images, net.layer4, net.eval()(images).argmax(1))))
print(tuple(viz.saliency(net, images, 2).shape), tuple(viz.occlusion(net, images, 20).shape))
print(tuple(viz.overlay_heat_map(torch.rand(3, 40, 32), heat[0]).shape))
print(viz.precision_recall(torch.tensor([0, 1]), torch.tensor([0, 0])).recall)
"""


def test_a_script_for_pytorch(tmp_path: Path) -> None:
    (tmp_path / "explain.py").write_text(SCRIPT)
    assert printed("explain.py", folder=tmp_path).splitlines() == [
        "True (1, 40, 32) torch.float64 1.0",
        "True",
        "(1, 40, 32) (1, 40, 32)",
        "(3, 40, 32)",
        "[0.5 0. ]",
    ]
