"""The stand-in behaves as CuPy does, above all where CuPy refuses."""

from __future__ import annotations

import copy
import inspect
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc


@pytest.fixture
def cp() -> Any:
    import cupy

    return cupy


@pytest.fixture
def x(cp: Any) -> Any:
    return cp.asarray(np.arange(12, dtype=np.float32).reshape(3, 4))


@pytest.fixture
def host() -> np.ndarray:
    return np.ones((3, 4), np.float32)


# ---- arrays ----


def test_results_stay_on_the_device(cp: Any, x: Any) -> None:
    results = [x + 1, 2 * x, np.float32(2) * x, x.sum(), cp.exp(x), x[0], x[0, 0], x.T, x > 3, -x]
    results += [cp.where(x > 3, x, 0), x.reshape(4, 3), cp.arange(3), cp.concatenate([x, x])]
    assert {type(result) for result in results} == {cp.ndarray}
    assert x.sum().shape == () and float(x.sum()) == 66
    assert (2 * x).dtype == np.float32 and (x @ x.T).shape == (3, 3)


def test_views_share_memory(cp: Any, x: Any) -> None:
    view = x[1:, ::2]
    view += 1
    assert x[1, 0] == 5 and x[1, 1] == 5
    assert view.base is x and x.T.base is x and x.base is None and (x + 0).base is None
    assert x.flags.owndata and not view.flags.owndata
    assert cp.may_share_memory(x, view) and not cp.may_share_memory(x, x + 0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", mc.bfloat16])
def test_empty_arrays_are_nan(cp: Any, dtype: Any) -> None:
    assert np.isnan(cp.empty(3, dtype).get().astype(float)).all()


def test_functions_without_bfloat16_give_float32(cp: Any) -> None:
    x = cp.ones(2, mc.bfloat16)
    assert cp.where(x > 0, x, x).dtype == cp.clip(x, 0, 1).dtype == np.float32
    assert (x + x).dtype == cp.exp(x).dtype == mc.bfloat16


def test_numbers_beside_bfloat16(cp: Any) -> None:
    x = cp.zeros(1, mc.bfloat16)
    assert (x + 1).dtype == cp.add(1, x).dtype == mc.bfloat16
    assert (x + 0.1).dtype == cp.add(0.1, x).dtype == np.float32
    assert float((x + 0.1)[0]) == np.float32(0.1)
    assert (x + np.float32(0.1)).dtype == np.float32


def test_memory_order(cp: Any) -> None:
    image = np.zeros((2, 3, 4, 5), np.float32)
    channels_last = image.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    assert cp.asarray(channels_last).flags.c_contiguous  # neither C nor Fortran order: C order
    assert cp.asarray(image.T).flags.f_contiguous
    x = cp.asarray(image).transpose(0, 3, 1, 2)
    for kept in (cp.empty_like(x), cp.zeros_like(x), x.astype(np.float64), x.copy("K")):
        assert kept.transpose(0, 2, 3, 1).flags.c_contiguous
    for lost in (x + 1, x.copy(), cp.exp(x)):
        assert lost.flags.c_contiguous
    assert x.get().flags.c_contiguous and cp.asnumpy(x).flags.c_contiguous


def test_round_trips(cp: Any, x: Any) -> None:
    for other in (
        copy.deepcopy(x),
        cp.array(x),
        cp.asarray(x.get()),
        pickle.loads(pickle.dumps(x)),
    ):
        assert other is not x and (other == x).all()
    assert cp.asarray(x) is x
    y = cp.empty_like(x)
    y.set(x.get())
    assert (y == x).all()


MIXED: list[Callable[..., Any]] = [
    lambda cp, x, host: np.asarray(x),
    lambda cp, x, host: np.array([x[0], x[1]]),
    lambda cp, x, host: np.concatenate([x, x]),
    lambda cp, x, host: x + host,
    lambda cp, x, host: host + x,
    lambda cp, x, host: host.__iadd__(x),
    lambda cp, x, host: x.__iadd__(host),
    lambda cp, x, host: np.add(host, x),
    lambda cp, x, host: cp.exp(host),
    lambda cp, x, host: cp.add([1], x),
    lambda cp, x, host: cp.concatenate([x, host]),
    lambda cp, x, host: x.__setitem__(0, host[0]),
    lambda cp, x, host: x[host > 0],
    lambda cp, x, host: x.set(host.tolist()),
    lambda cp, x, host: x @ host.T,
]


@pytest.mark.parametrize("mix", MIXED, ids=range(len(MIXED)))
def test_mixing_with_numpy_is_refused(cp: Any, x: Any, host: np.ndarray, mix: Any) -> None:
    with pytest.raises((TypeError, AttributeError)):
        mix(cp, x, host)


def test_indices_wrap(cp: Any, x: Any) -> None:
    assert x[cp.asarray([3, -1, 7])][:, 0].tolist() == [0, 8, 4]
    assert cp.take_along_axis(x, cp.asarray([[4], [-1], [5]]), 1).tolist() == [[0], [7], [9]]
    with pytest.raises(IndexError):
        x[3]


def test_adding_at_an_index(cp: Any, x: Any) -> None:
    cp.add.at(x, (cp.asarray([0, 0, 3]), cp.asarray([1, 1, 1])), np.float32(10))
    assert x[:, 1].tolist() == [31, 5, 9]
    with pytest.raises(TypeError, match="got int64"):
        cp.add.at(cp.arange(3), cp.arange(3), 1)


def test_what_cupy_lacks_is_refused(cp: Any, x: Any) -> None:
    with pytest.raises(AttributeError):
        cp.polyfit2  # noqa: B018
    with pytest.raises(TypeError):
        x.sum(where=x > 1)
    with pytest.raises(TypeError):
        cp.zeros(3, device="cpu")
    with pytest.raises(ValueError):
        cp.array(["text"])


def test_copies_to_the_host_are_counted(cp: Any, x: Any) -> None:
    before = cp.emulation.copies_to_host
    y = cp.exp(x)[1:].sum(axis=0)
    y += 1
    assert cp.emulation.copies_to_host == before
    for copied in (y.get, y.tolist, lambda: float(y[0]), lambda: bool(y[0]), lambda: y[y > 0]):
        before = cp.emulation.copies_to_host
        copied()
        assert cp.emulation.copies_to_host == before + 1


def test_memory_pools(cp: Any) -> None:
    pool, own = cp.get_default_memory_pool(), cp.cuda.MemoryPool()
    before = pool.used_bytes()
    array = cp.zeros(1000, np.float32)
    view = array[10:]
    with cp.cuda.using_allocator(own.malloc):
        other = cp.zeros(500, np.float32)
    assert pool.used_bytes() == before + 4000 and own.used_bytes() == other.nbytes
    del array
    assert pool.used_bytes() == before + 4000
    del view, other
    assert pool.used_bytes() == before and own.used_bytes() == 0


def test_streams_and_events(cp: Any) -> None:
    start, end = cp.cuda.Event(), cp.cuda.Event()
    stream = cp.cuda.Stream(non_blocking=True)
    with stream, cp.cuda.Device(0):
        assert cp.cuda.get_current_stream() is stream
        start.record()
        end.record(stream)
    stream.synchronize()
    assert cp.cuda.get_current_stream() is cp.cuda.Stream.null
    assert cp.cuda.get_elapsed_time(start, end) >= 0
    with pytest.raises(RuntimeError, match="InvalidDevice"):
        cp.cuda.Device(1)


# ---- kernels ----

SOURCE = r"""
extern "C" __global__ void __launch_bounds__(64) bounded(float* y, float a, long long n) {
  y[threadIdx.x] = a;
}
extern "C" __global__ void plain(float* y) { y[0] = 1.f; }
extern "C" __global__ void scale(float* y, float a) { y[threadIdx.x] *= a; }
extern "C" __global__ void add(float* y, const float* x) { y[threadIdx.x] += x[threadIdx.x]; }
extern "C" __global__ void gather(const unsigned long long* pointers, float* y) {
  y[0] = ((const float*)pointers[0])[0] + ((const float*)pointers[1])[0];
}
extern "C" __global__ void past_the_end(unsigned short* y) { y[5] = 1; }
struct Pair { int first, second, third; };
extern "C" __global__ void structure(int* y, Pair pair) { y[0] = pair.first + pair.third; }
"""
F32, I32, I64 = np.float32, np.int32, np.int64


@pytest.fixture
def kernel(cp: Any) -> Any:
    return cp.RawModule(code=SOURCE).get_function


@pytest.mark.parametrize(
    "name, block, arguments, problem",
    [
        ("bounded", 128, ("y", F32(1), I64(1)), "__launch_bounds__"),
        ("bounded", 64, ("y", 1.0, I64(1)), "Python float"),
        ("bounded", 64, ("y", F32(1), I32(1)), "4 bytes for a parameter of 8"),
        ("bounded", 64, ("y", np.float64(1), I64(1)), "8 bytes for a parameter"),
        ("bounded", 64, ("y", I32(1), I64(1)), "that is a float"),
        ("bounded", 64, ("y", F32(1), F32(1)), "bytes for a parameter of 8"),
        ("bounded", 64, ("y", "y", I64(1)), "is an array"),
        ("bounded", 64, ("y", F32(1)), "takes 3 arguments"),
        ("plain", 2048, ("y",), "INVALID_VALUE"),
        ("plain", 1, (None,), "is None"),
        ("plain", 1, (F32(1),), "takes a pointer"),
        ("plain", 1, ("doubles",), "4-byte elements"),
        ("plain", 1, ("integers",), "pointer to floats"),
        ("plain", 1, ("strided",), "not C-contiguous"),
    ],
)
def test_launches_that_are_refused(
    cp: Any, kernel: Any, name: str, block: int, arguments: tuple[Any, ...], problem: str
) -> None:
    arrays = {
        "y": cp.zeros(128, F32),
        "doubles": cp.zeros(3),
        "integers": cp.zeros(3, I32),
        "strided": cp.zeros(6, F32)[::2],
    }
    values = tuple(arrays[a] if isinstance(a, str) else a for a in arguments)
    with pytest.raises(RuntimeError, match=problem):
        kernel(name)((1,), (block,), values)


def test_sizes_that_are_refused(cp: Any, kernel: Any) -> None:
    y, plain = cp.zeros(1, F32), kernel("plain")
    with pytest.raises(TypeError):
        plain([1], (1,), (y,))
    with pytest.raises(RuntimeError, match="zero in grid"):
        plain((0,), (1,), (y,))
    with pytest.raises(RuntimeError, match="INVALID_VALUE"):
        plain((1, 70000), (1,), (y,))
    with pytest.raises(RuntimeError, match="max_dynamic_shared_size_bytes"):
        plain((1,), (1,), (y,), shared_mem=50_000)
    plain.max_dynamic_shared_size_bytes = 200_000
    with pytest.raises(RuntimeError, match="sm_80 has 166912"):
        plain((1,), (1,), (y,), shared_mem=200_000)
    with pytest.raises(RuntimeError, match="CUDA_ERROR_NOT_FOUND"):
        kernel("absent")


def test_arrays_end_at_a_fence(cp: Any, kernel: Any) -> None:
    with pytest.raises(RuntimeError, match="past the end of argument 0"):
        kernel("past_the_end")((1,), (1,), (cp.zeros(5, np.uint16),))


def test_a_struct_by_value(cp: Any, kernel: Any) -> None:
    y = cp.zeros(1, I32)
    kernel("structure")((1,), (1,), (y, np.array([1, 2, 3], I32).view(np.dtype((np.void, 12)))))
    assert y[0] == 4


@pytest.mark.parametrize("checked", [False, True])
def test_kernels_may_follow_addresses_in_arrays(
    cp: Any, kernel: Any, checked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cp.emulation, "checked", checked)
    a, b, y = cp.full(1, 2, F32), cp.full(1, 3, F32), cp.zeros(1, F32)
    pointers = cp.asarray(np.array([a.data.ptr, b.data.ptr], np.uint64))
    kernel("gather")((1,), (1,), (pointers, y))
    assert y[0] == 5
    assert cp.emulation.launches["gather", checked] > 0


@pytest.mark.parametrize(
    "arch, options, features",
    [("90", ("-arch=sm_90a",), 1), ("90", (), 0), ("80", ("-arch=sm_90a",), 0)],
)
def test_features_of_one_architecture(
    cp: Any, arch: str, options: tuple[str, ...], features: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVRTC takes 90a before CuPy's 90, but not before another architecture."""
    monkeypatch.setattr(cp.emulation, "arch", arch)
    code = """
        extern "C" __global__ void target(int* y) {
          y[0] = __CUDA_ARCH__;
        #ifdef __CUDA_ARCH_FEAT_SM90_ALL
          y[1] = 1;
        #endif
        }"""
    y = cp.zeros(2, I32)
    cp.RawModule(code=code, options=options).get_function("target")((1,), (1,), (y,))
    assert y.get().tolist() == [int(arch) * 10, features]
    assert cp.cuda.Device().compute_capability == arch
    assert cp.cuda.runtime.getDeviceProperties(0)["major"] == int(arch) // 10


# ---- graphs ----


def captured(cp: Any, function: Callable[[], Any]) -> Any:
    """What ``function`` does on a stream of its own, as a graph."""
    stream = cp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        try:
            function()
        finally:
            graph = stream.end_capture()
    return graph


def test_a_graph_repeats_launches(cp: Any, kernel: Any) -> None:
    y, x = cp.ones(8, F32), cp.ones(8, F32)

    def step() -> None:
        kernel("scale")((1,), (8,), (y, F32(2)))
        kernel("add")((1,), (8,), (y, x))

    graph = captured(cp, step)
    assert (y == 1).all()  # nothing has run yet
    graph.launch()
    assert (y == 3).all()
    x[...] = 5
    graph.launch(cp.cuda.Stream())
    assert (y == 11).all()


def test_a_graph_repeats_everything_that_computes(cp: Any, x: Any) -> None:
    pool, kept = cp.cuda.MemoryPool(), {}

    def step() -> None:
        with cp.cuda.using_allocator(pool.malloc):
            y = x * 2 + 1
            y[0] = 0
            y[:, 1:] -= x[:, :3]
            quotient, _ = cp.divmod(y.T.copy(), 3)
            kept["total"] = cp.exp(quotient / 9).sum(axis=1)
            kept["zeros"] = cp.zeros_like(x)
            kept["converted"] = x.astype(np.float64)[1]
            kept["same"] = cp.asarray(x)
            cp.add.at(kept["zeros"], (slice(None), cp.arange(2)), np.float32(1))

    graph = captured(cp, step)
    assert np.isnan(kept["total"].get()).all() and np.isnan(kept["zeros"].get()).all()
    graph.launch()
    first = {name: array.get() for name, array in kept.items()}
    step()
    for name, array in kept.items():
        np.testing.assert_array_equal(first[name], array.get(), err_msg=name)
    graph = captured(cp, step)
    x *= 3
    graph.launch()
    again = {name: array.get() for name, array in kept.items()}
    step()
    for name, array in kept.items():
        np.testing.assert_array_equal(again[name], array.get(), err_msg=name)
    assert not np.array_equal(first["total"], again["total"])


REFUSED: list[tuple[type[Exception], Callable[..., Any]]] = [
    (NotImplementedError, lambda cp, y: y @ y),
    (NotImplementedError, lambda cp, y: cp.dot(y, y)),
    (RuntimeError, lambda cp, y: y.get()),
    (RuntimeError, lambda cp, y: cp.asnumpy(y)),
    (RuntimeError, lambda cp, y: y.set(np.ones(8, np.float32))),
    (RuntimeError, lambda cp, y: y[0].item()),
    (RuntimeError, lambda cp, y: float(y[0])),
    (RuntimeError, lambda cp, y: y[y > 0]),
    (RuntimeError, lambda cp, y: cp.nonzero(y)),
    (RuntimeError, lambda cp, y: cp.asarray([1.0])),
    (RuntimeError, lambda cp, y: cp.cuda.get_current_stream().synchronize()),
    (RuntimeError, lambda cp, y: cp.cuda.Event().synchronize()),
]


@pytest.mark.parametrize("error, refused", REFUSED, ids=range(len(REFUSED)))
def test_what_a_graph_cannot_hold(cp: Any, error: type[Exception], refused: Any) -> None:
    y = cp.ones(8, np.float32)
    with pytest.raises(error, match="capturing"):
        captured(cp, lambda: refused(cp, y))
    assert (y == 1).all()


def test_wrong_launches_are_refused_while_capturing(cp: Any, kernel: Any) -> None:
    y, scale = cp.ones(16, F32), kernel("scale")
    with pytest.raises(RuntimeError, match="Python float"):
        captured(cp, lambda: scale((1,), (8,), (y, 2.0)))
    with pytest.raises(RuntimeError, match="not C-contiguous"):
        captured(cp, lambda: scale((1,), (8,), (y[::2], F32(2))))


def test_a_graph_needs_its_memory(cp: Any, kernel: Any) -> None:
    y = cp.ones(8, F32)

    def step() -> None:
        temporary = y * 2
        kernel("add")((1,), (8,), (y, temporary))

    graph = captured(cp, step)
    with pytest.raises(RuntimeError, match="given back"):
        graph.launch()

    pool = cp.cuda.MemoryPool()
    with cp.cuda.using_allocator(pool.malloc):
        graph = captured(cp, step)
    graph.launch()
    assert (y == 3).all()
    del pool
    with pytest.raises(RuntimeError, match="given back"):
        graph.launch()


def test_only_the_current_stream_is_captured(cp: Any) -> None:
    y, stream = cp.ones(8, F32), cp.cuda.Stream(non_blocking=True)
    with pytest.raises(RuntimeError, match="default"):
        cp.cuda.Stream.null.begin_capture()
    stream.begin_capture()
    y += 1  # on another stream
    assert (y == 2).all() and stream.is_capturing()
    stream.end_capture().launch()
    assert (y == 2).all()


# ---- the surface ----

DESCRIBE = r"""
import inspect, json, sys
import ml_dtypes, cupy

def describe(thing):
    if thing is None:
        return None
    try:
        names = list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return (thing.__doc__ or "").strip().splitlines()[:1]
    return [name for name in names if name != "self"]

def find(path):
    thing = cupy
    for name in path.split("."):
        thing = getattr(thing, name, None)
    return thing

print(json.dumps({path: describe(find(path)) for path in json.load(sys.stdin)}))
"""


def surface(cp: Any) -> dict[str, Any]:
    """Every function and method of the stand-in by its path below ``cupy``."""
    places = {"": cp, "linalg.": cp.linalg, "cuda.": cp.cuda, "cuda.runtime.": cp.cuda.runtime}
    places |= {"ndarray.": cp.ndarray, "cuda.Stream.": cp.cuda.Stream, "cuda.Event.": cp.cuda.Event}
    places |= {"cuda.Graph.": cp.cuda.Graph, "cuda.Device.": cp.cuda.Device}
    places |= {"cuda.MemoryPool.": cp.cuda.MemoryPool, "RawModule.": cp.RawModule}
    found = {}
    for prefix, place in places.items():
        for name in getattr(place, "__all__", None) or vars(place):
            thing = getattr(place, name)
            if not name.startswith("_") and callable(thing) and name != "emulation":
                found[prefix + name] = thing
    return found


def test_the_surface_is_a_part_of_cupys(cp: Any) -> None:
    """Names exist in CuPy, and their parameters are the first of CuPy's, or some of its named ones.

    CuPy tells the parameters of its compiled functions by the first line of their docstrings.
    """
    ours = surface(cp)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    program = subprocess.run(
        [sys.executable, "-c", DESCRIBE],
        input=json.dumps(list(ours)),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named 'cupy'" in program.stderr:
        pytest.skip("CuPy is not installed")
    theirs = json.loads(program.stdout)
    wrong = []
    for path, thing in ours.items():
        described = theirs[path]
        if described is None:
            wrong.append(f"CuPy has no {path}")
        elif not (isinstance(thing, (cp.ufunc, type, property)) or "args" in str(described)):
            line = described[0] if len(described) == 1 and "(" in described[0] else None
            allowed = re.findall(r"(\w+)(?==|,|\))", line) if line else described
            names = [name for name in inspect.signature(thing).parameters if name != "self"]
            wrong += [f"{path}({name})" for name in names if name not in allowed]
    assert not wrong, "\n".join(wrong)
