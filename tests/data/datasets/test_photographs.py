"""Sets of photographs in folders: flowers, pets, Pascal VOC."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from file_server import serving
from matlab_files import matlab_file
from pictures import jpeg, write_folder
from PIL import Image
from with_torchvision import torchvision

from minicnn.data import datasets, voc
from minicnn.data.datasets import flowers102, oxford_iiit_pet

pytestmark = pytest.mark.cpu_only

THEIRS = torchvision.datasets


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def png(seed: int, mode: str = "L") -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(1, 4, (10, 12), np.uint8)
    Image.fromarray(pixels).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def assert_equal_samples(ours: Any, theirs: Any) -> None:
    assert len(ours) == len(theirs) and repr(ours) == repr(theirs)
    for i in range(len(ours)):
        for value, expected in zip(ours[i], theirs[i], strict=True):
            if isinstance(expected, Image.Image):
                assert (value.mode, value.tobytes()) == (expected.mode, expected.tobytes())
            else:
                assert value == expected


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


# ---- flowers ----

PHOTOGRAPHS = {f"jpg/image_{number:05d}.jpg": jpeg(number) for number in range(1, 7)}
LABELS = np.uint8([[77, 1, 102, 5, 5, 9]])
SETS = {"trnid": np.float64([[2, 3]]), "valid": np.uint16([[6]]), "tstid": np.uint16([[5, 4, 1]])}


def flowers(root: Path) -> Path:
    write_folder(root / "flowers-102", PHOTOGRAPHS)
    (root / "flowers-102" / "imagelabels.mat").write_bytes(matlab_file(labels=LABELS))
    (root / "flowers-102" / "setid.mat").write_bytes(matlab_file(**SETS))
    return root


def test_flowers(tmp_path: Path) -> None:
    flowers(tmp_path)
    for split, labels in (("train", [0, 101]), ("val", [8]), ("test", [4, 4, 76])):
        dataset = datasets.Flowers102(str(tmp_path), split, np.asarray, float)
        assert [dataset[i][1] for i in range(len(dataset))] == labels
        assert f"    split={split}\n" in repr(dataset)
    picture, _ = dataset[2]
    expected = np.asarray(Image.open(io.BytesIO(PHOTOGRAPHS["jpg/image_00001.jpg"])))
    np.testing.assert_array_equal(picture, expected)
    assert dataset.describe(2).endswith("image_00001.jpg")
    assert dataset.classes == THEIRS.Flowers102.classes and len(dataset.classes) == 102
    assert datasets.Flowers102(tmp_path, loader=os.path.basename)[0][0] == "image_00002.jpg"


def test_damaged_lists_of_flowers(tmp_path: Path) -> None:
    folder = flowers(tmp_path) / "flowers-102"
    for name, content, message in (
        (
            "setid.mat",
            matlab_file(trnid=np.uint16([[0, 3]])),
            r"setid\.mat' must have numbers from 1",
        ),
        (
            "setid.mat",
            matlab_file(valid=np.uint16([[1]])),
            r"setid\.mat' must have 'trnid', got valid",
        ),
        ("imagelabels.mat", b"<html>" * 99, r"imagelabels\.mat' is no MATLAB file .* an HTML page"),
    ):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(RuntimeError, match=message):
            datasets.Flowers102(tmp_path)
        (folder / name).write_bytes(before)
    (folder / "setid.mat").unlink()
    with pytest.raises(RuntimeError, match=r"setid\.mat' is missing\. Pass download=True, or get"):
        datasets.Flowers102(tmp_path)


def test_downloads_of_flowers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_proxy: None
) -> None:
    files = {
        "102flowers.tgz": packed(PHOTOGRAPHS),
        "imagelabels.mat": matlab_file(labels=LABELS),
        "setid.mat": matlab_file(**SETS),
    }
    kinds = zip(("image", "label", "setid"), files.items(), strict=True)
    entries = {k: (name, hashlib.md5(content).hexdigest()) for k, (name, content) in kinds}
    monkeypatch.setattr(flowers102.Flowers102, "_file_dict", entries)
    with serving(files) as server:
        monkeypatch.setattr(flowers102.Flowers102, "_download_url_prefix", server.url)
        for split, count in (("train", 2), ("test", 3)):
            dataset = datasets.Flowers102(tmp_path, split, download=True)
            assert len(dataset) == count and dataset[0][0].mode == "RGB"
        assert len(server.requests) == 3


# ---- pets ----

PETS = "Abyssinian_100 1 1 1\nAmerican_bulldog_12 2 2 1\nAbyssinian_101 1 1 1\npug_7 3 2 2\n"
PET_FILES = {
    **{f"images/{line.split()[0]}.jpg": jpeg(i) for i, line in enumerate(PETS.splitlines())},
    **{
        f"annotations/trimaps/{line.split()[0]}.png": png(i)
        for i, line in enumerate(PETS.splitlines())
    },
    "annotations/trainval.txt": PETS.encode(),
    "annotations/test.txt": PETS.splitlines()[1].encode(),
}


@pytest.mark.parametrize(
    "types",
    ["category", "binary-category", "segmentation", ["category", "binary-category"], []],
)
def test_pets(types: Any, tmp_path: Path) -> None:
    write_folder(tmp_path / "oxford-iiit-pet", PET_FILES)
    for split in ("trainval", "test"):
        ours = datasets.OxfordIIITPet(str(tmp_path), split, types)
        theirs = THEIRS.OxfordIIITPet(str(tmp_path), split, types)
        assert_equal_samples(ours, theirs)
        for name in ("classes", "class_to_idx", "bin_classes", "bin_class_to_idx"):
            assert getattr(ours, name) == getattr(theirs, name), name
    both = datasets.OxfordIIITPet(tmp_path, transforms=lambda picture, target: (target, picture))
    assert both[1][0] == 1
    with pytest.raises(ValueError, match="either transforms or transform"):
        datasets.OxfordIIITPet(tmp_path, transforms=print, target_transform=int)


def test_pets_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"images' is missing\. Pass download=True"):
        datasets.OxfordIIITPet(tmp_path)
    write_folder(tmp_path / "oxford-iiit-pet", {**PET_FILES, "annotations/test.txt": b"<html>"})
    with pytest.raises(RuntimeError, match=r"test\.txt' is damaged"):
        datasets.OxfordIIITPet(tmp_path, "test")
    with pytest.raises(ValueError, match="split must be one of 'trainval', 'test', got 'train'"):
        datasets.OxfordIIITPet(tmp_path, "train")


def test_downloads_of_pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_proxy: None) -> None:
    archives = {
        f"{part}.tar.gz": packed({n: c for n, c in PET_FILES.items() if n.startswith(part)})
        for part in ("images", "annotations")
    }
    with serving(archives) as server:
        resources = [(server.url + n, hashlib.md5(c).hexdigest()) for n, c in archives.items()]
        monkeypatch.setattr(oxford_iiit_pet.OxfordIIITPet, "_RESOURCES", resources)
        for _ in range(2):
            assert len(datasets.OxfordIIITPet(tmp_path, download=True)) == 4
        assert len(server.requests) == 2


# ---- Pascal VOC ----

ANNOTATION = b"""<annotation>
  <folder>VOC2012</folder><size><width>12</width><height>10</height></size>
  <object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin></bndbox><part/></object>%s
</annotation>"""
VOC_FILES = {
    "JPEGImages/a.jpg": jpeg(1),
    "JPEGImages/b.jpg": jpeg(2),
    "SegmentationClass/a.png": png(1, "P"),
    "SegmentationClass/b.png": png(2, "P"),
    "Annotations/a.xml": ANNOTATION % b"",
    "Annotations/b.xml": ANNOTATION % b"<object><name>cat</name></object>",
    "ImageSets/Segmentation/train.txt": b"b\na\n",
    "ImageSets/Main/train.txt": b"a\nb\n",
}


@pytest.mark.parametrize("name", ["VOCSegmentation", "VOCDetection"])
@pytest.mark.parametrize("year", ["2012", "2011", "2007"])
def test_voc(name: str, year: str, tmp_path: Path) -> None:
    inner = "TrainVal/VOCdevkit" if year == "2011" else "VOCdevkit"
    write_folder(tmp_path / inner / f"VOC{year}", VOC_FILES)
    ours, theirs = (getattr(m, name)(str(tmp_path), year) for m in (datasets, THEIRS))
    assert_equal_samples(ours, theirs)
    assert [os.path.realpath(path) for path in ours.images] == theirs.images
    assert [os.path.realpath(path) for path in ours.targets] == theirs.targets
    changed = getattr(datasets, name)(tmp_path, year, "train", False, lambda picture: picture.mode)
    assert changed[0][0] == "RGB"


def test_voc_by_position_and_by_mistake(tmp_path: Path) -> None:
    write_folder(tmp_path / "VOC2012", VOC_FILES)
    dataset = datasets.VOCSegmentation(tmp_path, "2012", "train", False, str, repr)
    assert all(isinstance(part, str) for part in dataset[0])
    (tmp_path / "VOC2012/Annotations/b.xml").write_bytes(b"<annotation><object>")
    with pytest.raises(ValueError, match=r"b\.xml' is damaged"):
        datasets.VOCDetection(tmp_path)[1]
    with pytest.raises(ValueError, match=r"year must be one of 2007, .*got '2013'"):
        datasets.VOCDetection(tmp_path, "2013")
    with pytest.raises(
        RuntimeError,
        match=r"no VOC2008 .*unpack https://.*\.tar there, or in Python pass download=True",
    ):
        datasets.VOCDetection(tmp_path, "2008")


def test_downloads_of_voc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_proxy: None) -> None:
    content = packed({f"VOCdevkit/VOC2012/{name}": data for name, data in VOC_FILES.items()})
    with serving({"voc.tar": content}) as server:
        monkeypatch.setattr(voc, "_SERVER", server.url)
        entry = ("voc.tar", hashlib.md5(content).hexdigest(), ".")
        monkeypatch.setitem(voc._ARCHIVES, "2012", entry)
        assert len(datasets.VOCSegmentation(tmp_path, download=True)) == 2
        assert len(datasets.VOCDetection(tmp_path, download=True)) == 2
        assert len(server.requests) == 1
