"""Small files that would take all memory, or for ever."""

from __future__ import annotations

import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hostile_files import many_copies, refuse, stream_of, zip_of
from hostile_pickles import DAMAGED, TEXT, long, tensor


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
