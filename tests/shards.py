"""Tar shards for the tests, made on the fly."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from pictures import jpeg

__all__ = ["picture_shards", "tar_of", "write_shard"]


def tar_of(files: Iterable[tuple[str, bytes]], mode: str = "w") -> bytes:
    """A tar of files, whose names may be there twice; ``"w:gz"`` compresses it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def write_shard(path: Path, files: Iterable[tuple[str, bytes]], mode: str = "w") -> str:
    path.write_bytes(tar_of(files, mode))
    return str(path)


def picture_shards(folder: Path, shards: int = 4, samples: int = 5) -> str:
    """Shards in ImageNet's form; the pattern of their names. Sample i has class i."""
    for shard in range(shards):
        numbers = range(shard * samples, (shard + 1) * samples)
        files = [
            (f"n{i:04d}.{end}", jpeg(i) if end == "jpg" else str(i).encode())
            for i in numbers
            for end in ("cls", "jpg")
        ]
        write_shard(folder / f"train-{shard:04d}.tar", files)
    return f"{folder}/train-{{0000..{shards - 1:04d}}}.tar"
