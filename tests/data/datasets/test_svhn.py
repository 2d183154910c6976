"""SVHN's MATLAB files; torchvision's rules are written down here, as it needs SciPy to read them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from file_server import serving
from matlab_files import matlab_file

from minicnn.data import DataLoader, datasets
from minicnn.data.datasets import svhn
from minicnn.transforms import ToTensor

pytestmark = pytest.mark.cpu_only

PICTURES = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 5), np.uint8)
LABELS = np.uint8([[1], [10], [9], [10], [4]])


def write(folder: Path, split: str = "train", **arrays: Any) -> Path:
    path = folder / f"{split}_32x32.mat"
    path.write_bytes(matlab_file(**{"X": PICTURES, "y": LABELS, **arrays}))
    return path


@pytest.mark.parametrize("split", ["train", "test", "extra"])
def test_samples(split: str, tmp_path: Path) -> None:
    write(tmp_path, split)
    dataset = datasets.SVHN(str(tmp_path), split, None, float)
    np.testing.assert_array_equal(dataset.data, PICTURES.transpose(3, 2, 0, 1))
    assert dataset.labels.tolist() == [1, 0, 9, 0, 4] and dataset.labels.dtype == np.int64
    picture, target = dataset[2]
    assert (picture.mode, picture.size) == ("RGB", (32, 32)) and target == 9.0
    np.testing.assert_array_equal(np.asarray(picture), PICTURES[..., 2])
    assert repr(dataset).splitlines()[:4] == [
        "Dataset SVHN",
        "    Number of datapoints: 5",
        f"    Root location: {tmp_path}",
        f"    Split: {split}",
    ]


def test_in_a_loader(tmp_path: Path) -> None:
    write(tmp_path)
    dataset = datasets.SVHN(tmp_path, transform=ToTensor())
    images, targets = next(iter(DataLoader(dataset, batch_size=5, num_workers=1)))
    np.testing.assert_array_equal((images.numpy() * 255).round(), dataset.data)
    assert targets.tolist() == dataset.labels.tolist()


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ValueError, match="split must be one of 'train', 'test', 'extra', got 'val'"
    ):
        datasets.SVHN(tmp_path, "val")
    with pytest.raises(RuntimeError, match=r"train_32x32\.mat' is missing\. Pass download=True"):
        datasets.SVHN(tmp_path)
    path = write(tmp_path, y=LABELS[:3])
    with pytest.raises(
        RuntimeError, match=r"X must be \(32, 32, 3, 3\) of uint8, got \(32, 32, 3, 5"
    ):
        datasets.SVHN(tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(RuntimeError, match=r"train_32x32\.mat' is damaged or cut off"):
        datasets.SVHN(tmp_path)
    write(tmp_path)
    monkeypatch.setitem(svhn._COUNTS, "train", 5)
    with pytest.raises(RuntimeError, match=r"train_32x32\.mat' is damaged: its MD5 must be e26ded"):
        datasets.SVHN(tmp_path)


def test_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    content = matlab_file(X=PICTURES, y=LABELS)
    with serving({"test_32x32.mat": content}) as server:
        entry = [server.url + "test_32x32.mat", "test_32x32.mat", hashlib.md5(content).hexdigest()]
        monkeypatch.setitem(datasets.SVHN.split_list, "test", entry)
        for _ in range(2):
            assert len(datasets.SVHN(tmp_path / "new", "test", download=True)) == 5
        assert len(server.requests) == 1
