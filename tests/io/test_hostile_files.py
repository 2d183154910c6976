"""Damaged or malicious files: each is refused by name, at once, and no code from it runs."""

from __future__ import annotations

import builtins
import importlib
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_files import SAVERS, state

import minicnn as mc
from minicnn.io import load_weights
from minicnn.io.safe_pickle import load_pickle

FORMATS = list(SAVERS)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file of each format."""
    folder = tmp_path_factory.mktemp("good")
    for name, save in SAVERS.items():
        save(state(), folder / name)
    return {name: (folder / name).read_bytes() for name in FORMATS}


@pytest.fixture(autouse=True)
def canaries(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What hostile files call; it is an error if any is called."""
    sung: list[str] = []
    targets = [(os, "system"), (sys.modules[os.name], "system"), (subprocess, "call"),
               (builtins, "eval"), (importlib, "import_module")]  # fmt: skip
    for module, name in targets:
        monkeypatch.setattr(module, name, lambda *_, name=name, **__: sung.append(name))
    yield
    assert sung == []


def refuse(content: bytes, path: Path, match: str | None = None) -> None:
    """Loading must fail quickly, with an error that names the file."""
    path.write_bytes(content)
    start = time.process_time()
    with pytest.raises(ValueError, match=match) as failure:
        load_weights(path)
    assert time.process_time() - start < 1, "took too long"
    assert path.name in str(failure.value)
    assert len(str(failure.value)) < 1000


# ---- cut off ----


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9])
def test_cut_off(format: str, part: float, good: dict[str, bytes], tmp_path: Path) -> None:
    content = good[format]
    if format == "tar":  # its end is padding
        content = content.rstrip(b"\0")
    refuse(content[: int(part * len(content))], tmp_path / "cut.pth")


def test_cut_off_by_a_byte(good: dict[str, bytes], tmp_path: Path) -> None:
    for format in ("zip", "stream"):
        refuse(good[format][:-1], tmp_path / "cut.pth")


# ---- not weights at all ----

OTHERS = {
    "empty": b"",
    "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>" * 20,
    "text": "Größe 1\n".encode() * 100,
    "git lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
    "zeros": bytes(2000),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "gzip": b"\x1f\x8b\x08" + bytes(200),
    "pickle of a number": pickle.dumps(7),
    "pickle of weights": pickle.dumps({"weight": [1.0, 2.0]}, 2),
    "wrong protocol": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1002, 2),
    "no system": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) * 2,
    "big-endian": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
    + pickle.dumps({"little_endian": False}, 2),
    "half a zip": b"PK\x03\x04" + bytes(500),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_files(name: str, tmp_path: Path) -> None:
    refuse(OTHERS[name], tmp_path / "other.pth")


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(FileNotFoundError, match=r"folder\.pth"):
        load_weights(tmp_path / "folder.pth")
    with pytest.raises(IsADirectoryError, match=r"folder\.pth' is a folder"):
        mc.load(tmp_path / "folder.pth")


@pytest.mark.parametrize("value", [7, None, [1], {}, {"a": 1}, {"model": {}}, {1: 2}])
def test_no_weights_in_it(value: Any, tmp_path: Path) -> None:
    SAVERS["zip"](value, tmp_path / "x.pth")
    refuse((tmp_path / "x.pth").read_bytes(), tmp_path / "x.pth", "holds no weights by name")


# ---- pickles ----


def stream_of(pickled: bytes) -> bytes:
    """A file of the stream format around a pickle, with a storage "0" of two floats."""
    start = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    floats = b"]X\x01\x00\x00\x000a." + struct.pack("<q", 2) + bytes(8)
    pickled = pickled.replace(b"tQ", b"NtQ")  # what refers to a storage says that it is no view
    return b"".join(pickle.dumps(value, 2) for value in start) + pickled + floats


def zip_of(pickled: bytes, compression: int = zipfile.ZIP_STORED, **records: bytes) -> bytes:
    """A file of the zip format around a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, content in records.items():
            archive.writestr(f"archive/data/{name.removeprefix('_')}", content)
    return file.getvalue()


def tar_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


class Call:
    """Pickles into a call of ``function`` with ``arguments``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


TEXT = b"X\x01\x00\x00\x00x"  # pushes "x"
STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n("


def tensor(offset: bytes = b"K\0", size: bytes = b"K\2\x85", stride: bytes = b"K\1\x85",
           count: bytes = b"K\2") -> bytes:  # fmt: skip
    """A pickle of {"x": tensor} with parts to put in; its storage "0" is of two floats."""
    identity = STORAGE + count + b"tQ"
    return b"\x80\x02}" + TEXT + TENSOR + identity + offset + size + stride + b"\x89NtRs."


def long(number: int) -> bytes:
    return b"\x8a\x09" + number.to_bytes(9, "little", signed=True)


CODE = {
    "os.system": pickle.dumps(Call(os.system, "touch canary"), 2),
    "in a dict": pickle.dumps({"weight": Call(os.system, "touch canary")}, 2),
    "posix.system": b"cposix\nsystem\nX\x06\x00\x00\x00canary\x85R.",
    "nt.system": b"cnt\nsystem\nX\x06\x00\x00\x00canary\x85R.",
    "builtins.eval": b"cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
    "python 2's eval": b"c__builtin__\neval\nX\x01\x00\x00\x001\x85R.",
    "builtins.exec": b"cbuiltins\nexec\nX\x01\x00\x00\x001\x85R.",
    "subprocess": b"csubprocess\ncall\nX\x01\x00\x00\x00x\x85R.",
    "by the stack": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x06canary\x85R.",
    "dotted name": b"\x80\x04\x8c\x0ctorch._utils\x8c\x1b_rebuild_tensor.__globals__\x93.",
    "getattr": b"cbuiltins\ngetattr\n(ctorch\nSize\nX\x01\x00\x00\x00xtR.",
    "dict lookup": b"ccollections\nOrderedDict.__init__.__globals__\n.",
    "a module": b"ctorch.nn.modules.linear\nLinear\n)\x81.",
    "importlib": b"cimportlib\nimport_module\nX\x02\x00\x00\x00os\x85R.",
    "torch.load": b"ctorch.serialization\nload\nX\x01\x00\x00\x00x\x85R.",
    "NumPy": pickle.dumps(np.ones(3), 2),
    "a name with the name's end": b"ccollections\nOrderedDict\x00\n.",
    "INST": b"(X\x06\x00\x00\x00canaryios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nX\x06\x00\x00\x00canaryo.",
    "OBJ of ours": b"(ccollections\nOrderedDict\no.",
    "NEWOBJ": b"ccollections\nOrderedDict\n)\x81.",
    "NEWOBJ_EX": b"\x80\x04ccollections\nOrderedDict\n)}\x92.",
    "EXT1": b"\x82\x01.",
    "EXT2": b"\x83\x01\x00.",
    "EXT4": b"\x84\x01\x00\x00\x00.",
    "BYTEARRAY8": b"\x80\x05\x96" + struct.pack("<Q", 2) + b"ab.",
    "NEXT_BUFFER": b"\x80\x05\x97.",
    "call of a string": TEXT + b")R.",
    "call of a dict": b"})R.",
    "call of a tensor": tensor()[:-2] + b")R.",
    "call of a result": b"ccollections\nOrderedDict\n)R)R.",
}
DAMAGED = {
    "no stop": b"\x80\x02}",
    "stop at once": b".",
    "two results": b"}}.",
    "unknown instruction": b"\x80\x02\xff.",
    "pop of nothing": b"0.",
    "tuple without a mark": b"t.",
    "setitem on a list": b"]" + TEXT + b"Ns.",
    "odd setitems": b"}(" + TEXT + b"u.",
    "append to a dict": b"}Na.",
    "key of a list": b"}]Ns.",
    "key of a dict": b"}}Ns.",
    "key of a deep tuple": b"})" + b"\x85" * 100_000 + b"Ns.",
    "member of a deep tuple": b"\x80\x04\x8f()" + b"\x85" * 100_000 + b"\x90.",
    "persistent deep tuple": b")" + b"\x85" * 100_000 + b"Q.",
    "persistent list of lists": b"]2a" * 3 + b"Q.",
    "absent memo": b"h\x05.",
    "enormous memo": b"}r\xff\xff\xff\xff0g99999999999999999999\n.",
    "negative memo": b"g-1\n.",
    "build on a dict": b"}}b.",
    "build on nothing": b"}b.",
    "name of a number": b"\x80\x04K\x01K\x02\x93.",
    "arguments that are none": b"ccollections\nOrderedDict\nNR.",
    "arguments of a list": b"ccollections\nOrderedDict\n]R.",
    "pairs of threes": b"ccollections\nOrderedDict\n](NNNtaN\x86R.",
    "pairs of text": b"ccollections\nOrderedDict\n" + TEXT + b"\x85R.",
    "call of a dtype": b"ctorch\nFloatStorage\n)R.",
    "size of text": b"ctorch\nSize\n" + TEXT + b"\x85R.",
    "negative size": b"ctorch\nSize\n(J\xff\xff\xff\xfft\x85R.",
    "text of 4 GiB": b"X\xff\xff\xff\xffabc.",
    "text of 2**60": b"\x80\x04\x8d" + struct.pack("<Q", 2**60) + b"abc.",
    "bytes of 2**63": b"\x80\x04\x8e" + struct.pack("<Q", 2**63) + b"abc.",
    "negative bytes": b"T\xff\xff\xff\xffabc.",
    "long of 2 GiB": b"\x8b\xff\xff\xff\x7fabc.",
    "digits of a number": b"I" + b"9" * 10_000 + b"\n.",
    "not Unicode": b"X\x02\x00\x00\x00\xff\xfe.",
    "frame without end": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N",
    "tensor without a storage": b"}" + TEXT + TENSOR + b"NK\0))NNtRs.",
    "tensor without arguments": b"}" + TEXT + TENSOR + b"tRs.",
    "storage of None": b"}NQ.",
    "storage without a dtype": b"(X\x07\x00\x00\x00storageNX\x01\x00\x00\x000NK\2tQ.",
    "storage by a list": STORAGE.replace(b"X\x01\x00\x00\x000", b"]") + b"K\2tQ.",
    "storage of text many": tensor(count=TEXT),
    "storage of negative size": tensor(count=long(-1)),
    "storage beyond the file": tensor(count=long(2**40)),
    "storage beyond the memory": tensor(count=long(2**63)),
    "offset beyond the storage": tensor(offset=b"K\1"),
    "negative offset": tensor(offset=long(-1)),
    "huge offset": tensor(offset=long(2**62)),
    "size beyond the storage": tensor(size=b"K\3\x85"),
    "negative length": tensor(size=long(-2) + b"\x85"),
    "huge length": tensor(size=long(2**62) + b"\x85"),
    "huge length and none": tensor(size=long(2**62) + b"K\0\x86", stride=b"K\1K\1\x86"),
    "huge length, stride 0": tensor(size=long(2**62) + b"\x85", stride=b"K\0\x85"),
    "length beyond 64 bits": tensor(size=long(2**66) + b"\x85", stride=b"K\0\x85"),
    "negative stride": tensor(stride=long(-1) + b"\x85"),
    "huge stride": tensor(stride=long(2**62) + b"\x85"),
    "huge stride of one": tensor(size=b"K\1\x85", stride=long(2**66) + b"\x85"),
    "a stride too many": tensor(stride=b"K\1K\1\x86"),
    "size of a number": tensor(size=b"K\2"),
    "size of lists": tensor(size=b"]\x85"),
    "size of text ": tensor(size=TEXT),
    "65 dimensions": tensor(size=b"(" + b"K\1" * 65 + b"t", stride=b"(" + b"K\1" * 65 + b"t"),
    "offset of None": tensor(offset=b"N"),
}  # fmt: skip


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


# ---- bombs ----


def test_lists_of_lists_of_lists(tmp_path: Path) -> None:
    """Forty lists, each twice in the next: to show or compare the last one takes for ever."""
    bomb = b"]" + b"".join(b"q%c]h%ch%c\x86a" % (i, i, i) for i in range(40))
    for end in (b".", b"Q.", b"\x85}" + TEXT + b"N" + b"s.", b")R.", b"}2s."):
        refuse(zip_of(bomb + end), tmp_path / "bomb.pth")
    deep = b"]" * 100_000 + b"a" * 99_999
    for end in (b".", b"Q.", b")R."):
        refuse(zip_of(deep + end), tmp_path / "bomb.pth")


def test_a_dict_in_itself(tmp_path: Path) -> None:
    refuse(zip_of(b"}q\0X\x05\x00\x00\x00modelh\0s."), tmp_path / "bomb.pth", "no weights by name")
    nested = b"}" + b"X\x03\x00\x00\x00net}" * 5000 + b"s" * 5000 + b"."
    refuse(zip_of(nested), tmp_path / "bomb.pth", "holds no weights by name")


@pytest.mark.parametrize(
    "call",
    [
        b"ctorch\nSize\n",
        b"ccollections\nOrderedDict\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
    ],
)
def test_endless_tensors_are_not_iterated(call: bytes, tmp_path: Path) -> None:
    """A tensor with stride 0 is as long as it likes on two numbers."""
    endless = tensor(size=long(2**40) + b"\x85", stride=b"K\0\x85")[2:-2]  # }, "x", tensor
    for arguments in (b"\x85", b""):
        swapped = endless.replace(b"}" + TEXT, b"", 1)
        content = b"\x80\x02" + call + swapped + arguments + b"R."
        refuse(zip_of(content, _0=bytes(8)), tmp_path / "bomb.pth")


def test_copies_of_copies(tmp_path: Path) -> None:
    """A list of 20,000 pairs made into 20,000 dicts: 400 million entries from 200 kB."""
    pairs = b"](" + b"NN\x86" * 20_000 + b"eq\0\x85q\1" + b"ccollections\nOrderedDict\nq\2"
    refuse(zip_of(pairs + b"0" + b"h\2h\1R" * 20_000 + b"."), tmp_path / "bomb.pth")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_zips(method: int, tmp_path: Path) -> None:
    refuse(zip_of(tensor(), method, _0=bytes(8)), tmp_path / "bomb.pth", "compressed")
    bomb = b"X" + struct.pack("<I", 10**7) + bytes(10**7) + b"."
    refuse(zip_of(bomb, method), tmp_path / "bomb.pth", "compressed")


def many_copies() -> bytes:
    """A directory that lists the same record 2,000 times: 2 GB from a file of 1.2 MB."""
    numbers = bytes(10**6)
    content = zip_of(
        b"}.", **{str(key): numbers[: 10**6 if key == 0 else 0] for key in range(2000)}
    )
    directory = content.index(b"PK\x01\x02")
    first = content.index(b"archive/data/0", directory) - 46
    entries = bytearray(content[directory:])
    position = 0
    while entries[position : position + 4] == b"PK\x01\x02":
        length = 46 + int.from_bytes(entries[position + 28 : position + 30], "little")
        if b"archive/data/" in entries[position : position + length]:
            entries[position + 16 : position + 28] = content[
                first + 16 : first + 28
            ]  # size, checksum
            entries[position + 42 : position + 46] = content[first + 42 : first + 46]  # place
        position += length
    return content[:directory] + bytes(entries)


BIG = r"""
import re, sys
import minicnn as mc
from minicnn.io import load_weights
def peak():
    return int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1])
before = peak()
for path in sys.argv[1:]:
    try:
        load_weights(path)
    except ValueError:
        continue
    print("loaded", path)
print((peak() - before) >> 10)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory by /proc")
def test_bombs_take_no_memory(tmp_path: Path) -> None:
    floats = bytes(8)
    contents = [zip_of(DAMAGED[name], _0=floats) for name in DAMAGED]
    contents += [stream_of(DAMAGED[name]) for name in DAMAGED]
    contents.append(zip_of(b"X" + struct.pack("<I", 10**8) + bytes(10**8) + b".", 8))
    huge = b"{'descr': '<f8', 'fortran_order': False, 'shape': (17179869184,), }".ljust(117)
    contents.append(b"\x93NUMPY\1\0" + struct.pack("<H", 118) + huge + b"\n" + bytes(64))
    header = b'{"x":{"dtype":"F64","shape":[17179869184],"data_offsets":[0,137438953472]}}'
    contents.append(struct.pack("<Q", len(header)) + header + bytes(64))
    contents.append(many_copies())
    paths = []
    for number, content in enumerate(contents):
        paths.append(tmp_path / f"{number}.pth")
        paths[-1].write_bytes(content)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (100000000,), }".ljust(117)
        header = b"\x93NUMPY\1\0" + struct.pack("<H", 118) + header + b"\n"
        archive.writestr("x.npy", header + bytes(10**8))
    done = subprocess.run(
        [sys.executable, "-c", BIG, *map(str, paths), str(tmp_path / "bomb.npz")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "loaded" not in done.stdout
    assert int(done.stdout) < 40, "MiB"


# ---- zips and tars ----


def test_missing_records(good: dict[str, bytes], tmp_path: Path) -> None:
    refuse(zip_of(tensor()), tmp_path / "x.pth", "holds no record 'data/0'")
    refuse(zip_of(tensor(), _0=bytes(4)), tmp_path / "x.pth", "has 4 bytes, expected 2 numbers")
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("archive/readme", "")
    refuse(empty.getvalue(), tmp_path / "x.pth", "a zip of other files, such as 'archive/readme'")
    refuse(tar_of(storages=b"K\0.].", tensors=b"K\0."), tmp_path / "x.pth", "holds no 'pickle'")


def test_records_that_overlap(tmp_path: Path) -> None:
    refuse(many_copies(), tmp_path / "x.pth", "it is cut off, or its directory is damaged")


def test_big_endian_zips(tmp_path: Path) -> None:
    file = io.BytesIO(zip_of(tensor(), _0=bytes(8)))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/byteorder", "big")
    refuse(file.getvalue(), tmp_path / "x.pth", "big-endian")


@pytest.mark.parametrize("name", ["../../canary", "/tmp/canary", "a/../../../canary", "C:\\canary"])
def test_names_that_lead_elsewhere(name: str, tmp_path: Path) -> None:
    """Nothing is unpacked, so that names lead nowhere."""
    file = io.BytesIO(zip_of(tensor(), _0=bytes(8)))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, "canary")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "x.pth").write_bytes(file.getvalue())
    load_weights(tmp_path / "x" / "x.pth")
    refuse(tar_of(**{name: b"canary"}), tmp_path / "x" / "x.pth")
    assert os.listdir(tmp_path) == ["x"]
    asked = tensor().replace(b"X\x01\x00\x00\x000", b"X\x09\x00\x00\x00../secret")
    refuse(zip_of(asked, _0=bytes(8)), tmp_path / "x" / "x.pth", "holds no record 'data/../secret'")


@pytest.mark.parametrize(
    "offset, form, value",
    [
        (10, "<I", 2**32 - 1),  # from the end record: size of the directory
        (16, "<I", 2**32 - 2),  # where the directory begins
        (8, "<H", 65535),  # entries
    ],
)
def test_zips_with_a_broken_end(offset: int, form: str, value: int, tmp_path: Path) -> None:
    content = bytearray(zip_of(tensor(), _0=bytes(8)))
    end = content.rindex(b"PK\x05\x06")
    struct.pack_into(
        form, content, end + offset + (2 if form == "<I" and offset == 10 else 0), value
    )
    (tmp_path / "x.pth").write_bytes(content)
    if offset == 8:  # Python counts them itself
        load_weights(tmp_path / "x.pth")
    else:
        refuse(bytes(content), tmp_path / "x.pth")


@pytest.mark.parametrize(
    "field, form, value",
    [
        (6, "<H", 99),  # version needed
        (8, "<H", 1),  # encrypted
        (10, "<H", 97),  # method
        (24, "<I", 2**32 - 2),  # size
        (42, "<I", 2**32 - 2),  # where it is
        (42, "<I", 7),
    ],
)
def test_zips_with_a_broken_directory(field: int, form: str, value: int, tmp_path: Path) -> None:
    content = bytearray(zip_of(tensor(), _0=bytes(8)))
    struct.pack_into(form, content, content.index(b"PK\x01\x02") + field, value)
    refuse(bytes(content), tmp_path / "x.pth")


def tar_header(name: str, size: bytes, kind: bytes = b"0", link: str = "") -> bytes:
    header = name.encode().ljust(100, b"\0") + b"0000644\0" * 3 + size.ljust(12, b"\0")
    header += b"00000000000\0" + b" " * 8 + kind + link.encode().ljust(100, b"\0") + b"ustar\x0000"
    header = header.ljust(512, b"\0")
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


@pytest.mark.parametrize(
    "content",
    [
        tar_header("storages", b"0", b"2", "storages") * 3,
        tar_header("storages", b"0", b"1", "/etc/passwd")
        + tar_header("pickle", b"0", b"2", "/etc/passwd"),
        tar_header("storages", b"-1000") * 3,
        tar_header("storages", b"\xff" * 12) * 3,
        tar_header("storages", b"\x80" + b"\xff" * 11) * 3,
        tar_header("storages", b"77777777777") * 3,
        tar_header("storages", b"abc") * 3,
        tar_header("storages", b"0") + tar_header("tensors", b"0") + tar_header("pickle", b"0"),
        tar_header("\xff", b"0") * 3,
        tar_header("x" * 99, b"77777777777", b"L") * 3,
        tar_header("storages", b"77777777777", b"S") * 3,
    ],
    ids=[
        "link to itself", "links out", "negative size", "size of minus one", "size of 2**95",
        "size of 8 GiB", "size of letters", "empty", "name", "long name", "sparse",
    ],
)  # fmt: skip
def test_tars_with_broken_headers(content: bytes, tmp_path: Path) -> None:
    refuse(content, tmp_path / "x.pth")


FLOAT = b"ctorch\nFloatStorage\n"


@pytest.mark.parametrize(
    "storages, tensors",
    [
        (long(2**62) + b".", b"K\0."),
        (long(-1) + b".", b"K\0."),
        (TEXT + b".", b"K\0."),
        (b"K\1.(K\1N" + FLOAT + b"t." + struct.pack("<q", 2**60) + b"].", b"K\0."),
        (b"K\1.(K\1N" + FLOAT + b"t." + struct.pack("<q", -2) + bytes(8) + b"].", b"K\0."),
        (b"K\1.(K\1NNt." + struct.pack("<q", 2) + bytes(8) + b"].", b"K\0."),
        (b"K\1.()\x85\x85N" + FLOAT + b"t." + struct.pack("<q", 2) + bytes(8) + b"].", b"K\0."),
        (b"K\0.](K\2K\1K\0K\1ta.", b"K\0."),
        (b"K\0.].", long(2**62) + b"."),
        (b"K\0.].", b"K\1.(K\1K\1Nt." + struct.pack("<i4x", 1) + bytes(24)),
        (b"K\0.].", b"K\1.(K\1K\1Nt." + struct.pack("<i4x", 2**31 - 1) + bytes(24)),
        (b"K\0.].", b"K\1.(K\1K\1Nt." + struct.pack("<i4x", -1) + bytes(24)),
    ],
    ids=[
        "storages", "negative storages", "text storages", "storage size", "negative storage size",
        "no dtype", "key", "view of nothing", "tensors", "tensor of nothing", "dimensions",
        "negative dimensions",
    ],
)  # fmt: skip
def test_tars_with_broken_members(storages: bytes, tensors: bytes, tmp_path: Path) -> None:
    content = tar_of(storages=storages, tensors=tensors, pickle=b"}" + TEXT + b"X\1\0\0\0001Qs.")
    refuse(content, tmp_path / "x.pth")


# ---- other kinds of files ----


def test_npz_with_objects(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.array([Call(os.mkdir, "canary")], object))
    refuse((tmp_path / "x.npz").read_bytes(), tmp_path / "x.npz", "allow_pickle")
    np.savez(tmp_path / "x.npz", x=np.array(["text"]))
    refuse((tmp_path / "x.npz").read_bytes(), tmp_path / "x.npz", "must hold numbers")


def test_broken_npz(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.arange(100.0))
    content = path.read_bytes()
    for length in (0, 3, 50, 200, len(content) - 1):
        refuse(content[:length], path)
    np.save(tmp_path / "x.npy", np.arange(3.0))
    for other in (
        (tmp_path / "x.npy").read_bytes(),
        CODE["os.system"],
        zip_of(tensor()),
        b"<html>",
    ):
        refuse(other, path)
    refuse(content.replace(b"(100,), }         ", b"(10000000000,), }"), path)
    refuse(content.replace(b"(100,)", b"(-10,)"), path)


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"[]",
        b"{" * 50_000,
        b'{"x":' * 50_000,
        b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}',
        b'{"x":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]}}',
        b'{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}',
        b'{"x":{"dtype":"CODE","shape":[2],"data_offsets":[0,8]}}',
        b'{"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}',
        b'{"__metadata__":{"format":"minicnn checkpoint 1","structure":"' + b"[" * 50_000 + b'"}}',
        b'{"__metadata__":{"format":"minicnn checkpoint 1"}}',
    ],
    ids=range(12),
)
def test_broken_safetensors(header: bytes, tmp_path: Path) -> None:
    content = struct.pack("<Q", len(header)) + header + bytes(8 if b'"x"' in header else 0)
    refuse(content, tmp_path / "x.safetensors")


def test_cut_off_safetensors(tmp_path: Path) -> None:
    for content in (b"", b"\0" * 8, struct.pack("<Q", 2**63) + b"{}", b"<html>not found</html>"):
        refuse(content, tmp_path / "x.safetensors")
