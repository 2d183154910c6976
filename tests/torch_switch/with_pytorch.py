"""``python with_pytorch.py SCRIPT [arguments]`` runs a script under PyTorch and torchvision."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from with_torchvision import torchvision  # noqa: F401

del sys.argv[0]
sys.path[0] = str(Path(sys.argv[0]).parent)
runpy.run_path(sys.argv[0], run_name="__main__")
