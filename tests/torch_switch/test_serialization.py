"""``torch.save`` and ``torch.load`` under the switch take any object, as torch's own do."""

import argparse
import collections
import functools
import io
import pathlib

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn, optim
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
    "function": np.mean,
    "partial": functools.partial(int, base=2),
    "class": collections.OrderedDict,
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
    elif isinstance(one, functools.partial):
        assert one("101") == other("101")
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
