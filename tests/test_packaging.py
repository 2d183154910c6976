"""What a user installs: sdist and wheel, and fresh environments with the core dependencies alone."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import minicnn

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
def built(tmp_path_factory):
    """A folder with the sdist, and the wheel that was built from it.

    They are built from a copy, so that no build folder is left among the sources.
    """
    pytest.importorskip("build")
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(
        ROOT / "minicnn", source / "minicnn", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "build", "--outdir", str(source / "dist"), str(source))
    return source / "dist"


@pytest.fixture(scope="module")
def wheel(built):
    return next(built.glob("*.whl"))


@pytest.mark.slow
def test_the_sdist_holds_licence_and_readme(built):
    (path,) = built.glob("*.tar.gz")
    name = f"minicnn-{minicnn.__version__}"
    assert path.name == f"{name}.tar.gz"
    with tarfile.open(path) as archive:
        names = archive.getnames()
    assert {f"{name}/{file}" for file in ("LICENSE", "README.md", "setup.cfg")} <= set(names)
    assert not any("__pycache__" in file for file in names)


@pytest.mark.slow
def test_the_version_is_in_one_place(wheel):
    assert wheel.name.startswith(f"minicnn-{minicnn.__version__}-py3-none-any")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [file for file in archive.namelist() if file.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    assert f"\nVersion: {minicnn.__version__}\n" in metadata
    written = [
        path
        for path in ("setup.cfg", "pyproject.toml", "minicnn/__init__.py", "minicnn/version.py")
        if minicnn.__version__ in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert written == ["minicnn/version.py"]


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


def python_of(version):
    """Another Python of this machine, such as 3.12, or None."""
    found = [shutil.which(f"python{version}")]
    found += (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")
    for path in filter(None, found):
        asked = [str(path), "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:  # pyenv's command may refuse
            return str(path)
    return None


def install(python, wheel, folder):
    """A fresh environment with the wheel; returns its Python."""
    run(python, "-m", "venv", str(folder))
    python = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel))
    return python


@pytest.mark.slow
def test_core_dependencies_are_enough_to_import_silently_and_to_train(wheel, tmp_path):
    python = install(sys.executable, wheel, tmp_path / "venv")
    frozen = run(python, "-m", "pip", "list", "--format=freeze").stdout.lower()
    assert {line.split("==")[0] for line in frozen.split()} <= CORE

    done = run(python, "-W", "error", "-c", "import minicnn", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    done = run(python, "-W", "error", "-c", TRAIN, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    script = Path(python).with_name("minicnn.exe" if sys.platform == "win32" else "minicnn")
    assert "BLAS" in run(str(script), "info", cwd=tmp_path).stdout
    assert "They are not part of the installed package" in run(str(script), "train").stdout


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.10", "3.13", "3.14"])
def test_the_oldest_and_the_newest_pythons_install_it_and_train(wheel, tmp_path, version):
    python = python_of(version)
    if python is None:
        pytest.skip(f"there is no Python {version}")
    python = install(python, wheel, tmp_path / "venv")
    done = run(python, "-W", "error", "-c", TRAIN + "print(mc.__version__)", cwd=tmp_path)
    assert (done.stdout, done.stderr) == (f"{minicnn.__version__}\n", "")
