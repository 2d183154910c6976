"""ImageNet in each of the forms in which people have it; torchvision is the oracle."""

from __future__ import annotations

import io
import multiprocessing
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import damaged
from imagenet_trees import (
    CLASSES,
    FORMS,
    PER_CLASS,
    WNIDS,
    flat,
    in_class_tars,
    in_folders,
    in_tars,
    of_kaggle,
    send_sample,
    tar,
    val_pictures,
    with_flat_val,
)
from pictures import jpeg, write_folder
from PIL import Image
from with_torchvision import torchvision

import minicnn as mc
from minicnn import data, models
from minicnn.data import BrokenPicture, DataLoader, ImageNet
from minicnn.data.datasets.imagenet import ARCHIVE_META
from minicnn.data.datasets.imagenet_classes import synsets, validation_labels

pytestmark = pytest.mark.cpu_only

TRAIN, VAL = (ARCHIVE_META[split][0] for split in ("train", "val"))


@pytest.fixture(autouse=True)
def a_cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "cache"))


@pytest.fixture(params=FORMS)
def root(request, tmp_path: Path) -> Path:
    return FORMS[request.param](tmp_path / request.param)


def by_torchvision(root: Path, split: str) -> torchvision.datasets.ImageNet:
    """torchvision's reader on the same pictures in folders, with the file it makes of the devkit."""
    in_folders(root)
    val_wnids = [WNIDS[c] for c in validation_labels()]
    torch.save((synsets(), val_wnids), root / "meta.bin")
    return torchvision.datasets.ImageNet(root, split)


def names(dataset) -> list[str]:
    return [Path(path).name for path, _ in dataset.imgs]


@pytest.mark.parametrize("split", ["train", "val"])
def test_equals_torchvision(root: Path, tmp_path: Path, split: str) -> None:
    expected, found = by_torchvision(tmp_path / "theirs", split), ImageNet(root, split)
    for attribute in ("classes", "class_to_idx", "wnids", "wnid_to_idx"):
        assert getattr(found, attribute) == getattr(expected, attribute)
    assert list(found.targets) == expected.targets
    assert names(found) == names(expected)
    assert len(found) == len(expected) == len(CLASSES) * PER_CLASS
    for i in range(len(expected)):
        (picture, label), (their_picture, their_label) = found[i], expected[i]
        assert label == their_label
        assert picture.tobytes() == their_picture.tobytes()
    assert repr(found).splitlines()[-1] == repr(expected).splitlines()[-1]
    assert not found.problems


def test_equal_paths_in_folders(tmp_path: Path) -> None:
    assert by_torchvision(tmp_path, "val").imgs == ImageNet(str(tmp_path), "val").imgs


def test_archive_meta() -> None:
    assert torchvision.datasets.imagenet.ARCHIVE_META == ARCHIVE_META


def test_the_shipped_lists() -> None:
    assert len(WNIDS) == 1000 and sorted(WNIDS) == WNIDS
    named = {
        0: ("tench", "Tinca tinca"),
        134: ("crane",),
        517: ("crane",),
        638: ("maillot",),
        639: ("maillot", "tank suit"),
        999: ("toilet tissue", "toilet paper", "bathroom tissue"),
    }
    assert {number: synsets()[WNIDS[number]] for number in named} == named
    first = [names[0] for names in synsets().values()]
    published = models.ResNet18_Weights["DEFAULT"].meta["categories"]
    differ = {i for i, (a, b) in enumerate(zip(first, published, strict=True)) if a != b}
    assert differ == {134, 639}  # "crane bird" and "maillot tank suit" in torchvision
    labels = validation_labels()
    assert np.array_equal(np.bincount(labels), np.full(1000, 50))
    assert WNIDS[labels[0]] == "n01751748"  # ILSVRC2012_val_00000001.JPEG is a sea snake


@pytest.mark.parametrize("below", ["", "ILSVRC", "ILSVRC/Data", "ILSVRC/Data/CLS-LOC", ".."])
def test_kaggles_root_may_be_any_folder_on_the_way(tmp_path: Path, below: str) -> None:
    folder = of_kaggle(tmp_path / "challenge" / "x")
    # numbers alone would not tell these classes
    listed = folder / "LOC_val_solution.csv"
    listed.write_text(listed.read_text().replace(WNIDS[0], WNIDS[1]))
    dataset = ImageNet((folder / below).resolve(), "val")
    assert dataset.wnids == [WNIDS[1], *(WNIDS[c] for c in CLASSES[1:])]


def test_kaggle_without_its_lists(tmp_path: Path) -> None:
    folder = of_kaggle(tmp_path)
    (folder / "LOC_val_solution.csv").unlink()
    assert ImageNet(folder, "val").wnids == [WNIDS[c] for c in CLASSES]


def test_chosen_classes(root: Path) -> None:
    chosen = [WNIDS[517], WNIDS[999], WNIDS[0]]
    dataset = ImageNet(root, "val", wnids=chosen)
    assert dataset.wnids == chosen
    assert dataset.classes == [synsets()[wnid] for wnid in chosen]
    assert list(dataset.targets) == [0] * PER_CLASS + [2] * PER_CLASS
    expected = [name for wnid in (chosen[0], chosen[2]) for name in sorted(val_pictures()[wnid])]
    assert names(dataset) == expected
    assert dataset[PER_CLASS][1] == 2
    assert names(pickle.loads(pickle.dumps(dataset))) == expected
    whole = ImageNet(root, "val", wnids=WNIDS)
    assert sorted(set(whole.targets)) == list(CLASSES)
    assert names(whole) == names(ImageNet(root, "val"))
    assert ImageNet(root, wnids=WNIDS[517]).wnids == [WNIDS[517]]
    with pytest.raises(ValueError, match=r"different ids of classes of ImageNet, got \['cat'\]"):
        ImageNet(root, wnids=[WNIDS[0], "cat"])
    with pytest.raises(ValueError, match="different ids"):
        ImageNet(root, wnids=[WNIDS[0], WNIDS[0]])
    with pytest.raises(FileNotFoundError, match="no picture of these classes in"):
        ImageNet(root, wnids=[WNIDS[1]])


def test_transforms_and_loaders(root: Path) -> None:
    dataset = ImageNet(root, "val", np.asarray, lambda label: -label)
    pixels, label = dataset[PER_CLASS]
    assert pixels.shape == (10, 12, 3)
    assert label == -1
    with_loader = ImageNet(root, "val", loader=Image.open)
    assert with_loader[1][0].tobytes() == dataset.load(1).tobytes()
    assert type(with_loader[1][0]).__name__ == "JpegImageFile"
    assert len(dataset.samples[1:3]) == 2
    assert dataset[-1][1] == -3
    with pytest.raises(IndexError, match="index 12 is out of range for 12 pictures"):
        dataset[12]


def test_targets_as_programs_use_them(root: Path) -> None:
    dataset = ImageNet(root)
    assert mc.tensor(dataset.targets).tolist() == list(dataset.targets)
    train, val = data.stratified_split(dataset, 0.3)
    assert len(train) == 8 and len(val) == 4


@pytest.mark.parametrize("form", ["tars", "class tars", "folders"])
def test_spawned_processes_map_the_index(tmp_path: Path, form: str) -> None:
    dataset = ImageNet(FORMS[form](tmp_path))
    assert len(pickle.dumps(dataset)) < 1500
    assert not {"_rows", "_targets"} & dataset.__getstate__().keys()
    with_all_names = ImageNet(tmp_path, wnids=WNIDS)
    assert len(pickle.dumps(with_all_names)) < 64_000
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=send_sample, args=(dataset, 5, theirs)
    )
    process.start()
    assert ours.recv() == (dataset[5][0].tobytes(), dataset[5][1], dataset.describe(5))
    process.join()


def test_is_listed_once(root: Path, monkeypatch) -> None:
    first = ImageNet(root)
    with monkeypatch.context() as context:
        context.setattr("minicnn.data.datasets.imagenet_files.Files.scan", None)
        assert names(ImageNet(root)) == names(first)
    indexes = list(root.rglob(".minicnn-imagenet-train.index"))
    assert len(indexes) == 1


def test_a_new_picture_in_a_folder(tmp_path: Path) -> None:
    root = in_folders(tmp_path)
    count = len(ImageNet(root))
    write_folder(root / "train" / WNIDS[134], {"new.JPEG": jpeg()})
    write_folder(root / "train" / WNIDS[135], {"new.JPEG": jpeg()})
    assert len(ImageNet(root)) == count + 2


def test_an_index_of_another_file(tmp_path: Path) -> None:
    few, more = in_tars(tmp_path / "few"), tmp_path / "more"
    inner = tar({"a.JPEG": jpeg(1)})
    write_folder(more, {TRAIN: tar({f"{WNIDS[5]}.tar": inner})})
    ImageNet(few), ImageNet(more)
    index = ".minicnn-imagenet-train.index"
    (more / index).write_bytes((few / index).read_bytes())
    assert ImageNet(more).wnids == [WNIDS[5]]


def test_what_is_unpacked_goes_before_a_tar(tmp_path: Path) -> None:
    root = in_tars(tmp_path)
    (root / "train").mkdir()  # with nothing in it
    assert ImageNet(root).describe(0).startswith(f"{root / TRAIN}/{WNIDS[0]}.tar/")
    write_folder(root / "train" / WNIDS[7], {"a.JPEG": jpeg()})
    assert ImageNet(root).wnids == [WNIDS[7]]


@pytest.mark.parametrize("below", ["", "train"])
def test_tars_where_they_were_unpacked(tmp_path: Path, below: str) -> None:
    root = in_class_tars(tmp_path)
    published = in_tars(tmp_path / "published") / TRAIN
    for path in list((root / "train").iterdir()):
        path.rename(root / below / path.name)
    count = len(ImageNet(root))
    write_folder(root / below, {f"{WNIDS[1]}.tar": tar({"a.JPEG": jpeg()})})
    dataset = ImageNet(root)
    assert len(dataset) == count + 1
    assert dataset.describe(3) == str(root / below / f"{WNIDS[1]}.tar" / "a.JPEG")
    assert dataset.verify(checksums=True) == []
    write_folder(root / below, {f"{WNIDS[1]}.tar": b"", "n00000000.tar": b"", "other.tar": b""})
    assert left_out(root) == [
        f"{root / below}/n00000000.tar: is no class of ImageNet 2012",
        f"{root / below}/{WNIDS[1]}.tar: it is empty, at byte 0",
        f"{root / below}: no picture is in the folder or tar of {WNIDS[1]}",
    ]
    published.rename(root / below / TRAIN)
    assert ImageNet(root).describe(0).startswith(str(root / below / TRAIN))


def test_root_is_one_folder_too_deep(tmp_path: Path) -> None:
    root = in_folders(tmp_path)
    with pytest.raises(FileNotFoundError, match="val' must be the folder above that with the pict"):
        ImageNet(root / "val", "val")
    with pytest.raises(
        FileNotFoundError, match=f"no ImageNet in '{root / TRAIN}': it is no folder"
    ):
        ImageNet(root / TRAIN)


def test_root_in_the_home_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    in_folders(tmp_path / "pictures")
    assert len(ImageNet(Path("~/pictures"))) == len(ImageNet("~/pictures")) == 12


def test_nothing_is_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no ImageNet in .* must hold ILSVRC2012_img_val.tar"):
        ImageNet(tmp_path, "val")
    with pytest.raises(RuntimeError, match="no ImageNet in .*nowhere': it is no folder"):
        ImageNet(tmp_path / "nowhere", "val")
    with pytest.raises(ValueError, match="split must be one of 'train', 'val', got 'test'"):
        ImageNet(tmp_path, "test")
    with pytest.raises(ValueError, match="on_error must be one of"):
        ImageNet(tmp_path, on_error="ignore")


# ------------------------------------------------------------------------------------ what is broken


def left_out(root: Path, split: str = "train", on_error: str = "skip") -> list[str]:
    """What a reader leaves out and warns of; without leave it raises the first."""
    with pytest.raises(ValueError, match="on_error='skip' leaves out what is broken") as caught:
        ImageNet(root, split)
    with pytest.warns(UserWarning, match="left out"):
        dataset = ImageNet(root, split, on_error=on_error)
    problems = [str(problem) for problem in dataset.problems]
    assert problems[0] in str(caught.value)
    assert f"Left out: {dataset.problems}" in repr(dataset)
    assert dataset.verify() == list(dataset.problems)
    return problems


def test_members_that_are_no_pictures_and_duplicates(tmp_path: Path) -> None:
    picture = jpeg()
    inner = {"b.JPEG": picture, "a.JPEG": picture, "readme.txt": b"hello", "._a.JPEG": b""}
    twice = tar(inner)
    end = twice.rindex(b"._a.JPEG")
    twice = twice[:end] + tar({"x/a.JPEG": picture})
    train = {f"{WNIDS[3]}.tar": twice, f"x/{WNIDS[3]}.tar": tar({}), "n99999999.tar": tar({})}
    root = write_folder(tmp_path, {TRAIN: tar(train)})
    path = root / TRAIN
    assert left_out(root) == [
        f"{path}/x/{WNIDS[3]}.tar: is there twice",
        f"{path}/n99999999.tar: is no class of ImageNet 2012",
        f"{path}/{WNIDS[3]}.tar/readme.txt: is no picture",
        f"{path}/{WNIDS[3]}.tar/x/a.JPEG: is there twice",
    ]
    with pytest.warns(UserWarning, match="left out 4 broken parts"):
        assert names(ImageNet(root, on_error="skip")) == ["a.JPEG", "b.JPEG"]


def test_classes_without_pictures(tmp_path: Path) -> None:
    root = in_folders(tmp_path)
    (root / "train" / "lost+found").mkdir()  # of a disk; nobody took it for a class
    write_folder(root / "train" / WNIDS[1] / "too" / "deep", {"a.JPEG": jpeg()})
    write_folder(root / "train", {f"{WNIDS[0]}.tar": b"", f"{WNIDS[2]}.tar": b""})
    assert left_out(root) == [
        f"{root}/train/{WNIDS[2]}.tar: is not unpacked as the others are",
        f"{root}/train: no picture is in the folder or tar of {WNIDS[1]}",
    ]


def test_cut_tars(tmp_path: Path) -> None:
    root = in_tars(tmp_path)
    path = root / VAL
    whole = path.read_bytes()
    path.write_bytes(whole[: 3 * 1536 + 600])
    (problem,) = left_out(root, "val", "warn")
    assert problem.startswith(f"{path}: it is cut: of the ")
    assert problem.endswith("it has 88, at byte 4,608")
    path.write_bytes(b"\x1f\x8b" + whole)
    with pytest.raises(ValueError, match="compressed by gzip: unpack it to a plain tar first"):
        ImageNet(root, "val")


def test_a_cut_tar_in_the_tar(tmp_path: Path) -> None:
    inner = tar({f"{number}.JPEG": jpeg(number) for number in range(4)})
    train = {f"{WNIDS[0]}.tar": inner[: 2 * 1536 + 600], f"{WNIDS[1]}.tar": inner}
    root = write_folder(tmp_path, {TRAIN: tar(train)})
    (problem,) = left_out(root)
    assert problem.startswith(f"{root / TRAIN}/{WNIDS[0]}.tar: it is cut: of the")
    with pytest.warns(UserWarning, match="left out 1 broken part"):
        assert list(ImageNet(root, on_error="skip").targets) == [0, 0, 1, 1, 1, 1]


def test_folders_and_pictures_of_no_class(tmp_path: Path) -> None:
    root = with_flat_val(tmp_path)
    write_folder(root / "val", {"n00000000/a.JPEG": b"", "ILSVRC2012_val_00050001.JPEG": b""})
    write_folder(root / "val", {"ILSVRC2012_val.txt": b"", ".hidden/a": b"", ".h.JPEG": b""})
    name = next(iter(flat(val_pictures())))
    label = WNIDS[validation_labels()[int(name[15:23]) - 1]]
    write_folder(root / "val" / label, {name: jpeg()})
    name_rule = "its name must be like ILSVRC2012_val_00000001.JPEG"
    assert left_out(root, "val") == [
        f"{root}/val/n00000000: is no class of ImageNet 2012",
        f"{root}/val/ILSVRC2012_val_00050001.JPEG: {name_rule}",
        f"{root}/val/{label}/{name}: is there twice",
    ]


def test_rows_of_kaggles_list_with_a_missing_field(tmp_path: Path) -> None:
    root = of_kaggle(tmp_path)
    listed = root / "LOC_val_solution.csv"
    lines = listed.read_text().splitlines(keepends=True)
    lines[2], lines[4] = lines[2].partition(",")[0] + "\n", lines[4].replace(WNIDS[134], "n1")
    listed.write_text("".join(lines))
    first, second = left_out(root, "val")
    assert first.startswith(f"{listed}, line 3: it must have a picture and its class, got 'ILSVRC")
    assert second.startswith(f"{listed}, line 5: ")
    with pytest.warns(UserWarning, match="left out 2 broken parts"):
        dataset = ImageNet(root, "val", on_error="skip")
    assert len(dataset) == len(CLASSES) * PER_CLASS  # their numbers tell the classes


def test_forms_of_kaggles_list(tmp_path: Path) -> None:
    root = of_kaggle(tmp_path)
    listed = root / "LOC_val_solution.csv"
    # numbers alone would not tell these classes
    lines = listed.read_text().replace(WNIDS[0], WNIDS[1]).splitlines()
    quoted = ['"' + line.replace(",", '","') + '"' for line in lines]
    for text in (lines, quoted, lines[1:], lines[:0:-1], [lines[0], "", *lines[1:], ""]):
        listed.write_bytes("\r\n".join(text).encode("utf-8-sig"))
        assert ImageNet(root, "val").wnids == [WNIDS[1], *(WNIDS[c] for c in CLASSES[1:])]


def broken_and_strange() -> dict[str, bytes]:
    """Pictures of one class, of which the last three cannot be decoded."""
    png = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(png, "PNG")
    large = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(large, "PNG")
    return {
        "1.JPEG": jpeg(1, mode="CMYK"),
        "2.JPEG": png.getvalue(),
        "3.JPEG": jpeg(3)[:200],
        "4.JPEG": b"no picture",
        "5.JPEG": large.getvalue(),
    }


@pytest.mark.parametrize("form", ["tars", "folders"])
def test_pictures_that_cannot_be_decoded(tmp_path: Path, form: str) -> None:
    files = broken_and_strange()
    if form == "tars":
        inner = tar(files)
        write_folder(tmp_path, {TRAIN: tar({f"{WNIDS[0]}.tar": inner})})
        place = f"{tmp_path / TRAIN}/{WNIDS[0]}.tar"
    else:
        place = str(write_folder(tmp_path / "train" / WNIDS[0], files))
    dataset = ImageNet(tmp_path, transform=lambda picture: np.asarray(picture.resize((2, 2))))
    assert dataset[0][0].shape == dataset[1][0].shape == (2, 2, 3)
    with pytest.raises(BrokenPicture, match=f"^{place}/4.JPEG: cannot identify image file"):
        dataset[3]
    broken = dataset.verify()
    assert [path for path, _ in broken] == [f"{place}/{n}.JPEG" for n in (3, 4, 5)]
    assert "400000000 pixels" in broken[2][1]
    with pytest.raises(BrokenPicture):
        list(DataLoader(dataset, batch_size=5))
    dataset.on_error = "skip"
    loader = DataLoader(dataset, batch_size=5)
    with pytest.warns(UserWarning, match="3 "):
        ((images, _),) = loader
    assert len(images) == 2
    assert len(loader.skipped) == 3


def test_checksums_are_compared_on_request(tmp_path: Path) -> None:
    dataset = ImageNet(in_tars(tmp_path), "val")
    ((path, reason),) = dataset.verify(checksums=True)
    assert path == str(tmp_path / VAL)
    assert reason.startswith("its MD5 must be 29b22e2961454d5413ddabcf34fc5622, got ")
    assert ImageNet(in_folders(tmp_path / "folders")).verify(checksums=True) == []


def check_damaged(folder: Path, count: int, seed: int) -> int:
    """Opens damaged archives and lists; each opens, or an error names the file."""
    rng, refused = np.random.default_rng(seed), 0
    originals = [in_tars(folder / "t") / TRAIN, folder / "t" / VAL,
                 of_kaggle(folder / "k") / "LOC_val_solution.csv"]  # fmt: skip
    whole = {path: path.read_bytes() for path in originals}
    for number in range(count):
        path = originals[number % len(originals)]
        path.write_bytes(damaged(whole[path], rng))
        split = "train" if path.name == TRAIN else "val"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dataset = ImageNet(path.parent, split, on_error="skip")
            except FileNotFoundError as error:
                assert str(path.parent) in str(error)
                refused += 1
                continue
        assert all(problem.where.startswith(str(path)) for problem in dataset.problems)
        for where, reason in dataset.verify(1):
            assert where.startswith(str(path.parent)) and reason
    return refused


def test_damaged_at_random(tmp_path: Path) -> None:
    check_damaged(tmp_path, 60, 0)


@pytest.mark.slow
def test_damaged_at_random_many_times(tmp_path: Path) -> None:
    refused = check_damaged(tmp_path, 1000, 1)
    print(f"ImageNet: {refused} of 1000 had no picture left")
