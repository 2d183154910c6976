"""The contents of COCO's files, equal to what pycocotools reads."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import coco_files
import numpy as np
import pytest
from coco_files import IDS, exactly, write_coco

from minicnn.data import CocoDetection, CocoSegmentation
from minicnn.data.coco_annotations import CocoAnnotations

pytestmark = pytest.mark.cpu_only

oracle = pytest.importorskip("pycocotools.coco")
CONTENTS = coco_files.instances()


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
