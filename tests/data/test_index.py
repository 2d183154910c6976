"""The index of a dataset, packed strings, and the list of what is broken."""

import multiprocessing
import os
import pickle

import numpy as np
import pytest

from minicnn.data import ConcatDataset, Dataset, StackDataset, Subset
from minicnn.data.index import open_index
from minicnn.data.packed import PackedStrings
from minicnn.data.problems import Problems, problems_of

pytestmark = pytest.mark.cpu_only


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "data" / "a.tar"
    path.parent.mkdir()
    path.write_bytes(b"content")
    return path


class Build:
    """Counts how often it is called."""

    calls = 0

    def __call__(self):
        self.calls += 1
        return {"offset": np.arange(100), "label": np.full(100, self.calls, np.int16)}


def opened(archive, build, **options):
    return open_index("pictures", [archive], build, archive.parent, **options)


def test_is_made_once(archive):
    build = Build()
    first, second = opened(archive, build), opened(archive, build)
    assert build.calls == 1
    assert first.path == archive.parent / ".minicnn-pictures.index"
    assert np.array_equal(second["offset"], np.arange(100))
    assert second["label"].dtype == np.int16
    with pytest.raises(ValueError, match="read-only"):
        second["offset"][0] = 1


def test_is_made_again_when_a_source_changed(archive):
    build = Build()
    opened(archive, build)
    os.utime(archive, ns=(1, 1))
    assert opened(archive, build)["label"][0] == 2
    archive.write_bytes(b"longer content")
    os.utime(archive, ns=(1, 1))
    assert opened(archive, build)["label"][0] == 3
    assert opened(archive, build, version=2)["label"][0] == 4


def test_of_a_folder_is_made_again_when_a_file_was_added(archive):
    build = Build()
    folder = archive.parent / "n01440764"
    folder.mkdir()
    os.utime(folder, ns=(1, 1))
    for _ in range(2):
        open_index("pictures", [folder], build, archive.parent)
    assert build.calls == 1
    (folder / "b.jpg").write_bytes(b"")
    open_index("pictures", [folder], build, archive.parent)
    assert build.calls == 2


def test_any_damage_is_noticed(archive):
    build = Build()
    path = opened(archive, build).path
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    for calls in range(2, 40):
        damaged = bytearray(whole)
        damaged[generator.integers(len(whole))] ^= 1 << generator.integers(8)
        path.write_bytes(damaged if calls % 3 else whole[: generator.integers(len(whole))])
        index = opened(archive, build)
        assert build.calls == calls
        assert np.array_equal(index["offset"], np.arange(100))


def test_a_folder_that_cannot_be_written_to(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "cache"))
    (archive.parent / ".minicnn-pictures.index").mkdir()  # root may write anywhere but here
    build = Build()
    assert opened(archive, build).path.parent == tmp_path / "cache" / "indexes"
    opened(archive, build)
    assert build.calls == 1


def test_without_any_place_it_is_in_memory(archive, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "file"))
    (archive.parent / ".minicnn-pictures.index").mkdir()
    index = opened(archive, Build())
    assert index.path is None
    assert np.array_equal(pickle.loads(pickle.dumps(index))["offset"], np.arange(100))


def test_of_a_user_without_a_home(archive, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("MINICNN_HOME", raising=False)
    monkeypatch.setattr("minicnn.data.index.Path.home", no_home)
    assert opened(archive, Build()).path is not None
    (archive.parent / ".minicnn-pictures.index").unlink()
    (archive.parent / ".minicnn-pictures.index").mkdir()
    assert opened(archive, Build()).path is None


def test_files_that_change_during_the_scan(archive):
    def build():
        archive.write_bytes(b"grown longer")
        return {"offset": np.arange(3)}

    assert opened(archive, build).path is None


def _last_of(index, connection):
    connection.send(int(index["offset"][-1]))


def test_processes_map_the_same_file(archive):
    build = Build()
    index = opened(archive, build)
    assert len(pickle.dumps(index)) < 500
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_last_of, args=(index, theirs))
    process.start()
    assert ours.recv() == 99
    process.join()
    data = pickle.dumps(index)
    opened(archive, build, version=2)
    with pytest.raises(RuntimeError, match="was replaced while its dataset was in use"):
        pickle.loads(data)


def test_packed_strings():
    names = ["a", "", "ö", "n01440764/b.JPEG", os.fsdecode(b"\xff.jpg")]
    packed = PackedStrings.pack(iter(names))
    assert list(packed) == names
    assert packed == names
    assert packed[-1] == names[-1]
    assert packed[1:3] == names[1:3]
    assert packed != names[:-1]
    assert PackedStrings.of_arrays(packed.arrays("x"), "x") == packed
    assert list(PackedStrings.pack([])) == []
    with pytest.raises(IndexError, match="index 5 is out of range for 5 strings"):
        packed[5]


def test_problems():
    problems = Problems()
    problems.report("raise", "the archive")  # nothing was found
    for number in range(1500):
        problems.note(f"a.tar/{number}.jpg", "is empty")
    assert len(problems) == 1500
    assert len(list(problems)) == 1000
    again = Problems.of_arrays(problems.arrays())
    assert (again.count, again.found) == (problems.count, problems.found)
    with pytest.raises(ValueError, match=r"^a.tar/0.jpg: is empty \(and 1499 more\)"):
        problems.report("raise", "the archive")
    with pytest.warns(UserWarning, match="left out 1500 broken parts of the archive, the first"):
        problems.report("skip", "the archive")
    with pytest.warns(UserWarning) as caught:
        problems.report("warn", "the archive")
    assert len(caught) == 1001
    with pytest.raises(ValueError, match="on_error must be one of"):
        problems.report("ignore", "the archive")


class Broken(Dataset):
    """A dataset in whose files something was broken."""

    def __init__(self):
        self.problems = Problems()

    def __len__(self):
        return 3


def test_problems_of_datasets_that_wrap_others():
    first, second = Broken(), Broken()
    for wrapper in (
        ConcatDataset([Subset(first, [1]), second]),
        StackDataset(first, second),
        StackDataset(a=Subset(first, [0, 1, 2]), b=second),
    ):
        found = problems_of(wrapper)
        assert len(found) == 2 and found[0] is first.problems and found[1] is second.problems
    assert problems_of(Subset([1, 2], [0])) == problems_of(Subset(Dataset(), [0])) == []
