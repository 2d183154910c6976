"""COCO's formats, equal to what torchvision and pycocotools read."""

from __future__ import annotations

import copy
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import coco_files
import numpy as np
import pytest
from coco_files import IDS, broken, exactly, write_coco
from with_torchvision import torchvision

from minicnn import data
from minicnn import transforms as T
from minicnn.data import CocoCaptions, CocoDetection, CocoSegmentation, DataLoader

pytestmark = pytest.mark.cpu_only

oracle = pytest.importorskip("pycocotools.coco")
THEIRS = torchvision.datasets
CONTENTS = coco_files.instances()


@pytest.mark.parametrize("kind", ["instances", "keypoints", "captions"])
def test_samples(tmp_path: Path, kind: str) -> None:
    path = write_coco(tmp_path, getattr(coco_files, kind)())
    arguments = tmp_path / "val2017", path, np.asarray, len
    assert CocoDetection(*arguments)[1][1] == THEIRS.CocoDetection(*arguments)[1][1]
    classes = ["CocoDetection", "CocoCaptions"] if kind == "captions" else ["CocoDetection"]
    for name in classes:
        ours = getattr(data, name)(str(tmp_path / "val2017"), path)
        theirs = getattr(THEIRS, name)(str(tmp_path / "val2017"), path)
        assert len(ours) == len(theirs) and list(ours.ids) == theirs.ids
        assert repr(ours) == repr(theirs)
        for i in range(len(theirs)):
            (picture, target), (their_picture, their_target) = ours[i], theirs[i]
            assert picture.mode == "RGB" and picture.tobytes() == their_picture.tobytes()
            assert exactly(target) == exactly(their_target)
            assert ours.describe(i) == str(tmp_path / "val2017" / f"{sorted(IDS)[i]:012d}.jpg")


def test_arguments(tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    dataset = CocoDetection(tmp_path / "val2017", path)
    dataset.transforms = lambda picture, target: (len(target), picture.size)
    assert dataset[-1] == (len(oracle.COCO(path).getAnnIds(391895)), (64, 48))
    with pytest.raises(ValueError, match="Index must be of type integer, got <class 'str'>"):
        dataset["0"]
    dataset.ids = dataset.ids[:2]
    assert len(dataset) == 2 and [size for _, size in dataset] == [(20, 20), (30, 40)]
    with pytest.raises(ValueError, match="on_error must be one of"):
        CocoDetection(tmp_path, path, on_error="ignore")
    with pytest.raises(FileNotFoundError, match="nothing"):
        CocoDetection(tmp_path, tmp_path / "nothing.json")


def test_lvis(tmp_path: Path) -> None:
    contents = copy.deepcopy(CONTENTS)
    for picture in contents["images"]:
        del picture["file_name"]
        picture["neg_category_ids"] = [3, 17]
    path = write_coco(tmp_path, contents)
    dataset = CocoDetection(tmp_path, path)
    assert dataset.describe(0) == str(tmp_path / "val2017" / f"{7:012d}.jpg")
    assert dataset[0][0].size == (20, 20)
    assert "file_name" not in dataset.coco.imgs[7]


def as_their_recipe(theirs: Any, id: int, classes: list[int]) -> np.ndarray:
    """The labels that torchvision's recipe makes, but crowds are void."""
    picture = theirs.imgs[id]
    layers, labels, crowd = [], [], np.zeros((picture["height"], picture["width"]), bool)
    for annotation in theirs.loadAnns(theirs.getAnnIds(id)):
        if annotation["category_id"] not in classes:
            continue
        layers.append(theirs.annToMask(annotation))
        labels.append(classes.index(annotation["category_id"]) + 1)
        if annotation["iscrowd"]:
            crowd |= layers[-1] == 1
    if not layers:
        return np.zeros(crowd.shape)
    expected = (np.array(layers) * np.array(labels)[:, None, None]).max(0)
    expected[np.sum(layers, 0) > 1] = 255
    return np.where(crowd, 255, expected)


@pytest.mark.parametrize("names", [None, ["dog", "person"]])
def test_segmentation(tmp_path: Path, names: list[str] | None) -> None:
    path = write_coco(tmp_path)
    dataset = CocoSegmentation(tmp_path / "val2017", path, classes=names)
    theirs = oracle.COCO(path)
    assert dataset.classes == ["background", *(names or ["person", "car", "cat", "dog"])]
    assert dataset.class_to_idx == {name: i for i, name in enumerate(dataset.classes[1:], 1)}
    ids = [18, 1] if names else [1, 3, 17, 18]
    assert dataset.category_to_idx == {id: i for i, id in enumerate(ids, 1)}
    values = set()
    for i in range(5):
        picture, labels = dataset[i]
        assert labels.mode == "L" and labels.size == picture.size
        assert np.array_equal(labels, as_their_recipe(theirs, sorted(IDS)[i], ids))
        values |= set(np.unique(labels))
    assert values == {0, 255, *range(1, len(ids) + 1)}


def test_segmentation_of_pictures_with_large_objects(tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    theirs = oracle.COCO(path)
    for least in (0, 700):
        dataset = CocoSegmentation(tmp_path, path, classes=["car", "cat"], min_area=least)
        areas = {
            id: sum(a["area"] for a in theirs.loadAnns(theirs.getAnnIds(id, [3, 17]))) for id in IDS
        }
        assert list(dataset.ids) == sorted(id for id, area in areas.items() if area > least)
        assert 0 < len(dataset) < 5


def test_segmentation_in_batches_of_two_processes(tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    joint = T.JointTransform([T.RandomCrop(16)], [T.PILToTensor()])
    dataset = CocoSegmentation(tmp_path / "val2017", path, transforms=joint)
    assert len(pickle.dumps(dataset)) < 3000
    loader = DataLoader(dataset, batch_size=2, num_workers=2, worker_type="process", drop_last=True)
    batches = list(loader)
    assert [tuple(labels.shape) for _, labels in batches] == [(2, 16, 16)] * 2
    assert set(np.unique(batches[1][1].numpy())) <= {0, 1, 2, 3, 4, 255}


def test_categories_of_one_name_are_one_class(tmp_path: Path) -> None:
    """Some exports name a set and its only category alike."""
    contents = copy.deepcopy(CONTENTS)
    contents["categories"] += [{"id": 0, "name": "dog"}, {"id": 90, "name": "tree"}]
    path = write_coco(tmp_path, contents)
    dataset = CocoSegmentation(tmp_path / "val2017", path)
    assert dataset.classes == ["background", "dog", "person", "car", "cat", "tree"]
    assert dataset.category_to_idx == {0: 1, 1: 2, 3: 3, 17: 4, 18: 1, 90: 5}
    plain = CocoSegmentation(tmp_path / "val2017", write_coco(tmp_path / "other"))
    labels = np.array([0, 2, 3, 4, 1, *[0] * 250, 255])
    for i in range(5):
        assert np.array_equal(dataset[i][1], labels[plain._load_target(plain.ids[i])])


@pytest.mark.parametrize("category", [777, "1", None, 10**30, [1]])
def test_a_category_that_is_not_there(tmp_path: Path, category: Any) -> None:
    contents = broken(CONTENTS, "annotations", 4, category_id=category)
    victim = contents["annotations"][4]["image_id"]
    path = write_coco(tmp_path, contents)
    dataset = CocoSegmentation(tmp_path / "val2017", path, classes=["dog"], on_error="skip")
    ((place, reason),) = dataset.verify()
    assert place.endswith(f"{victim:012d}.jpg")
    assert "annotation 900100000996: there is no category " in reason
    assert len(CocoDetection(tmp_path / "val2017", path)[0][1]) > 0


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["dog", "horse"], r"instances_val2017\.json has no category 'horse'; it has .*dog"),
        (["dog", "dog"], "1 to 254 different classes expected"),
        ([], "1 to 254 different classes expected"),
    ],
)
def test_unknown_classes(tmp_path: Path, classes: list[str], message: str) -> None:
    path = write_coco(tmp_path)
    with pytest.raises(ValueError, match=message):
        CocoSegmentation(tmp_path, path, classes=classes)


@pytest.mark.parametrize("inner", ["val2017/", ""])
@pytest.mark.parametrize("root", ["val2017.zip", "val2017"])
def test_pictures_in_a_zip(tmp_path: Path, root: str, inner: str) -> None:
    path = write_coco(tmp_path)
    expected = CocoSegmentation(tmp_path / "val2017", path)
    samples = [(picture.tobytes(), labels.tobytes()) for picture, labels in expected]
    with zipfile.ZipFile(tmp_path / "val2017.zip", "w") as archive:
        for file in sorted((tmp_path / "val2017").iterdir(), reverse=True):
            if "42" not in file.name:
                archive.write(file, inner + file.name)
    shutil.rmtree(tmp_path / "val2017")
    for _ in range(2):  # from the zip, and from the index
        dataset = pickle.loads(pickle.dumps(CocoSegmentation(tmp_path / root, path)))
        found = [(dataset[i][0].tobytes(), dataset[i][1].tobytes()) for i in (0, 1, 3, 4)]
        assert found == [samples[i] for i in (0, 1, 3, 4)]
    assert len(pickle.dumps(dataset)) < 3000
    assert dataset.describe(0) == str(tmp_path / "val2017.zip" / inner / f"{7:012d}.jpg")
    ((place, reason),) = dataset.verify()
    assert place == str(tmp_path / "val2017.zip" / f"{42:012d}.jpg")
    assert reason == "the zip has no such file"
    loader = DataLoader(
        CocoCaptions(tmp_path / root, write_coco(tmp_path / "captions", coco_files.captions())),
        batch_size=None,
        sampler=[0, 1, 3, 4],
        num_workers=2,
        worker_type="process",
        collate_fn=list,
    )
    assert [picture.tobytes() for picture, _ in loader] == [picture for picture, _ in found]


def test_a_damaged_zip(tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    (tmp_path / "other.zip").write_bytes(b"PK\3\4" + b"x" * 99)
    with pytest.raises(ValueError, match=r"other\.zip is a truncated or damaged zip"):
        CocoDetection(tmp_path / "other", path)


def test_pictures_that_were_not_unpacked(tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    with pytest.raises(
        data.vision_dataset.DatasetNotFound, match="no folder or zip '.*train2017' of"
    ):
        CocoSegmentation(tmp_path / "train2017", path, on_error="skip")
    assert len(CocoDetection(tmp_path / "train2017", path)) == 5  # as in torchvision
