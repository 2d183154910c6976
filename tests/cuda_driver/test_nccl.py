"""The real CuPy takes our calls of NCCL, and hands on what we mean."""

from __future__ import annotations

import ast
import ctypes
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import minicnn as mc

pytestmark = [pytest.mark.unlaunched_only, pytest.mark.without_numbers]

STAND_IN = Path(__file__).parents[1] / "cuda_emulator/stand_in/cupy/cuda/nccl.py"


@pytest.fixture
def cp() -> Any:
    import cupy

    return cupy


@pytest.fixture
def communicator(cp: Any) -> Any:
    from minicnn.kernels.cuda import nccl

    made = nccl.Communicator(2, nccl.unique_id(), 1)
    calls()
    return made


def calls() -> list[str]:
    library = ctypes.CDLL("libnccl.so.2")
    library.nccl_calls.restype = ctypes.c_char_p
    return library.nccl_calls().decode().splitlines()


def test_every_operation(cp: Any, communicator: Any) -> None:
    stream = cp.cuda.Stream(non_blocking=True)
    x, rows, out = (cp.zeros(shape, "float32") for shape in (3, (2, 3), (2, 3)))
    communicator.all_reduce(x, "SUM", stream)
    communicator.reduce(x, 0, "MAX", stream)
    communicator.reduce_scatter(x, rows, "AVG", stream)
    communicator.broadcast(x, 1, stream)
    communicator.all_gather(rows, stream)
    communicator.gather(rows, 0, stream)
    communicator.gather(rows, 1, stream)
    communicator.scatter(rows, 1, stream)
    communicator.all_to_all(out, rows, stream)
    communicator.check()
    communicator.close()
    sent, received = "send 12 type=1 peer=0", "recv 12 type=1 peer=0"
    assert calls() == [
        "allReduce 3 3 type=7 op=0",
        "reduce 3 3 type=7 op=2 root=0",
        "reduceScatter 6 3 type=7 op=4",
        "broadcast 12 12 type=1 root=1",
        "allGather 12 24 type=1",
        *("{", sent, "}"),
        *("{", received, "}"),
        *("{", sent, "}"),
        *("{", sent, received, sent.replace("=0", "=1"), received.replace("=0", "=1"), "}"),
        "destroy",
    ]


def test_dtypes(cp: Any, communicator: Any) -> None:
    stream = cp.cuda.Stream(non_blocking=True)
    dtypes = ["int8", "uint8", "int32", "int64", "float16", "float32", "float64", mc.bfloat16]
    for dtype in dtypes:
        communicator.all_reduce(cp.zeros(2, dtype), "PRODUCT", stream)
    communicator.all_reduce(cp.zeros(2, bool), "PRODUCT", stream)
    numbers = [0, 1, 2, 4, 6, 7, 8, 9]
    products = [f"allReduce 2 2 type={number} op=1" for number in numbers]
    assert calls() == [*products, "allReduce 2 2 type=1 op=3"]
    communicator.all_reduce(cp.zeros(0, "float32"), "SUM", stream)
    communicator.abort()
    assert calls() == ["abort"]


def test_memory_that_is_not_there(cp: Any, communicator: Any) -> None:
    from cupy.cuda import nccl

    address = cp.cuda.runtime.malloc(512)
    raw = communicator._communicator
    streams = [cp.cuda.Stream(non_blocking=True)]
    with cp.cuda.Device(1):
        streams.append(cp.cuda.Stream(non_blocking=True))
    numbers = nccl.NCCL_FLOAT32, nccl.NCCL_SUM
    raw.allReduce(address, address, 128, *numbers, streams[0].ptr)
    for count, stream in (129, streams[0]), (128, streams[1]):
        with pytest.raises(nccl.NcclError, match="INVALID_ARGUMENT"):
            raw.allReduce(address, address, count, *numbers, stream.ptr)


def test_the_stand_in_of_the_emulated_gpu_has_the_same_methods(cp: Any) -> None:
    from cupy.cuda import nccl

    (ours,) = (
        node
        for node in ast.parse(STAND_IN.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "NcclCommunicator"
    )
    compared = 0
    for method in ours.body:
        if not isinstance(method, ast.FunctionDef) or method.name.startswith("_"):
            continue
        doc = inspect.getdoc(getattr(nccl.NcclCommunicator, method.name)) or ""
        signature = doc.partition("\n")[0]
        inside = signature[signature.index("(") + 1 : signature.rindex(")")]
        names = [argument.split()[-1] for argument in inside.split(", ")]
        assert names == [argument.arg for argument in method.args.args], method.name
        compared += 1
    assert compared >= 13


def test_constants_are_the_same(cp: Any) -> None:
    from cupy.cuda import nccl

    text = STAND_IN.read_text()
    space: dict[str, int] = {}
    for line in text.splitlines():
        if line.startswith("NCCL_"):
            names, count = re.fullmatch(r"(.+) = range\((.+)\)", line).groups()  # type: ignore[union-attr]
            numbers = range(*map(int, count.split(", ")))
            space |= dict(zip(names.split(", "), numbers, strict=True))
    assert len(space) == 15
    assert space == {name: getattr(nccl, name) for name in space}
