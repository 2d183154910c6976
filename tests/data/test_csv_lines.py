"""Lines of small CSV files, as people's programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from minicnn.data.csv_lines import csv_lines

pytestmark = pytest.mark.cpu_only


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a,b\nc,d\n", [(1, ["a", "b"]), (2, ["c", "d"])]),
        (b"\xef\xbb\xbfa,b\r\n\r\n \r\nc", [(1, ["a", "b"]), (4, ["c"])]),
        (b'"a, b","c""d"\n', [(1, ["a, b", 'c"d'])]),
        (b"a\0b,c", [(1, ["a?b", "c"])]),
        (b"\xff,c", [(1, ["\udcff", "c"])]),
        (b"x" * 200_000, [(1, [])]),  # longer than a field may be
        (b"", []),
    ],
)
def test_lines(tmp_path: Path, content: bytes, lines: list[tuple[int, list[str]]]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert [(line.number, line.fields) for line in csv_lines(path)] == lines
