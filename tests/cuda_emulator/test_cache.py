"""Compiled kernels on disk."""

import os
import subprocess
import sys

import numpy as np
import pytest

import cuda_emulator
from cuda_emulator import build, cache, nvrtc
from cuda_emulator.support import TESTS

SOURCE = """
#include "outer.cuh"
extern "C" __global__ void k(int* y) { y[0] = VALUE; }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache that holds the runtime and nothing else."""
    build.load_runtime()
    name = f"runtime-{build.runtime_key()}"
    built = cache.folder() / name
    monkeypatch.setenv("CUDA_EMULATOR_CACHE", str(tmp_path / "cache"))
    cache.folder().mkdir()
    (cache.folder() / name).symlink_to(built)
    return tmp_path


def entries():
    """The kinds of entries in the cache, without the runtime."""
    names = (path.name for path in cache.folder().iterdir())
    return sorted(name.split("-")[0] for name in names if not name.startswith("runtime-"))


@pytest.fixture
def compilations(monkeypatch):
    """Count the compilations."""
    calls = []
    original = nvrtc.compile_source

    def counted(*args, **kwargs):
        calls.append(args)
        return original(*args, **kwargs)

    monkeypatch.setattr(nvrtc, "compile_source", counted)
    return calls


def write_headers(folder, value):
    (folder / "outer.cuh").write_text('#include "inner.cuh"\n')
    (folder / "inner.cuh").write_text(f"#define VALUE {value}\n")


def result(folder, *options):
    y = np.zeros(1, np.int32)
    module = cuda_emulator.Module(SOURCE, [f"-I{folder}", *options])
    module.get("k")((1,), (1,), (y,))
    return y[0]


def test_second_use_compiles_nothing(folder, compilations):
    write_headers(folder, 5)
    assert result(folder) == 5
    assert result(folder) == 5
    assert len(compilations) == 1


def test_changes_are_noticed(folder, compilations):
    write_headers(folder, 5)
    assert result(folder) == 5
    write_headers(folder, 6)  # a header that is included indirectly
    assert result(folder) == 6
    assert result(folder, "-DOTHER") == 6
    assert len(compilations) == 3


def test_entries_may_move_with_their_headers(folder, compilations):
    for name in ("here", "there"):
        (folder / name).mkdir()
        write_headers(folder / name, 5)
        assert result(folder / name) == 5
    assert len(compilations) == 1


def test_what_is_alike_is_built_once(folder):
    write_headers(folder, 5)
    result(folder)
    result(folder, "-DOTHER")  # other PTX, but the same kernel
    assert entries() == ["kernel", "ptx", "ptx"]


def test_kernels_are_built_when_they_are_asked_for(folder):
    source = """
    extern "C" __global__ void first(int* y) { y[0] = 1; }
    extern "C" __global__ void second(int* y) { y[0] = 2; }
    """
    module = cuda_emulator.Module(source)
    assert module.names == ["first", "second"]
    assert entries() == ["ptx"]
    module.get("second")
    assert entries() == ["kernel", "ptx"]


def test_the_cpu_is_part_of_the_key(monkeypatch):
    key = build.runtime_key()
    monkeypatch.setattr(cache, "cpu_identity", lambda: "another CPU")
    assert build.runtime_key() != key


def test_failed_builds_leave_nothing(folder):
    with pytest.raises(cuda_emulator.CompileError):
        cuda_emulator.Module("this is no CUDA")
    assert entries() == []


def test_entry_built_by_another_process_wins(folder):
    def build(draft):
        (draft / "mine").touch()
        final = cache.folder() / "name"
        final.mkdir()
        (final / "theirs").touch()

    entry = cache.entry("name", build)
    assert [path.name for path in entry.iterdir()] == ["theirs"]
    assert entries() == ["name"]


def test_processes_share_the_cache(folder):
    """Several processes start at once with an empty cache."""
    code = (
        "import numpy, cuda_emulator\n"
        'module = cuda_emulator.Module(\'extern "C" __global__ void k(int* y) '
        "{ y[0] = 11; }')\n"
        "y = numpy.zeros(1, numpy.int32)\n"
        'module.get("k")((1,), (1,), (y,))\n'
        "print(y[0])\n"
    )
    environment = dict(os.environ, PYTHONPATH=str(TESTS), PYTHONDONTWRITEBYTECODE="1")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.communicate(timeout=120)[0].strip() == "11"
        assert process.returncode == 0
    assert entries() == ["kernel", "ptx"]


def test_default_folder(monkeypatch):
    monkeypatch.delenv("CUDA_EMULATOR_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/where")
    assert str(cache.folder()) == "/some/where/cuda-emulator"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(cache.folder()) == "/home/somebody/.cache/cuda-emulator"


def test_included_files(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.cuh").write_text("#include <sub/b.cuh>\n")
    (tmp_path / "sub" / "b.cuh").write_text('#  include "c.cuh"\n')
    (tmp_path / "sub" / "c.cuh").write_text('#include "a.cuh"  // a circle\n')
    found = cache.included_files('#include "a.cuh"\n#include <cmath>\n', [str(tmp_path)])
    assert [path.name for path in found] == ["a.cuh", "b.cuh", "c.cuh"]
