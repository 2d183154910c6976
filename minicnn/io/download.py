"""Downloads into a cache; interrupted downloads are resumed, and checksums are verified."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["cache_folder", "checksum", "download", "download_to"]

_CHUNK = 1 << 20  # bytes read at a time
_PAUSES = (0.5, 2.0, 5.0)  # seconds before the second, third and fourth try
_PASSING = (408, 429, 500, 502, 503, 504)  # of HTTP: the server is busy or out of order
_REFUSALS = (401, 403)
_NAMES = {"sha256": "SHA-256", "md5": "MD5"}
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
    promised = _HASH_IN_NAME.search(name)
    return download_to(cache_folder() / name, url, progress, sha256=promised[1] if promised else "")


def download_to(
    target: Path, url: str, progress: bool = True, *, sha256: str = "", md5: str = ""
) -> Path:
    """Downloads a file, unless it is there.

    A transfer that breaks is resumed up to three times, and by the next call. Two processes never
    download the same file at once.

    Args:
        target: where to; its folder is made.
        url: address of the file.
        progress: whether to show a progress bar.
        sha256, md5: the first digits of the file's checksum.

    Returns:
        ``target``.

    Raises:
        OSError: if it cannot be downloaded; the message says where to put the file by hand.
        ValueError: if a checksum differs; the download is deleted.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    with _alone(target.with_name(target.name + ".lock")):
        if target.is_file():  # another process has downloaded it in the meantime
            return target
        try:
            _fetch_with_retries(url, partial, progress)
        except (OSError, http.client.HTTPException) as error:
            refused = isinstance(error, urllib.error.HTTPError) and error.code in _REFUSALS
            advice = "The site refuses programs; with a browser" if refused else "Offline"
            raise OSError(
                f"cannot download {url}: {error}. {advice}, put the file at {str(target)!r}"
            ) from error
        _check(partial, target.name, sha256=sha256, md5=md5)
        os.replace(partial, target)
    return target


def _fetch_with_retries(url: str, partial: Path, progress: bool) -> None:
    """:func:`_fetch`, again after an error that may pass."""
    for pause in _PAUSES:
        try:
            return _fetch(url, partial, progress)
        except urllib.error.HTTPError as error:
            if error.code not in _PASSING:
                raise
        except urllib.error.URLError as error:  # no connection at all: offline, or a wrong address
            if not isinstance(error.reason, TimeoutError):
                raise
        except (ConnectionError, TimeoutError, http.client.IncompleteRead):
            pass  # the connection broke
        time.sleep(pause)
    return _fetch(url, partial, progress)


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
        raise ConnectionError(f"the connection broke after {done} of {total} bytes")


def _check(path: Path, name: str, **promised: str) -> None:
    """Deletes the file and raises a ValueError unless its checksums begin with the promised digits."""
    for algorithm, digits in promised.items():
        found = checksum(path, algorithm) if digits else ""
        if not found.startswith(digits):
            path.unlink()
            raise ValueError(
                f"the {_NAMES[algorithm]} of {name} must begin with {digits}, got {found}; "
                "the download was deleted"
            )


def checksum(path: str | os.PathLike[str], algorithm: str) -> str:
    """The ``"sha256"`` or ``"md5"`` of a file, as hexadecimal digits."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
