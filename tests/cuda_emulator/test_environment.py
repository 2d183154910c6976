"""The compiler, threads, and CPUs without the fast context switch."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cuda_emulator
from cuda_emulator import build, nvrtc
from cuda_emulator.support import TESTS, load


def test_version():
    assert nvrtc.version() >= (12, 0)


def test_missing_library_names_the_wheel(monkeypatch):
    monkeypatch.setattr(nvrtc.glob, "glob", lambda pattern: [])
    monkeypatch.setattr(nvrtc.ctypes.util, "find_library", lambda name: None)
    nvrtc.library_path.cache_clear()
    try:
        with pytest.raises(ImportError, match="nvidia-cuda-nvrtc"):
            nvrtc.library_path()
    finally:
        nvrtc.library_path.cache_clear()


def test_the_newest_library_is_taken(monkeypatch):
    paths = [f"/x/nvidia/cu/lib/libnvrtc.so.{version}" for version in ("9", "12", "13")]
    paths.append("/x/nvidia/cu/lib/libnvrtc.alt.so.14")
    monkeypatch.setattr(nvrtc.glob, "glob", lambda pattern: paths)
    nvrtc.library_path.cache_clear()
    try:
        assert nvrtc.library_path().endswith("libnvrtc.so.13")
    finally:
        nvrtc.library_path.cache_clear()


def test_missing_compiler_is_named(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(cuda_emulator.KernelError, match="no-such-compiler"):
        build.compile_cpp()


def softmax(seed):
    x = np.random.default_rng(seed).random((8, 300)).astype(np.float32)
    y = np.empty_like(x)
    load("basic.cu").get("row_softmax")(
        (8,), (128,), (x, y, np.int32(8), np.int32(300)), shared_memory=1200, seed=seed
    )
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return np.allclose(y, powers / powers.sum(axis=1, keepdims=True))


def test_python_threads_take_turns():
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(softmax, range(40)))


def test_the_portable_context_switch(tmp_path):
    """Other CPUs than x86-64 switch between threads with ucontext."""
    environment = dict(
        os.environ,
        CUDA_EMULATOR_UCONTEXT="1",
        PYTHONPATH=str(TESTS),
        PYTHONDONTWRITEBYTECODE="1",
    )
    code = "import cuda_emulator.test_environment as t; print(t.softmax(1), t.softmax(2))"
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert process.stdout.split() == ["True", "True"]
