"""Small ImageNets, in each of the forms in which people have it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from pictures import jpeg, write_folder

from minicnn.data import ImageNet
from minicnn.data.datasets.imagenet_classes import synsets, validation_labels

WNIDS = list(synsets())
CLASSES = (0, 134, 517, 639)  # tench, two cranes, a maillot
PER_CLASS = 3

Pictures = dict[str, dict[str, bytes]]  # by class and name


def tar(files: Mapping[str, bytes], kind: int = tarfile.GNU_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def train_pictures() -> Pictures:
    """Named as ImageNet's; not in the order of their names."""
    return {
        WNIDS[c]: {
            f"{WNIDS[c]}_{number}.JPEG": jpeg(10 * c + number)
            for number in range(PER_CLASS + 8, 8, -1)
        }
        for c in reversed(CLASSES)
    }


def val_pictures() -> Pictures:
    """Those validation pictures of ImageNet that are the first of their classes."""
    labels, found = validation_labels(), {}
    for c in CLASSES:
        numbers = (labels == c).nonzero()[0][:PER_CLASS] + 1
        found[WNIDS[c]] = {f"ILSVRC2012_val_{n:08d}.JPEG": jpeg(int(n)) for n in numbers[::-1]}
    return found


def flat(pictures: Pictures) -> dict[str, bytes]:
    """All pictures by their names, in the order of these."""
    return dict(sorted(item for files in pictures.values() for item in files.items()))


def in_tars(root: Path) -> Path:
    inner = {f"{wnid}.tar": tar(files) for wnid, files in train_pictures().items()}
    return write_folder(
        root,
        {
            "ILSVRC2012_img_train.tar": tar(inner),
            "ILSVRC2012_img_val.tar": tar(flat(val_pictures())),
        },
    )


def in_class_tars(root: Path) -> Path:
    """As the published tar of the training pictures unpacks."""
    inner = {f"{wnid}.tar": tar(files) for wnid, files in train_pictures().items()}
    write_folder(root / "train", inner)
    return write_folder(root, {"ILSVRC2012_img_val.tar": tar(flat(val_pictures()))})


def in_folders(root: Path) -> Path:
    for split, pictures in (("train", train_pictures()), ("val", val_pictures())):
        for wnid, files in pictures.items():
            write_folder(root / split / wnid, files)
    return root


def with_flat_val(root: Path) -> Path:
    """As tars are unpacked without further ado."""
    for wnid, files in train_pictures().items():
        write_folder(root / "train" / wnid, files)
    write_folder(root / "val", flat(val_pictures()))
    return root


def of_kaggle(root: Path) -> Path:
    with_flat_val(root / "ILSVRC" / "Data" / "CLS-LOC")
    rows = [
        f"{name.removesuffix('.JPEG')},{wnid} 1 2 30 40 {wnid} 5 6 70 80 \n"
        for wnid, files in val_pictures().items()
        for name in files
    ]
    names = (f"{wnid} {', '.join(words)}\n" for wnid, words in synsets().items())
    lists = {
        "LOC_val_solution.csv": "ImageId,PredictionString\n" + "".join(rows),
        "LOC_train_solution.csv": "ImageId,PredictionString\n",
        "LOC_synset_mapping.txt": "".join(names),
    }
    return write_folder(root, {name: text.encode() for name, text in lists.items()})


FORMS = {
    "tars": in_tars,
    "class tars": in_class_tars,
    "folders": in_folders,
    "flat": with_flat_val,
    "kaggle": of_kaggle,
}


def send_sample(dataset: ImageNet, index: int, connection: Connection) -> None:
    """Sends a sample from another process."""
    picture, label = dataset[index]
    connection.send((picture.tobytes(), label, dataset.describe(index)))
