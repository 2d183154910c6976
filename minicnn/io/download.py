"""Downloads into a cache; interrupted downloads are resumed, and checksums are verified."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["cache_folder", "download"]

_CHUNK = 1 << 20  # bytes read at a time
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.")


def cache_folder() -> Path:
    """The folder of downloads: ``$MINICNN_HOME``, or ``~/.cache/minicnn``."""
    return Path(os.environ.get("MINICNN_HOME") or Path.home() / ".cache" / "minicnn")


def _torch_cache() -> Path:
    """The folder in which torch.hub keeps its downloads."""
    home = os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch"
    return Path(home) / "hub" / "checkpoints"


def download(url: str, progress: bool = True) -> Path:
    """Finds the file of a URL in minicnn's cache or torch's, or downloads it.

    Args:
        url: address of the file. If the file's name ends in digits of its SHA-256, as in
            ``resnet34-b627a593.pth``, the download is checked against them.
        progress: whether to show a progress bar.

    Returns:
        Its path in a cache.

    Raises:
        OSError: if it cannot be downloaded. The bytes received so far are kept, and the next call
            resumes from there.
        ValueError: if the SHA-256 differs from the digits in the name.
    """
    name = url.rpartition("/")[2]
    for folder in (cache_folder(), _torch_cache()):
        if (folder / name).is_file():
            return folder / name
    target = cache_folder() / name
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(name + ".part")
    with _alone(target.with_name(name + ".lock")):
        if target.is_file():  # another process has downloaded it in the meantime
            return target
        try:
            _fetch(url, partial, progress)
        except (OSError, http.client.HTTPException) as error:
            raise OSError(
                f"cannot download {url}: {error}. Offline, put the file at {str(target)!r}"
            ) from error
        _check(partial, name)
        os.replace(partial, target)
    return target


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Holds a lock on a file; other processes wait for it. On Windows there is no lock."""
    if fcntl is None:
        yield
        return
    with open(lock, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        lock.unlink(missing_ok=True)


def _fetch(url: str, partial: Path, progress: bool) -> None:
    """Appends the missing bytes to ``partial``."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "minicnn"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not have:
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":  # we have all of it
            return
        partial.unlink()  # left from an older, longer version of the file
        return _fetch(url, partial, progress)
    with response:
        resumed = response.status == 206  # 200: the server sends all of it again
        length = response.headers.get("Content-Length")
        done = have if resumed else 0
        total = None if length is None else done + int(length)
        bar = tqdm(
            desc=partial.stem, initial=done, total=total,
            unit="B", unit_scale=True, unit_divisor=1024, disable=not progress,
        )  # fmt: skip
        with open(partial, "ab" if resumed else "wb") as file, bar:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                bar.update(len(chunk))
    if total is not None and done != total:
        raise OSError(f"the connection broke after {done} of {total} bytes")


def _check(path: Path, name: str) -> None:
    """Deletes the file and raises a ValueError unless its SHA-256 begins with the name's digits."""
    promised = _HASH_IN_NAME.search(name)
    if promised is None:
        return
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if not digest.hexdigest().startswith(promised[1]):
        path.unlink()
        raise ValueError(
            f"the SHA-256 of {name} must begin with {promised[1]}, got {digest.hexdigest()}; "
            "the download was deleted"
        )
