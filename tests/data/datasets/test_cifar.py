"""CIFAR's pickled batches, read here and by torchvision."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from file_server import Handler, serving
from with_torchvision import torchvision

from minicnn.data import DataLoader, datasets
from minicnn.data.datasets import cifar
from minicnn.transforms import ToTensor

pytestmark = pytest.mark.cpu_only

THEIRS = torchvision.datasets
FILES = {
    "CIFAR10": ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5",
                "test_batch"],
    "CIFAR100": ["train", "test"],
}  # fmt: skip
NAMES = {
    "CIFAR10": {"label_names": ["airplane", "automobile", "bird"]},
    "CIFAR100": {"fine_label_names": ["apple", "aquarium_fish"], "coarse_label_names": ["fish"]},
}


def contents(name: str) -> dict[str, bytes]:
    """The files of a tiny set, by their names in the archive."""
    rng = np.random.default_rng(0)
    files = {}
    for file in FILES[name]:
        labels = rng.integers(0, 3, 4).tolist()
        key = "labels" if name == "CIFAR10" else "fine_labels"
        batch = {"data": rng.integers(0, 256, (4, 3072), np.uint8), key: labels, "filenames": ["x"]}
        files[file] = pickle.dumps(batch, 2)
    files["batches.meta" if name == "CIFAR10" else "meta"] = pickle.dumps(NAMES[name], 2)
    return files


def write(root: Path, name: str) -> Path:
    folder = root / getattr(datasets, name).base_folder
    folder.mkdir(parents=True)
    for file, content in contents(name).items():
        (folder / file).write_bytes(content)
    return folder


@pytest.fixture(autouse=True)
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision refuses files that are not the published ones."""
    monkeypatch.setattr(THEIRS.cifar, "check_integrity", lambda path, md5: os.path.isfile(path))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_samples(name: str, train: bool, tmp_path: Path) -> None:
    write(tmp_path, name)
    ours = getattr(datasets, name)(str(tmp_path), train, None, float)
    theirs = getattr(THEIRS, name)(str(tmp_path), train, None, float)
    assert type(ours.data) is type(theirs.data) is np.ndarray
    np.testing.assert_array_equal(ours.data, theirs.data)
    for attribute in ("targets", "classes", "class_to_idx", "train", "root"):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
        assert type(getattr(ours, attribute)) is type(getattr(theirs, attribute))
    assert len(ours) == len(theirs) == 4 * (len(FILES[name]) - 1 if train else 1)
    for i in (0, 3, -1):
        (picture, target), (expected, label) = ours[i], theirs[i]
        assert picture.mode == expected.mode and picture.tobytes() == expected.tobytes()
        assert target == label and isinstance(target, float)
    with pytest.raises(IndexError):
        ours[len(ours)]


def test_printed(tmp_path: Path) -> None:
    write(tmp_path, "CIFAR10")
    T = torchvision.transforms
    transform = T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))])
    for options in (
        {},
        {"train": False, "transform": transform},
        {"target_transform": T.Lambda(int)},
    ):
        ours = datasets.CIFAR10(str(tmp_path), **options)
        assert repr(ours) == repr(THEIRS.CIFAR10(str(tmp_path), **options))


def test_in_a_loader(tmp_path: Path) -> None:
    write(tmp_path, "CIFAR10")
    dataset = datasets.CIFAR10(tmp_path, transform=ToTensor())
    images, targets = next(iter(DataLoader(dataset, batch_size=20, num_workers=1)))
    np.testing.assert_array_equal(
        (images.numpy() * 255).round(), dataset.data.transpose(0, 3, 1, 2)
    )
    assert targets.tolist() == dataset.targets


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path, "CIFAR10")
    path = folder / "data_batch_3"
    whole = path.read_bytes()
    batch = {"data": np.zeros((4, 3071), np.uint8), "labels": [0] * 4}
    for content, message in (
        (whole[:-1000], r"data_batch_3' is damaged or no file of CIFAR"),
        (b"<html>sign in</html>" * 9, r"data_batch_3' is no file of CIFAR: it is an HTML page"),
        (b"", r"data_batch_3' is no file of CIFAR: it is empty"),
        (pickle.dumps([1]), r"data_batch_3' is no file of CIFAR: it has no data"),
        (pickle.dumps(batch, 2), r"must be \(4, 3072\) of uint8, got \(4, 3071\)"),
        (
            pickle.dumps({"data": os.system}, 2),
            r"data_batch_3' is damaged .*no code from it was run",
        ),
    ):
        path.write_bytes(content)
        with pytest.raises(RuntimeError, match=message):
            datasets.CIFAR10(tmp_path)
    path.unlink()
    with pytest.raises(
        RuntimeError, match=r"data_batch_3' is missing\. Pass download=True, or get"
    ):
        datasets.CIFAR10(tmp_path)
    datasets.CIFAR10(tmp_path, train=False)  # which does not need it


def test_a_whole_file_must_be_the_published_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, "CIFAR10")
    monkeypatch.setitem(datasets.CIFAR10.counts, "test", 4)
    with pytest.raises(RuntimeError, match=r"test_batch' is damaged: its MD5 must be 4035"):
        datasets.CIFAR10(tmp_path, train=False)
    md5 = hashlib.md5((folder / "test_batch").read_bytes()).hexdigest()
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", md5]])
    assert len(datasets.CIFAR10(tmp_path, train=False)) == 4


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Handler]]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in contents("CIFAR10").items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    archive_bytes = buffer.getvalue()
    with serving({"cifar-10-python.tar.gz": archive_bytes}) as handler:
        monkeypatch.setattr(cifar.CIFAR10, "url", handler.url + "cifar-10-python.tar.gz")
        monkeypatch.setattr(cifar.CIFAR10, "tgz_md5", hashlib.md5(archive_bytes).hexdigest())
        yield handler


def test_downloads(server: Any, tmp_path: Path, capfd: Any) -> None:
    assert len(datasets.CIFAR10(tmp_path / "new", download=True)) == 20
    assert "cifar-10-python.tar.gz" in capfd.readouterr().err  # the bar
    assert len(datasets.CIFAR10(tmp_path / "new", train=False, download=True)) == 4
    assert len(server.requests) == 1
    # A file that was cut while it was unpacked: the archive is still there.
    path = tmp_path / "new" / "cifar-10-batches-py" / "data_batch_2"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(RuntimeError, match=r"data_batch_2' is .*Delete it and pass download=True"):
        datasets.CIFAR10(tmp_path / "new", download=True)
    path.unlink()
    assert len(datasets.CIFAR10(tmp_path / "new", download=True)) == 20
    assert len(server.requests) == 1
