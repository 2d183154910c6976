"""Downloads, checks and unpacks the files of datasets, as ``torchvision.datasets.utils``."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from ...io.download import checksum, download_to
from ...io.unpack import unpack

__all__ = [
    "calculate_md5",
    "check_integrity",
    "check_md5",
    "download_and_extract_archive",
    "download_file_from_google_drive",
    "download_url",
    "extract_archive",
    "verify_str_arg",
]

PathLike = str | os.PathLike[str]

_GOOGLE_DRIVE = re.compile(r"https?://(drive|docs)\.google\.com/")


def calculate_md5(fpath: PathLike) -> str:
    """The MD5 of a file, as hexadecimal digits."""
    return checksum(fpath, "md5")


def check_md5(fpath: PathLike, md5: str) -> bool:
    """Whether a file has this MD5."""
    return calculate_md5(fpath) == md5


def check_integrity(fpath: PathLike, md5: str | None = None) -> bool:
    """Whether a file is there and has this MD5, if one is given."""
    return os.path.isfile(fpath) and (md5 is None or check_md5(fpath, md5))


def download_url(
    url: str,
    root: PathLike,
    filename: PathLike | None = None,
    md5: str | None = None,
    max_redirect_hops: int = 3,
) -> None:
    """Downloads a file into a folder, unless it is there already.

    Interrupted downloads are resumed.

    Args:
        url: address of the file.
        root: the folder, which is made.
        filename: its name there; by default that of the URL.
        md5: its checksum; a file that is there with another one is downloaded again.
        max_redirect_hops: accepted as in torchvision; redirections are followed as browsers do.

    Raises:
        OSError: if it cannot be downloaded; the message says where to put the file by hand.
        RuntimeError: if the download has another checksum.
    """
    target = Path(os.path.expanduser(root), filename or os.path.basename(url))
    if _GOOGLE_DRIVE.match(url):
        return download_file_from_google_drive(url, root, target.name, md5)
    if check_integrity(target, md5):
        return
    target.unlink(missing_ok=True)
    try:
        download_to(target, url, md5=md5 or "")
    except ValueError as error:
        raise RuntimeError(str(error)) from error


def download_file_from_google_drive(
    file_id: str, root: PathLike, filename: PathLike | None = None, md5: str | None = None
) -> None:
    """Accepts a file that is there already; Google Drive gives files to browsers only.

    Raises:
        RuntimeError: if it is not there.
    """
    target = Path(os.path.expanduser(root), filename or file_id)
    if not check_integrity(target, md5):
        raise RuntimeError(
            f"Google Drive gives the file {file_id} to browsers only: get it with one and put it at "
            f"{str(target)!r}"
        )


def extract_archive(
    from_path: PathLike, to_path: PathLike | None = None, remove_finished: bool = False
) -> PathLike:
    """Unpacks an archive, or a single compressed file; the end of its name tells the format.

    Args:
        from_path: the archive.
        to_path: the folder to unpack into; by default the archive's.
        remove_finished: whether to delete the archive then.

    Returns:
        The folder, or the path of the single file: of the type of ``from_path``.

    Raises:
        RuntimeError: for an unknown ending, and for a damaged or foreign file.
    """
    path = Path(from_path)
    try:
        unpacked = unpack(path, path.parent if to_path is None else Path(to_path))
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    if remove_finished:
        path.unlink()
    return str(unpacked) if isinstance(from_path, str) else unpacked


def download_and_extract_archive(
    url: str,
    download_root: PathLike,
    extract_root: PathLike | None = None,
    filename: PathLike | None = None,
    md5: str | None = None,
    remove_finished: bool = False,
) -> None:
    """:func:`download_url`, then :func:`extract_archive`; by default into the same folder."""
    download_root = os.path.expanduser(download_root)
    filename = filename or os.path.basename(url)
    download_url(url, download_root, filename, md5)
    extract_archive(
        os.path.join(download_root, filename), extract_root or download_root, remove_finished
    )


def verify_str_arg(value: str, arg: str, valid_values: Collection[str]) -> str:
    """``value``, or a ValueError if it is none of ``valid_values`` of the argument ``arg``."""
    if not isinstance(value, str) or value not in valid_values:
        known = ", ".join(map(repr, valid_values))
        raise ValueError(f"{arg} must be one of {known}, got {value!r}")
    return value
