"""Damaged files of Open Images: each bad part is named, and left out or raised."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import open_images_files as files
import pytest
from damage import damaged
from open_images_files import CAT, IDS

from minicnn.data import BrokenPicture, OpenImages

pytestmark = pytest.mark.cpu_only

KINDS = ("labels", "boxes", "masks")
LABELS = "oidv7-train-annotations-human-imagelabels.csv"
BOXES = "oidv6-train-annotations-bbox.csv"
MASKS = "train-annotations-object-segmentation.csv"
CLASSES = "oidv7-class-descriptions.csv"


@pytest.fixture
def root(tmp_path):
    return files.write(tmp_path, files.published())


def replace(path, old, new):
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))


def check(root, kind, message, samples):
    """That one broken row or zip is raised, or named and left out."""
    with pytest.raises(ValueError, match=message):
        OpenImages(root, annotations=kind)
    for _ in range(2):  # the second time the index is there
        with pytest.warns(
            UserWarning, match=f"left out 1 broken part of the annotations.*{message}"
        ):
            dataset = OpenImages(root, annotations=kind, on_error="skip")
        assert len(dataset) == samples and len(dataset.problems) == 1
        assert [dataset[i][1]["image_id"] for i in range(samples)] == [
            f"{image_id:016x}" for image_id in dataset.ids
        ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            b"xclick,/m/07j7r,1,",
            b"xclick,/m/07j7r,",
            "line 5: the row has 20 fields, its header 21",
        ),
        (
            b"f9e0434389a1d4dd",
            b"f9e0434389a1d4d",
            "line 5: ImageID should be 16 hexadecimal digits",
        ),
        (b"f9e0434389a1d4dd", b"g9e0434389a1d4dd", "line 5: ImageID should be 16 hexadecimal"),
        (b"/m/07j7r", b"/m/07j7x", "line 5: LabelName '/m/07j7x' is not a class of oidv7"),
        (b"0.5,0.75", b"0.5x,0.75", "line 5: XMin should be a number from 0 to 1, got '0.5x'"),
        (b"0.5,0.75", b"0.5,1.75", "line 5: XMax should be a number from 0 to 1, got '1.75'"),
        (b"0.5,0.75", b"0.75,0.5", "line 5: the box ends before it begins: .0.75, 0.25, 0.5, 0.5"),
        (b"0.5,1,0,0,1,1", b"0.5,1,0,,1,1", "line 5: IsGroupOf should be a number from -1 to 1"),
    ],
)
def test_a_broken_box(root, old, new, reason):
    replace(root / BOXES, old, new)
    check(root, "boxes", f"{BOXES}, {reason}", 2)


@pytest.mark.parametrize("cut", [7, 30, 39])
def test_a_cut_file(root, cut):
    path = root / LABELS
    path.write_bytes(path.read_bytes()[:-cut])
    check(root, "labels", f"{LABELS}, line 7: ", 3)


def test_a_broken_mask_row(root):
    replace(root / MASKS, b"0.25,0.75,0.25,0.75,0.5", b"0.25,0.75,0.25,0.75,much")
    check(root, "masks", f"{MASKS}, line 4: PredictedIoU should be a number from 0 to 1", 1)


@pytest.mark.parametrize("name", [b"", b"a/" * 100])
def test_a_broken_mask_path(root, name):
    replace(root / MASKS, files.mask_name(3, CAT, "00000001").encode(), name)
    check(root, "masks", f"{MASKS}, line 4: MaskPath should be the name of a file", 1)


@pytest.mark.parametrize(
    ("old", "new", "reason", "samples"),
    [
        (b"/m/01yrx,Cat", b"/m/01yrx", "line 2: it should be a class and its name", 3),
        (b"/m/01yrx,Cat", b"\n/m/01yrx", "line 3: it should be a class and its name", 3),
        (b'"Snack, salty"', b"Snack, salty", "line 4: it should be a class and its name", 3),
        (
            b"/m/07j7r,Tree\n",
            b"/m/07j7r,Tree\n/m/07j7r,Wood\n",
            "line 6: /m/07j7r is .Wood. here, .Tree. before",
            4,
        ),
    ],
)
def test_a_broken_class_description(root, old, new, reason, samples):
    replace(root / CLASSES, old, new)
    with pytest.raises(ValueError, match=f"{CLASSES}, {reason}"):
        OpenImages(root)
    with pytest.warns(UserWarning, match=f"{CLASSES}, {reason}"):
        assert len(OpenImages(root, on_error="skip")) == samples


def test_each_row_is_warned_about(root):
    replace(root / LABELS, b"/m/01yrx,0\n", b"/m/01yrx\n")
    replace(root / LABELS, b"/m/0bt9lr,1\n", b"/m/0bt9lr,\n")
    with pytest.warns(UserWarning) as caught:
        assert len(OpenImages(root, on_error="warn").problems) == 2
    assert [str(w.message).partition(LABELS)[2][:8] for w in caught] == [", line 4", ", line 6"]


@pytest.mark.parametrize(
    ("kind", "name", "column"),
    [("labels", LABELS, "Confidence"), ("boxes", BOXES, "YMin"), ("masks", MASKS, "BoxYMax")],
)
def test_a_missing_column(root, kind, name, column):
    replace(root / name, f",{column},".encode() if kind != "labels" else b",Confidence", b",")
    for on_error in ("raise", "skip"):
        with pytest.raises(ValueError, match=f"{name}, line 1: .*{column} is not in"):
            OpenImages(root, annotations=kind, on_error=on_error)


def test_a_file_without_good_rows(root):
    (root / LABELS).write_bytes(files.labels().splitlines(keepends=True)[0] + b"x,y\n")
    with pytest.raises(ValueError, match="has no rows; 1 are wrong, the first: .*line 2"):
        OpenImages(root, on_error="skip")


def test_a_file_without_classes(root):
    (root / CLASSES).write_bytes(b"LabelName,DisplayName\n")
    with pytest.raises(ValueError, match=f"no class is in .*{CLASSES}"):
        OpenImages(root)


def test_a_cut_zip(root):
    path = root / "train-masks-0.zip"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="train-masks-0.zip: is a truncated or damaged zip"):
        OpenImages(root, annotations="masks")
    with pytest.warns(UserWarning, match="train-masks-0.zip|mask is missing|masks is missing"):
        dataset = OpenImages(root, annotations="masks", on_error="skip")
    assert [f"{i:016x}" for i in dataset.ids] == [IDS[3]]


def test_a_broken_mask(root):
    path = root / "train-masks-f.zip"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 255
    path.write_bytes(data)
    dataset = OpenImages(root, annotations="masks")
    name = files.mask_name(3, CAT, "00000001")
    with pytest.raises(BrokenPicture, match=f"train-masks-f.zip/{name}: "):
        dataset[1]
    assert [path for path, _ in dataset.verify()] == [f"{root}/train-masks-f.zip/{name}"]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_that_is_too_large(root, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 50)
    dataset = OpenImages(root)
    with pytest.raises(BrokenPicture, match=f"{IDS[0]}.jpg: .*exceeds limit"):
        dataset[0]
    assert len(dataset.verify()) == 3


@pytest.mark.parametrize(
    "count",
    [pytest.param(10, id="short"), pytest.param(334, id="long", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("kind", KINDS)
def test_random_damage(tmp_path, kind, count):
    """A right answer, or an error that names the file."""
    rng = np.random.default_rng(KINDS.index(kind))
    published = files.published()
    table = {"labels": LABELS, "boxes": BOXES, "masks": MASKS}[kind]
    names = [table, table, CLASSES, f"train/{IDS[0]}.jpg"]
    if kind != "labels":
        names += ["oidv7-class-descriptions-boxable.csv"]
    if kind == "masks":
        names += ["train-masks-0.zip", "train-masks-0.zip", "oidv7-classes-segmentation.txt"]
    for i in range(count):
        root = tmp_path / str(i)
        name = names[rng.integers(len(names))]
        files.write(root, published | {name: damaged(published[name], rng)})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                dataset = OpenImages(root, annotations=kind, on_error="skip")
            except ValueError as error:
                assert name in str(error), (name, error)
                continue
        for path, reason in dataset.verify():
            assert str(root) in path and reason
        for problem in dataset.problems:
            assert str(root) in problem.where
        pickle.loads(pickle.dumps(dataset))
        for j in range(len(dataset)):
            try:
                picture, target = dataset[j]
            except BrokenPicture as error:
                assert str(root) in str(error)
                continue
            assert picture.mode == "RGB"
            assert ((target["labels"] >= 0) & (target["labels"] < len(dataset.classes))).all()
            assert (target.get("boxes", np.zeros(1)) >= 0).all()
