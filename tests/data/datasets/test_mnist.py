"""MNIST's idx files and the sets in its format, read here and by torchvision."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from file_server import Handler, serving
from with_torchvision import torchvision

import minicnn as mc
from minicnn.data import DataLoader, datasets
from minicnn.data.datasets import mnist
from minicnn.io import download as download_module
from minicnn.transforms import ToTensor

pytestmark = pytest.mark.cpu_only

THEIRS = torchvision.datasets
SETS = ("MNIST", "FashionMNIST", "KMNIST")


def idx(array: np.ndarray) -> bytes:
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def contents(train: str = "train", test: str = "t10k") -> dict[str, bytes]:
    """The unpacked files of a tiny set by name."""
    rng = np.random.default_rng(0)
    files = {}
    for part, count in ((train, 7), (test, 3)):
        pictures = rng.integers(0, 256, (count, 28, 28), np.uint8)
        files[f"{part}-images-idx3-ubyte"] = idx(pictures)
        files[f"{part}-labels-idx1-ubyte"] = idx(rng.integers(0, 10, count, np.uint8))
    return files


def write(root: Path, name: str, files: dict[str, bytes], packed: bool = False) -> Path:
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for file, content in files.items():
        path = folder / (f"{file}.gz" if packed else file)
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


def assert_equal(ours: Any, theirs: Any) -> None:
    assert isinstance(ours.data, mc.Tensor) and isinstance(ours.targets, mc.Tensor)
    for name in ("data", "targets"):
        value, expected = getattr(ours, name).numpy(), getattr(theirs, name).numpy()
        np.testing.assert_array_equal(value, expected)
        assert value.dtype == expected.dtype
    assert list(ours.classes) == list(theirs.classes) and ours.class_to_idx == theirs.class_to_idx
    assert repr(ours) == repr(theirs) and len(ours) == len(theirs)
    for i in (0, 2, -1):
        (picture, target), (expected, label) = ours[i], theirs[i]
        assert (picture.mode, picture.tobytes()) == (expected.mode, expected.tobytes())
        if isinstance(label, torch.Tensor):
            assert target.tolist() == label.tolist()
        else:
            assert target == label and type(target) is type(label)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", SETS)
def test_samples(name: str, train: bool, tmp_path: Path) -> None:
    write(tmp_path, name, contents())
    ours, theirs = (getattr(module, name)(str(tmp_path), train) for module in (datasets, THEIRS))
    assert_equal(ours, theirs)
    assert ours.raw_folder == theirs.raw_folder


def test_packed_files_are_read_as_well(tmp_path: Path) -> None:
    write(tmp_path / "a", "MNIST", contents(), packed=True)
    write(tmp_path / "b", "MNIST", contents())
    packed, plain = datasets.MNIST(tmp_path / "a"), datasets.MNIST(tmp_path / "b")
    np.testing.assert_array_equal(packed.data.numpy(), plain.data.numpy())


def test_the_files_of_torchvision_before_0_9(tmp_path: Path) -> None:
    folder = tmp_path / "MNIST" / "processed"
    folder.mkdir(parents=True)
    pair = torch.arange(3 * 784).to(torch.uint8).reshape(3, 28, 28), torch.tensor([3, 4, 9])
    for name in ("training.pt", "test.pt"):
        torch.save(pair, folder / name)
    assert_equal(datasets.MNIST(str(tmp_path)), THEIRS.MNIST(str(tmp_path)))


def test_names_of_old(tmp_path: Path) -> None:
    write(tmp_path, "MNIST", contents())
    dataset = datasets.MNIST(tmp_path)
    for old, new in (("train_data", "data"), ("test_labels", "targets")):
        with pytest.warns(UserWarning, match=f"{old} has been renamed {new}"):
            assert getattr(dataset, old) is getattr(dataset, new)


def test_in_a_loader(tmp_path: Path) -> None:
    write(tmp_path, "MNIST", contents())
    dataset = datasets.MNIST(tmp_path, transform=ToTensor())
    images, targets = next(iter(DataLoader(dataset, batch_size=7, num_workers=1)))
    np.testing.assert_array_equal((images.numpy()[:, 0] * 255).round(), dataset.data.numpy())
    assert targets.tolist() == dataset.targets.tolist()


@pytest.mark.parametrize("split", mnist.EMNIST.splits)
def test_emnist(split: str, tmp_path: Path) -> None:
    files = contents(f"emnist-{split}-train", f"emnist-{split}-test")
    write(tmp_path, "EMNIST", files)
    for train in (True, False):
        ours, theirs = (m.EMNIST(str(tmp_path), split, train=train) for m in (datasets, THEIRS))
        assert_equal(ours, theirs)
    with pytest.raises(ValueError, match="split must be one of 'byclass'"):
        datasets.EMNIST(tmp_path, "all")


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_numbers_of_every_type(dtype: str, tmp_path: Path) -> None:
    numbers = np.arange(-3, 3).reshape(2, 3).astype(dtype)
    (tmp_path / "x").write_bytes(idx(numbers))
    ours = mnist.read_sn3_pascalvincent_tensor(tmp_path / "x").numpy()
    theirs = THEIRS.mnist.read_sn3_pascalvincent_tensor(tmp_path / "x").numpy()
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype == numbers.dtype


@pytest.mark.parametrize("compat", [True, False])
@pytest.mark.parametrize("what", [None, "test", "test10k", "test50k", "nist"])
def test_qmnist(what: str | None, compat: bool, tmp_path: Path, monkeypatch: Any) -> None:
    rng = np.random.default_rng(0)
    files = {}
    for part in ("qmnist-train", "qmnist-test", "xnist"):
        files[f"{part}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (10_003, 2, 2), np.uint8))
        files[f"{part}-labels-idx2-int"] = idx(rng.integers(0, 300, (10_003, 8), np.int32))
    write(tmp_path, "QMNIST", files)
    ours, theirs = (m.QMNIST(str(tmp_path), what, compat) for m in (datasets, THEIRS))
    assert_equal(ours, theirs)


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path, "MNIST", contents())
    images, labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
    whole = images.read_bytes()
    for path, content, message in (
        (images, whole[:-100], r"images-idx3-ubyte' is cut off: 7x28x28 numbers need 5504 bytes"),
        (images, whole[:9], r"images-idx3-ubyte' is cut off"),
        (images, whole + b"x", r"images-idx3-ubyte' is too long"),
        (images, b"<html>sign in" * 50, r"images-idx3-ubyte' is no idx file: it is an HTML page"),
        (images, gzip.compress(whole), r"is no idx file: it is compressed with gzip"),
        (images, b"", r"is no idx file: it is empty"),
        (
            images,
            idx(np.zeros(4, np.int16)),
            r"must hold uint8 in 3 dimensions, got int16 of shape",
        ),
        (
            labels,
            idx(np.zeros(6, np.uint8)),
            r"has 7 pictures, but '.*labels-idx1-ubyte' 6 classes",
        ),
    ):
        before = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(RuntimeError, match=message):
            datasets.MNIST(tmp_path)
        path.write_bytes(before)
    images.unlink()
    with pytest.raises(RuntimeError, match=r"images-idx3-ubyte' is missing\. Pass download=True"):
        datasets.MNIST(tmp_path)
    packed = Path(f"{images}.gz")
    for content, message in (
        (gzip.compress(whole)[:-40], r"ubyte\.gz' should be an idx file, but it is cut off"),
        (b"<html>sign in" * 50, r"ubyte\.gz' should be an idx file, but it is an HTML page"),
    ):
        packed.write_bytes(content)
        with pytest.raises(RuntimeError, match=message):
            datasets.MNIST(tmp_path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Handler]]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download_module, "_PAUSES", ())
    packed = {f"{name}.gz": gzip.compress(content) for name, content in contents().items()}
    with serving(packed) as handler:
        resources = [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()]
        monkeypatch.setattr(mnist.MNIST, "resources", resources)
        monkeypatch.setattr(mnist.MNIST, "mirrors", [handler.url + "none/", handler.url])
        yield handler


def test_downloads_from_the_mirrors_in_turn(server: Any, tmp_path: Path) -> None:
    server.statuses = [403]
    dataset = datasets.MNIST(tmp_path / "new", download=True)
    assert len(dataset) == 7 and len(datasets.MNIST(tmp_path / "new", False, download=True)) == 3
    first, second = (path.rpartition("/")[0] for path in server.paths[:2])
    assert first != second and len(server.paths) == 5
    write(tmp_path, "MNIST", contents())
    np.testing.assert_array_equal(dataset.data.numpy(), datasets.MNIST(tmp_path).data.numpy())


def test_no_mirror_has_the_file(server: Any, tmp_path: Path) -> None:
    server.statuses = [403, 404]
    with pytest.raises(RuntimeError, match=r"train-images.*403.*with a browser, put.*404"):
        datasets.MNIST(tmp_path, download=True)
    name, _ = mnist.MNIST.resources[0]
    mnist.MNIST.resources[0] = name, "0" * 32
    with pytest.raises(RuntimeError, match=r"the MD5 of train-images.*must begin with 000"):
        datasets.MNIST(tmp_path, download=True)


def test_downloads_of_the_others(server: Any, tmp_path: Path, monkeypatch: Any) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents("emnist-digits-train", "emnist-digits-test").items():
            archive.writestr(f"gzip/{name}.gz", gzip.compress(content))
    server.files["gzip.zip"] = buffer.getvalue()
    monkeypatch.setattr(mnist.EMNIST, "url", server.url + "gzip.zip")
    monkeypatch.setattr(mnist.EMNIST, "md5", hashlib.md5(buffer.getvalue()).hexdigest())
    assert len(datasets.EMNIST(tmp_path, "digits", download=True)) == 7
    images, labels = idx(np.zeros((2, 28, 28), np.uint8)), idx(np.ones((2, 8), np.int32))
    packed = {"x-images.xz": lzma.compress(images), "x-labels.xz": lzma.compress(labels)}
    server.files.update(packed)
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()]
    monkeypatch.setitem(mnist.QMNIST.resources, "nist", resources)
    monkeypatch.setattr(mnist.QMNIST, "mirrors", [server.url])
    assert datasets.QMNIST(tmp_path, "nist", download=True)[1][1] == 1
