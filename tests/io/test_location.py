"""``map_location``: on which device the tensors of a file are put."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch

import minicnn as mc


def saved_on(location: str, path: Path) -> Path:
    """A file with a tensor that was on another device, and one that was on the CPU."""
    torch.save([torch.arange(3.0), torch.arange(4.0)], path)
    with zipfile.ZipFile(path) as old:
        records = {name: old.read(name) for name in old.namelist()}
    name = next(name for name in records if name.endswith("data.pkl"))
    cpu, other = (b"X" + len(t).to_bytes(4, "little") + t.encode() for t in ("cpu", location))
    pickled = records[name].replace(cpu, other, 1)
    second = pickled.index(b"X\x01\x00\x00\x001")
    start = pickled.index(b"h", second)
    records[name] = pickled[:start] + cpu + pickled[start + 2 :]
    with zipfile.ZipFile(path, "w") as new:
        for name, content in records.items():
            new.writestr(name, content)
    return path


def test_tensors_of_a_gpu_are_read_without_one(tmp_path: Path) -> None:
    path = saved_on("cuda:0", tmp_path / "x.pth")
    for map_location in (
        None,
        "cpu",
        mc.device("cpu"),
        {"cuda:0": "cpu"},
        lambda storage, _: storage,
    ):
        loaded = mc.load(path, map_location=map_location)
        assert [t.tolist() for t in loaded] == [[0, 1, 2], [0, 1, 2, 3]]
        assert all(t.device == "cpu" for t in loaded)


def test_a_function_is_given_the_device(tmp_path: Path) -> None:
    path = saved_on("cuda:0", tmp_path / "x.pth")
    seen: list[tuple[tuple[int, ...], str]] = []

    def note(storage: mc.Tensor, location: str) -> None:
        seen.append((storage.shape, location))

    mc.load(path, note)
    assert seen == [((3,), "cuda:0"), ((4,), "cpu")]
    loaded = mc.load(path, lambda storage, location: storage * 2 if location == "cpu" else None)
    assert [t.tolist() for t in loaded] == [[0, 1, 2], [0, 2, 4, 6]]
    with pytest.raises(ValueError, match="must return the tensor it was given"):
        mc.load(path, lambda storage, _: storage[:1])


@pytest.mark.skipif(mc.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    path = saved_on("cuda:0", tmp_path / "x.pth")
    for map_location in ("cuda", "cuda:1", {"cuda:0": "cuda:1"}):
        with pytest.raises(RuntimeError, match="needs"):
            mc.load(path, map_location)


def test_map_location_of_a_wrong_type(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="map_location must be .* got int"):
        mc.load(tmp_path / "absent", 3)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="device must be"):
        mc.load(tmp_path / "absent", "gpu")


def test_there_and_back_on_the_device_under_test(tmp_path: Path) -> None:
    device = mc.get_default_device()
    base = mc.arange(6.0).reshape(2, 3)
    value = {"x": base, "t": base.permute(1, 0), "half": mc.ones(3, dtype=mc.bfloat16)}
    for name in ("x.pth", "x.ckpt"):
        mc.save(value, tmp_path / name)
        on_cpu, moved = mc.load(tmp_path / name), mc.load(tmp_path / name, map_location=device)
        for key, tensor in value.items():
            assert on_cpu[key].device == "cpu" and moved[key].device == device
            for loaded in (on_cpu[key], moved[key]):
                assert loaded.dtype == tensor.dtype
                assert loaded.cpu().tolist() == tensor.cpu().tolist()
    torch.save([torch.ones(2, 3).t(), torch.arange(3.0)._neg_view()], tmp_path / "y.pth")
    first, second = mc.load(tmp_path / "y.pth", map_location=device)
    assert first.device == second.device == device
    assert first.cpu().tolist() == [[1, 1]] * 3 and second.cpu().tolist() == [0, -1, -2]
    mc.save(first, tmp_path / "z.pth")
    assert torch.load(tmp_path / "z.pth", map_location="cpu", weights_only=True).shape == (3, 2)
