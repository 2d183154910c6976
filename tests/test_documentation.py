"""pdoc renders the documentation without a warning: ``python -m pdoc minicnn``."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.cpu_only, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
ROOMS = ["data", "models", "training", "transforms", "transforms.v2", "tv_tensors", "vision", "viz"]

RENDER = """
import sys, warnings
from pathlib import Path

warnings.simplefilter("error")
import pdoc

# pdoc evaluates the annotations of a NamedTuple without its module
warnings.filterwarnings("ignore", r"Error parsing type annotation ForwardRef")
pdoc.pdoc(*sys.argv[2:], output_directory=Path(sys.argv[1]))
"""


def render(folder: Path, *modules: str) -> None:
    command = [sys.executable, "-c", RENDER, str(folder), *modules]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_all_rooms_are_rendered(tmp_path):
    pytest.importorskip("pdoc")
    render(tmp_path, "minicnn", *(f"minicnn.{room}" for room in ROOMS))
    for page, names in {
        "minicnn/nn/functional.html": ("conv2d", "grid_sample"),
        "minicnn/optim.html": ("AdamW", "LBFGS", "parameter_groups"),
        "minicnn/tensor.html": ("DeviceLike", "argmax"),
        "minicnn/training.html": ("find_learning_rate", "EarlyStopping"),
        "minicnn/data.html": ("ImageNet", "class_weights"),
        "minicnn/models.html": ("VisionTransformer", "efficientnet_b0"),
        "minicnn/transforms/v2.html": ("RandomIoUCrop", "MixUp"),
        "minicnn/tv_tensors.html": ("BoundingBoxes", "Mask"),
        "minicnn/vision.html": ("FrozenBatchNorm2d", "roi_align"),
        "minicnn/viz.html": ("LiveCurve",),
    }.items():
        text = (tmp_path / page).read_text(encoding="utf-8")
        assert [name for name in names if name not in text] == [], page
