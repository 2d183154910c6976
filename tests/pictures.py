"""Pictures and zips for the tests, made on the fly."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def jpeg(seed: int = 0, size: tuple[int, int] = (12, 10), mode: str = "RGB") -> bytes:
    """A small JPEG whose mean colour depends on ``seed``."""
    file = io.BytesIO()
    color = tuple(np.random.default_rng(seed).integers(0, 256, 3).tolist())
    Image.new("RGB", size, color).convert(mode).save(file, "JPEG")
    return file.getvalue()


def write_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return path


def train_files(cats: int = 3, dogs: int = 3, folder: str = "train/") -> dict[str, bytes]:
    names = [f"cat.{i}.jpg" for i in range(cats)] + [f"dog.{i}.jpg" for i in range(dogs)]
    # Out of order, as zips are.
    return {folder + name: jpeg(seed) for seed, name in reversed(list(enumerate(names)))}


def numbered_files(count: int = 12, folder: str = "test/") -> dict[str, bytes]:
    return {f"{folder}{i}.jpg": jpeg(100 + i) for i in range(1, count + 1)}
