"""Random damage to files of every format: a clear error or a right answer, and never code run.

The usual run damages 60 files of each format, ``-m slow`` 1,000 and more.
"""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import time
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_files import SAVERS

import minicnn as mc
from minicnn import nn
from minicnn.io import save_weights

LONGEST = 2.0  # seconds of the processor for one file


def value(torch_or_ours: Any, module: bool = False) -> Any:
    """Something of everything, in torch or in ours."""
    t = torch_or_ours
    net = t.nn.Sequential(t.nn.Conv2d(2, 3, 3), t.nn.BatchNorm2d(3))
    names = {"net": net} if module else {"net": net.state_dict()}
    return names | {
        "optimizer": {"state": {0: {"step": 3, "exp_avg": t.zeros(4, 5)}}, "groups": [{"lr": 0.1}]},
        "milestones": Counter({30: 1}), "names": ["cat", "dog"], "size": (1, 2), "best": 0.5,
        "dtype": t.bfloat16, "set": {1, 2}, "ordered": OrderedDict(a=None),
    }  # fmt: skip


def torch_file(name: str, module: bool = False) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        content = value(torch, module)
        if name == "tar":  # made by hand, which knows fewer types
            content = {key: content[key] for key in ("optimizer", "names", "size", "best")}
        SAVERS[name](content, path)

    return write


def weights(ending: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        named = path.with_name(f"w{ending}")
        save_weights(value(mc)["net"], named)
        named.rename(path)

    return write


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(100.0))
    return file.getvalue()


# How a file is written, and whether checksums find every flipped bit of its content.
FORMATS: dict[str, tuple[Callable[[Path], Any], bool]] = {
    "checkpoint": (lambda path: mc.save(value(mc), path), True),
    "ours as torch": (lambda path: mc.save(value(mc), path, format="torch"), True),
    "torch zip": (torch_file("zip"), True),
    "torch zip with a module": (torch_file("zip", module=True), True),
    "torch stream": (torch_file("stream"), False),
    "torch tar": (torch_file("tar"), False),
    "safetensors": (weights(".safetensors"), False),
    "npz": (weights(".npz"), True),
    "npy": (lambda path: path.write_bytes(npy()), False),
}


class Canary:
    """Pickles into a call that would leave a mark."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("canary",)


# Pieces that a pickle could be made of, to splice in.
PIECES = [
    b"cos\nsystem\n", b"cposix\nsystem\n", b"cbuiltins\neval\n", b"c__builtin__\nexec\n", b"R", b"(", b"t",
    b"cminicnn.nn.conv\nConv2d\n", b")\x81", b"b", b"}", b"]", b"u", b"s", b"Q", b"2", b"0", b".", b"\x80\x04",
    b"X\xff\xff\xff\x7f", b"\x8d" + b"\xff" * 7 + b"\x7f", b"\x8b\xff\xff\xff\x7f", b"h\x00", b"\x85" * 50,
    b"\x8a\x08" + b"\xff" * 7 + b"\x7f", pickle.dumps(Canary(), 2)[2:-1], b"\x00" * 64, b"\xff" * 64,
    b"PK\x03\x04", b"PK\x05\x06", b"99999999999", b'"shape":[4611686018427387904]',
    struct.pack("<Q", 2**62), struct.pack("<I", 2**31 - 1),
]  # fmt: skip


def damage(content: bytes, chance: random.Random) -> bytes:
    """Flipped bits, cuts, spliced pieces, parts in another order or twice."""
    kind = chance.choice(
        ("bits", "bits", "bits", "cut", "splice", "splice", "move", "double", "zero")
    )
    data = bytearray(content)
    place = chance.randrange(len(data))
    # The structure is at the beginning or the end: most damage there is more telling.
    if chance.random() < 0.5:
        place = min(place, chance.randrange(200)) if chance.random() < 0.5 else place
    if kind == "bits":
        for _ in range(chance.choice((1, 1, 1, 2, 8, 64))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del data[place:]
    elif kind == "splice":
        piece = chance.choice(PIECES)
        stop = place + (
            len(piece) if chance.random() < 0.5 else 0
        )  # over what is there, or between
        data[place:stop] = piece
    elif kind == "move":
        length = chance.randrange(1, 200)
        other = chance.randrange(len(data))
        part = data[place : place + length]
        data[place : place + length], data[other : other + length] = (
            data[other : other + length],
            part,
        )
    elif kind == "double":
        length = chance.randrange(1, 2000)
        data[place:place] = data[place : place + length]
    else:
        length = chance.randrange(1, 2000)
        data[place : place + length] = bytes(len(data[place : place + length]))
    return bytes(data)


def damage_pickle(content: bytes, chance: random.Random) -> bytes:
    """A torch zip with a damaged pickle, or swapped records, and right checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in records if name.endswith("data.pkl"))
    if chance.random() < 0.8:
        records[name] = damage(records[name], chance)
    else:
        first, second = chance.sample(sorted(records), 2)
        records[first], records[second] = records[second], records[first]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, record in records.items():
            archive.writestr(name, record)
    return file.getvalue()


def flat(value: Any, seen: frozenset[int] = frozenset()) -> Any:
    """What a value says, in a form that can be compared; tensors by their numbers."""
    if id(value) in seen:
        return "itself"
    seen = seen | {id(value)}
    if isinstance(value, mc.Tensor):
        return value.dtype.name, value.shape, value.array.tobytes()
    if isinstance(value, nn.Module):
        return flat(value.__dict__, seen)
    if isinstance(value, dict):
        return [(repr(key), flat(item, seen)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [flat(item, seen) for item in value]
    return repr(value)


@pytest.fixture
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """On the CPU; at the end nobody may have made a folder, which canaries would."""
    mc.set_default_device(None)
    monkeypatch.chdir(tmp_path)
    sung: list[Any] = []
    monkeypatch.setattr(os, "mkdir", lambda *_: sung.append("mkdir"))
    monkeypatch.setattr(os, "system", lambda *_: sung.append("system"))
    yield tmp_path
    assert sung == []


def check(content: bytes, whole: Any, checked: bool, weights_only: bool, path: Path) -> str:
    """Loads a damaged file; returns what came of it."""
    path.write_bytes(content)
    start = time.process_time()
    try:
        loaded = mc.load(path, weights_only=weights_only)
    except ValueError as error:
        text = str(error)
        assert text.startswith(f"cannot read {str(path)!r}: "), text
        assert "\n" not in text and len(text) < 500, text
        result = "refused"
    else:
        assert not checked or flat(loaded) == whole, "other values, in spite of a checksum"
        result = "loaded"
    assert time.process_time() - start < LONGEST
    return result


def search(name: str, count: int, seed: int, folder: Path) -> Counter[str]:
    write, has_checksum = FORMATS[name]
    write(folder / "good")
    content = (folder / "good").read_bytes()
    weights_only = "module" not in name
    whole = flat(mc.load(folder / "good", weights_only=weights_only))
    results: Counter[str] = Counter()
    for number in range(count):
        chance = random.Random(f"{name} {seed} {number}")
        resealed = "zip" in name and number % 3 == 0
        damaged = (damage_pickle if resealed else damage)(content, chance)
        checked = has_checksum and not resealed
        try:
            results[check(damaged, whole, checked, weights_only, folder / "bad")] += 1
        except BaseException:
            print(f"file {number} of {name!r} with seed {seed}")
            raise
    return results


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files(name: str, in_an_empty_folder: Path) -> None:
    assert search(name, 60, seed=0, folder=in_an_empty_folder)["refused"] > 10


@pytest.mark.slow
@pytest.mark.cpu_only
@pytest.mark.parametrize("name", FORMATS)
def test_a_thousand_damaged_files(name: str, in_an_empty_folder: Path) -> None:
    results = search(name, 1000, seed=int(os.environ.get("SEED", "1")), folder=in_an_empty_folder)
    print(f"{name}: {results['refused']} refused, {results['loaded']} loaded")
