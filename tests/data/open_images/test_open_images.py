"""Open Images in its published form and in people's folders."""

from __future__ import annotations

import io
import multiprocessing
import pickle
import zipfile

import numpy as np
import open_images_files as files
import pytest
from open_images_files import CAT, DOG, IDS, SIZES, SNACK, TREE
from PIL import Image

from minicnn.data import BrokenPicture, DataLoader, OpenImages
from minicnn.data.open_images import dataset as module

pytestmark = pytest.mark.cpu_only

KINDS = ("labels", "boxes", "masks")


@pytest.fixture
def root(tmp_path):
    return files.write(tmp_path, files.published())


def names(dataset, numbers):
    return [dataset.classes[number] for number in numbers]


def ids(dataset):
    return [f"{image_id:016x}" for image_id in dataset.ids.tolist()]


def contents(dataset):
    """What is in all samples as text, in which NaN equals NaN."""
    return [
        (picture.size, repr({name: np.asarray(value).tolist() for name, value in target.items()}))
        for picture, target in (dataset[i] for i in range(len(dataset)))
    ]


# What is in a sample


def test_labels(root):
    dataset = OpenImages(root)
    found = {
        target["image_id"]: (
            names(dataset, target["labels"]),
            names(dataset, target["negative_labels"]),
        )
        for _, target in (dataset[i] for i in range(len(dataset)))
    }
    assert found == {
        IDS[0]: (["Cat"], ["Dog"]),
        IDS[1]: (["Dog", "Tree"], []),
        IDS[2]: ([], ["Cat"]),
        IDS[3]: (["Snack, salty"], []),
    }
    assert dataset[0][1]["labels"].dtype == np.int64
    assert [picture.size for picture, _ in dataset] == SIZES


def test_labels_that_are_there_twice(root):
    path = root / "oidv7-train-annotations-human-imagelabels.csv"
    with path.open("a") as file:
        file.write(f"{IDS[0]},crowdsource-verification,{CAT},1\n{IDS[0]},verification,{CAT},0\n")
    _, target = OpenImages(root)[0]
    assert (target["labels"].tolist(), target["negative_labels"].tolist()) == ([0], [1])


def test_boxes_are_in_pixels(root):
    dataset = OpenImages(root, annotations="boxes")
    assert ids(dataset) == [IDS[0], IDS[1], IDS[3]]
    _, target = dataset[0]
    expected = np.array([[0.0125, 0.148438, 0.195312, 0.5875], [0, 0, 1, 0.5520833]])
    assert (target["boxes"].dtype, target["labels"].dtype) == (np.float32, np.int64)
    np.testing.assert_allclose(target["boxes"], expected * [16, 10, 16, 10], rtol=1e-6)
    assert names(dataset, target["labels"]) == ["Cat", "Dog"]
    assert target["is_truncated"].tolist() == [1, 0]
    assert target["is_group_of"].tolist() == [0, 1]
    assert dataset[1][1]["is_inside"].tolist() == [-1]
    assert dataset[1][1]["boxes"][0, 1] == np.float32(9.765625e-04 * 10)


def test_masks_get_the_size_of_their_picture(root):
    dataset = OpenImages(root, annotations="masks")
    assert dataset.classes == ["Dog", "Cat"]  # the order of the file of classes with masks
    _, target = dataset[0]
    assert names(dataset, target["labels"]) == ["Cat", "Dog"]
    expected = np.zeros((2, 10, 16), np.uint8)
    expected[:, :, :8] = 1
    np.testing.assert_array_equal(target["masks"], expected)
    np.testing.assert_array_equal(target["boxes"], [[0, 0, 8, 10], [8, 0, 16, 5]])
    np.testing.assert_array_equal(target["predicted_iou"], np.float32([0.86864, np.nan]))
    assert dataset[1][1]["masks"].shape == (1, 7, 9)


def test_masks_are_resized_by_nearest(root):
    small = np.zeros((3, 5), bool)
    small[1, 2] = small[2, 4] = True
    file = io.BytesIO()
    Image.fromarray(small).save(file, "PNG")
    (root / "train-masks-f.zip").unlink()
    name = files.mask_name(3, CAT, "00000001")
    files.write(root, {f"masks/{name}": file.getvalue()})
    dataset = OpenImages(root, annotations="masks")
    rows, columns = ((np.arange(n) + 0.5) * m // n for n, m in ((7, 3), (9, 5)))
    expected = small[rows.astype(int)[:, None], columns.astype(int)]
    np.testing.assert_array_equal(dataset[1][1]["masks"][0], expected)


def test_transforms(root):
    dataset = OpenImages(root, transform=lambda p: p.size, target_transform=lambda t: t["image_id"])
    assert list(dataset) == list(zip(SIZES, IDS, strict=True))
    both = OpenImages(root, transforms=lambda p, t: (t["image_id"], p.size))
    assert list(both) == list(zip(IDS, SIZES, strict=True))


# Classes and counts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dog", ["Dog", DOG])
def test_classes_by_name_and_machine_id(root, kind, dog):
    dataset = OpenImages(root, classes=[dog, "Cat"], annotations=kind)
    assert (dataset.classes, dataset.mids) == (["Dog", "Cat"], [DOG, CAT])
    assert (dataset.class_to_idx, dataset.mid_to_idx) == ({"Dog": 0, "Cat": 1}, {DOG: 0, CAT: 1})
    rows = {
        "labels": [row[:2] for row in files.LABELS if row[2]],
        "boxes": [row[:2] for row in files.BOXES],
        "masks": [row[:2] for row in files.MASKS],
    }[kind]
    expected = {}
    for i, mid in rows:
        if mid in dataset.mids:
            expected.setdefault(IDS[i], []).append(dataset.mid_to_idx[mid])
    assert {t["image_id"]: t["labels"].tolist() for _, t in dataset} == expected


def test_negative_labels_of_other_classes_are_left_out(root):
    (_, target), (_, other) = OpenImages(root, classes=["Dog", "Cat"])
    assert target["negative_labels"].tolist() == [0]
    assert other["negative_labels"].tolist() == []


def test_one_class(root):
    assert ids(OpenImages(root, classes="Snack, salty")) == [IDS[3]]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("cat", "no class is named 'cat'; close ones are 'Cat'"),
        (["Dog", "Snack salty"], "no class is named 'Snack salty'; close ones are 'Snack, salty'"),
        ("/m/01yrxx", "no class is named '/m/01yrxx'; close ones are '/m/01yrx'"),
        ("zebra crossing", "no class is named 'zebra crossing'$"),
        (["Dog", DOG], "classes must differ"),
        ([], "classes must name at least one class, or be None for all, got none"),
    ],
)
def test_unknown_classes(root, classes, message):
    with pytest.raises(ValueError, match=message):
        OpenImages(root, classes=classes)


def test_classes_that_share_a_name(root):
    twice = files.descriptions() + f"{'/m/0abc'},Cat\n".encode()
    files.write(root, {"oidv7-class-descriptions.csv": twice})
    dataset = OpenImages(root)
    assert dataset.class_to_idx["Cat"] == 0 and dataset.mid_to_idx["/m/0abc"] == 4
    with pytest.raises(
        ValueError, match="2 classes are named 'Cat': give one of /m/01yrx, /m/0abc"
    ):
        OpenImages(root, classes=["Cat"])
    assert len(OpenImages(root, classes=[CAT])) == 1


def many(tmp_path, counts: dict[str, int], pictures: int = 0):
    """A table with one label in each of some pictures, class after class."""
    mids = [mid for mid, count in counts.items() for _ in range(count)]
    rows = [f"{i:016x},verification,{mid},1" for i, mid in enumerate(mids)]
    return files.write(
        tmp_path,
        {
            "oidv7-class-descriptions.csv": files.descriptions(),
            "oidv7-train-annotations-human-imagelabels.csv": files.table(
                ["ImageID,Source,LabelName,Confidence", *rows[::-1]]
            ),
            **{f"images/{i:016x}.jpg": b"" for i in range(len(mids) - pictures, len(mids))},
        },
    )


def chosen(root, **options):
    return OpenImages(root, **options).ids.tolist()


def test_max_samples_takes_the_first_by_id(tmp_path):
    root = many(tmp_path, {CAT: 10, DOG: 10})
    assert chosen(root, max_samples=3) == [0, 1, 2]
    assert chosen(root, max_samples=100) == list(range(20))


def test_max_samples_is_balanced_over_classes(tmp_path):
    root = many(tmp_path, {CAT: 10, DOG: 2, TREE: 10})
    assert chosen(root, classes=["Tree", "Dog", "Cat"], max_samples=7) == [0, 1, 2, 10, 11, 12, 13]
    assert chosen(root, classes=["Cat", "Tree"], max_samples=3) == [0, 1, 12]
    assert chosen(root, classes=["Cat"], max_samples=2) == [0, 1]


def test_max_samples_counts_a_picture_of_two_classes_once(root):
    assert [ids(OpenImages(root, classes=["Dog", "Tree"], max_samples=n)) for n in (1, 2)] == [
        [IDS[1]],
        [IDS[1]],
    ]


def test_max_samples_prefers_pictures_on_the_disk(tmp_path):
    root = many(tmp_path, {CAT: 10, DOG: 10}, pictures=3)
    assert chosen(root, max_samples=5) == [0, 1, 17, 18, 19]
    assert chosen(root, classes=["Cat", "Dog"], max_samples=2) == [17, 18]
    assert chosen(root, classes=["Cat", "Dog"], max_samples=5) == [0, 1, 17, 18, 19]


# From a list of ids to pictures


@pytest.mark.parametrize("kind", KINDS)
def test_download_workflow(tmp_path, kind):
    published = {n: d for n, d in files.published().items() if not n.endswith((".jpg", ".zip"))}
    root = files.write(tmp_path, published)
    options = {"classes": ["Cat", "Dog"], "max_samples": 1, "annotations": kind}
    OpenImages(root, **options).write_ids(root / "ids.txt")
    assert (root / "ids.txt").read_text() == f"train/{IDS[0]}\n"
    files.write(root, files.pictures([0], "train/") | files.mask_zips("train"))
    dataset = OpenImages(root, **options)
    assert len(dataset) == 1 and dataset[0][1]["image_id"] == IDS[0]
    assert len(dataset.missing) == 0


def test_missing_pictures_raise_when_they_are_read(root):
    (root / "train" / f"{IDS[1]}.jpg").unlink()
    dataset = OpenImages(root)
    assert len(dataset) == 4 and dataset.missing.tolist() == [int(IDS[1], 16)]
    assert dataset[0][0].size == SIZES[0]
    with pytest.raises(FileNotFoundError, match=f"train/{IDS[1]}.jpg: the picture is missing"):
        dataset[1]
    assert [path for path, _ in dataset.verify()] == [dataset.describe(1)]


@pytest.mark.parametrize("on_error", ["skip", "warn"])
def test_missing_pictures_are_left_out(root, on_error):
    for i in (1, 2):
        (root / "train" / f"{IDS[i]}.jpg").unlink()
    with pytest.warns(UserWarning) as caught:
        dataset = OpenImages(root, on_error=on_error)
    assert ids(dataset) == [IDS[0], IDS[3]]
    assert f"{IDS[1]:016}" in str(caught[0].message) and len(caught) == (
        1 if on_error == "skip" else 2
    )
    dataset.write_ids(root / "ids.txt")
    assert (root / "ids.txt").read_text().split() == [f"train/{i}" for i in IDS]
    assert "Missing: 2 of 4" in repr(dataset)


def test_a_missing_mask(root):
    (root / "train-masks-f.zip").unlink()
    dataset = OpenImages(root, annotations="masks")
    assert dataset.missing.tolist() == [int(IDS[3], 16)]
    with pytest.raises(BrokenPicture, match="00000001.png: the mask is in none of the zips"):
        dataset[1]
    with pytest.warns(UserWarning, match="left out 1 .*one of its masks is missing"):
        assert ids(OpenImages(root, annotations="masks", on_error="skip")) == [IDS[0]]


def test_a_missing_mask_of_another_class(root):
    with zipfile.ZipFile(root / "train-masks-0.zip", "w") as archive:
        name = files.mask_name(0, CAT, "9a041d52")
        archive.writestr(name, files.mask_files()[name])
    assert len(OpenImages(root, annotations="masks").missing) == 1
    dataset = OpenImages(root, classes=["Cat"], annotations="masks")
    assert len(dataset.missing) == 0 and dataset.verify() == []


# Layouts


def fiftyone(split):
    return {
        f"{split}/labels/classifications.csv": files.labels(),
        f"{split}/labels/detections.csv": files.boxes(),
        f"{split}/labels/segmentations.csv": files.masks(),
        f"{split}/metadata/classes.csv": files.descriptions(header=False),
        f"{split}/metadata/segmentation_classes.csv": files.table([DOG, CAT]),
        **{f"{split}/labels/masks/{n[0].upper()}/{n}": d for n, d in files.mask_files().items()},
        **files.pictures(folder=f"{split}/data/"),
    }


def arranged(split, move):
    return {move(name): data for name, data in files.published(split).items()}


def older(split, version):
    names = {
        "oidv7-class-descriptions.csv": f"{version}class-descriptions.csv",
        "oidv7-class-descriptions-boxable.csv": "class-descriptions-boxable.csv",
        "oidv7-classes-segmentation.txt": "classes-segmentation.txt",
    }
    for short in ("val", "train", "test"):
        old = f"{version}{split}-annotations-human-imagelabels.csv"
        names[f"oidv7-{short}-annotations-human-imagelabels.csv"] = old
    if not version:
        names["oidv6-train-annotations-bbox.csv"] = "train-annotations-bbox.csv"
    return arranged(split, lambda name: names.get(name, name))


def in_folders(name):
    """CSV files, masks and pictures in folders of their own."""
    if name.endswith(".zip"):
        return f"masks/{name}"
    if name.endswith(".jpg"):
        return f"images/{name}"
    return f"{'metadata' if 'class' in name else 'annotations'}/{name}"


def of_the_toolkit(name):
    """OIDv4 ToolKit has a folder for each class."""
    if name.endswith(".jpg"):
        return f"Dataset/{name.replace('/', '/Cat_Dog/')}"
    return f"csv_folder/{name}" if name.endswith((".csv", ".txt")) else name


LAYOUTS = {
    "V7": lambda split: files.published(split),
    "V6": lambda split: older(split, "oidv6-"),
    "V5": lambda split: older(split, ""),
    "folders": lambda split: arranged(split, in_folders),
    "one folder": lambda split: arranged(split, lambda name: name.rpartition("/")[2]),
    "images": lambda split: arranged(split, lambda n: n.replace(f"{split}/", "images/")),
    "split folder": lambda split: arranged(split, lambda n: n if "/" in n else f"{split}/{n}"),
    "fiftyone": fiftyone,
    "toolkit": lambda split: arranged(split, of_the_toolkit),
}


@pytest.mark.parametrize(
    ("layout", "split"),
    [
        *((layout, "train") for layout in LAYOUTS if layout != "V7"),
        *((layout, "validation") for layout in ("V6", "V5", "fiftyone")),
        ("V5", "test"),
    ],
)
def test_layouts(tmp_path, layout, split):
    reference = files.write(tmp_path / "published", files.published(split))
    root = files.write(tmp_path / "root", LAYOUTS[layout](split))
    for kind in KINDS:
        expected, dataset = (OpenImages(r, split, annotations=kind) for r in (reference, root))
        assert contents(dataset) == contents(expected)
        assert len(dataset) == {"labels": 4, "boxes": 3, "masks": 2}[kind]
        assert dataset.verify() == []


def test_labels_of_the_boxable_classes_alone(tmp_path):
    contents_of = {
        "class-descriptions-boxable.csv": files.descriptions(header=False),
        "train-annotations-human-imagelabels-boxable.csv": files.labels(),
    }
    assert len(OpenImages(files.write(tmp_path, contents_of))) == 4


def test_a_split_folder_of_fiftyone(tmp_path):
    root = files.write(tmp_path, fiftyone("train")) / "train"
    assert len(OpenImages(root, annotations="boxes").verify()) == 0
    with pytest.raises(FileNotFoundError, match="validation-annotations-bbox.csv, detections.csv"):
        OpenImages(root, "validation", annotations="boxes")


def test_a_folder_for_val(tmp_path):
    root = files.write(
        tmp_path,
        arranged("validation", lambda name: name.replace("validation/", "val/")),
    )
    assert OpenImages(root, "validation").verify() == []


def test_pictures_as_their_archives_unpack(tmp_path):
    split_up = arranged(
        "train", lambda n: n.replace("train/", f"train/train_{n[6]}/") if n.endswith("jpg") else n
    )
    assert OpenImages(files.write(tmp_path, split_up)).verify() == []


def test_rows_that_are_not_sorted(root):
    path = root / "oidv6-train-annotations-bbox.csv"
    expected = contents(OpenImages(root, annotations="boxes"))
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *(rows[i] for i in (3, 0, 2, 1))]))
    assert contents(OpenImages(root, annotations="boxes")) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_windows_programs_saved(root, kind):
    expected = contents(OpenImages(root, annotations=kind))
    for path in root.iterdir():
        if path.suffix in (".csv", ".txt"):
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert contents(OpenImages(root, annotations=kind)) == expected


# Errors


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_there(tmp_path, kind):
    with pytest.raises(FileNotFoundError, match="none of these files .*download_v7.html"):
        OpenImages(tmp_path, annotations=kind)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "split must be one of train, validation, test, got 'val'"),
        ({"annotations": "points"}, "annotations must be one of labels, boxes, masks"),
        ({"max_samples": 0}, "max_samples must be positive, got 0"),
        ({"on_error": "ignore"}, "on_error must be one of raise, skip, warn"),
    ],
)
def test_wrong_arguments(root, options, message):
    with pytest.raises(ValueError, match=message):
        OpenImages(root, **options)


# The index, and other processes


def test_is_scanned_once(root, monkeypatch):
    for kind in KINDS:
        OpenImages(root, annotations=kind)
    monkeypatch.setattr(module, "scan", None)
    for kind in KINDS:
        expected = {"labels": 4, "boxes": 3, "masks": 2}[kind]
        assert len(OpenImages(root, annotations=kind)) == expected


def test_notices_other_files(root):
    assert len(OpenImages(root, on_error="warn")) == 4
    (root / "train" / f"{IDS[0]}.jpg").unlink()
    assert len(OpenImages(root).missing) == 1
    path = root / "oidv7-train-annotations-human-imagelabels.csv"
    path.write_bytes(path.read_bytes()[:-40])
    assert len(OpenImages(root, classes=["Snack, salty"])) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_pickles_as_paths(root, kind):
    dataset = OpenImages(root, classes=["Cat", "Dog"], annotations=kind, max_samples=2)
    data = pickle.dumps(dataset)
    assert len(data) < 4000
    assert contents(pickle.loads(data)) == contents(dataset)


def test_in_a_spawned_worker(root):
    dataset = OpenImages(root, annotations="masks")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(contents, (dataset,)) == contents(dataset)


def test_in_a_loader(root):
    (root / "train" / f"{IDS[1]}.jpg").write_bytes(b"no picture")
    dataset = OpenImages(root, transform=np.asarray, on_error="skip")
    loader = DataLoader(dataset, batch_size=2, collate_fn=list)
    with pytest.warns(UserWarning, match="1 .*could not be read|skipped|left out"):
        batches = list(loader)
    assert [target["image_id"] for batch in batches for _, target in batch] == [
        IDS[0],
        *IDS[2:],
    ]


def test_prints_itself(root):
    assert repr(OpenImages(root, classes=[SNACK])).split("\n") == [
        "Dataset OpenImages",
        "    Number of datapoints: 1",
        f"    Root location: {root}",
        "    Split: train",
        "    Annotations: labels",
        "    Classes: 1",
    ]
