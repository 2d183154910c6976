"""Open Images in the form in which it is published, in small."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from pictures import jpeg
from PIL import Image

CAT, DOG, SNACK, TREE = "/m/01yrx", "/m/0bt9lr", "/m/0nm3", "/m/07j7r"
NAMES = {CAT: "Cat", DOG: "Dog", SNACK: "Snack, salty", TREE: "Tree"}
IDS = ["000002b66c9c498e", "0000c64e1253d68f", "00a159a661a2f5aa", "f9e0434389a1d4dd"]
SIZES = [(16, 10), (12, 10), (20, 30), (9, 7)]

# The picture, the class, and whether it is there.
LABELS = [(0, CAT, 1), (0, DOG, 0), (1, DOG, 1), (1, TREE, 1), (2, CAT, 0), (3, SNACK, 1)]
# The picture, the class, XMin, XMax, YMin, YMax, and the five flags.
BOXES = [
    (0, CAT, "0.012500", "0.195312", "0.148438", "0.587500", (0, 1, 0, 0, 0)),
    (0, DOG, "0", "1", "0", "0.5520833", (0, 0, 1, 0, 0)),
    (1, CAT, "0.25", "0.75", "9.765625e-04", "1", (-1, -1, -1, -1, -1)),
    (3, TREE, "0.5", "0.75", "0.25", "0.5", (1, 0, 0, 1, 1)),
]
# The picture, the class, the box's id, XMin, XMax, YMin, YMax, and the predicted IoU.
MASKS = [
    (0, CAT, "9a041d52", "0.0", "0.5", "0.0", "1.0", "0.86864"),
    (0, DOG, "b1115fd0", "0.5", "1.0", "0.0", "0.5", ""),
    (3, CAT, "00000001", "0.25", "0.75", "0.25", "0.75", "0.5"),
]
BOX_HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,"
    "IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
)
CLICKS = ",XClick1X,XClick2X,XClick3X,XClick4X,XClick1Y,XClick2Y,XClick3Y,XClick4Y"


def descriptions(header: bool = True) -> bytes:
    lines = ["LabelName,DisplayName"] if header else []
    lines += [f'{mid},"{name}"' if "," in name else f"{mid},{name}" for mid, name in NAMES.items()]
    return table(lines)


def labels() -> bytes:
    """Confidence is 1 in some releases and 1.0 in others."""
    rows = [
        f"{IDS[i]},verification,{mid},{there if i else float(there)}" for i, mid, there in LABELS
    ]
    return table(["ImageID,Source,LabelName,Confidence", *rows])


def boxes(clicks: bool = False) -> bytes:
    """``clicks``: with the columns that only the training split has since V6."""
    rows = [
        f"{IDS[i]},xclick,{mid},1,{','.join(sides)},{','.join(map(str, flags))}"
        + (",-1.0" * 8 if clicks else "")
        for i, mid, *sides, flags in BOXES
    ]
    return table([BOX_HEADER + (CLICKS if clicks else ""), *rows])


def masks() -> bytes:
    header = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks"
    rows = [
        f"{mask_name(i, mid, box)},{IDS[i]},{mid},{box},{','.join(rest)},"
        "0.95498 0.65197 1;0.89370 0.56579 0"
        for i, mid, box, *rest in MASKS
    ]
    return table([header, *rows])


def mask_name(i: int, mid: str, box: str) -> str:
    return f"{IDS[i]}_{mid.replace('/', '')}_{box}.png"


def mask_files() -> dict[str, bytes]:
    """Masks of half the size of their pictures, of which the left half is the object."""
    return {
        mask_name(i, mid, box): png(SIZES[i][0] // 2, SIZES[i][1] // 2) for i, mid, box, *_ in MASKS
    }


def png(width: int, height: int) -> bytes:
    mask = np.zeros((height, width), bool)
    mask[:, : width // 2] = True
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return file.getvalue()


def pictures(numbers: range | list[int] = range(4), folder: str = "") -> dict[str, bytes]:
    return {f"{folder}{IDS[i]}.jpg": jpeg(i, SIZES[i]) for i in numbers}


def table(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def published(split: str = "train") -> dict[str, bytes]:
    """All files of V7, and the pictures, as they are downloaded into one folder."""
    short = "val" if split == "validation" else split
    box_table = (
        "oidv6-train-annotations-bbox.csv" if split == "train" else f"{split}-annotations-bbox.csv"
    )
    return {
        "oidv7-class-descriptions.csv": descriptions(),
        "oidv7-class-descriptions-boxable.csv": descriptions(header=False),
        "oidv7-classes-segmentation.txt": table([DOG, CAT]),
        f"oidv7-{short}-annotations-human-imagelabels.csv": labels(),
        box_table: boxes(clicks=split == "train"),
        f"{split}-annotations-object-segmentation.csv": masks(),
        **mask_zips(split),
        **pictures(folder=f"{split}/"),
    }


def mask_zips(split: str) -> dict[str, bytes]:
    zips: dict[str, io.BytesIO] = {}
    for name, data in mask_files().items():
        file = zips.setdefault(f"{split}-masks-{name[0]}.zip", io.BytesIO())
        with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data)
    return {name: file.getvalue() for name, file in zips.items()}


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root
