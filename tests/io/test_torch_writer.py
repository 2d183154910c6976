"""Files that ``mc.save`` writes in torch's format, read by torch and by ``mc.load``."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn

DTYPES = [
    "float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64", "bool",
    "uint16", "uint32", "uint64",
]  # fmt: skip


@pytest.fixture(autouse=True)
def on_the_cpu() -> None:
    """Also on a run for a GPU: test_location.py is about devices."""
    mc.set_default_device(None)


def save(value: Any, path: Path) -> Any:
    """Saves in torch's format, and returns what torch reads; its warnings are errors."""
    mc.save(value, path, format="torch")
    return torch.load(path, weights_only=True)


def numbers(tensor: torch.Tensor) -> np.ndarray:
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().numpy()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3, 4, 5)])
def test_every_dtype_and_shape(dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 200, shape).astype(np.float32)
    ours = mc.tensor(array).to(getattr(mc, dtype, np.dtype(dtype)))
    theirs = save(ours, tmp_path / "x.pth")
    assert theirs.dtype == getattr(torch, dtype) and theirs.shape == shape
    np.testing.assert_array_equal(numbers(theirs), ours.array.astype(numbers(theirs).dtype))
    again = mc.load(tmp_path / "x.pth")
    assert again.dtype == ours.dtype
    np.testing.assert_array_equal(again.array, ours.array)


def test_every_layout(tmp_path: Path) -> None:
    base = mc.arange(120.0).reshape(2, 3, 4, 5)
    value = {
        "whole": base,
        "channels_last": mc.tensor(base.array.copy().transpose(0, 2, 3, 1)).permute(0, 3, 1, 2),
        "transposed": base.permute(3, 1, 0, 2),
        "part": base[1, :, 1:3, ::2],
        "element": base[1, 2, 3, 4],
        "expanded": mc.Tensor.of(np.broadcast_to(base.array[0, 0, 0], (3, 5))),
        "reversed": mc.Tensor.of(base.array[:, ::-1]),
        "big_endian": mc.Tensor.of(base.array.astype(">f4")),
    }
    loaded = save(value, tmp_path / "x.pth")
    for name, ours in value.items():
        np.testing.assert_array_equal(loaded[name].numpy(), ours.array, err_msg=name)
    for name in ("whole", "channels_last", "transposed", "part", "expanded"):
        assert loaded[name].stride() == tuple(s // 4 for s in value[name].array.strides), name
    start = loaded["whole"].data_ptr()
    assert loaded["transposed"].data_ptr() == start == loaded["element"].data_ptr() - 4 * 119
    assert loaded["part"].data_ptr() == start + 4 * (60 + 5)


def test_a_view_does_not_bring_the_memory_around_it(tmp_path: Path) -> None:
    save(mc.zeros(1000, 1000)[0], tmp_path / "x.pth")
    assert (tmp_path / "x.pth").stat().st_size < 10_000


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    loaded = save(net.state_dict(), tmp_path / "x.pth")
    assert loaded["0.weight"].data_ptr() == loaded["1.weight"].data_ptr()
    again = mc.load(tmp_path / "x.pth")
    again["0.weight"].array[:] = 7
    assert (again["1.weight"].array == 7).all()


def test_same_memory_as_two_dtypes(tmp_path: Path) -> None:
    """torch refuses this; here each dtype gets a storage."""
    floats = np.arange(4, dtype=np.float32)
    loaded = save([mc.Tensor.of(floats), mc.Tensor.of(floats.view(np.int32))], tmp_path / "x.pth")
    assert loaded[0].tolist() == [0, 1, 2, 3] and loaded[1].tolist() == floats.view("i4").tolist()


def test_parameters_and_gradients(tmp_path: Path) -> None:
    leaf = mc.ones(2, requires_grad=True)
    value = [
        nn.Parameter(mc.ones(2)),
        nn.Parameter(mc.ones(2), requires_grad=False),
        leaf,
        leaf * 2,
    ]
    loaded = save(value, tmp_path / "x.pth")
    kinds = [(type(t) is torch.nn.Parameter, t.requires_grad, t.is_leaf) for t in loaded]
    assert kinds == [
        (True, True, True),
        (True, False, True),
        (False, True, True),
        (False, True, True),
    ]
    again = mc.load(tmp_path / "x.pth")
    assert [(type(t) is nn.Parameter, t.requires_grad, t.is_leaf) for t in again] == kinds


PLAIN = {
    "none": None, "flags": [True, False], "text": "schön ☃\n", 5: {1.5: [], None: (), True: {}},
    "integers": [0, 255, 256, -1, 2**31 - 1, -(2**31), 2**31, 2**63, -(2**63), 2**200, -(2**200)],
    "floats": [0.1, -0.0, 1e-320, float("inf"), -float("inf")],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "ordered": OrderedDict([("b", 1), ("a", OrderedDict())]),
    "counter": Counter({30: 1, 10: 2}), "set": {1, "a", None}, "empty set": set(),
    "bytes": bytes(range(256)), "bytearray": bytearray(b"\x00\xff"),
    "many": {f"name {i}": [f"text {i}"] for i in range(300)},
}  # fmt: skip


def test_plain_values(tmp_path: Path) -> None:
    theirs = save(PLAIN, tmp_path / "x.pth")
    ours = mc.load(tmp_path / "x.pth")
    for loaded in (theirs, ours):
        assert loaded == PLAIN
        # types, too, and the order, which a set does not have
        assert repr({**loaded, "set": None}) == repr({**PLAIN, "set": None})


def test_dtypes_devices_and_numpy_scalars(tmp_path: Path) -> None:
    value = [mc.float32, mc.bfloat16, mc.device("cpu"), mc.device("cuda", 1), mc.device("cuda"),
             np.float32(0.5), np.int64(3), np.bool_(True)]  # fmt: skip
    assert save(value, tmp_path / "x.pth") == [
        torch.float32, torch.bfloat16, torch.device("cpu"), torch.device("cuda", 1),
        torch.device("cuda"), 0.5, 3, True,
    ]  # fmt: skip
    assert mc.load(tmp_path / "x.pth") == value


def test_the_same_object_twice_is_one_object(tmp_path: Path) -> None:
    tensor, shared = mc.ones(2), [1]
    recursive: list[Any] = [tensor, tensor, shared, {"again": shared}]
    recursive.append(recursive)
    for loaded in (save(recursive, tmp_path / "x.pth"), mc.load(tmp_path / "x.pth")):
        assert loaded[0] is loaded[1]
        assert loaded[2] is loaded[3]["again"]
        assert loaded[4] is loaded


def test_a_state_dict_has_torch_s_metadata(tmp_path: Path) -> None:
    ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()))
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Sequential(torch.nn.BatchNorm2d(4), torch.nn.ReLU())
    )
    loaded = save(ours.state_dict(), tmp_path / "x.pth")
    assert type(loaded) is OrderedDict
    assert loaded._metadata == theirs.state_dict()._metadata
    assert ours.state_dict(prefix="net.")._metadata == theirs.state_dict(prefix="net.")._metadata
    theirs.load_state_dict(loaded)
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 6)).astype(np.float32)
    np.testing.assert_allclose(
        theirs(torch.from_numpy(x)).detach().numpy(), ours(mc.tensor(x)).detach().numpy(), atol=1e-5
    )
    torch.save(theirs.state_dict(), tmp_path / "y.pth")
    state = mc.load(tmp_path / "y.pth")
    assert state._metadata == theirs.state_dict()._metadata
    ours.load_state_dict(state)


@pytest.mark.parametrize("name", ["x.pt", "x.pth", "x.pth.tar", "x.PTH"])
def test_the_name_decides(name: str, tmp_path: Path) -> None:
    mc.save([mc.ones(2)], str(tmp_path / name))
    assert torch.load(tmp_path / name, weights_only=True)[0].tolist() == [1, 1]
    mc.save([mc.ones(2)], tmp_path / name, format="minicnn")
    assert not zipfile.is_zipfile(tmp_path / name)
    assert mc.load(tmp_path / name)[0].tolist() == [1, 1]


def test_other_names_and_formats(tmp_path: Path) -> None:
    mc.save([mc.ones(2)], tmp_path / "x.ckpt")
    assert not zipfile.is_zipfile(tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="format must be 'torch' or 'minicnn', got 'onnx'"):
        mc.save([mc.ones(2)], tmp_path / "x.ckpt", format="onnx")


def test_the_zip_is_as_torch_s(tmp_path: Path) -> None:
    save([mc.ones(3), mc.zeros(5, dtype=mc.int8), mc.ones(7)], tmp_path / "x.pth")
    torch.save([torch.ones(3), torch.zeros(5, dtype=torch.int8), torch.ones(7)], tmp_path / "y.pth")
    with zipfile.ZipFile(tmp_path / "x.pth") as ours, zipfile.ZipFile(tmp_path / "y.pth") as theirs:
        assert ours.testzip() is None
        names = [name.partition("/")[2] for name in theirs.namelist()]
        assert [name.partition("/")[2] for name in ours.namelist()] == names
        for name in ("version", "byteorder", ".format_version", ".storage_alignment"):
            assert ours.read(f"archive/{name}") == theirs.read(f"y/{name}")
        content = (tmp_path / "x.pth").read_bytes()
        for info in ours.infolist():
            start = content.index(info.filename.encode(), info.header_offset)
            extra = int.from_bytes(
                content[info.header_offset + 28 : info.header_offset + 30], "little"
            )
            assert (start + len(info.filename) + extra) % 64 == 0
    mapped = torch.load(tmp_path / "x.pth", weights_only=True, mmap=True)
    assert [t.tolist() for t in mapped] == [[1] * 3, [0] * 5, [1] * 7]


def test_records_that_need_zip64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than 2 GiB; here zipfile thinks so from 1,000 bytes on."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    loaded = save([mc.arange(500.0), mc.arange(3.0), mc.arange(700.0)], tmp_path / "x.pth")
    monkeypatch.undo()
    assert [t.tolist() for t in loaded] == [t.tolist() for t in mc.load(tmp_path / "x.pth")]
    mapped = torch.load(tmp_path / "x.pth", weights_only=True, mmap=True)
    assert all(t.data_ptr() % 64 == mapped[1].data_ptr() % 64 for t in mapped)
    assert loaded[2].tolist() == list(range(700))


def test_open_files(tmp_path: Path) -> None:
    buffer = io.BytesIO(b"something before")
    buffer.seek(0, io.SEEK_END)
    start = buffer.tell()
    mc.save({"x": mc.arange(3)}, buffer, format="torch")
    assert torch.load(io.BytesIO(buffer.getvalue()[start:]), weights_only=True)["x"].tolist() == [
        0,
        1,
        2,
    ]
    buffer.seek(start)
    assert mc.load(buffer)["x"].tolist() == [0, 1, 2]
    with open(tmp_path / "x", "wb") as file:
        mc.save({"x": mc.arange(3)}, file)
    with open(tmp_path / "x", "rb") as file:
        assert mc.load(file)["x"].tolist() == [0, 1, 2]


class Custom:
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b": Custom()}}, r"cannot save a\.b: .*got Custom"),
        ([1, (2, frozenset({3}))], r"cannot save 1\.1: .*got frozenset"),
        (Custom(), "cannot save the object itself: .*Custom"),
        ({"a": np.ones(2)}, "cannot save a: .*got ndarray"),
        ({"a": {(1, 2): 3}}, r"cannot save a: keys .* got \(1, 2\) of type tuple"),
        ({"a": mc.Tensor.of(np.array(["x"]))}, "cannot save a: torch has no dtype <U1"),
        ({"a": 2**3000}, "cannot save a: an integer of 376 bytes"),
    ],
)
def test_what_cannot_be_saved_is_named(value: Any, message: str, tmp_path: Path) -> None:
    mc.save("old", tmp_path / "x.pth")
    with pytest.raises(TypeError, match=message):
        mc.save(value, tmp_path / "x.pth")
    assert mc.load(tmp_path / "x.pth") == "old"


@pytest.mark.parametrize("name", ["x.pth", "x.ckpt"])
def test_an_object_without_end(name: str, tmp_path: Path) -> None:
    endless: Any = []
    for _ in range(100_000):
        endless = (endless,)
    with pytest.raises(ValueError, match="contains itself or is nested too deep"):
        mc.save(endless, tmp_path / name)


def test_torch_is_not_imported(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"  # from here on, to import it is an error
        "import minicnn as mc\n"
        "mc.save({'x': mc.arange(3)}, sys.argv[1])\n"
    )
    path = str(tmp_path / "x.pth")
    subprocess.run([sys.executable, "-c", program, path], check=True)
    assert torch.load(path, weights_only=True)["x"].tolist() == [0, 1, 2]
