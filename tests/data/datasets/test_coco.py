"""COCO's formats, equal to what torchvision and pycocotools read."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import coco_files
import numpy as np
import pytest
from coco_files import IDS, write_coco
from damage import damaged
from with_torchvision import torchvision

from minicnn import data, rules
from minicnn import transforms as T
from minicnn.data import CocoCaptions, CocoDetection, CocoSegmentation, DataLoader
from minicnn.data.coco_annotations import CocoAnnotations

pytestmark = pytest.mark.cpu_only

oracle = pytest.importorskip("pycocotools.coco")
mask = pytest.importorskip("pycocotools.mask")
THEIRS = torchvision.datasets


def exactly(value: Any) -> str:
    """Tells integers from floats, and one order of keys from another."""
    return json.dumps(value)


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


# ---- lookups ----


@pytest.mark.parametrize("kind", ["instances", "keypoints", "captions"])
def test_lookups(tmp_path: Path, kind: str) -> None:
    path = write_coco(tmp_path, getattr(coco_files, kind)())
    ours, theirs = CocoAnnotations(path), oracle.COCO(path)
    for name in ("imgs", "anns", "cats"):
        assert exactly(list(getattr(ours, name).items())) == exactly(
            list(getattr(theirs, name).items())
        )
    assert list(ours.dataset) != [] and sorted(ours.dataset) == sorted(theirs.dataset)
    for key, value in theirs.dataset.items():
        found = ours.dataset[key]
        assert exactly(found if isinstance(found, dict) else list(found)) == exactly(value)
    assert ours.dataset["annotations"][2:4] == theirs.dataset["annotations"][2:4]
    assert ours.getImgIds() == theirs.getImgIds()
    for ids in ([], 25, [25], [7, 900, 12345], np.array([900, 25])):
        assert ours.getAnnIds(ids) == theirs.getAnnIds(ids)
    for ids in (25, [900, 25]):
        assert ours.loadImgs(ids) == theirs.loadImgs(ids)
    first = next(iter(theirs.anns))
    assert ours.loadAnns(first) == theirs.loadAnns(first) and ours.loadAnns() == []
    assert 12345 not in ours.imgs and "25" not in ours.imgs and ours.imgs.get(12345) is None
    with pytest.raises(KeyError, match="12345"):
        ours.loadImgs(12345)


def test_lookups_by_category(tmp_path: Path, capsys) -> None:
    path = write_coco(tmp_path)
    ours, theirs = CocoAnnotations(path), oracle.COCO(path)
    for arguments in (
        {"catIds": 1},
        {"catIds": [3, 17], "imgIds": [25, 900]},
        {"areaRng": [100, 500]},
        {"areaRng": [0, 37.5], "iscrowd": False},
        {"iscrowd": True},
        {"imgIds": 900, "iscrowd": 0},
    ):
        assert ours.getAnnIds(**arguments) == theirs.getAnnIds(**arguments), arguments
    for arguments in (
        {},
        {"catNms": ["dog", "cat"]},
        {"supNms": ["animal", "person"], "catIds": [1, 18]},
        {"catIds": 3},
    ):
        assert ours.getCatIds(**arguments) == theirs.getCatIds(**arguments), arguments
        ids = ours.getCatIds(**arguments)
        assert ours.loadCats(ids) == theirs.loadCats(ids)
    assert ours.getCatIds("dog") == [18]
    for arguments in ({"catIds": [1]}, {"catIds": [1, 3]}, {"imgIds": [25, 7], "catIds": 17}):
        assert ours.getImgIds(**arguments) == sorted(theirs.getImgIds(**arguments)), arguments
    capsys.readouterr()
    ours.info()
    assert capsys.readouterr().out == "description: COCO\nyear: 2017\n"


def test_numbers_that_a_table_made_floats(tmp_path: Path) -> None:
    contents = copy.deepcopy(CONTENTS)
    for element in (*contents["images"], *contents["annotations"], *contents["categories"]):
        for key in {"id", "image_id", "category_id", "height", "width"} & element.keys():
            element[key] = float(element[key])
    for annotation in contents["annotations"]:
        annotation["iscrowd"] = bool(annotation["iscrowd"])
    path = write_coco(tmp_path, contents)
    ours, theirs = CocoAnnotations(path), oracle.COCO(path)
    for id in (25, 25.0, np.float64(25)):
        assert ours.getAnnIds(id) == theirs.getAnnIds(id) != []
        assert exactly(ours.loadAnns(ours.getAnnIds(id))) == exactly(
            theirs.loadAnns(theirs.getAnnIds(id))
        )
    for arguments in ({"iscrowd": False}, {"iscrowd": 1}, {"catIds": [1.0, 3]}):
        assert ours.getAnnIds(**arguments) == theirs.getAnnIds(**arguments) != []
    masks = CocoSegmentation(tmp_path / "val2017", path)
    as_integers = CocoSegmentation(tmp_path / "val2017", write_coco(tmp_path / "other"))
    for i in range(5):
        assert masks[i][1].tobytes() == as_integers._load_target(sorted(IDS)[i]).tobytes()


def test_ids_beyond_the_floats(tmp_path: Path) -> None:
    contents = copy.deepcopy(CONTENTS)
    for number, annotation in enumerate(contents["annotations"]):
        annotation["id"] = 2**53 + number
    path = write_coco(tmp_path, contents)
    ours, theirs = CocoAnnotations(path), oracle.COCO(path)
    for id in IDS:
        assert ours.getAnnIds(id) == theirs.getAnnIds(id)
        assert ours.loadAnns(ours.getAnnIds(id)) == theirs.loadAnns(theirs.getAnnIds(id))


@pytest.mark.parametrize("without", [[], ["annotations"], ["info", "licenses", "categories"]])
def test_keys_in_any_order(tmp_path: Path, without: list[str]) -> None:
    contents = {key: CONTENTS[key] for key in reversed(CONTENTS) if key not in without}
    path = write_coco(tmp_path, {"custom": [[None] * 9] * 999, **contents, "version": 5})
    dataset, theirs = CocoDetection(tmp_path / "val2017", path), oracle.COCO(path)
    assert list(dataset.coco.dataset) == list(theirs.dataset)
    for i, id in enumerate(dataset.ids):
        assert exactly(dataset[i][1]) == exactly(theirs.loadAnns(theirs.getAnnIds(id)))


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


# ---- with pycocotools ----


def results(coco: Any, key: str) -> list[dict[str, Any]]:
    """What a network might have found: the truth, and some of it in the wrong place."""
    rng = np.random.default_rng(0)
    found = []
    for annotation in coco.loadAnns(coco.getAnnIds()):
        result = {name: annotation[name] for name in ("image_id", "category_id")}
        if key == "segmentation":
            result[key] = coco.annToRLE(annotation)
        else:
            result[key] = (np.array(annotation[key]) + rng.random(4) * 3).tolist()
        found.append(result | {"score": float(rng.random())})
    return found


@pytest.mark.parametrize(("kind", "key"), [("bbox", "bbox"), ("segm", "segmentation")])
def test_coco_eval(tmp_path: Path, kind: str, key: str) -> None:
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    path = write_coco(tmp_path)
    figures = []
    for coco in (copy.deepcopy(CocoAnnotations(path)), oracle.COCO(path)):
        evaluator = evaluation.COCOeval(coco, coco.loadRes(results(coco, key)), kind)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
        figures.append(evaluator.stats)
    np.testing.assert_array_equal(*figures)
    assert 0 < figures[0][0] <= 1


def test_results_in_a_file_or_an_array(tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    coco = CocoAnnotations(path)
    found = results(coco, "bbox")
    stored = tmp_path / "results.json"
    stored.write_text(json.dumps(found))
    table = np.array(
        [[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in found], np.float64
    )
    for form in (stored, str(stored), table):
        loaded = coco.loadRes(form)
        assert [a["bbox"] for a in loaded.anns.values()] == [r["bbox"] for r in found]


def test_maps_between_pictures_annotations_and_categories(tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    ours, theirs = CocoAnnotations(path), oracle.COCO(path)
    assert list(ours.imgToAnns.items()) == list(theirs.imgToAnns.items())
    assert len(ours.imgToAnns) == 4 and 42 not in ours.imgToAnns and ours.imgToAnns[42] == []
    assert dict(ours.catToImgs) == dict(theirs.catToImgs)
    captions = CocoAnnotations(write_coco(tmp_path / "captions", coco_files.captions()))
    assert dict(captions.catToImgs) == {} and len(captions.imgToAnns) == 4


def test_masks(tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    ours, theirs = CocoAnnotations(path), oracle.COCO(path)
    kinds = set()
    for annotation in theirs.anns.values():
        kinds.add(type(annotation["segmentation"]))
        assert ours.annToRLE(annotation) == theirs.annToRLE(annotation)
        assert np.array_equal(ours.annToMask(annotation), theirs.annToMask(annotation))
    assert kinds == {list, dict}


# ---- segmentation ----


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


# ---- what is broken ----


def broken(contents: dict[str, Any], key: str, place: int, **changes: Any) -> dict[str, Any]:
    """A copy where an element has other fields; None removes one."""
    contents = copy.deepcopy(contents)
    element = contents[key][place]
    for name, value in changes.items():
        element[name] = value
        if value is None:
            del element[name]
    return contents


CONTENTS = coco_files.instances()
NOT_OBJECT = {**CONTENTS, "annotations": [*CONTENTS["annotations"], 7]}


@pytest.mark.parametrize(
    ("contents", "message", "pictures", "annotations"),
    [
        (broken(CONTENTS, "annotations", 3, id=None), r"annotations\[3\]: has no 'id'", 5, 19),
        (broken(CONTENTS, "annotations", 3, image_id=None), "has no 'image_id'", 5, 19),
        (broken(CONTENTS, "annotations", 3, image_id="a"), "'image_id' must be of type int", 5, 19),
        (broken(CONTENTS, "annotations", 3, id=True), "'id' must be of type int, got True", 5, 19),
        (broken(CONTENTS, "annotations", 3, id=10**30), "'id' must be of type int", 5, 19),
        (broken(CONTENTS, "annotations", 3, image_id=5), "annotation 997: there is no picture 5", 5, 19),
        (broken(CONTENTS, "annotations", 3, id=1000), "annotation 1000: has the id of an ear", 5, 19),
        (broken(CONTENTS, "images", 0, id=25), "picture 25: has the id of an earlier one", 4, 16),
        (broken(CONTENTS, "images", 4, file_name=None, coco_url=None), r"images\[4\]: has no 'file_name'", 4, 20),
        (broken(CONTENTS, "categories", 1, name=3), r"categories\[1\]: 'name' must be", 5, 20),
        (broken(CONTENTS, "categories", 1, id=1), r"categories\[1\]: has the id 1 of an", 5, 20),
        ({**CONTENTS, "categories": 5}, "categories: must be an array, got 5", 5, 20),
        ({**CONTENTS, "annotations": {}}, r"'\[' expected for the array 'annotations'", 5, 0),
        (broken(CONTENTS, "annotations", 3, id=7.5), "'id' must be of type int, got 7.5", 5, 19),
        (broken(CONTENTS, "annotations", 3, id=None, segments_info=[]), "panoptic", 5, 19),
        (NOT_OBJECT, r"annotations\[20\]: must be an object, got 7", 5, 20),
    ],
)  # fmt: skip
def test_what_is_broken_is_left_out_or_raised(
    tmp_path: Path, contents: dict[str, Any], message: str, pictures: int, annotations: int
) -> None:
    if message.startswith("picture 25"):
        expected = [a for a in contents["annotations"] if a["image_id"] != 900]
        annotations = len(expected)
    path = write_coco(tmp_path, contents)
    for _ in range(2):  # from the file, and from the index
        with pytest.raises(ValueError, match=message) as error:
            CocoDetection(tmp_path, path)
        assert str(error.value).startswith(str(path))
    with pytest.warns(UserWarning, match=message):
        dataset = CocoDetection(tmp_path / "val2017", path, on_error="skip")
    assert len(dataset) == len(dataset.coco.imgs) == pictures
    assert len(dataset.coco.anns) == annotations
    assert sum(len(target) for _, target in dataset) == annotations
    assert len(dataset.coco.problems) >= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "has no 'images', so it is not in COCO's format"),
        (b'{"name": "x", "version": 1}', "has no 'images', so it is not in COCO's format"),
        (b"", "byte 0: the file is empty"),
        (b'[{"image_id": 1, "score": 0.5}]', "byte 0: '{' expected for the file, got '\\['"),
        (b'{"images": [], "images": []}', "byte 23: the key 'images' is there twice"),
        (json.dumps(CONTENTS).encode("utf-16"), "near byte 0: no UTF-8"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = write_coco(tmp_path)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"instances_val2017\.json: {message}"):
        CocoDetection(tmp_path, path)
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="no picture was found"):
        CocoDetection(tmp_path, path, on_error="skip")


def test_scripts_for_torch_may_have_annotations_without_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "torch_rules", True)
    content = coco_files.instances()
    content["images"] = content["images"][1:]
    path = write_coco(tmp_path, content)
    with pytest.warns(UserWarning, match="left out .* there is no picture"):
        ours = CocoDetection(tmp_path, path)
    theirs = THEIRS.CocoDetection(tmp_path, path)
    assert list(ours.ids) == theirs.ids
    assert [ours._load_target(id) for id in ours.ids] == [
        theirs._load_target(id) for id in ours.ids
    ]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="the file ends in"):
        CocoDetection(tmp_path, path)


def test_a_cut_file(tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    whole = path.read_bytes()
    cut = whole.index(b'"annotations"') + 3000
    path.write_bytes(whole[:cut])
    with pytest.raises(ValueError, match=rf"\.json: byte {cut}: the file ends in element \d+ of"):
        CocoDetection(tmp_path, path)
    with pytest.warns(UserWarning, match="left out 1 broken part of .*the file ends in"):
        dataset = CocoDetection(tmp_path / "val2017", path, on_error="skip")
    found = dataset.coco.dataset["annotations"]
    assert 0 < len(found) < 20
    assert list(found) == CONTENTS["annotations"][: len(found)]
    path.write_bytes(whole[:40])
    with (
        pytest.warns(UserWarning),
        pytest.raises(ValueError, match="no picture was found: .*byte 40"),
    ):
        CocoDetection(tmp_path, path, on_error="skip")


def test_broken_masks_and_pictures(tmp_path: Path) -> None:
    contents = broken(CONTENTS, "annotations", 4, segmentation={"counts": [5], "size": [1, 2]})
    victim = contents["annotations"][4]["image_id"]
    path = write_coco(tmp_path, contents)
    folder = tmp_path / "val2017"
    (folder / f"{42:012d}.jpg").unlink()
    (folder / f"{7:012d}.jpg").write_bytes(b"GIF89a")
    coco_files.Image.new("RGB", (30, 41)).save(folder / f"{25:012d}.jpg")
    dataset = CocoSegmentation(folder, path, on_error="skip")
    reasons = dict(dataset.verify())
    assert list(reasons) == [str(folder / f"{id:012d}.jpg") for id in sorted({7, 25, 42, victim})]
    assert "No such file" in reasons[str(folder / f"{42:012d}.jpg")]
    assert "cannot identify" in reasons[str(folder / f"{7:012d}.jpg")]
    if victim != 25:
        assert reasons[str(folder / f"{25:012d}.jpg")].startswith("is 41 x 30, ")
    assert "annotation 900100000996: runs of a" in reasons[str(folder / f"{victim:012d}.jpg")]
    loader = DataLoader(dataset, batch_size=None, collate_fn=list)
    with pytest.warns(UserWarning, match=f"{len(reasons)} samples were left out"):
        assert len(list(loader)) == 5 - len(reasons)
    with pytest.raises(data.BrokenPicture, match=r"instances_val2017\.json: annotation 9001"):
        CocoSegmentation(folder, path)._load_target(victim)
    with pytest.raises(FileNotFoundError, match="42.jpg"):
        CocoSegmentation(folder, path)[2]


def test_a_name_with_a_null_character(tmp_path: Path) -> None:
    path = write_coco(tmp_path, broken(CONTENTS, "images", 0, file_name="a\0b"))
    dataset = CocoDetection(tmp_path / "val2017", path, on_error="skip")
    assert [reason for _, reason in dataset.verify()] == ["embedded null byte"]
    with pytest.raises(data.BrokenPicture, match="null"):
        CocoDetection(tmp_path / "val2017", path)[3]


def test_a_file_without_sizes_or_captions(tmp_path: Path) -> None:
    path = write_coco(tmp_path, broken(CONTENTS, "images", 2, height=None))
    assert len(CocoDetection(tmp_path / "val2017", path)[-1][1]) > 0
    with pytest.raises(
        data.BrokenPicture, match=r"391895\.jpg: .* picture 391895 has no height and width"
    ):
        CocoSegmentation(tmp_path / "val2017", path)[-1]
    with pytest.raises(data.BrokenPicture, match="has no caption"):
        CocoCaptions(tmp_path / "val2017", path)[-1]


def check_damaged(root: Path, count: int, seed: int) -> tuple[int, int, int]:
    """How many damaged files were refused, were read with problems, and were read without."""
    rng, outcomes = np.random.default_rng(seed), [0, 0, 0]
    path = write_coco(root)
    originals = [
        json.dumps(contents(), indent=indent).encode()
        for contents in (coco_files.instances, coco_files.keypoints)
        for indent in (None, 1)
    ]
    for number in range(count):
        content = originals[number // 6 % len(originals)]
        if number % 3:
            content = damaged(content, rng)
        else:  # another character
            at = int(rng.integers(len(content)))
            content = content[:at] + bytes([rng.choice(list(b'0159-.,:{}[]"'))]) + content[at + 1 :]
        path.write_bytes(content)
        os.utime(path, ns=(number, number))  # the index is made once more
        try:
            whole = json.loads(content.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            whole = None
        try:
            kind = CocoSegmentation if number % 2 else CocoDetection
            dataset = kind(root / "val2017", path, on_error="skip")
        except ValueError as error:
            assert str(path) in str(error)
            outcomes[0] += 1
            continue
        problems = dataset.coco.problems
        outcomes[1 if problems else 2] += 1
        assert all(problem.where.startswith(str(path)) for problem in problems)
        if not problems:
            for key in ("images", "annotations"):
                assert exactly(list(dataset.coco.dataset[key])) == exactly(whole[key])
        for place, reason in dataset.verify(1):
            assert place.startswith(str(root)) and reason
        for i in range(len(dataset)):
            dataset.coco.loadAnns(dataset.coco.getAnnIds(dataset.ids[i]))
    return tuple(outcomes)


@pytest.mark.filterwarnings("ignore:left out")
def test_damaged_files(tmp_path: Path) -> None:
    check_damaged(tmp_path, 40, 0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:left out")
def test_many_damaged_files(tmp_path: Path) -> None:
    refused, with_problems, others = check_damaged(tmp_path, 1000, 1)
    print(f"COCO: {refused} refused, {with_problems} with problems, {others} without")
