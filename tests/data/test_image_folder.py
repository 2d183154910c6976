from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pictures import jpeg, write_folder
from PIL import Image
from with_torchvision import torchvision

from minicnn.data import DataLoader, DatasetFolder, ImageFolder, image_folder, load_picture
from minicnn.data.image_folder import IMG_EXTENSIONS

pytestmark = pytest.mark.cpu_only

FILES = {
    "dog/2.JPG": jpeg(1),
    "dog/10.jpg": jpeg(2),
    "cat/deep/er/a.jpeg": jpeg(3, mode="L"),
    "cat/b.png": jpeg(4),
    "cat/notes.txt": b"",
    "stray.jpg": jpeg(5),
}


def test_classes_and_samples_are_sorted(tmp_path: Path):
    dataset = ImageFolder(write_folder(tmp_path, FILES))
    assert dataset.classes == ["cat", "dog"] and dataset.class_to_idx == {"cat": 0, "dog": 1}
    names = ["cat/b.png", "cat/deep/er/a.jpeg", "dog/10.jpg", "dog/2.JPG"]
    assert dataset.samples == [(str(tmp_path / n), i // 2) for i, n in enumerate(names)]
    assert dataset.imgs == dataset.samples and dataset.targets == [0, 0, 1, 1]
    assert dataset.describe(3) == str(tmp_path / "dog/2.JPG")


def test_pictures_are_rgb_and_go_through_the_transforms(tmp_path: Path):
    dataset = ImageFolder(
        write_folder(tmp_path, FILES), lambda picture: picture.mode, lambda label: label * 10
    )
    assert [dataset[i] for i in range(4)] == [("RGB", 0), ("RGB", 0), ("RGB", 10), ("RGB", 10)]


def test_extensions():
    assert IMG_EXTENSIONS == (
        ".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp",
    )  # fmt: skip


def test_no_class(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no class folder"):
        ImageFolder(write_folder(tmp_path, {"a.jpg": b""}))
    with pytest.raises(FileNotFoundError):
        ImageFolder(tmp_path / "nowhere")


def test_an_empty_class(tmp_path: Path):
    write_folder(tmp_path, {**FILES, "eel/readme.txt": b""})
    with pytest.raises(FileNotFoundError, match=r"no file ending in \.jpg.*for classes eel"):
        ImageFolder(tmp_path)
    assert ImageFolder(tmp_path, allow_empty=True).classes == ["cat", "dog", "eel"]


def test_files_chosen_by_a_function(tmp_path: Path):
    write_folder(tmp_path, FILES)
    dataset = DatasetFolder(
        tmp_path, lambda path: Path(path).name, is_valid_file=lambda path: path.endswith(".txt"),
        allow_empty=True,
    )  # fmt: skip
    assert [dataset[i] for i in range(len(dataset))] == [("notes.txt", 0)]


@pytest.mark.parametrize("chosen", [{}, {"extensions": (".a",), "is_valid_file": bool}])
def test_exactly_one_way_to_choose_files(tmp_path: Path, chosen):
    with pytest.raises(ValueError, match="exactly one of"):
        DatasetFolder(write_folder(tmp_path, FILES), str, **chosen)


def test_an_unreadable_picture_is_named_by_the_loader(tmp_path: Path):
    write_folder(tmp_path, {"a/x.jpg": b"not a picture"})
    with pytest.raises(ValueError, match=r"in sample 0 \(.*x\.jpg\)"):
        list(DataLoader(ImageFolder(tmp_path)))


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", ".png"), ("LA", ".png"), ("P", ".gif"), ("CMYK", ".tif"),
                         ("RGBA", ".png"), ("I;16", ".png"), ("I;16", ".tif"), ("I", ".tif")],
)  # fmt: skip
def test_pictures_of_every_mode_look_the_same(tmp_path: Path, mode: str, suffix: str) -> None:
    grey = np.linspace(0, 255, 40).astype(np.uint8)[None].repeat(30, 0)
    picture = Image.fromarray(grey)
    if mode.startswith("I"):  # 16 bits
        wide = grey.astype(np.uint16) * 257
        picture = Image.fromarray(wide if mode == "I;16" else wide.astype(np.int32))
    else:
        picture = picture.convert(mode)
    assert picture.mode == mode
    picture.save(tmp_path / f"x{suffix}")
    loaded = load_picture(tmp_path / f"x{suffix}")
    assert loaded.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(loaded), grey[..., None].repeat(3, 2))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX files")
def test_pipes_and_circles_of_links_are_left_out(tmp_path: Path) -> None:
    write_folder(tmp_path, {"cat/1.jpg": jpeg(1), "cat/back\\slash.jpg": jpeg(2)})
    os.mkfifo(tmp_path / "cat/pipe.jpg")
    (tmp_path / "cat/round").symlink_to(tmp_path / "cat")
    (tmp_path / "dog").symlink_to(tmp_path / "dog")
    (tmp_path / "cat/gone.jpg").symlink_to(tmp_path / "nowhere")
    dataset = ImageFolder(tmp_path)
    names = [Path(path).name for path, _ in dataset.samples]
    assert dataset.classes == ["cat"]
    assert names == ["1.jpg", "back\\slash.jpg", "gone.jpg"]
    assert dataset[1][0].mode == "RGB"
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):
        dataset[2]


def test_as_torchvision_prints_and_lists(tmp_path: Path) -> None:
    T = torchvision.transforms
    write_folder(tmp_path, FILES)
    kept = {
        "transform": T.Compose([T.ToTensor()]),
        "target_transform": T.Lambda(int),
        "is_valid_file": lambda p: "1" in p,
    }
    ours = ImageFolder(str(tmp_path), **kept, allow_empty=True)
    theirs = torchvision.datasets.ImageFolder(str(tmp_path), **kept, allow_empty=True)
    assert repr(ours) == repr(theirs)
    for name in ("classes", "class_to_idx", "samples", "imgs", "targets", "extensions", "root"):
        assert getattr(ours, name) == getattr(theirs, name), name
    found = image_folder.find_classes(tmp_path)
    assert found == torchvision.datasets.folder.find_classes(tmp_path)
    for args in ((None, ".jpg", None, True), ({"dog": 7}, (".jpg", ".png"))):
        theirs = torchvision.datasets.folder.make_dataset(tmp_path, *args)
        assert image_folder.make_dataset(tmp_path, *args) == theirs
    assert image_folder.is_image_file("x.JPEG") and not image_folder.is_image_file("x.txt")
    assert image_folder.has_file_allowed_extension("x.tar.GZ", (".zip", ".gz"))
    with pytest.raises(ValueError, match="at least one class"):
        image_folder.make_dataset(tmp_path, {}, ".jpg")


def test_classes_of_ones_own(tmp_path: Path) -> None:
    class Dogs(ImageFolder):
        def find_classes(self, directory):
            return ["dog"], {"dog": 5}

    dataset = Dogs(write_folder(tmp_path, FILES))
    assert dataset.classes == ["dog"] and set(dataset.targets) == {5}
