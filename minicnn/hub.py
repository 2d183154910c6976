"""Downloads of weights and files, under the names of ``torch.hub``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlparse

from .io.download import cache_folder, download, download_to
from .io.files import load as load_file

__all__ = [
    "HASH_REGEX",
    "download_url_to_file",
    "get_dir",
    "load",
    "load_state_dict_from_url",
    "load_url",
    "set_dir",
]

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")  # as in resnet18-f37072fd.pth

_folder: Path | None = None


def get_dir() -> str:
    """The folder of :func:`set_dir`, by default that of all downloads, ``~/.cache/minicnn``."""
    return str(cache_folder() if _folder is None else _folder)


def set_dir(d: str | os.PathLike[str]) -> None:
    """Chooses the folder in which downloaded weights are kept, in its ``checkpoints``."""
    global _folder
    _folder = Path(d).expanduser()


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike[str] | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:  # type: ignore[misc]  # only its user knows
    """Loads the weights behind a URL, which are downloaded the first time.

    Args:
        url: address of the file.
        model_dir: the folder to keep it in; that of :func:`set_dir` when left out.
        map_location: as in :func:`minicnn.load`.
        progress: whether to show a progress bar.
        check_hash: whether the SHA-256 must begin with the digits in the file's name. What goes
            into the folder of all downloads is always checked.
        file_name: the name to keep it under.
        weights_only: without effect: no code of a file is ever run.

    Returns:
        What :func:`minicnn.load` makes of the file.

    Raises:
        OSError: if it cannot be downloaded.
        ValueError: if the SHA-256 is not the one in the name.

    As ``torch.hub.load_state_dict_from_url``.
    """
    if model_dir is None and _folder is None and file_name is None:
        return load_file(download(url, progress), map_location=map_location)
    folder = Path(get_dir(), "checkpoints") if model_dir is None else Path(model_dir)
    name = file_name or Path(urlparse(url).path).name
    digits = HASH_REGEX.search(name) if check_hash else None
    target = folder / name
    if not target.is_file():
        download_to(target, url, progress, sha256=digits[1] if digits else "")
    return load_file(target, map_location=map_location)


load_url = load_state_dict_from_url  # its name in torch.utils.model_zoo


def download_url_to_file(
    url: str, dst: str | os.PathLike[str], hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Downloads a file to a path.

    Args:
        url: address of the file.
        dst: where it is to be; a file there is replaced.
        hash_prefix: what its SHA-256 must begin with.
        progress: whether to show a progress bar.

    Raises:
        OSError: if it cannot be downloaded.
        ValueError: if the SHA-256 begins otherwise.

    As ``torch.hub.download_url_to_file``.
    """
    target = Path(dst)
    new = target.with_name(target.name + ".new")
    download_to(new, url, progress, sha256=hash_prefix or "")
    os.replace(new, target)


def load(repo_or_dir: str, model: str, *args: Any, **kwargs: Any) -> NoReturn:
    """``torch.hub.load`` downloads somebody's code and runs it, which minicnn does not do.

    Raises:
        RuntimeError: always, with the way that is left.
    """
    raise RuntimeError(
        f"hub.load would run the code of {repo_or_dir!r}; minicnn.models has networks with their "
        f"published weights: minicnn.models.get_model({model!r}, weights='DEFAULT')"
    )
