"""Broken files in COCO's formats: what is left out, and what is raised."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import coco_files
import numpy as np
import pytest
from coco_files import broken, exactly, write_coco
from damage import damaged
from with_torchvision import torchvision

from minicnn import data, rules
from minicnn.data import CocoCaptions, CocoDetection, CocoSegmentation, DataLoader

pytestmark = pytest.mark.cpu_only

pytest.importorskip("pycocotools.mask")  # which the contents are made with
THEIRS = torchvision.datasets
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
