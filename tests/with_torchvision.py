"""``from with_torchvision import torchvision``: the oracle of pictures, models and datasets.

Its compiled operators load with one build of torch only; with another one, torchvision stops at the
first of them when it is imported. Nothing here calls them, so their names are enough.
"""

from __future__ import annotations

import sys

import torch

__all__ = ["torchvision"]

_OPERATORS = ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d")

try:
    import torchvision
except RuntimeError:
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms", "qroi_align"):
        _library.define(f"{name}(Tensor a) -> Tensor")
    for name in _OPERATORS:
        _library.define(f"{name}(Tensor a) -> Tensor")
        _library.define(f"_{name}_backward(Tensor a) -> Tensor")
    import torchvision
