"""Checkpoints: what goes in comes out, a file is whole or absent, and errors say what and where."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import random
import stat
import struct
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import minicnn as mc
from minicnn import optim
from minicnn.io import checkpoint


def assert_equal(a: Any, b: Any) -> None:
    """Equal values of equal types, all the way down; NaN equals NaN, and 0.0 is not -0.0."""
    assert type(a) is type(b)
    if isinstance(a, mc.Tensor):
        assert_equal(a.cpu().array, b.cpu().array)
    elif isinstance(a, (np.ndarray, np.generic)):
        assert a.dtype == b.dtype and a.shape == b.shape
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    elif isinstance(a, dict):
        assert [(type(key), key) for key in a] == [(type(key), key) for key in b]
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_equal(x, y)
    else:
        assert repr(a) == repr(b)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -7,
        2**127 - 1,
        -(2**200),
        "schön ☃ \n\0",
        [0.1, 1e-320, -0.0, math.inf, -math.inf, math.nan],
        {"a": [1, (2, 3.0, ()), [], {}], "": None, "a.b": {"c": "d"}},
        {0: "int", 1: {2: 3}, -5: None, "0": "str", 1.5: 1, None: 2},
        {True: "bool"},
        ((1,), [2], [(3, [4])]),
        OrderedDict(b=1, a=[2]),
        Counter({3: 2, 1: 1}),
        {"milestones": {1, 2, 3}, "dtype": mc.bfloat16, "device": mc.device("cuda", 1)},
        np.float32(0.1),
        [np.float64(0.1), np.int64(3), np.bool_(True), 0.1],
        {"dict": 1, "tensor": "x", "tuple": [1]},
        [{"array": "name"}],
    ],
)
def test_plain_values_keep_value_and_type(value: Any, tmp_path: Path) -> None:
    mc.save(value, tmp_path / "file")
    assert_equal(mc.load(tmp_path / "file"), value)


DTYPES = [
    "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float16", "float32", "float64",
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (3, 4, 5)])
def test_arrays_and_tensors(dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.asarray(np.random.default_rng(0).integers(0, 2, shape)).astype(dtype)
    value = {"array": array, "tensor": mc.Tensor.of(array.copy())}
    mc.save(value, str(tmp_path / "file"))
    assert_equal(mc.load(str(tmp_path / "file")), value)


def test_strided_arrays_come_back_in_order(tmp_path: Path) -> None:
    base = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    value = [
        base.transpose(0, 3, 1, 2),
        mc.Tensor.of(base.transpose(3, 2, 1, 0)),
        base[:, ::2, ::-1],
        np.broadcast_to(base[0, 0, 0], (3, 5)),
        base.astype(">f4"),
    ]
    mc.save(value, tmp_path / "file")
    loaded = mc.load(tmp_path / "file")
    for before, after in zip(value, loaded, strict=True):
        assert np.array_equal(np.asarray(before), np.asarray(after))
    assert all(array.flags.writeable for array in loaded if isinstance(array, np.ndarray))


def test_loaded_tensors_are_leaves_without_gradient(tmp_path: Path) -> None:
    weight = mc.ones(2, requires_grad=True)
    mc.save([weight, weight * 2], tmp_path / "file")
    for tensor in mc.load(tmp_path / "file"):
        assert tensor.is_leaf and not tensor.requires_grad


def test_a_training_state(tmp_path: Path) -> None:
    params = [mc.ones(3, 2, requires_grad=True), mc.zeros(4, requires_grad=True)]
    optimizer = optim.AdamW([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}])
    schedule = optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    for param in params:
        param.grad = mc.ones(*param.shape)
    optimizer.step()
    value = {
        "model": OrderedDict(weight=params[0].detach(), bias=params[1].detach()),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "rng": {
            "minicnn": mc.random.default_generator.get_state(),
            "numpy": np.random.Generator(np.random.MT19937(1)).bit_generator.state,
            "python": random.Random(3).getstate(),
        },
        "epoch": 3,
    }
    mc.save(value, tmp_path / "last")
    loaded = mc.load(tmp_path / "last")
    assert_equal(loaded, value)

    generator = random.Random()
    generator.setstate(loaded["rng"]["python"])
    assert generator.random() == random.Random(3).random()
    optimizer.load_state_dict(loaded["optimizer"])
    assert_equal(optimizer.state_dict(), value["optimizer"])


def test_other_tools_see_named_tensors(tmp_path: Path) -> None:
    value = {
        "model": {"features.0.weight": mc.ones(2, 3)},
        "state": {0: {"exp_avg": mc.zeros(2)}},
        "a": {"b": np.ones(1)},
        "a.b": np.zeros(1),
        "__metadata__": np.full(1, 7.0),
        "list": [np.full(1, 8.0)],
    }
    mc.save(value, tmp_path / "file.safetensors")
    arrays = load_file(tmp_path / "file.safetensors")
    assert sorted(arrays) == [
        "__metadata__#2", "a.b", "a.b#2", "list.0", "model.features.0.weight", "state.0.exp_avg",
    ]  # fmt: skip
    assert_equal(mc.load(tmp_path / "file.safetensors"), value)


class Custom:
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"state": {"optimizer": {"foo": Custom()}}},
            r"cannot save state\.optimizer\.foo: .*Custom",
        ),
        ([1, (2, frozenset({3}))], r"cannot save 1\.1: .*got frozenset"),
        (Custom(), "cannot save the object itself: .*Custom"),
        ({"f": {"g": lambda: 0}}, r"cannot save f\.g: .*got function"),
        ({"a": b"x"}, "cannot save a: .*got bytes"),
        ({"a": 1j}, "cannot save a: .*got complex"),
        ({"a": {(1, 2): 3}}, r"cannot save a: keys .* got \(1, 2\) of type tuple"),
        ({"a": np.array(["x"])}, "cannot save a: .*got dtype <U1"),
        ({"a": np.ones(2, np.complex64)}, "cannot save a: .*64 bits, got dtype complex64"),
        ({"a": np.array([None])}, "cannot save a: .*got dtype object"),
    ],
)
def test_what_cannot_be_saved_is_named(value: Any, message: str, tmp_path: Path) -> None:
    mc.save("old", tmp_path / "file")
    with pytest.raises(TypeError, match=message):
        mc.save(value, tmp_path / "file")
    assert mc.load(tmp_path / "file") == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_save_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mc.save("old", tmp_path / "file")

    def out_of_space(file: Any, arrays: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_data", out_of_space)
    with pytest.raises(OSError, match="cannot write '.*file': No space left") as failure:
        mc.save("new", tmp_path / "file")
    assert failure.value.errno == errno.ENOSPC
    assert mc.load(tmp_path / "file") == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_file_has_the_usual_permissions(tmp_path: Path) -> None:
    mc.save(1, tmp_path / "file")
    (tmp_path / "usual").touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("file", "usual")]
    assert modes[0] == modes[1]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file '.*nothing'"):
        mc.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        mc.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        mc.save(1, tmp_path / "no folder" / "file")


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    mc.save({"x": mc.ones(3, 4), "y": [1, 2]}, tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    for length in range(len(content)):
        (tmp_path / "short").write_bytes(content[:length])
        with pytest.raises(ValueError, match="cannot read '.*short': it is"):
            mc.load(tmp_path / "short")


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    mc.save({"x": mc.ones(3, 4), "y": [1, "two"], "z": mc.arange(3)}, tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="cannot read the open file"):
            mc.load(io.BytesIO(flipped))


def test_checkpoints_of_version_1(tmp_path: Path) -> None:
    """Without a checksum; every other line is as today."""
    structure = json.dumps({"dict": [["x", {"tensor": "x"}], ["epoch", 3]]})
    arrays = {"x": np.arange(3.0)}
    save_file(arrays, tmp_path / "file", {"format": "minicnn checkpoint 1", "structure": structure})
    assert_equal(mc.load(tmp_path / "file"), {"x": mc.Tensor.of(arrays["x"]), "epoch": 3})
    save_file(arrays, tmp_path / "file", {"format": "minicnn checkpoint 3", "structure": structure})
    with pytest.raises(
        ValueError, match="must be 'minicnn checkpoint 2'.*got 'minicnn checkpoint 3'"
    ):
        mc.load(tmp_path / "file")


@pytest.mark.parametrize(
    "structure",
    ['{"tensor": "absent"}', '{"code": "os.system"}', "{}", '{"dict": [[[1], 2]]}', "{"],
)
def test_a_damaged_structure_is_a_value_error(structure: str, tmp_path: Path) -> None:
    mc.save(1, tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    header = json.loads(content[8:])
    header["__metadata__"] = {"format": "minicnn checkpoint 1", "structure": structure}
    text = json.dumps(header).encode()
    (tmp_path / "file").write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(ValueError, match="file"):
        mc.load(tmp_path / "file")


def test_json_is_not_confused(tmp_path: Path) -> None:
    """Text that looks like the checksum in the header is no checksum."""
    value = {"checksum": '"checksum":"00000000"', "x": json.dumps({"checksum": "12345678"})}
    mc.save(value, tmp_path / "x.ckpt")
    assert mc.load(tmp_path / "x.ckpt") == value


def test_a_header_of_any_length_is_read(tmp_path):
    for length in range(0, 300, 3):  # headers are padded to multiples of 8; 0x80 begins a pickle
        mc.save({"text": "x" * length}, tmp_path / "x.ckpt")
        assert mc.load(tmp_path / "x.ckpt") == {"text": "x" * length}
