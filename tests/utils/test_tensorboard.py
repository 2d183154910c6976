"""``SummaryWriter`` is tensorboardX's, and its absence is told."""

import importlib
import sys
from types import ModuleType

import pytest

import minicnn as mc

pytestmark = pytest.mark.cpu_only


def test_it_is_the_class_of_tensorboardx(monkeypatch):
    package = ModuleType("tensorboardX")
    package.SummaryWriter = type("SummaryWriter", (), {})
    monkeypatch.setitem(sys.modules, "tensorboardX", package)
    module = importlib.import_module("minicnn.utils.tensorboard")
    assert issubclass(module.SummaryWriter, package.SummaryWriter)
    with pytest.raises(AttributeError, match="no attribute 'Writer'"):
        _ = module.Writer


def test_its_absence_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        from minicnn.utils.tensorboard import SummaryWriter  # noqa: F401


def test_numbers_and_pictures_are_written(tmp_path):
    pytest.importorskip("tensorboardX")
    from minicnn.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("loss", mc.tensor(0.5), 1)
        writer.add_scalars("losses", {"a": 1.0, "b": mc.tensor(2.0)}, 1)
        writer.add_histogram("weights", mc.randn(10), 1)
        writer.add_image("picture", mc.rand(3, 8, 8), 1)
        writer.add_images("pictures", mc.rand(2, 3, 8, 8), 1)
        writer.add_text("note", "text", 1)
    (file,) = tmp_path.glob("events*")
    assert b"picture" in file.read_bytes()


def test_utils_has_data():
    assert mc.utils.data.DataLoader is mc.data.DataLoader
    assert mc.utils.model_zoo.load_url is mc.hub.load_state_dict_from_url
