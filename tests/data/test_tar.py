"""The members of a tar; Python's ``tarfile`` is the oracle."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from damage import damaged

from minicnn.data.tar import DamagedTar, Member, members
from minicnn.data.window import Damaged, File, Memory, Slice

pytestmark = pytest.mark.cpu_only

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
FILES = {"a.jpg": b"x" * 1000, "empty": b"", "n01440764/b.JPEG": b"y" * 512, "c": b"z"}
LONG = "folder/" * 30 + "name.jpg"


def tar(files: dict[str, bytes], kind: int = tarfile.GNU_FORMAT, **options) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind, **options) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def listed(data: bytes) -> list[Member]:
    return list(members(Memory(data), "a.tar"))


def by_tarfile(data: bytes) -> list[Member]:
    """What Python's tarfile lists."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [
            Member(
                info.name,
                info.offset_data,
                info.size if info.isreg() else 0,
                "folder" if info.isdir() else "link" if info.islnk() or info.issym()
                else "file" if info.isreg() and not info.issparse() else "other",
            )
            for info in archive
        ]  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS.values(), ids=FORMATS)
def test_formats(kind: int) -> None:
    files = FILES | {LONG: b"long", "ä/猫.jpg": b"cat"}
    data = tar(files, kind)
    found = listed(data)
    assert found == by_tarfile(data)
    assert {m.name: data[m.offset : m.offset + m.size] for m in found} == files


def test_names_longer_than_ustar_has_room_for() -> None:
    files = {"f" * 300: b"1", "d" * 200 + "/" + "f" * 200: b"2", "x": b"3"}
    for kind in ("gnu", "pax"):
        data = tar(files, FORMATS[kind])
        assert listed(data) == by_tarfile(data)
        assert [m.name for m in listed(data)] == list(files)


def test_folders_links_and_devices() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for kind in (tarfile.DIRTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE,
                     tarfile.CHRTYPE, tarfile.CONTTYPE):  # fmt: skip
            info = tarfile.TarInfo("name" + kind.decode())
            info.type, info.linkname = kind, "l" * 200
            archive.addfile(info)
        archive.addfile(tarfile.TarInfo("last"))
    kinds = [member.kind for member in listed(file.getvalue())]
    assert kinds == ["folder", "link", "link", "other", "other", "file", "file"]
    assert listed(file.getvalue()) == by_tarfile(file.getvalue())


def with_header(data: bytes, changes: dict[int, bytes], at: int = 0) -> bytes:
    """A tar with bytes of a header changed, and its checksum set right."""
    header = bytearray(data[at : at + 512])
    for offset, value in changes.items():
        header[offset : offset + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return data[:at] + bytes(header) + data[at + 512 :]


def test_unix_v7() -> None:
    data = tar({"folder/": b"", "f": b"12"})
    for at in (0, 512):
        data = with_header(data, {156: b"\0", 257: bytes(255)}, at)
    assert listed(data) == [("folder", 512, 0, "folder"), ("f", 1024, 2, "file")]
    assert listed(data) == by_tarfile(data)


def test_checksums_of_signed_bytes() -> None:
    data = bytearray(tar({"ä": b"12"}))
    total = sum(data[:512]) - sum(data[148:156]) + 256 - 2 * 256  # of which two bytes are negative
    data[148:156] = b"%06o\0 " % total
    assert listed(bytes(data)) == by_tarfile(bytes(data)) == [("ä", 512, 2, "file")]


def test_sizes_in_binary() -> None:
    data = with_header(tar({"f": b"12", "g": b"3"}), {124: b"\x80" + (2).to_bytes(11, "big")})
    assert listed(data) == [("f", 512, 2, "file"), ("g", 1536, 1, "file")]
    assert listed(data) == by_tarfile(data)


@pytest.mark.parametrize("digits", [b"-0000001000", b"+0000000002", b"0_000000002", b"0o000000002"])
def test_sizes_have_octal_digits_alone(digits: bytes) -> None:
    data = with_header(tar({"f": b"12"}), {124: digits})  # -01000 would lead to the same header
    with pytest.raises(DamagedTar, match="at byte 0"):
        listed(data)


class Pretended:
    """A window of many gigabytes of zeros, with some bytes at the begin."""

    def __init__(self, begin: bytes, size: int) -> None:
        self.begin, self.size = begin, size

    def read_at(self, offset: int, size: int) -> bytes:
        return self.begin[offset : offset + size].ljust(size, b"\0")


@pytest.mark.parametrize("kind", ["gnu", "pax"])
def test_a_member_of_9_gigabytes(kind: str) -> None:
    info = tarfile.TarInfo("n01440764.tar")
    info.size = 9_000_000_001
    data = info.tobuf(FORMATS[kind])
    found = list(members(Pretended(data, 20_000_000_000), "a.tar"))
    assert found == [("n01440764.tar", len(data), 9_000_000_001, "file")]


def test_records_for_all_members() -> None:
    data = tar({"f": b"12"}, tarfile.PAX_FORMAT, pax_headers={"comment": "hello", "path": "p"})
    assert listed(data) == by_tarfile(data)
    assert listed(data)[0].name == "p"


def test_sparse_files_are_no_files() -> None:
    data = tar({"f": b"12", "g": b"3"})
    more = bytes(504) + b"\1" + bytes(7), bytes(512)
    data = with_header(data, {156: b"S", 482: b"\1"})
    data = data[:512] + b"".join(more) + data[512:]
    assert listed(data) == [("f", 1536, 2, "other"), ("g", 2560, 1, "file")]
    records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s"}
    data = tar({"f": b"1\n0\n1\n"}, tarfile.PAX_FORMAT, pax_headers=records)
    assert [(m.name, m.kind) for m in listed(data)] == [("s", "other")]


def test_a_tar_in_a_tar(tmp_path: Path) -> None:
    inner = tar(FILES)
    path = tmp_path / "outer.tar"
    path.write_bytes(tar({"readme": b"hello", "n01440764.tar": inner}))
    file = pickle.loads(pickle.dumps(File(path)))
    _, member = members(file, str(path))
    window = Slice(file, member.offset, member.size)
    found = list(members(window, f"{path}/{member.name}"))
    assert {m.name: file.read_at(member.offset + m.offset, m.size) for m in found} == FILES
    with pytest.raises(Damaged, match="file ends early"):
        window.read_at(member.size - 1, 2)


def test_a_cut_tar() -> None:
    data = tar(FILES)
    whole = listed(data)
    for size in range(1, whole[-1].offset + 512, 100):
        found = []
        with pytest.raises(DamagedTar, match=r"^a\.tar: it is cut.*, at byte [\d,]+$") as caught:
            found.extend(members(Memory(data[:size]), "a.tar"))  # extends as far as it comes
        assert caught.value.offset <= size
        assert found == [m for m in whole if m.offset + m.size <= size][: len(found)]
        assert len(found) >= sum(m.offset + m.size <= size for m in whole) - 1
    with pytest.raises(DamagedTar, match=r"of the 1,000 bytes of a\.jpg it has 488, at byte 0$"):
        listed(data[:1000])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty"),
        (b"\x1f\x8b\x08" + bytes(600), "compressed by gzip: unpack it"),
        (b"<html>" * 200, r"not a tar: it begins with b'<html><html><h'"),
        (b"PK\3\4" + bytes(600), r"not a tar: it begins with b'PK"),
        (b"PK", "it is cut"),
    ],
)
def test_what_is_no_tar(data: bytes, message: str) -> None:
    with pytest.raises(DamagedTar, match=f"a.tar: .*{message}.*at byte 0$"):
        listed(data)


def test_a_damaged_header_is_named_by_its_place() -> None:
    data = tar(FILES)
    second = listed(data)[1].offset - 512
    broken = bytearray(data)
    broken[second + 3] ^= 1
    found = []
    with pytest.raises(DamagedTar, match=rf"header does not add up, at byte {second:,}"):
        found.extend(members(Memory(bytes(broken)), "a.tar"))
    huge = with_header(tar({LONG: b""}), {124: b"%011o\0" % (1 << 30)})
    with pytest.raises(DamagedTar, match="a name or record of 1,073,741,824 bytes, at byte 0"):
        listed(huge)


def test_damaged_at_random(count: int = 300) -> None:
    rng = np.random.default_rng(0)
    originals = [tar(FILES | {LONG: b"1"}, kind) for kind in FORMATS.values()]
    for number in range(count):
        data = damaged(originals[number % 3], rng)
        found = []
        try:
            found.extend(members(Memory(data), "a.tar"))
        except DamagedTar as error:
            assert str(error).startswith("a.tar: ")
            assert error.offset <= len(data)
        assert all(m.offset + m.size <= len(data) for m in found)


@pytest.mark.slow
def test_damaged_at_random_many_times() -> None:
    test_damaged_at_random(20_000)
