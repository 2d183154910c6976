from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pictures import jpeg, numbered_files, train_files, write_folder, write_zip

from minicnn import transforms
from minicnn.data import (
    BrokenPicture,
    DataLoader,
    DogsVsCats,
    TransformDataset,
    find_test_pictures,
    stratified_split,
)

pytestmark = pytest.mark.cpu_only

PET_IMAGES = {
    "PetImages/Cat/0.jpg": jpeg(0),
    "PetImages/Cat/1.jpg": jpeg(1),
    "PetImages/Cat/10.jpg": jpeg(2),
    "PetImages/Cat/666.jpg": b"",
    "PetImages/Cat/Thumbs.db": b"thumbs",
    "PetImages/Dog/0.jpg": jpeg(3),
    "PetImages/Dog/11702.jpg": jpeg(4)[:200],
    "readme[1].txt": b"hello",
}


def kaggle_zip(path: Path, method: int = zipfile.ZIP_STORED) -> Path:
    """The outer zip; its inner zips are made next to it and removed."""
    inner = {
        "train.zip": write_zip(path.with_name("t"), train_files()).read_bytes(),
        "test1.zip": write_zip(path.with_name("t"), numbered_files(folder="test1/")).read_bytes(),
        "sampleSubmission.csv": b"id,label\n",
    }
    path.with_name("t").unlink()
    return write_zip(path, inner, method)


def two_zips(path: Path) -> list[Path]:
    files = list(train_files().items())
    return [
        write_zip(path / "train-0.zip", dict(files[::2])),
        write_zip(path / "train-1.zip", dict(files[1::2])),
    ]


LAYOUTS = {
    "outer zip": lambda path: kaggle_zip(path / "dogs-vs-cats.zip"),
    "outer zip, deflated": lambda path: kaggle_zip(path / "redux.zip", zipfile.ZIP_DEFLATED),
    "train.zip": lambda path: write_zip(path / "train.zip", train_files()),
    "train.zip, deflated": lambda path: write_zip(
        path / "train.zip", train_files(), zipfile.ZIP_DEFLATED
    ),
    "several zips": two_zips,
    "folder of zips": lambda path: two_zips(path)[0].parent,
    "folder of the outer zip": lambda path: kaggle_zip(path / "dogs-vs-cats.zip").parent,
    "extracted": lambda path: write_folder(path, train_files()),
    "extracted, flat": lambda path: write_folder(path, train_files(folder="")),
    "a folder for each class": lambda path: write_folder(
        path, {f"set/{n[6:9]}s/{n[6:]}": data for n, data in train_files().items()}
    ),
}


def colors(dataset: DogsVsCats) -> list[tuple[int, ...]]:
    return [picture.getpixel((0, 0)) for picture, _ in dataset]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same(tmp_path: Path, layout: str):
    dataset = DogsVsCats(LAYOUTS[layout](tmp_path))
    plain = DogsVsCats(write_folder(tmp_path / "plain", train_files()))
    assert [label for _, label in dataset] == [0, 0, 0, 1, 1, 1]
    assert dataset.ids.tolist() == [0, 1, 2, 0, 1, 2]
    assert dataset.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert colors(dataset) == colors(plain)
    assert len(set(colors(dataset))) == 6


def test_classes_are_numbered_so_that_one_is_dog(tmp_path: Path):
    dataset = DogsVsCats(write_folder(tmp_path, train_files(2, 1)))
    assert dataset.classes == ["cat", "dog"] and dataset.class_to_idx == {"cat": 0, "dog": 1}
    assert repr(dataset) == f"DogsVsCats(2 cats and 1 dogs from {tmp_path})"


@pytest.mark.parametrize("packed", [True, False])
def test_pet_images(tmp_path: Path, packed: bool):
    make = write_zip if packed else write_folder
    root = make(tmp_path / "kagglecatsanddogs_5340", PET_IMAGES)
    dataset = DogsVsCats(root)
    assert dataset.targets.tolist() == [0, 0, 0, 0, 1, 1]
    assert dataset.ids.tolist() == [0, 1, 10, 666, 0, 11702]
    assert len(dataset.ignored) == 2 and any("Thumbs.db" in path for path in dataset.ignored)
    broken = dataset.verify()
    assert [Path(path).name for path, _ in broken] == ["666.jpg", "11702.jpg"]
    assert broken[0][1] == "the file is empty"
    assert "0x" not in broken[1][1]


@pytest.mark.parametrize(
    "make",
    [
        lambda path: write_zip(path / "test.zip", numbered_files()),
        lambda path: kaggle_zip(path / "all.zip"),
        lambda path: write_folder(path, {**numbered_files(folder="test1/"), **train_files()}),
        lambda path: write_folder(path / "mine", numbered_files(folder="")),
    ],
    ids=["test.zip", "outer zip", "folder with both", "flat folder"],
)
def test_the_test_split_comes_in_the_order_of_ids(tmp_path: Path, make):
    dataset = DogsVsCats(make(tmp_path), split="test")
    assert [number for _, number in dataset] == list(range(1, 13))
    assert dataset.describe(1).endswith("2.jpg")
    assert "12 test pictures" in repr(dataset)


@pytest.mark.parametrize("name", ["test", "test.zip", "test1", "test1.zip"])
def test_test_pictures_beside_the_others_are_found(tmp_path: Path, name: str):
    train = write_zip(tmp_path / "train.zip", train_files())
    assert find_test_pictures(train) is None
    make = write_zip if name.endswith(".zip") else write_folder
    make(tmp_path / name, numbered_files(folder=""))
    assert "12 test pictures" in repr(find_test_pictures(train))


def test_pictures_become_rgb_and_go_through_the_transform(tmp_path: Path):
    files = {"cat.0.jpg": jpeg(mode="L"), "dog.0.jpg": jpeg(mode="CMYK")}
    dataset = DogsVsCats(write_folder(tmp_path, files), transform=transforms.ToTensor())
    assert [image.shape for image, _ in dataset] == [(3, 10, 12)] * 2
    assert dataset.load(0).mode == dataset.load(1).mode == "RGB"


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        (
            {},
            FileNotFoundError,
            r"no train pictures \(named like cat\.1\.jpg .* 0 test pictures and 0 other files",
        ),
        ({"notes.txt": b""}, FileNotFoundError, "1 other files are there"),
        (numbered_files(), FileNotFoundError, "no train pictures"),
        ({"train/cat.0.jpg": b"", "train/horse.1.jpg": b""}, ValueError, "the first being .*horse"),
        ({"a/cat.0.jpg": b"", "b/cat.0.jpg": b""}, ValueError, "there twice: .*a.*and.*b"),
        ({"Cat/7.jpg": b"", "cat.7.jpg": b""}, ValueError, "there twice"),
        ({"cat.0.jpg": b"", f"dog.{10**20}.jpg": b""}, ValueError, "the first being .*dog.10000"),
        ({"train.zip": b"<html>"}, ValueError, "log in to Kaggle"),
    ],
)
def test_folders_with_something_wrong(tmp_path: Path, files, error, message):
    with pytest.raises(error, match=message):
        DogsVsCats(write_folder(tmp_path, files))


def test_a_number_of_many_digits_is_a_name(tmp_path: Path):
    files = {f"Cat/{10**20}.jpg": b"", "Dog/1.jpg": b""}
    assert DogsVsCats(write_folder(tmp_path, files)).ids.tolist() == [-1, 1]


def test_both_the_zip_and_what_was_extracted_from_it(tmp_path: Path):
    write_zip(tmp_path / "train.zip", train_files())
    write_folder(tmp_path, train_files())
    with pytest.raises(ValueError, match=r"there twice: .*train\.zip.*give the path of one"):
        DogsVsCats(tmp_path)
    assert len(DogsVsCats(tmp_path / "train.zip")) == len(DogsVsCats(tmp_path / "train")) == 6


@pytest.mark.parametrize("name", ["__MACOSX/train/cat.9.jpg", "train/._cat.9.jpg"])
def test_what_macos_leaves_is_ignored(tmp_path: Path, name: str):
    dataset = DogsVsCats(write_zip(tmp_path / "train.zip", {**train_files(), name: b"litter"}))
    assert len(dataset) == 6
    assert dataset.ignored == [f"{tmp_path / 'train.zip'}/{name}"]


def test_wrong_arguments(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        DogsVsCats(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'val'"):
        DogsVsCats(tmp_path, split="val")
    with pytest.raises(ValueError, match="on_error must be one of raise, skip, warn, got 'hide'"):
        DogsVsCats(tmp_path, on_error="hide")


def test_index_out_of_range(tmp_path: Path):
    dataset = DogsVsCats(write_folder(tmp_path, train_files(1, 1)))
    assert dataset[-1][1] == 1
    for index in (2, -3):
        with pytest.raises(IndexError, match="out of range for 2 pictures"):
            dataset[index]


BROKEN = {**train_files(), "train/cat.1.jpg": jpeg()[:300]}


@pytest.mark.parametrize("on_error", ["raise", "skip", "warn"])
def test_a_broken_picture_raises_with_its_path_when_taken_by_hand(tmp_path: Path, on_error: str):
    dataset = DogsVsCats(write_zip(tmp_path / "train.zip", BROKEN), on_error=on_error)
    with pytest.raises(BrokenPicture, match=r"train\.zip/train/cat\.1\.jpg: .*"):
        dataset[1]
    assert [path for path, _ in dataset.verify()] == [f"{tmp_path / 'train.zip'}/train/cat.1.jpg"]


@pytest.mark.parametrize(
    ("num_workers", "worker_type"), [(0, "thread"), (2, "thread"), (1, "process")]
)
def test_a_broken_picture_in_a_loader(tmp_path: Path, num_workers: int, worker_type: str):
    root = write_zip(tmp_path / "train.zip", BROKEN)

    def load(on_error: str) -> tuple[list[int], DataLoader]:
        dataset = DogsVsCats(root, transform=transforms.ToTensor(), on_error=on_error)
        loader = DataLoader(dataset, 4, num_workers=num_workers, worker_type=worker_type)
        return [len(labels) for _, labels in loader], loader

    with pytest.raises(BrokenPicture, match=r"in sample 1 \(.*train/cat\.1\.jpg\)"):
        load("raise")
    with pytest.warns(UserWarning, match="1 samples were left out"):
        sizes, loader = load("skip")
    assert sizes == [3, 2]
    assert list(loader.skipped) == [1] and "cat.1.jpg" in loader.skipped[1]
    with pytest.warns(UserWarning, match=r"left out sample 1: .*train/cat\.1\.jpg: "):
        load("warn")


def test_no_warning_when_nothing_is_broken(tmp_path: Path):
    dataset = DogsVsCats(write_folder(tmp_path, train_files()), on_error="skip")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wrapped = TransformDataset(dataset, transforms.ToTensor())
        assert sum(len(labels) for _, labels in DataLoader(wrapped, 4)) == 6
    assert dataset.verify() == []


def test_picklable_with_few_bytes_for_each_picture(tmp_path: Path):
    dataset = DogsVsCats(write_zip(tmp_path / "t.zip", {f"cat.{i}.jpg": b"" for i in range(2000)}))
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 2000 * 40
    assert pickle.loads(pickled).describe(1234) == dataset.describe(1234)


def test_the_split_does_not_depend_on_the_order_of_files(tmp_path: Path):
    files = train_files(20, 20)
    other = dict(sorted(files.items()))
    paths = [write_zip(tmp_path / f"{i}.zip", f) for i, f in enumerate((files, other))]
    held_out = []
    for path in paths:
        _, val = stratified_split(DogsVsCats(path), 0.2, seed=4)
        held_out.append([Path(val.describe(i)).name for i in range(len(val))])
    assert held_out[0] == held_out[1] and len(held_out[0]) == 8


def test_batches_are_the_same_with_any_workers(tmp_path: Path):
    augment = transforms.Compose(
        [transforms.RandomCrop(8), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    )
    files = {name: jpeg(i, size=(12, 12)) for i, name in enumerate(train_files(8, 8))}
    root = write_zip(tmp_path / "train.zip", files)
    runs = []
    for num_workers, worker_type in ((0, "thread"), (3, "thread"), (1, "process")):
        loader = DataLoader(
            DogsVsCats(root, transform=augment), 4, num_workers=num_workers, worker_type=worker_type
        )
        loader.seed = 3
        runs.append(np.concatenate([images.numpy() for images, _ in loader]))
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0], runs[2])


@pytest.mark.skipif(os.sep != "/", reason="a backslash is a separator here")
def test_a_backslash_in_a_name_is_no_folder(tmp_path: Path):
    name = "cat.1\\2.jpg"
    dataset = DogsVsCats(write_folder(tmp_path, {f"Cat/{name}": jpeg(), "Dog/cat\\7.jpg": jpeg()}))
    assert [Path(dataset.describe(i)).name for i in range(2)] == [name, "cat\\7.jpg"]
    assert dataset.targets.tolist() == [0, 1]
