"""Every ``.cu`` file compiles, with all kernels that its launchers ask for; this needs no GPU."""

from __future__ import annotations

import importlib
import io
import re

import pytest

pytest.importorskip("cupy._core", reason="CuPy is not installed, and NVRTC is used through it")

from cupy._core import core
from cupy.cuda.compiler import CompileException, _NVRTCProgram

from minicnn.kernels.cuda import module

FILES = sorted(path.stem for path in module.FOLDER.glob("*.cu"))
RESOURCES = re.compile(
    r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
)


@pytest.fixture(scope="session", autouse=True)
def nvrtc() -> None:
    from cupy.cuda import nvrtc

    try:
        nvrtc.getVersion()
    except Exception as error:  # noqa: BLE001  CuPy loads the library on first use
        pytest.skip(f"NVRTC, CUDA's run-time compiler, cannot be loaded: {error}")


def compile_for(arch: str, source: str, names: tuple[str, ...]) -> tuple[dict[str, str], str]:
    """Compiles to machine code with CuPy's options; returns the kernels' symbols and ptxas' log.

    CuPy's own ``RawModule.compile`` asks a GPU for its architecture.
    """
    options = core.assemble_cupy_compiler_options(()) + (
        f"-arch={arch}",
        "-ftz=true",
        "--device-as-default-execution-space",
        "--ptxas-options=-v",
    )
    log = io.StringIO()
    program = _NVRTCProgram(source, "kernel.cu", name_expressions=names, method="cubin")
    _, symbols = program.compile(options, log)
    return symbols, log.getvalue()


def local_memory(log: str) -> int:
    """Bytes of stack and spills of all kernels in a log of ptxas."""
    resources = RESOURCES.findall(log)
    assert resources, f"ptxas reports nothing about stack and spills:\n{log}"
    return sum(int(number) for kernel in resources for number in kernel)


def launchers(stem: str) -> module.CudaFile:
    return importlib.import_module(f"minicnn.kernels.cuda.{stem}").cuda_file


def test_files_are_found() -> None:
    assert {"conv", "pool", "norm", "dropout", "activation", "loss", "resize", "optim"} <= set(
        FILES
    )


@pytest.mark.parametrize("arch", ["sm_80", "sm_90"])
@pytest.mark.parametrize("stem", FILES)
def test_compiles(stem: str, arch: str) -> None:
    file = launchers(stem)
    symbols, log = compile_for(arch, file.source, file.name_expressions)
    assert symbols.keys() == set(file.name_expressions)
    assert local_memory(log) == 0, log
    assert "warning" not in log, log


@pytest.mark.parametrize("stem", FILES)
def test_every_kernel_has_a_launcher(stem: str) -> None:
    text = (module.FOLDER / f"{stem}.cu").read_text(encoding="utf-8")
    defined = re.findall(r"__global__ void (\w+)\(", text)
    assert sorted(defined) == sorted(kernel.name for kernel in launchers(stem).kernels)


def test_a_broken_kernel_is_reported_by_file_and_line() -> None:
    file = launchers("activation")
    lines = (module.FOLDER / "activation.cu").read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines, 1) if "erf(" in line)
    broken = file.source.replace("erf(", "no_such_function(")
    with pytest.raises(CompileException, match=rf'activation\.cu\({number}\).*"no_such_function"'):
        compile_for("sm_80", broken, file.name_expressions)


def test_a_missing_kernel_is_reported() -> None:
    with pytest.raises(CompileException, match="no_such_kernel"):
        compile_for("sm_80", launchers("activation").source, ("no_such_kernel<float>",))


def test_local_memory_is_noticed() -> None:
    source = """
        template <typename T> __global__ void f(T* x, const int* order) {
            T values[64];
            for (int i = 0; i < 64; ++i) values[order[i]] = x[i];
            for (int i = 0; i < 64; ++i) x[i] = values[i];
        }"""
    assert local_memory(compile_for("sm_80", source, ("f<float>",))[1]) > 0
