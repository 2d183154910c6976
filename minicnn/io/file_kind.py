"""Tells what a file seems to be that is none of the formats read here."""

from __future__ import annotations

import zipfile

__all__ = ["describe_file", "describe_zip"]

START = 512  # bytes that describe_file looks at

_PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
# What files of a kind begin with; the first that fits counts.
_BEGINNINGS: dict[bytes, str] = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG\r\n": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"%PDF": "a PDF document",
    b"version https://git-lfs": "a pointer of Git LFS instead of the file itself: run `git lfs pull`",
    b"\x89HDF\r\n": "an HDF5 file, as Keras and MATLAB write",
    b"MATLAB": "a MATLAB file",
    b"GGUF": "a GGUF file",
    b"PAR1": "a Parquet table",
    b"\x1f\x8b": "compressed with gzip: unpack it first",
    b"BZh": "compressed with bzip2: unpack it first",
    b"\xfd7zXZ": "compressed with xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it first",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"PK": "a damaged zip",
    b"\x7fELF": "a program",
    b"MZ": "a program for Windows",
    b"<?xml": "an XML document",
    b"{": "a JSON document",
    b"SQLite format 3": "an SQLite database",
    b"ID3": "a sound file",
}
_LATER: dict[tuple[int, bytes], str] = {
    (4, b"TFL3"): "a TensorFlow Lite model",
    (4, b"ftypavi"): "an AVIF picture",
    (4, b"ftyp"): "a video or a HEIF picture",
    (8, b"WEBP"): "a WebP picture",
    (8, b"WAVE"): "a sound file",
    (257, b"ustar"): "a tar archive",
}


def describe_file(start: bytes, size: int) -> str:
    """What a file seems to be.

    Args:
        start: its first 512 bytes, or all of it.
        size: its length in bytes.

    Returns:
        Words that go on after "it is", such as ``"a JPEG picture"``.
    """
    if not start:
        return "empty"
    for beginning, kind in _BEGINNINGS.items():
        if start.startswith(beginning):
            return kind
    for (position, mark), kind in _LATER.items():
        if start[position:].startswith(mark):
            return kind
    if b"<html" in start.lower() or start.lstrip().lower().startswith(b"<!doctype html"):
        return "an HTML page, perhaps of a download that failed"
    if start.startswith(b"\x08") and b"onnx" in start.lower() or b"pytorch\x1a" in start[:40]:
        return "an ONNX model"
    if not start.strip(b"\0"):
        return "full of zeros, perhaps of a download that was cut off"
    if 0 <= int.from_bytes(start[:8], "little") - size < 1 << 40 and start[8:10] == b'{"':
        return "a safetensors file that is cut off"
    return "a text" if _is_text(start) else "of no format that is known here"


def describe_zip(archive: zipfile.ZipFile) -> str:
    """What a zip seems to be that is neither torch's nor NumPy's; words after "it is"."""
    names = archive.namelist()
    if "model.weights.h5" in names:
        return "a Keras model"
    if "[Content_Types].xml" in names:
        return "a document of an office program"
    if any(name.lower().endswith(_PICTURES) for name in names):
        return f"a zip of pictures, such as {_picture(names)!r:.100}"
    return f"a zip of other files, such as {names[0]!r:.100}"


def _picture(names: list[str]) -> str:
    return next(name for name in names if name.lower().endswith(_PICTURES))


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # not just a letter that the 512 bytes cut
            return False
        text = start[: error.start].decode("utf-8")
    return all(character.isprintable() or character.isspace() for character in text)
