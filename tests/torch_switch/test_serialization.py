"""``torch.save`` and ``torch.load`` under the switch take any object, as torch's own do."""

import argparse
import collections
import datetime
import decimal
import enum
import functools
import io
import os
import pathlib
import pickle
import types
import typing
import unittest.mock
import zipfile

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import models, nn, optim, vision
from minicnn.io.safe_pickle import UnsafePickle
from minicnn.torch import serialization
from minicnn.torch.serialization import load, save

pytestmark = pytest.mark.cpu_only


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.options = argparse.Namespace(depth=3)

    def forward(self, x):
        return self.fc(x)


PLAIN = {
    "arguments": argparse.Namespace(lr=0.1, layers=[1, 2], path=pathlib.PurePosixPath("a/b")),
    "array": np.arange(6.0).reshape(2, 3)[:, ::2],
    "numbers": [np.float64(2.5), np.int64(3)],
    "random": np.random.RandomState(0).get_state(legacy=False),
    "keys": {(1, 2): 3, None: 4, 2.5: 1},
    "lists": collections.defaultdict(list, a=[1]),
    "class": argparse.Namespace,
    "time": datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    "queue": collections.deque([1, 2], 5),
    "range": [range(3), slice(None, 2), decimal.Decimal("0.1")],
    "set": {1, frozenset([2])},
}


def assert_same(one, other):
    assert type(one) is type(other) or isinstance(other, np.generic)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("name", PLAIN)
def test_objects_are_read_again_here_and_by_pytorch(name, tmp_path):
    save({"value": PLAIN[name], "other": {argparse.ArgumentParser}}, tmp_path / "file")
    assert_same(load(tmp_path / "file", weights_only=False)["value"], PLAIN[name])
    assert_same(torch.load(tmp_path / "file", weights_only=False)["value"], PLAIN[name])
    with pytest.raises(UnsafePickle, match="no code from it was run"):
        load(tmp_path / "file")
    with pytest.raises(UnsafePickle):
        mc.load(tmp_path / "file", weights_only=False)


def test_weights_need_no_trust(tmp_path):
    net = Net().fc
    save(net.state_dict(), tmp_path / "file")
    for read in (load, mc.load, torch.load):
        assert list(read(tmp_path / "file")) == ["weight", "bias"]


def test_a_network_with_all_that_belongs_to_it(tmp_path):
    net = Net()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(mc.ones(1, 2)).sum().backward()
    optimizer.step()
    save({"net": net, "optimizer": optimizer, "arguments": argparse.Namespace()}, tmp_path / "file")
    read = load(tmp_path / "file", "cpu", weights_only=False)
    assert read["net"].options == net.options
    assert read["net"](mc.ones(1, 2)).tolist() == net(mc.ones(1, 2)).tolist()
    assert read["optimizer"].param_groups[0]["params"][0] is read["net"].fc.weight
    read["optimizer"].step()


NETWORKS = {
    "DenseNet": lambda: models.DenseNet(4, (1, 2), 6, 2, num_classes=3),
    "ViT": lambda: models.VisionTransformer(8, 4, 1, 2, 8, 8, num_classes=3),
    "FPN": lambda: vision.FeaturePyramidNetwork([3, 4], 5),
    "frozen": lambda: vision.FrozenBatchNorm2d(3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_whole_networks_that_rename_old_weights(name):
    net = NETWORKS[name]()
    found = load(written(net), weights_only=False)
    assert str(found) == str(net)
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(found.state_dict()[key].numpy(), value.numpy())


def test_tensors_share_memory_as_before():
    x = mc.zeros(4)
    file = io.BytesIO()
    save({"x": x, "part": x[1:3], "arguments": argparse.Namespace(x=x)}, file)
    file.seek(0)
    read = load(file, weights_only=False)
    assert read["arguments"].x is read["x"]
    read["x"][1] = 5
    assert read["part"].tolist() == [5, 0]


def test_files_of_pytorch(tmp_path):
    torch.save(
        {"net": torch.nn.Linear(2, 3), "arguments": argparse.Namespace(a=torch.ones(2))},
        tmp_path / "file",
    )
    read = load(tmp_path / "file", weights_only=False)
    assert read["arguments"].a.tolist() == [1, 1]
    assert isinstance(read["net"], nn.Linear) and read["net"](mc.ones(1, 2)).shape == (1, 3)


def test_safe_globals(tmp_path):
    save(
        {"a": argparse.Namespace(x=mc.ones(2)), "p": pathlib.PurePosixPath("p")}, tmp_path / "file"
    )
    with serialization.safe_globals([argparse.Namespace, pathlib.PurePosixPath]):
        assert load(tmp_path / "file")["a"].x.tolist() == [1, 1]
    assert serialization.get_safe_globals() == []
    serialization.add_safe_globals([argparse.Namespace])
    with pytest.raises(UnsafePickle, match="'pathlib.PurePosixPath', which is not among the safe"):
        load(tmp_path / "file")
    serialization.clear_safe_globals()
    with pytest.raises(UnsafePickle, match="weights do not need"):
        load(tmp_path / "file")


def test_what_cannot_be_found_again_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"cannot save f: .*<lambda> could not be found again"):
        save({"f": lambda: 1}, tmp_path / "file")
    assert not (tmp_path / "file").exists()


class Mode(enum.Enum):
    FAST = "fast"


class Point(typing.NamedTuple):
    x: int
    y: int


class Settings(dict):
    def __setitem__(self, key, value):
        raise AssertionError("called")

    update = __setitem__


class Slots:
    __slots__ = ("a",)


class Watched:
    """Notes what is called while a file is read."""

    called: typing.ClassVar[list[str]] = []

    def __new__(cls):
        cls.called.append("__new__")
        return super().__new__(cls)

    def __setstate__(self, state):
        self.called.append("__setstate__")

    def __setattr__(self, name, value):
        self.called.append("__setattr__")
        super().__setattr__(name, value)

    def __eq__(self, other):
        self.called.append("__eq__")
        return self is other

    __hash__ = object.__hash__


class Closes:
    def __del__(self):
        Watched.called.append("__del__")


def written(value: object) -> io.BytesIO:
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return file


def test_objects_of_the_program():
    slots = Slots()
    slots.a = 3
    settings = Settings()
    dict.update(settings, {"lr": 0.1})
    settings.__dict__["path"] = "p"
    value = {"mode": Mode.FAST, Mode.FAST: Point(1, 2), "slots": slots, "settings": settings}
    read = load(written([value, argparse.Namespace()]), weights_only=False)[0]
    assert read["mode"] is Mode.FAST and read[Mode.FAST] == Point(1, 2)
    assert read["slots"].a == 3
    assert type(read["settings"]) is Settings and dict(read["settings"]) == {"lr": 0.1}
    assert read["settings"].path == "p"


def test_a_function_of_the_program_is_only_named():
    script = types.ModuleType("__main__")
    script.halve = lambda x: x / 2
    script.halve.__qualname__, script.halve.__module__ = "halve", "__main__"
    with unittest.mock.patch.dict("sys.modules", {"__main__": script}):
        file = written({"function": script.halve, "relu": argparse.Namespace()})
        assert load(file, weights_only=False)["function"](4) == 2


def test_nothing_of_a_class_is_called():
    watched = Watched()
    watched.a = 1
    file = written({"watched": watched})
    Watched.called.clear()
    read = load(file, weights_only=False)["watched"]
    assert read.a == 1 and Watched.called == []


def hostile(value: bytes) -> io.BytesIO:
    """A file of torch's whose pickle is ``value``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", value)
        archive.writestr("archive/byteorder", b"little")
    file.seek(0)
    return file


class Calls:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


HOSTILE = {
    "system": pickle.dumps(Calls(os.system, "touch called")),
    "exec": pickle.dumps(Calls(exec, "open('called', 'w')")),
    "eval": pickle.dumps(Calls(eval, "open('called', 'w')")),
    "getattr": pickle.dumps(Calls(getattr, os, "system"), 2)
    if False
    else b"cbuiltins\ngetattr\n(cos\npath\nVjoin\ntR.",
    "open": pickle.dumps(Calls(open, "called", "w")),
    "a name that imports": b"cantigravity\nfly\n.",
    "a class that is called": b"cargparse\nNamespace\n(tR.",
    "a process": b"\x80\x02csubprocess\nPopen\n)\x81}X\x04\x00\x00\x00argsK\x01sb.",
    "attributes of a class": b"\x80\x02cargparse\nNamespace\n}X\x01\x00\x00\x00aK\x01sb.",
    "a function as attribute": pickle.dumps({"forward": os.system}, 2),
    "an opener": b"cbuiltins\nopen\n(Vcalled\nVw\ntR.",
    "a partial": pickle.dumps(functools.partial(print, "called"), 2),
    "a path of a number": b"cpathlib\nPath\n(K\x01tR.",
    "what is made of a function": b"ccollections\ndefaultdict\n(cos\nsystem\ntR.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_code_of_a_file_is_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="cannot read"):
        load(hostile(HOSTILE[name]), weights_only=False)
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_does_something_in_the_end_is_refused():
    file = written({"closes": Closes()})
    Watched.called.clear()
    with pytest.raises(UnsafePickle, match="no class that the program has defined"):
        load(file, weights_only=False)
    assert Watched.called == []
