"""Every ``.cu`` file compiles for each GPU, with all kernels that its launchers ask for.

NVRTC does this, CUDA's compiler library, which needs no GPU. It gets the options that CuPy gives.
"""

from __future__ import annotations

import importlib
import re

import pytest

pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")

from cuda_emulator import CompileError, nvrtc
from cuda_emulator.ptx.program import parse
from cuda_emulator.resources import REGISTERS_PER_MULTIPROCESSOR, compile_for

from minicnn.kernels.cuda.runtime import module

pytestmark = pytest.mark.emulated_only  # no emulation, but NVRTC, which that needs, too

FILES = sorted(
    str(path.relative_to(module.FOLDER).with_suffix("")) for path in module.FOLDER.rglob("*.cu")
)


@pytest.fixture(scope="session", autouse=True)
def library() -> None:
    try:
        nvrtc.version()
    except (ImportError, OSError) as error:
        pytest.skip(f"NVRTC cannot be loaded: {error}")


def launchers(stem: str) -> module.CudaFile:
    name = stem.replace("/", ".")
    return importlib.import_module(f"minicnn.kernels.cuda.{name}").cuda_file


def test_files_are_found() -> None:
    assert {
        "conv",
        "conv_depthwise",
        "pool",
        "norm",
        "dropout",
        "activation",
        "images",
        "loss",
        "resize",
        "optim",
    } <= set(FILES)


@pytest.mark.parametrize("arch", ["sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize("stem", FILES)
def test_compiles(stem: str, arch: str) -> None:
    file = launchers(stem)
    kernels, log = compile_for(arch, file.source, file.name_expressions, file.name)
    assert kernels.keys() == set(file.name_expressions)
    for name, used in kernels.items():
        assert (used.stack, used.spills) == (0, 0), f"{name} keeps values outside of registers"
    assert "warning" not in log, log


def test_launch_bounds_leave_enough_registers() -> None:
    for file in map(launchers, FILES):
        if "__launch_bounds__" not in file.source:
            continue
        kernels, _ = compile_for("sm_90", file.source, file.name_expressions, file.name)
        options = ["-arch=compute_90", *nvrtc.CUPY_OPTIONS]
        ptx = nvrtc.compile_source(file.source, options, file.name_expressions)
        functions = parse(ptx.code.decode()).kernels
        for name, used in kernels.items():
            threads = functions[ptx.symbols[name]].max_threads or 0
            assert used.registers * threads <= REGISTERS_PER_MULTIPROCESSOR, name


@pytest.mark.parametrize("stem", FILES)
def test_every_kernel_has_a_launcher(stem: str) -> None:
    text = (module.FOLDER / f"{stem}.cu").read_text(encoding="utf-8")
    defined = re.findall(r"__global__ (?:__launch_bounds__\(.*\) )?void (\w+)\(", text)
    assert len(defined) == text.count("__global__")
    assert sorted(defined) == sorted(kernel.name for kernel in launchers(stem).kernels)


def test_a_broken_kernel_is_reported_by_file_and_line() -> None:
    file = launchers("activation")
    lines = (module.FOLDER / "activation.cu").read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines, 1) if "erf(" in line)
    broken = file.source.replace("erf(", "no_such_function(")
    with pytest.raises(CompileError, match=rf'activation\.cu\({number}\).*"no_such_function"'):
        compile_for("sm_80", broken, file.name_expressions)


def test_a_missing_kernel_is_reported() -> None:
    with pytest.raises(CompileError, match="no_such_kernel"):
        compile_for("sm_80", launchers("activation").source, ("no_such_kernel<float>",))


def test_a_stack_frame_is_noticed() -> None:
    source = """
        template <typename T> __global__ void f(T* x, const int* order) {
            T values[64];
            for (int i = 0; i < 64; ++i) values[order[i]] = x[i];
            for (int i = 0; i < 64; ++i) x[i] = values[i];
        }"""
    kernels, _ = compile_for("sm_80", source, ("f<float>",))
    assert kernels["f<float>"].stack > 0


def test_spills_are_noticed() -> None:
    source = """
        template <int N> __global__ void __launch_bounds__(1024, 2) f(float* x) {
            float values[N];
            for (int i = 0; i < N; ++i) values[i] = x[i * 32 + threadIdx.x];
            __syncthreads();
            for (int i = 0; i < N; ++i) x[i * 32 + threadIdx.x] = values[N - 1 - i] * values[i];
        }"""
    kernels, _ = compile_for("sm_80", source, ("f<64>",))
    assert kernels["f<64>"].spills > 0
