"""What launchers hand to a kernel, and which dtypes they refuse; this needs no GPU."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

from minicnn.kernels import Geometry
from minicnn.kernels.cuda.runtime import module
from minicnn.kernels.cuda.runtime.layout import vector_width
from minicnn.kernels.cuda.runtime.module import FLOATS, CudaFile, geometry_argument


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list:
    """Grid, block and arguments of each launch, which does not take place."""
    calls: list = []
    monkeypatch.setattr(
        CudaFile,
        "compiled",
        lambda self, name, arch: lambda *launch, shared_mem: calls.append((name, *launch)),
    )
    return calls


def test_scalars_get_the_kernel_types(launched: list) -> None:
    kernel = CudaFile("any.cu").kernel("f", FLOATS, ("uint8", "int32"))
    for dtype in (np.float32, np.float64):
        kernel[np.dtype(dtype), np.dtype(np.uint8)](
            1000, 3, np.float64(0.5), True, None, np.int64(7)
        )
        name, grid, block, args = launched.pop()
        assert name == f"f<{'float' if dtype == np.float32 else 'double'}, unsigned char>"
        assert (grid, block) == ((4,), (256,))
        assert [type(argument) for argument in args] == [
            np.int64,  # count
            np.int32,
            dtype,
            np.bool_,
            np.uint64,  # a null pointer
            np.int64,
        ]
        assert args == (1000, 3, 0.5, True, 0, 7)


def test_template_parameters_may_be_numbers_and_go_together() -> None:
    kernel = CudaFile("any.cu").kernel("f", [("float32", 4), ("float64", 1)], ("uint8",))
    assert list(kernel.instances.values()) == [
        "f<float, 4, unsigned char>",
        "f<double, 1, unsigned char>",
    ]
    assert kernel[np.dtype(np.float32), 4, np.dtype(np.uint8)]
    with pytest.raises(TypeError, match="float64, 1, uint8, got float32, 1, uint8"):
        kernel[np.dtype(np.float32), 1, np.dtype(np.uint8)]


def test_vectors_of_16_bytes_where_they_fit() -> None:
    def array(dtype: str, address: int = 512) -> SimpleNamespace:
        return SimpleNamespace(dtype=np.dtype(dtype), data=SimpleNamespace(ptr=address))

    for dtype, width in (("float16", 8), ("bfloat16", 8), ("float32", 4), ("float64", 1)):
        assert vector_width(24, array(dtype)) == width
    assert vector_width(4, array("float32")) == 4
    assert vector_width(4, array("float16")) == 1
    assert vector_width(24, array("float16", 528), None, array("uint8", 16)) == 8
    assert vector_width(24, array("float16", 516)) == 1
    assert vector_width(24, array("float16"), None, array("float32", 8)) == 1


def test_nothing_to_do_is_not_launched(launched: list) -> None:
    CudaFile("any.cu").kernel("f", FLOATS)[np.dtype(np.float32)](0, 1)
    assert launched == []


def test_shared_memory_is_asked_for_once_and_never_reduced() -> None:
    asked = []

    class Kernel:
        max_dynamic_shared_size_bytes = 48 << 10

        def __setattr__(self, name: str, value: int) -> None:
            asked.append((name, value))
            object.__setattr__(self, name, value)

    kernel = Kernel()
    for size in (100_000, 60_000, 100_000):
        module._ask_for_shared_memory(kernel, size, 0)
    assert asked == 2 * [
        ("max_dynamic_shared_size_bytes", 100_000),
        ("preferred_shared_memory_carveout", 100),
    ]


def test_other_dtypes_are_refused() -> None:
    kernel = CudaFile("any.cu").kernel("f", FLOATS)
    with pytest.raises(TypeError, match="f on CUDA takes float32 or float64, got int64"):
        kernel[np.dtype(np.int64)]


def test_geometry_has_the_layout_of_the_struct() -> None:
    geometry = Geometry((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), groups=13)
    struct = geometry_argument(geometry)
    assert struct.size == 1  # CuPy passes arrays of one element by value
    assert struct.view(np.int32).tolist() == list(range(1, 13))
    header = (module.FOLDER / "runtime" / "common.cuh").read_text(encoding="utf-8")
    _, _, body = header.partition("struct Geometry {")
    fields = ", ".join(re.findall(r"^    int ([\w, ]+);$", body, flags=re.MULTILINE))
    assert fields == (
        "H, W, OH, OW, KH, KW, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w"
    )
