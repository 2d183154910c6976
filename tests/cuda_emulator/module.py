"""From a ``.cu`` text to its kernels: each is built when it is first asked for."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path

from . import build, cache, nvrtc
from .errors import KernelError, UnsupportedPtx
from .kernel import Kernel
from .parameters import parameter_types
from .ptx.program import Program, parse
from .ptx.translator import translate
from .variables import Variables

# Options that choose the target or the output are ours to choose.
_DROPPED_OPTIONS = (
    "-arch",
    "--gpu-architecture",
    "--ptxas-options",
    "-lineinfo",
    "--generate-line-info",
    "-G",
)
_ENTRY = re.compile(r"\.entry\s+([\w$]+)")
_INCLUDE_OPTION = re.compile(r"(?:-I|--include-path=)\s*(.+)")


class Module:
    """The kernels of one CUDA source text.

    Args:
        source: the text.
        options: NVRTC's, besides those that CuPy gives; ``-I`` folders matter most.
        name_expressions: kernels that are templates, as in ``cupy.RawModule``.
        arch: the virtual architecture that NVRTC compiles for.
        name: what messages call the file.

    Raises:
        CompileError: NVRTC refuses the source.
    """

    def __init__(
        self,
        source: str,
        options: Sequence[str] = (),
        name_expressions: Sequence[str] = (),
        *,
        arch: str = "compute_80",
        name: str = "kernel.cu",
    ) -> None:
        self._source = source
        self._name = name
        self._name_expressions = tuple(name_expressions)
        self._options = _compiler_options(options, arch)
        self._headers = cache.included_files(source, _include_folders(options))
        folder = cache.entry(f"ptx-{self._key()}", self._compile)
        self._ptx = folder / "module.ptx"
        self._symbols = json.loads((folder / "symbols.json").read_text())
        self._kernels: dict[str, Kernel] = {}

    @property
    def names(self) -> list[str]:
        """The kernels that ``get`` accepts."""
        return list(self._symbols)

    def get(self, name: str) -> Kernel:
        """A kernel by its name or name expression.

        Raises:
            KernelError: there is none, or it uses PTX that the emulator does not know.
        """
        if name not in self._symbols:
            raise KernelError(f"no kernel {name!r}; there are {', '.join(self.names)}")
        if name not in self._kernels:
            self._kernels[name] = self._build(name)
        return self._kernels[name]

    def _build(self, name: str) -> Kernel:
        symbol = self._symbols[name]
        try:
            cpp = translate(self._program, symbol)
        except UnsupportedPtx as error:
            raise KernelError(f"{name} cannot be emulated: {error}") from None
        function = self._program.kernels[symbol]
        text = "\n".join([self._source, *(path.read_text() for path in self._headers)])
        parameters = parameter_types(function, name, text)
        library = build.build_kernel(cpp)
        return Kernel(name, function.max_threads, parameters, library, self._variables)

    @functools.cached_property
    def _program(self) -> Program:
        return parse(self._ptx.read_text())

    @functools.cached_property
    def _variables(self) -> Variables:
        """The module's ``__device__`` variables, which its kernels share."""
        return Variables(self._program.globals)

    def _key(self) -> str:
        headers = [part for path in self._headers for part in (path.name, path.read_bytes())]
        # What the include folders hold is here; where they are is not.
        options = [option for option in self._options if not _INCLUDE_OPTION.fullmatch(option)]
        texts = [self._name, self._source, *options, "", *self._name_expressions, "", *headers]
        return cache.key([nvrtc.identity(), *texts])

    def _compile(self, folder: Path) -> None:
        """Compiles to PTX, into ``folder``."""
        compiled = nvrtc.compile_source(
            self._source, self._options, self._name_expressions, name=self._name
        )
        ptx = compiled.code.decode()
        expressions = {symbol: name for name, symbol in compiled.symbols.items()}
        symbols = {expressions.get(symbol, symbol): symbol for symbol in _ENTRY.findall(ptx)}
        (folder / "module.ptx").write_text(ptx)
        (folder / "symbols.json").write_text(json.dumps(symbols, indent=1))


def _include_folders(options: Sequence[str]) -> list[str]:
    matches = map(_INCLUDE_OPTION.fullmatch, options)
    return [match[1] for match in matches if match]


def _compiler_options(options: Sequence[str], arch: str) -> list[str]:
    """The caller's NVRTC options, and those of our own."""
    kept = [option for option in options if option.split("=")[0] not in _DROPPED_OPTIONS]
    return [f"--gpu-architecture={arch}", "-lineinfo", *nvrtc.CUPY_OPTIONS, *kept]
