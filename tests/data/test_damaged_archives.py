"""Damaged archives and annotations: nothing crashes, and what cannot be read is named.

Pictures, zips and lists are damaged in ``test_damaged.py``.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from damage import damaged
from pictures import jpeg
from PIL import Image
from shards import picture_shards, tar_of

from minicnn.data import DataLoader, WebDataset
from minicnn.data.tar import DamagedTar, members
from minicnn.data.window import File, Slice

pytestmark = [pytest.mark.cpu_only, pytest.mark.usefixtures("small_bombs")]

SHORT, LONG = 15, 1000  # damaged files of each format in the usual and in the slow tests


@dataclass
class Format:
    """A form in which people have pictures.

    Attributes:
        write: writes the files into a folder.
        read: reads everything in it, and gives a text for each thing that is broken.
    """

    write: Callable[[Path], object]
    read: Callable[[Path], Iterator[str]]


def write_tars(folder: Path) -> None:
    for number in range(2):
        files = [(f"n{number}/{i}.JPEG", jpeg(i)) for i in range(3)]
        (folder / f"{number}.tar").write_bytes(tar_of(files))


def write_nested_tars(folder: Path) -> None:
    tars = [(f"n{n}.tar", tar_of([(f"n{n}_{i}.JPEG", jpeg(i)) for i in range(3)])) for n in "12"]
    (folder / "train.tar").write_bytes(tar_of(tars))


def read_tars(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.tar")):
        yield from read_tar(File(path), str(path))


def read_tar(window: File | Slice, label: str) -> Iterator[str]:
    try:
        for member in members(window, label):
            part = Slice(window, member.offset, member.size)
            if member.name.endswith(".tar"):
                yield from read_tar(part, f"{label}/{member.name}")
            elif member.kind == "file":
                assert len(part.read_at(0, member.size)) == member.size
    except DamagedTar as error:
        yield str(error)


def write_shards(folder: Path) -> None:
    picture_shards(folder, 2, 3)


def write_packed_shards(folder: Path) -> None:
    for number in range(2):
        files = [(f"{i}.{end}", jpeg(i) if end == "jpg" else b"{}") for i in range(3)
                 for end in ("jpg", "json")]  # fmt: skip
        (folder / f"{number}.tar").write_bytes(tar_of(files, "w:gz"))


def read_shards(folder: Path) -> Iterator[str]:
    dataset = WebDataset(sorted(folder.glob("*.tar")), fields="jpg;png cls;json", on_error="skip")
    dataset = dataset.map_tuple(np.asarray, None)
    for _, target in dataset:
        assert isinstance(target, int | dict | list | str | float | bool | None)
    assert len(dataset.with_length()) >= 0
    yield from map(str, dataset.problems)


def read_shards_by_workers(folder: Path) -> Iterator[str]:
    dataset = WebDataset(sorted(folder.glob("*.tar")), fields="jpg cls", on_error="skip", shuffle=4)
    loader = DataLoader(dataset.map_tuple(np.mean, None), 2, num_workers=3)
    for _, labels in loader:
        assert labels.ndim == 1
    yield from (f"{place}: {reason}" for place, reason in loader.skipped.items())


FORMATS = {
    "tars": Format(write_tars, read_tars),
    "tars in a tar": Format(write_nested_tars, read_tars),
    "shards": Format(write_shards, read_shards),
    "packed shards": Format(write_packed_shards, read_shards),
    "shards and workers": Format(write_shards, read_shards_by_workers),
}


@pytest.fixture
def small_bombs(monkeypatch):
    """A low limit, so that a damaged size does not cost seconds and gigabytes."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2**20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check(name: str, folder: Path, count: int, seed: str) -> int:
    """Reads files of which one is damaged, ``count`` times; how often something was broken."""
    rng, form, broken = np.random.default_rng(zlib.crc32(seed.encode())), FORMATS[name], 0
    form.write(folder)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert not list(form.read(folder))
    for number in range(count):
        path = files[number % len(files)]
        original = path.read_bytes()
        path.write_bytes(damaged(original, rng))
        texts = list(form.read(folder))
        broken += bool(texts)
        for text in texts:
            assert text.startswith(str(path)) and len(text) > len(str(path)) + 2, text
        path.write_bytes(original)
    return broken


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_archives(name: str, tmp_path: Path) -> None:
    assert check(name, tmp_path, SHORT, name) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_many_damaged_archives(name: str, tmp_path: Path) -> None:
    broken = check(name, tmp_path, LONG, f"{name} long")
    print(f"{name}: {broken} of {LONG} broken")
