"""Files as torch.save wrote them, now and then, and pickles made by hand."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch


def save_zip(value: Any, path: Path) -> None:
    torch.save(value, path)


def save_stream(value: Any, path: Path) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=False)


def save_tar(value: Any, path: Path) -> None:
    """The format from before 2017: a tar of ``storages``, ``tensors`` and ``pickle``."""
    tensors: dict[int, torch.Tensor] = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> str | None:
            if not isinstance(value, torch.Tensor):
                return None
            tensors[id(value)] = value
            return str(id(value))

    pickled = io.BytesIO()
    Pickler(pickled, protocol=2).dump(value)
    members = {
        "sys_info": pickle.dumps({"protocol_version": 1000, "little_endian": True}, 2),
        "pickle": pickled.getvalue(),
        "tensors": tar_tensors(tensors),
        "storages": tar_storages(tensors),
    }
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1.5  # type: ignore[assignment]  # with a PAX header
            tar.addfile(info, io.BytesIO(content))


def tar_storages(tensors: dict[int, torch.Tensor]) -> bytes:
    storages = {t.untyped_storage().data_ptr(): t for t in tensors.values()}
    parts = [pickle.dumps(len(storages), 2)]
    for key, tensor in storages.items():
        kind = getattr(torch, torch.storage._dtype_to_storage_type_map()[tensor.dtype])
        content = bytes(tensor.untyped_storage())
        count = len(content) // tensor.element_size()
        parts += [_names((key, "cpu", kind)), struct.pack("<q", count), content]
    return b"".join([*parts, pickle.dumps([], 2)])


def tar_tensors(tensors: dict[int, torch.Tensor]) -> bytes:
    parts = [pickle.dumps(len(tensors), 2)]
    for key, t in tensors.items():
        kind = torch.storage._dtype_to_storage_type_map()[t.dtype].replace("Storage", "Tensor")
        parts.append(_names((key, t.untyped_storage().data_ptr(), getattr(torch, kind))))
        numbers = (*t.shape, *t.stride(), t.storage_offset())
        parts.append(struct.pack(f"<i4x{len(numbers)}q", t.ndim, *numbers))
    return b"".join(parts)


def _names(value: Any) -> bytes:
    """A pickle that names torch's classes plainly; today's pickle them by other ways."""

    class Pickler(pickle._Pickler):  # type: ignore[name-defined]
        def save(self, value: Any, *args: Any) -> None:
            if isinstance(value, type):
                self.write(f"c{value.__module__}\n{value.__name__}\n".encode())
            elif isinstance(value, type(torch.FloatTensor)):
                self.write(f"ctorch\n{torch.typename(value).rpartition('.')[2]}\n".encode())
            else:
                super().save(value, *args)

    stream = io.BytesIO()
    Pickler(stream, 2).dump(value)
    return stream.getvalue()


SAVERS = {"zip": save_zip, "stream": save_stream, "tar": save_tar}


def state(seed: int = 0) -> OrderedDict[str, torch.Tensor]:
    """Three tensors, two of them on one storage."""
    numbers = torch.from_numpy(np.random.default_rng(seed).normal(size=(4, 6)))
    return OrderedDict(weight=numbers[1:, ::2], bias=numbers[0], count=torch.tensor(7))
