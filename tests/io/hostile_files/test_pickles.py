"""Pickles within the formats of weights: their code is not run, and their damages are found."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hostile_files import refuse, stream_of, tar_of, zip_of
from hostile_pickles import CODE, DAMAGED, tensor

from minicnn.io import load_weights
from minicnn.io.safe_pickle import load_pickle


@pytest.mark.parametrize("name", CODE)
def test_code_is_not_run(name: str, tmp_path: Path) -> None:
    floats = bytes(8)
    for content in (stream_of(CODE[name]), zip_of(CODE[name], _0=floats)):
        refuse(
            content, tmp_path / "code.pth", "names|holds more than plain data|calls|makes an object"
        )
    content = tar_of(storages=b"K\0.].", tensors=b"K\0.", pickle=CODE[name])
    refuse(content, tmp_path / "code.tar")
    assert sorted(os.listdir(tmp_path)) == ["code.pth", "code.tar"]


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_pickles(name: str, tmp_path: Path) -> None:
    floats = bytes(8)
    refuse(stream_of(DAMAGED[name]), tmp_path / "damaged.pth")
    refuse(zip_of(DAMAGED[name], _0=floats), tmp_path / "damaged.pth")


def test_the_parts_that_they_are_made_of_load(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(zip_of(tensor(), _0=np.float32([1, 2]).tobytes()))
    assert load_weights(tmp_path / "x")["x"].tolist() == [1, 2]
    (tmp_path / "x").write_bytes(stream_of(tensor()))
    assert load_weights(tmp_path / "x")["x"].tolist() == [0, 0]


def test_pickles_of_plain_values() -> None:
    value = {"a": [1, -(2**80), 0.5, "ü", b"b", None, True, {1, 2}, (1,), (1, 2), (1, 2, 3, 4)]}
    value["self"] = value["a"]
    for protocol in (4, 5):
        assert load_pickle(io.BytesIO(pickle.dumps(value, protocol)), {}) == value
