"""What kernels need of a multiprocessor, as the compiler reports it; no GPU is asked.

``python -m cuda_emulator.resources sm_90``, with ``tests`` on PYTHONPATH, lists minicnn's kernels.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from . import nvrtc

REGISTERS_PER_MULTIPROCESSOR = 65536

_KERNEL = re.compile(
    r"Compiling entry function '(?P<symbol>\S+)' for '(?P<arch>\w+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, "
    r"(?P<loads>\d+) bytes spill loads.*?Used (?P<registers>\d+) registers"
    r"(?P<rest>[^\n]*)",
    re.DOTALL,
)
_SHARED = re.compile(r"(\d+) bytes smem")


@dataclass(frozen=True)
class Resources:
    """Registers of a thread; bytes of its stack, of its spills, and of a block's shared memory."""

    registers: int
    stack: int
    spills: int
    shared: int


def compile_for(
    arch: str, source: str, name_expressions: Sequence[str], name: str = "kernel.cu"
) -> tuple[dict[str, Resources], str]:
    """Compiles to machine code as CuPy does.

    Args:
        arch: such as ``sm_90``.
        source: the text.
        name_expressions: the kernels.
        name: what messages call the file.

    Returns:
        The resources of each kernel, and the compiler's log.
    """
    standard, *rest = nvrtc.CUPY_OPTIONS
    options = [standard, f"-arch={arch}", *rest, "--ptxas-options=-v"]
    compiled = nvrtc.compile_source(source, options, name_expressions, cubin=True, name=name)
    reports = {match["symbol"]: _resources(match) for match in _KERNEL.finditer(compiled.log)}
    return {name: reports[symbol] for name, symbol in compiled.symbols.items()}, compiled.log


def _resources(match: re.Match[str]) -> Resources:
    shared = _SHARED.search(match["rest"])
    return Resources(
        registers=int(match["registers"]),
        stack=int(match["stack"]),
        spills=int(match["stores"]) + int(match["loads"]),
        shared=int(shared[1]) if shared else 0,
    )


def _main(arch: str) -> None:
    from minicnn.kernels.cuda.runtime import module

    print(f"{'registers':>9} {'stack':>6} {'spills':>6} {'shared':>6}  kernel on {arch}")
    for path in sorted(module.FOLDER.rglob("*.cu")):
        name = ".".join(path.relative_to(module.FOLDER).with_suffix("").parts)
        file = importlib.import_module(f"minicnn.kernels.cuda.{name}").cuda_file
        used, _ = compile_for(arch, file.source, file.name_expressions, file.name)
        for kernel, r in used.items():
            print(f"{r.registers:9} {r.stack:6} {r.spills:6} {r.shared:6}  {file.name}: {kernel}")


if __name__ == "__main__":
    _main(*sys.argv[1:2] or ["sm_80"])
