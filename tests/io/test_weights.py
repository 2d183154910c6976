"""Weights in safetensors, NumPy's and torch's files: both ways, whole, and found in checkpoints."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import minicnn as mc
from minicnn import nn
from minicnn.io import load_weights, save_weights, weights

DTYPES = [
    "float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64", "bool",
]  # fmt: skip
SUFFIXES = [".safetensors", ".npz"]


def states() -> dict[str, torch.Tensor]:
    numbers = torch.arange(12).reshape(3, 4)
    values = {name: numbers.to(getattr(torch, name)) for name in DTYPES}
    return values | {"scalar": torch.tensor(2.0), "empty": torch.empty(0, 3)}


def ours(values: dict[str, torch.Tensor]) -> dict[str, mc.Tensor]:
    return {
        name: mc.Tensor.of(value.float().cpu().numpy().astype(mc.bfloat16))
        if value.dtype == torch.bfloat16
        else mc.Tensor.of(value.cpu().numpy())
        for name, value in values.items()
    }


def assert_equal(loaded: Any, values: dict[str, torch.Tensor]) -> None:
    assert sorted(loaded) == sorted(values)
    for name, value in ours(values).items():
        assert loaded[name].dtype == value.dtype, name
        assert loaded[name].shape == value.shape, name
        np.testing.assert_array_equal(loaded[name].cpu().numpy(), value.cpu().numpy(), err_msg=name)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_dtype_there_and_back(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    save_weights(ours(states()), path)
    assert_equal(load_weights(path), states())
    assert os.listdir(tmp_path) == [path.name]


def test_safetensors_of_torch_load_here_and_ours_there(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    safetensors.torch.save_file(states(), path)
    assert_equal(load_weights(path), states())
    save_weights(load_weights(path), path)
    loaded = safetensors.torch.load_file(path)
    assert all(torch.equal(loaded[name], value) for name, value in states().items())
    assert all(loaded[name].dtype == value.dtype for name, value in states().items())


def test_npz_of_numpy_loads_here_and_ours_there(tmp_path: Path) -> None:
    arrays = {"a.weight": np.arange(6.0).reshape(2, 3), "b": np.float16([1, 2])}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **arrays)
        assert [value.tolist() for value in load_weights(tmp_path / "x.npz").values()] == [
            [[0, 1, 2], [3, 4, 5]],
            [1, 2],
        ]
    save_weights({"x": mc.arange(3)}, tmp_path / "y.npz")
    assert np.load(tmp_path / "y.npz")["x"].tolist() == [0, 1, 2]


def test_npz_with_a_name_of_an_argument(tmp_path: Path) -> None:
    save_weights({"file": mc.ones(1), "allow_pickle": mc.zeros(1)}, tmp_path / "x.npz")
    assert sorted(load_weights(tmp_path / "x.npz")) == ["allow_pickle", "file"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_strided_weights(suffix: str, tmp_path: Path) -> None:
    base = np.arange(24.0).reshape(2, 3, 4)
    state = {"t": mc.Tensor.of(base.T), "part": mc.Tensor.of(base[:, ::2, ::-1])}
    save_weights(state, tmp_path / f"x{suffix}")
    for name, value in load_weights(tmp_path / f"x{suffix}").items():
        np.testing.assert_array_equal(value.cpu().numpy(), state[name].cpu().numpy())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_module_there_and_back(suffix: str, tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    save_weights(net.state_dict(), tmp_path / f"net{suffix}")
    mc.manual_seed(9)
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    other.load_state_dict(load_weights(tmp_path / f"net{suffix}"))
    for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        np.testing.assert_array_equal(a.cpu().numpy(), b.cpu().numpy())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_saving_that_fails_leaves_the_old_file(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"x{suffix}"
    save_weights({"x": mc.ones(2)}, path)
    before = path.read_bytes()

    def out_of_space(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(weights, "write_data", out_of_space)
    monkeypatch.setattr(np.lib.format, "write_array", out_of_space)
    with pytest.raises(OSError, match="No space left"):
        save_weights({"x": mc.zeros(2)}, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_saving_to_another_ending(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.safetensors or \.npz, got .*x\.pth"):
        save_weights({"x": mc.ones(2)}, tmp_path / "x.pth")
    assert os.listdir(tmp_path) == []


# ---- where checkpoints keep them ----


@pytest.mark.parametrize("names", [(), ("net",), ("state_dict",), ("model_state_dict",), ("model",),
                                   ("model", "state_dict")])  # fmt: skip
def test_weights_within_a_checkpoint(names: tuple[str, ...], tmp_path: Path) -> None:
    value: Any = OrderedDict(b=torch.ones(2), a=torch.zeros(1))
    for name in reversed(names):
        value = {"epoch": 3, name: value, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}
    torch.save(value, tmp_path / "x.pth")
    loaded = load_weights(tmp_path / "x.pth")
    assert {name: value.tolist() for name, value in loaded.items()} == {"b": [1, 1], "a": [0]}
    assert list(loaded) == ["b", "a"]


def test_weights_within_a_checkpoint_of_ours(tmp_path: Path) -> None:
    mc.save({"model": {"weight": mc.ones(2)}, "epoch": 1}, tmp_path / "last")
    assert load_weights(tmp_path / "last")["weight"].tolist() == [1, 1]


def test_a_prefix_is_stripped(tmp_path: Path) -> None:
    net = torch.nn.DataParallel(torch.nn.Linear(2, 1))
    torch.save(net.state_dict(), tmp_path / "x.pth")
    assert list(load_weights(tmp_path / "x.pth")) == ["module.weight", "module.bias"]
    assert list(load_weights(tmp_path / "x.pth", strip_prefix="module.")) == ["weight", "bias"]


def test_what_is_there_instead_is_named(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "x" * 1000: 1}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"x\.pth.*no weights by name.*'epoch', 'xxx") as failure:
        load_weights(tmp_path / "x.pth")
    assert len(str(failure.value)) < 500
    with pytest.raises(FileNotFoundError, match=r"no file of weights at .*absent\.safetensors"):
        load_weights(tmp_path / "absent.safetensors")


def test_half_precision_loads_into_a_network(tmp_path: Path) -> None:
    for dtype in (torch.float16, torch.bfloat16):
        theirs = torch.nn.Linear(3, 2).to(dtype)
        torch.save(theirs.state_dict(), tmp_path / "x.pth")
        net = nn.Linear(3, 2)
        net.load_state_dict(load_weights(tmp_path / "x.pth"))
        assert net.weight.dtype == np.float32
        np.testing.assert_array_equal(
            net.weight.detach().cpu().numpy(), theirs.weight.detach().float().cpu().numpy()
        )


def test_a_file_may_be_replaced_by_its_own_weights(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        save_weights({"x": mc.arange(5)}, tmp_path / f"x{suffix}")
        state = load_weights(tmp_path / f"x{suffix}")
        save_weights(state, tmp_path / f"x{suffix}")
        assert state["x"].tolist() == load_weights(tmp_path / f"x{suffix}")["x"].tolist()
