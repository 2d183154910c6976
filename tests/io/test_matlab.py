"""MATLAB's files, those of SciPy among them."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from matlab_files import matlab_file

from minicnn.io.matlab import read_matlab

# scipy.io.savemat(…, {"y": np.uint8([[3, 10, 1]]), "w": np.array([[1, 2], [3.5, -1]])},
# do_compression=True)
BY_SCIPY = (
    "O+i#lK|&xkE-)ZXK~ybfX>4U6P;6mzW^ZzBIv{Xwb7^=iAVYFxVRU6=Aa8CuAX9a2AWm;~ATl{1F)=zaFgh|eATlsA"
    "HUIzs00000000000000000000000000000000000000000000000000000000000000Bu&4*&oFDgXcgc%0*7U|=u+"
    "Vm2V=0AfxC2w;Ws8G)D?Ofxc60%;~7kC}^+0RR}>0QC<5001!n004NL<6~f82moR>Am)J5AixUcGeI#U5S9aJP9Rob"
    "fPoM85SqsUDgdQF><0jBhy;)"
)
ARRAYS = {
    "X": np.random.default_rng(0).integers(0, 256, (4, 3, 3, 5), np.uint8),
    "y": np.uint8([[10], [3], [1]]),
    "numbers": np.random.default_rng(0).normal(size=(3, 4)),
    "i": np.int16([[-5, 4]]),
    "empty": np.zeros((0, 3), np.float32),
}


def test_a_file_of_scipy(tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(base64.b85decode(BY_SCIPY))
    arrays = read_matlab(tmp_path / "x.mat")
    assert arrays["y"].tolist() == [[3, 10, 1]] and arrays["y"].dtype == np.uint8
    assert arrays["w"].tolist() == [[1, 2], [3.5, -1]]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compressed", [True, False])
def test_arrays(compressed: bool, order: str, tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(matlab_file(compressed, order, **ARRAYS))
    found = read_matlab(tmp_path / "x.mat")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize("compressed", [True, False])
def test_cut_and_damaged_files_are_named(compressed: bool, tmp_path: Path) -> None:
    whole, path = matlab_file(compressed, **ARRAYS), tmp_path / "x.mat"
    for length in range(129, len(whole), 13):
        path.write_bytes(whole[:length])
        try:
            assert len(read_matlab(path)) < len(ARRAYS)  # cut between two arrays
        except ValueError as error:
            assert f"{str(path)!r} is damaged or cut off" in str(error)
    rng = np.random.default_rng(0)
    for _ in range(200):
        changed = bytearray(whole)
        changed[rng.integers(128, len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        try:
            read_matlab(path)
        except ValueError as error:
            assert str(path) in str(error)


def test_other_files_are_told_from_matlabs(tmp_path: Path) -> None:
    for content, kind in ((b"<html>" * 50, "HTML page"), (b"\x89HDF\r\n" + b"x" * 200, "HDF5")):
        (tmp_path / "x.mat").write_bytes(content)
        with pytest.raises(ValueError, match=rf"x\.mat' is no MATLAB file of level 5: .*{kind}"):
            read_matlab(tmp_path / "x.mat")
