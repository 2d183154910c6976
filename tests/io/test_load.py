"""``mc.load``: every format by its content, open files, and what other files are."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch_files import SAVERS

import minicnn as mc
from minicnn.io import save_weights

VALUE = {"x": torch.arange(6.0).reshape(2, 3), "n": torch.tensor([1, 2])}


@pytest.fixture(autouse=True)
def on_the_cpu() -> None:
    """Also on a run for a GPU: test_location.py is about devices."""
    mc.set_default_device(None)


def ours() -> dict[str, mc.Tensor]:
    return {name: mc.tensor(value.numpy()) for name, value in VALUE.items()}


def write_formats(folder: Path) -> dict[str, Path]:
    """The same tensors in every format; the names say nothing."""
    paths = {}
    for number, (name, save) in enumerate(SAVERS.items()):
        paths[f"torch {name}"] = folder / str(number)
        save(VALUE, folder / str(number))
    for ending in (".safetensors", ".npz"):
        save_weights(ours(), folder / f"x{ending}")
        paths[ending] = (folder / f"x{ending}").rename(folder / f"named {ending[1:]}")
    safetensors.torch.save_file(VALUE, folder / "a")
    np.savez_compressed(folder / "b.npz", **{k: v.numpy() for k, v in VALUE.items()})
    mc.save(ours(), folder / "c")
    mc.save(ours(), folder / "d", format="torch")
    return paths | {
        "safetensors": folder / "a", "npz": folder / "b.npz", "minicnn": folder / "c",
        "ours as torch": folder / "d",
    }  # fmt: skip


def test_every_format_by_its_content(tmp_path: Path) -> None:
    paths = write_formats(tmp_path)
    assert len(paths) == 9
    for name, path in paths.items():
        with open(path, "rb") as file:
            sources = [path, str(path), file, io.BytesIO(path.read_bytes())]
            for source in sources:
                loaded = mc.load(source)
                assert sorted(loaded) == ["n", "x"], name
                for key, value in loaded.items():
                    assert isinstance(value, mc.Tensor) and value.is_leaf
                    assert str(VALUE[key].dtype) == f"{value.dtype}"
                    np.testing.assert_array_equal(value.array, VALUE[key].numpy(), err_msg=name)
                loaded["x"].array[:] = 7  # its memory is its own
        assert mc.load(path)["x"].tolist() == VALUE["x"].tolist()


def test_an_array(tmp_path: Path) -> None:
    for value in (
        np.float32([[1, 2], [3, 4]]).T,
        np.array(3),
        np.zeros((0, 2)),
        np.arange(3, dtype=">i4"),
    ):
        np.save(tmp_path / "x.npy", value)
        loaded = mc.load(tmp_path / "x.npy")
        assert loaded.dtype == value.dtype.newbyteorder("=")
        np.testing.assert_array_equal(loaded.array, value)


def test_an_empty_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz")
    assert mc.load(tmp_path / "x.npz") == {}


@pytest.mark.parametrize("path", [None, 3, b"x.pth"])
def test_neither_a_path_nor_a_file(path) -> None:
    with pytest.raises(TypeError, match="load expects a path or an open binary file, got "):
        mc.load(path)
    with pytest.raises(TypeError, match="save expects a path or an open binary file, got "):
        mc.save({}, path)


def test_open_files_that_cannot_seek(tmp_path: Path) -> None:
    torch.save(VALUE, tmp_path / "x.pth")
    with gzip.open(tmp_path / "x.pth.gz", "wb") as packed:
        packed.write((tmp_path / "x.pth").read_bytes())
    with gzip.open(tmp_path / "x.pth.gz") as file:
        assert mc.load(file)["n"].tolist() == [1, 2]
    with (
        open(tmp_path / "x.pth", encoding="latin1") as text,
        pytest.raises(TypeError, match="binary mode"),
    ):
        mc.load(text)  # type: ignore[arg-type]


# ---- files of another kind ----


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, kind)
    return file.getvalue()


def zip_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tar_of(name: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return file.getvalue()


def torch_script() -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated
        torch.jit.save(torch.jit.script(torch.nn.ReLU()), file)
    return file.getvalue()


def torch_zip() -> bytes:
    file = io.BytesIO()
    torch.save(VALUE, file)
    return file.getvalue()


def checkpoint() -> bytes:
    file = io.BytesIO()
    mc.save(ours(), file)
    return file.getvalue()


KINDS: dict[str, tuple[Any, str]] = {
    "nothing": (b"", "it is empty"),
    "jpeg": (picture("JPEG"), "a JPEG picture"),
    "png": (picture("PNG"), "a PNG picture"),
    "gif": (picture("GIF"), "a GIF picture"),
    "webp": (picture("WEBP"), "a WebP picture"),
    "tiff": (picture("TIFF"), "a TIFF picture"),
    "bmp": (picture("BMP"), "a BMP picture"),
    "html": (b"<!DOCTYPE html>\n<html><body>404</body></html>", "an HTML page, perhaps of a download"),
    "html later": (b"\n<!-- page -->\n<HTML></HTML>", "an HTML page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "run `git lfs pull`"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file, as Keras"),
    "onnx": (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\xff\xff", "an ONNX model"),
    "tflite": (b"\x1c\0\0\0TFL3" + bytes(30), "a TensorFlow Lite model"),
    "gzip": (gzip.compress(b"x" * 1000), "compressed with gzip: unpack it first"),
    "tar": (tar_of("picture.jpg"), "it is a tar, but not a file of torch.save"),
    "pictures": (zip_of(**{"a/1.jpg": b"", "readme": b""}), "a zip of pictures, such as 'a/1.jpg'"),
    "other zip": (zip_of(**{"word/x.xml": b""}), "a zip of other files, such as 'word/x.xml'"),
    "keras": (zip_of(**{"config.json": b"", "model.weights.h5": b""}), "a Keras model"),
    "script": (torch_script(), "it is a TorchScript program"),
    "pickle": (pickle.dumps({"weights": [1.0]}), "it is a pickle, but not one of torch.save"),
    "json": (b'{"a": 1}' * 9, "a JSON document"),
    "text": ("Gewichte: größer ".encode() * 50, "a text"),
    "zeros": (bytes(5000), "full of zeros, perhaps of a download that was cut off"),
    "noise": (np.random.default_rng(1).bytes(700), "of no format that is known here"),
    "half a zip": (torch_zip()[:-200], "it is a zip that is damaged or cut off"),
    "half a checkpoint": (checkpoint()[:-20], "it is cut off"),
    "less of a checkpoint": (checkpoint()[:100], "a safetensors file that is cut off"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_what_other_files_are(name: str, tmp_path: Path) -> None:
    content, kind = KINDS[name]
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read '.*file\.pth'") as failure:
        mc.load(tmp_path / "file.pth")
    assert kind in str(failure.value)
    assert "\n" not in str(failure.value)
