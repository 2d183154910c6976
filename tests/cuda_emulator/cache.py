"""A folder of compiled kernels that several processes may share.

Every entry is a folder whose name is a hash of all that went into it. It is filled under another
name and then renamed, so nobody sees a half-built one.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)


def folder() -> Path:
    """The cache folder: $CUDA_EMULATOR_CACHE, or one of the user's."""
    chosen = os.environ.get("CUDA_EMULATOR_CACHE")
    if chosen:
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "cuda-emulator"


def key(parts: Iterable[str | bytes]) -> str:
    """A hash of the ingredients of an entry."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:32]


def entry(name: str, build: Callable[[Path], None]) -> Path:
    """The folder of entry ``name``; ``build`` fills it if there is none yet."""
    final = folder() / name
    if final.is_dir():
        return final
    folder().mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".building-", dir=folder()))
    try:
        build(draft)
        try:
            draft.rename(final)
        except OSError:  # another process was faster
            if not final.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final


def included_files(source: str, include_folders: Iterable[str]) -> list[Path]:
    """The headers that a source includes, directly or not.

    Names that are in none of the folders are the compiler's own headers. Names given by macros are
    not followed.
    """
    folders = [Path(folder) for folder in include_folders]
    found: list[Path] = []
    waiting = [(source, folders)]
    while waiting:
        text, search = waiting.pop()
        for name in _INCLUDE.findall(text):
            path = next((base / name for base in search if (base / name).is_file()), None)
            if path is None or path in found:
                continue
            found.append(path)
            waiting.append((path.read_text(), [path.parent, *folders]))
    return sorted(found)


@functools.lru_cache
def cpu_identity() -> str:
    """What this CPU's instruction set is; empty if that is not known."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    match = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    if not match:
        return ""
    return f"{platform.machine()} {match[1]}"
