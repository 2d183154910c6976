"""What a user installs: the wheel's files, and a fresh environment with the core dependencies alone."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.cpu_only

ROOT = Path(__file__).parent.parent
CORE = {
    "minicnn",
    "ml_dtypes",
    "numpy",
    "pillow",
    "threadpoolctl",
    "tqdm",
    "pip",
    "setuptools",
}

TRAIN = """
import minicnn as mc
from minicnn import nn, optim
import minicnn.nn.functional as F

mc.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2))
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
images = mc.randn(32, 1, 8, 8)
labels = (images.mean((1, 2, 3)) > 0).long()
for step in range(60):
    loss = F.cross_entropy(net(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
assert loss.item() < 0.1, loss
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that no build folder is left among the sources."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(
        ROOT / "minicnn", source / "minicnn", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(source / "dist"), str(source))
    return next((source / "dist").glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_every_source_file(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    kinds = (".py", ".cu", ".cuh", ".int16", ".json", ".txt", ".typed")
    files = [p for p in (ROOT / "minicnn").rglob("*") if p.is_file() and p.suffix != ".md"]
    expected = {str(p.relative_to(ROOT)) for p in files if "__pycache__" not in p.parts}
    assert {Path(name).suffix for name in expected} <= set(kinds)
    assert "minicnn/kernels/cuda/runtime/common.cuh" in expected
    assert expected - packed == set()
    assert not any(name.startswith(("tests/", "examples/", "benchmarks/")) for name in packed)


@pytest.mark.slow
def test_core_dependencies_are_enough_to_import_silently_and_to_train(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    run(python, "-m", "pip", "install", "--quiet", str(wheel))
    frozen = run(python, "-m", "pip", "list", "--format=freeze").stdout.lower()
    assert {line.split("==")[0] for line in frozen.split()} <= CORE

    done = run(python, "-W", "error", "-c", "import minicnn", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    done = run(python, "-W", "error", "-c", TRAIN, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    script = Path(python).with_name("minicnn.exe" if sys.platform == "win32" else "minicnn")
    assert "BLAS" in run(str(script), "info", cwd=tmp_path).stdout
    assert "They are not part of the installed package" in run(str(script), "train").stdout
