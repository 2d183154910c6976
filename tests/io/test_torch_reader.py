"""PyTorch's files read without PyTorch: every format, dtype and layout that it writes."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_files import SAVERS, save_stream, save_tar, save_zip, state

import minicnn as mc
from minicnn import nn

DTYPES = [
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.uint8,
    torch.int16, torch.int32, torch.int64, torch.bool,
]  # fmt: skip

every_format = pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)


def assert_equal(ours: Any, theirs: Any) -> None:
    """Equal containers of equal values, with torch's tensors on one side and ours on the other."""
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, mc.Tensor)
        assert str(theirs.dtype) == f"torch.{ours.dtype.name}"
        assert ours.shape == tuple(theirs.shape)
        if theirs.dtype == torch.bfloat16:
            theirs, ours = theirs.float(), ours.float()
        assert ours.requires_grad == theirs.requires_grad
        assert isinstance(ours, nn.Parameter) == isinstance(theirs, torch.nn.Parameter)
        values = ours.detach().cpu().numpy()
        np.testing.assert_array_equal(values, theirs.detach().resolve_neg().cpu().numpy())
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            assert_equal(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for our, their in zip(ours, theirs):
            assert_equal(our, their)
    else:
        assert ours == theirs and type(ours) is type(theirs)


@every_format
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype(save: Any, dtype: torch.dtype, tmp_path: Path) -> None:
    value = {"x": torch.arange(-3, 9).reshape(3, 4).to(dtype)}
    save(value, tmp_path / "x.pth")
    assert_equal(mc.load(tmp_path / "x.pth"), value)


@every_format
def test_every_layout(save: Any, tmp_path: Path) -> None:
    base = torch.arange(120.0).reshape(2, 3, 4, 5)
    value = OrderedDict(
        whole=base,
        transposed=base.permute(3, 1, 0, 2),
        channels_last=base.clone().contiguous(memory_format=torch.channels_last),
        part=base[1, :, 1:3, ::2],
        expanded=base[0, 0, 0].expand(3, 5),
        scalar=torch.tensor(2.5),
        element=base[1, 2, 3, 4],
        empty=torch.empty(0),
        empty_rows=torch.empty(3, 0, 2),
        one=torch.ones(1, 1, 1),
    )
    save(value, tmp_path / "x.pth")
    loaded = mc.load(str(tmp_path / "x.pth"))
    assert_equal(loaded, value)
    for name in ("whole", "transposed", "channels_last", "part", "expanded"):
        strides = tuple(step // 4 for step in loaded[name].array.strides)
        assert strides == value[name].stride(), name


@every_format
def test_shared_storages_stay_shared_and_the_file_as_it_is(save: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    save(state(), path)
    before = path.read_bytes()
    loaded = mc.load(path)
    weight, bias = (loaded[name].array.ctypes.data for name in ("weight", "bias"))
    assert weight - bias == 6 * 8  # bytes: weight begins a row of the storage after bias
    loaded["bias"].array[:] = 0
    loaded["weight"].array[:] = 1
    assert path.read_bytes() == before
    assert_equal(mc.load(path), state())


@every_format
def test_nested_containers_and_plain_values(save: Any, tmp_path: Path) -> None:
    value = {
        "epoch": 3, "best": 0.5, "name": "schön", "flag": True, "none": None, "big": -(2**70),
        "list": [1, [2.0, (3, ())], {}], 5: {(1, "a"): [torch.ones(2)]},
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]},
        "size": torch.Size([2, 3]) if save is not save_tar else 0,
    }  # fmt: skip
    save(value, tmp_path / "x.pth")
    loaded = mc.load(tmp_path / "x.pth")
    value["size"] = tuple(value["size"]) if save is not save_tar else 0
    assert_equal(loaded, value)
    assert type(loaded["list"]) is list and type(loaded["list"][1][1]) is tuple


@pytest.mark.parametrize("save", [save_zip, save_stream])
def test_parameters_and_bare_tensors(save: Any, tmp_path: Path) -> None:
    value = [torch.nn.Parameter(torch.ones(2, 3)), torch.arange(3, dtype=torch.int16)]
    save(value, tmp_path / "x.pth")
    assert_equal(mc.load(tmp_path / "x.pth"), value)
    save(value[1], tmp_path / "y.pth")
    assert_equal(mc.load(tmp_path / "y.pth"), value[1])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol(protocol: int, tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "x.pth", pickle_protocol=protocol)
    assert_equal(mc.load(tmp_path / "x.pth"), state())


def test_torch_reads_the_handmade_tar(tmp_path: Path) -> None:
    save_tar(state(), tmp_path / "x.pth")
    loaded = torch.load(tmp_path / "x.pth", weights_only=False)
    assert all(torch.equal(loaded[key], value) for key, value in state().items())


def test_storage_views_of_the_stream_format(tmp_path: Path) -> None:
    """Files from before PyTorch 0.4 refer to a part of a storage as a storage of its own."""
    save_stream([torch.arange(10.0)], tmp_path / "x.pth")
    content = (tmp_path / "x.pth").read_bytes()
    assert content.count(b"K\nNt") == 1  # ten elements, no view
    view = b"K\nX\x01\x00\x00\x00vK\x04K\x03\x87t"  # ("v", 4, 3)
    content = content.replace(b"K\nNt", view).replace(b"K\n\x85", b"K\x03\x85")
    (tmp_path / "x.pth").write_bytes(content)
    (loaded,) = mc.load(tmp_path / "x.pth")
    assert loaded.tolist() == [4, 5, 6]


def test_the_zip_may_have_any_name_inside(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "x.pth")
    with (
        zipfile.ZipFile(tmp_path / "x.pth") as old,
        zipfile.ZipFile(tmp_path / "y.pth", "w") as new,
    ):
        for name in old.namelist():
            new.writestr("other" + name[name.index("/") :], old.read(name))
    assert_equal(mc.load(tmp_path / "y.pth"), state())


def test_batch_norm_from_before_counters(tmp_path: Path) -> None:
    theirs = torch.nn.BatchNorm2d(3)
    torch.nn.init.uniform_(theirs.running_mean)
    old = theirs.state_dict()
    del old["num_batches_tracked"]
    save_tar(old, tmp_path / "x.pth")
    net = nn.BatchNorm2d(3)
    net.load_state_dict(mc.load(tmp_path / "x.pth"))
    assert_equal(net.running_mean, theirs.running_mean)


@every_format
def test_torch_is_not_imported(save: Any, tmp_path: Path) -> None:
    save(state(), tmp_path / "x.pth")
    program = (
        "import sys; sys.modules['torch'] = None\n"  # from here on, to import it is an error
        "from minicnn.io import load_weights\n"
        "print(load_weights(sys.argv[1])['count'].item())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x.pth")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "7\n", done.stderr


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*absent\.pth"):
        mc.load(tmp_path / "absent.pth")
    with pytest.raises(IsADirectoryError):
        mc.load(tmp_path)
    torch.save(torch.nn.Linear(1, 1), tmp_path / "net.pth")
    with pytest.raises(ValueError, match=r"net\.pth.*'torch\.nn\.modules\.linear\.Linear'"):
        mc.load(tmp_path / "net.pth")


# ---- everything that torch's weights_only admits ----


@pytest.mark.parametrize("save", [save_zip, save_stream])
def test_containers_and_values(save: Any, tmp_path: Path) -> None:
    value = {
        "counter": Counter({30: 1, 10: 2}), "ordered": OrderedDict(b=1, a=2), "set": {1, "a", None},
        "bytes": b"\x00\xff", "bytearray": bytearray(b"\xff"), "complex": 1 - 2j,
        "recursive": [1],
    }  # fmt: skip
    value["recursive"].append(value["recursive"])
    save(value, tmp_path / "x.pth")
    torch.load(tmp_path / "x.pth", weights_only=True)  # it admits them
    loaded = mc.load(tmp_path / "x.pth")
    recursive, _ = loaded.pop("recursive"), value.pop("recursive")
    assert recursive[0] == 1
    assert recursive[1] is recursive
    assert loaded == value
    assert list(map(type, loaded.values())) == list(map(type, value.values()))
    assert list(loaded["ordered"]) == ["b", "a"]


def test_dtypes_and_devices(tmp_path: Path) -> None:
    names = [str(dtype)[6:] for dtype in (*DTYPES, torch.uint16, torch.uint32, torch.uint64)]
    value = [
        *(getattr(torch, name) for name in names),
        torch.device("cpu"),
        torch.device("cuda", 1),
    ]
    torch.save(value, tmp_path / "x.pth")
    assert mc.load(tmp_path / "x.pth") == [
        *(mc.bfloat16 if name == "bfloat16" else np.dtype(name) for name in names),
        mc.device("cpu"), mc.device("cuda", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("save", [save_zip, save_stream])
def test_negated_views(save: Any, tmp_path: Path) -> None:
    """torch negates lazily: the file holds the numbers as they were, and a note."""
    numbers = torch.arange(12.0).reshape(3, 4)
    whole = numbers._neg_view()
    value = [
        whole,
        whole[1:, ::2].T,
        numbers,
        torch.nn.Parameter(whole),
        (1j * numbers).conj().imag,
    ]
    assert value[-1].is_neg()
    save(value, tmp_path / "x.pth")
    assert_equal(mc.load(tmp_path / "x.pth"), value)


def test_tensors_with_attributes_and_new_dtypes(tmp_path: Path) -> None:
    tensor, parameter = torch.ones(2), torch.nn.Parameter(torch.ones(2))
    tensor.note, parameter.group = "text", {"lr": 0.1}
    value = [tensor, parameter, torch.arange(5).to(torch.uint16)[1::2]]
    torch.save(value, tmp_path / "x.pth")
    torch.load(tmp_path / "x.pth", weights_only=True)
    loaded = mc.load(tmp_path / "x.pth")
    assert_equal(loaded, value)
    assert loaded[0].note == "text" and loaded[1].group == {"lr": 0.1}


def test_tensors_that_require_gradients(tmp_path: Path) -> None:
    leaf = torch.ones(2, requires_grad=True)
    value = [leaf, leaf * 2, torch.nn.Parameter(leaf.detach(), requires_grad=False), leaf.detach()]
    torch.save(value, tmp_path / "x.pth")
    loaded = mc.load(tmp_path / "x.pth")
    assert_equal(loaded, value)
    assert all(tensor.is_leaf for tensor in loaded)


def test_overlapping_views_share_their_storage(tmp_path: Path) -> None:
    numbers = torch.arange(10.0)
    value = [
        numbers[2:8],
        numbers[4:],
        torch.as_strided(numbers, (4, 3), (2, 1)),
        numbers[0].expand(3),
    ]
    torch.save(value, tmp_path / "x.pth")
    loaded = mc.load(tmp_path / "x.pth")
    assert_equal(loaded, value)
    loaded[0].array[2] = 50  # element 4
    assert loaded[1].array[0] == loaded[2].array[2, 0] == loaded[2].array[1, 2] == 50


def test_storages_alone(tmp_path: Path) -> None:
    torch.save([torch.arange(3).untyped_storage()], tmp_path / "x.pth")
    (storage,) = mc.load(tmp_path / "x.pth")
    assert storage.array.view(np.int64).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "value, kind",
    [
        (torch.ones(2, dtype=torch.complex64), "complex numbers"),
        (torch.complex64, "complex numbers"),
        (torch.ones(2).to_sparse(), "sparse tensors|layouts"),
        (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "quantised tensors"),
        (torch.ones(2).to(torch.float8_e4m3fn), "numbers of 8 bits"),
        (torch.ones(2, device="meta"), "tensors without values"),
        (torch.device("ve"), "a device that does not exist here"),
        (np.float64(1.0), r"names 'numpy\.(_?core)\.multiarray\.scalar'"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_what_does_not_exist_here_is_named(value: Any, kind: str, tmp_path: Path) -> None:
    torch.save({"x": value() if callable(value) else value}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=rf"x\.pth'.*({kind})") as failure:
        mc.load(tmp_path / "x.pth")
    assert "\n" not in str(failure.value)


def test_files_without_checksums(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(state(), tmp_path / "x.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    assert_equal(mc.load(tmp_path / "x.pth"), state())


def test_every_flipped_bit_of_the_numbers_is_noticed(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "x.pth")
    content = (tmp_path / "x.pth").read_bytes()
    with zipfile.ZipFile(tmp_path / "x.pth") as archive:
        places = [content.index(archive.read(info), info.header_offset) for info in archive.infolist()
                  if "/data/" in info.filename and "id" not in info.filename]  # fmt: skip
    assert len(places) == 2
    for place in places:
        for bit in range(64):
            flipped = bytearray(content)
            flipped[place + bit // 8] ^= 1 << bit % 8
            (tmp_path / "y.pth").write_bytes(flipped)
            with pytest.raises(ValueError, match=r"the checksum of its record .* does not fit"):
                mc.load(tmp_path / "y.pth")
