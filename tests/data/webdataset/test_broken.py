"""Broken shards and samples: each is named, and the others are there."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from pictures import jpeg
from shards import picture_shards, tar_of, write_shard

from minicnn.data import BrokenSample, DataLoader, WebDataset

pytestmark = [pytest.mark.cpu_only, pytest.mark.filterwarnings("ignore:left out sample")]

WORKERS = [(0, None), (2, "thread"), (2, "process")]


def huge_png() -> bytes:
    """The begin of a picture of 20,000 x 20,000."""
    begin = b"\x89PNG\r\n\x1a\n"
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(100))),
    ):
        begin += struct.pack(">I", len(data)) + kind + data
        begin += struct.pack(">I", zlib.crc32(kind + data))
    return begin


def cut(path: Path, at: int) -> None:
    path.write_bytes(path.read_bytes()[:at])


def cut_inside(path: Path, data: bytes) -> None:
    cut(path, path.read_bytes().rindex(data) + len(data) // 2)


def broken_shards(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Shards with nine good samples of class 7, and what is wrong in them."""
    good = [(f"good{i}.{end}", data) for i in range(3) for end, data in
            (("jpg", jpeg(i)), ("cls", b"7"))]  # fmt: skip
    files = [
        *good[:2],
        *[("nopicture.jpg", b"<html>"), ("nopicture.cls", b"7")],
        *[("noclass.jpg", jpeg(0)), ("noclass.cls", b"cat")],
        *good[2:4],
        *[("alone.txt", b"text")],
        *[("twice.cls", b"1"), ("twice.jpg", jpeg(0)), ("twice.cls", b"2")],
        *[("empty.jpg", b""), ("empty.cls", b"7")],
        *[("huge.jpg", jpeg(0)), ("huge.cls", b"9" * 20)],
        *[("bomb.jpg", huge_png()), ("bomb.cls", b"7")],
        *good[4:],
    ]
    shards = [str(folder / f"{name}.tar") for name in ("parts", "gone", "cut", "web", "end")]
    write_shard(Path(shards[0]), files)
    write_shard(Path(shards[2]), [*good, ("last.jpg", jpeg(3)), ("last.cls", b"7")])
    cut_inside(Path(shards[2]), jpeg(3))
    Path(shards[3]).write_bytes(b"<html>" * 200)
    write_shard(Path(shards[4]), good)
    reasons = {
        "parts.tar/nopicture.jpg": "cannot identify image file",
        "parts.tar/noclass.cls": "expected an integer, got b'cat'",
        "parts.tar/alone": "it has no jpg or jpeg or png",
        "parts.tar/twice": "twice.cls is in the shard twice",
        "parts.tar/empty.jpg": "the file is empty",
        "parts.tar/huge.cls": "expected an integer of 64 bits",
        "parts.tar/bomb.jpg": "exceeds limit",
        "gone.tar": "No such file or directory",
        "cut.tar": "it is cut",
        "web.tar": "it is not a tar: it begins with b'<html>",
    }
    return shards, reasons


def check(found: dict[str, str], reasons: dict[str, str], folder: Path) -> None:
    assert {str(Path(place).relative_to(folder)) for place in found} == set(reasons)
    for place, reason in reasons.items():
        assert reason in found[str(folder / place)], found[str(folder / place)]


@pytest.mark.parametrize(("num_workers", "worker_type"), WORKERS)
def test_a_loader_counts_what_is_broken(tmp_path, num_workers, worker_type):
    shards, reasons = broken_shards(tmp_path)
    dataset = WebDataset(shards, transform=np.asarray, on_error="skip")
    loader = DataLoader(dataset, 2, num_workers=num_workers, worker_type=worker_type)
    with pytest.warns(UserWarning, match=f"{len(reasons)} samples were left out"):
        labels = [batch.tolist() for _, batch in loader]
    check(loader.skipped, reasons, tmp_path)
    assert {label for batch in labels for label in batch} == {7}
    assert loader.samples == sum(map(len, labels)) and loader.samples in (8, 9)
    if not num_workers:
        assert [len(batch) for batch in labels] == [2] * (loader.samples // 2) + [1] * (
            loader.samples % 2
        )
    if worker_type != "process":
        check(dict(dataset.problems), reasons, tmp_path)
        assert len(dataset.problems) == len(reasons)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(loader)) == len(labels)  # what is known is not told again


@pytest.mark.parametrize("on_error", ["skip", "warn"])
def test_a_loop_goes_on(tmp_path, on_error):
    shards, reasons = broken_shards(tmp_path)
    dataset = WebDataset(shards, transform=np.asarray, on_error=on_error)
    with pytest.warns(UserWarning) as warned:
        assert {target for _, target in dataset} == {7}
    texts = [str(warning.message) for warning in warned if warning.category is UserWarning]
    assert {Path(warning.filename).name for warning in warned} == {"test_broken.py"}
    if on_error == "skip":
        assert len(texts) == 1
        assert texts[0].startswith(f"left out {dataset.problems} of the shards, the first: ")
    else:
        check(dict(text[9:].split(": ", 1) for text in texts), reasons, tmp_path)
    check(dict(dataset.problems), reasons, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert {target for _, target in dataset} == {7}


def test_a_loader_warns_of_each(tmp_path):
    shards, reasons = broken_shards(tmp_path)
    loader = DataLoader(WebDataset(shards, transform=np.asarray, on_error="warn"), 2)
    with pytest.warns(UserWarning, match="left out sample .*cut.tar: it is cut") as warned:
        list(loader)
    assert len([w for w in warned if "left out sample" in str(w.message)]) == len(reasons)


@pytest.mark.parametrize("number", range(5))
def test_an_error_names_the_shard_and_the_member(tmp_path, number):
    shards, reasons = broken_shards(tmp_path)
    dataset = WebDataset(shards[number], transform=np.asarray)
    if number == 4:
        assert len(list(dataset)) == 3
        return
    place = next(place for place in reasons if place.startswith(Path(shards[number]).name))
    with pytest.raises(BrokenSample, match=f"{tmp_path}/{place}: .*{reasons[place][:15]}"):
        list(dataset)
    with pytest.raises(BrokenSample, match=rf"in sample \d \(WebDataset\): {tmp_path}/{place}: "):
        list(DataLoader(dataset))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_shard_that_is_cut_gives_what_is_before(tmp_path, mode):
    files = [(f"{i}.{end}", np.random.default_rng(i).bytes(700)) for i in range(6) for end in "ab"]
    whole = tar_of(files, mode)
    path = tmp_path / "a.tar"
    counts = []
    end = len(whole) if mode == "w:gz" else 12 * (512 + 1024)  # zeros follow
    for size in range(0, end, end // 25):
        path.write_bytes(whole[:size])
        dataset = WebDataset(path, on_error="skip")
        with pytest.warns(
            UserWarning,
            match=rf"{path}: (it is (cut|empty|not a tar)|\d\.[ab] cannot be read|Compressed file ended)",
        ):
            samples = list(dataset)
        assert [(f"{s['__key__']}.{end}", s[end]) for s in samples for end in "ab"] == (
            files[: 2 * len(samples)]
        )
        counts.append(len(samples))
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] in (5, 6)


def test_the_checksum_of_a_compressed_shard_is_checked(tmp_path):
    path = tmp_path / "a.tar.gz"
    packed = bytearray(tar_of([("1.a", b"x"), ("2.a", b"x")], "w:gz"))
    packed[-8] ^= 1
    path.write_bytes(packed)
    with pytest.raises(BrokenSample, match=f"{path}: CRC check failed"):
        list(WebDataset(path))


def test_the_sample_before_the_cut_is_named(tmp_path):
    path = tmp_path / "a.tar"
    write_shard(path, [("1.a", b"x"), ("2.a", b"x"), ("2.b", b"x")])
    cut(path, 4 * 512 + 512)
    dataset = WebDataset(path, on_error="skip")
    with pytest.warns(UserWarning, match=r"it is cut.*; 2, which may not be complete, is left out"):
        assert [sample["__key__"] for sample in dataset] == ["1"]


def test_what_is_broken_at_the_end_is_counted(tmp_path):
    shards = [picture_shards(tmp_path, 2, 2), str(tmp_path / "gone.tar")]
    for options in ({"batch_size": 2}, {"batch_size": 3, "drop_last": True}, {"num_workers": 3}):
        loader = DataLoader(WebDataset(shards, on_error="skip"), **options)
        with pytest.warns(UserWarning, match="1 samples were left out"):
            list(loader)
        assert list(loader.skipped) == [str(tmp_path / "gone.tar")]


def test_errors_of_own_functions_are_raised(tmp_path):
    dataset = WebDataset(picture_shards(tmp_path, 1), transform=lambda x: 1 / 0, on_error="skip")
    with pytest.raises(ZeroDivisionError):
        list(dataset)


def test_readers_that_share_a_shard_name_what_is_broken_once(tmp_path):
    shards, reasons = broken_shards(tmp_path)
    dataset = WebDataset(shards[0], transform=np.asarray, on_error="skip")
    loader = DataLoader(dataset, 1, num_workers=4)
    with pytest.warns(UserWarning, match="7 samples were left out"):
        assert len(list(loader)) == 3
    check(loader.skipped, {p: r for p, r in reasons.items() if p.startswith("parts")}, tmp_path)
