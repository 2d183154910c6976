"""JSON read piece by piece, equal to json.load."""

from __future__ import annotations

import io
import json

import coco_files
import numpy as np
import pytest

from minicnn.data import json_stream
from minicnn.data.json_stream import DamagedJson, read_elements

pytestmark = pytest.mark.cpu_only

CONTENTS = {
    "numbers": [1, -2.5e-3, 1e400, float("-inf"), 0, 123456789012345678901234567890],
    "texts": ["", 'a\\b"c\u00e9\U0001f431', "\ud800", "x" * 99],
    "nested": [[[]], {}, {"a": [None, True, False]}],
    "empty": [],
    "number": 12345678901234567890,
    "other": {"numbers": [1, 2]},
    "é": "é",
}


def joined(text: bytes, arrays: tuple[str, ...] = ()) -> dict:
    """The whole object from its elements."""
    found: dict = {}
    counts = []
    for key, place, value in read_elements(io.BytesIO(text), arrays, counts.append):
        if place is None:
            found[key] = value
        else:
            found.setdefault(key, []).append(value)
            assert len(found[key]) == place + 1
    assert sum(counts) == len(text)
    return found


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1 << 20])
@pytest.mark.parametrize("options", [{}, {"indent": 2}, {"ensure_ascii": True}])
def test_pieces_of_any_size(monkeypatch, chunk, options) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    text = json.dumps(CONTENTS, **{"ensure_ascii": True, **options}).encode()
    whole = json.loads(text)
    assert json.dumps(joined(text)) == json.dumps(whole)
    found = joined(text, ("numbers", "texts", "nested", "empty"))
    assert json.dumps(found, sort_keys=True) == json.dumps(whole, sort_keys=True)
    unescaped = json.dumps({"é": ["日本", "\U0001f431"]}, ensure_ascii=False).encode()
    assert joined(unescaped, ("é",)) == {"é": ["日本", "\U0001f431"]}
    assert joined(b"\xef\xbb\xbf{}") == joined(b" { } ") == {}
    for last in (b"5", b"-1.5e3", b"true", b"NaN", b'""'):  # after which the file ends
        text = b'{"texts": ["a", "b"], "last": ' + last + b"}"
        assert json.dumps(joined(text, ("texts",))) == json.dumps(json.loads(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "byte 0: the file is empty"),
        (b"[1]", "byte 0: '{' expected for the file, got '\\['"),
        (b'{"a": [1, 2', "byte 11: the file ends in 'a' before element 2"),
        (b'{"a": [1, "bc', "byte 10: the file ends in element 1 of 'a': Unterminated string"),
        (b'{"a": [1, tru', "byte 10: element 1 of 'a': Expecting value"),
        (b'{"a": [1 2]}', "byte 9: ',' expected for 'a' before element 1, got '2'"),
        (b'{"a": [1], }', "byte 11: a value: Expecting value"),
        (b'{"a": [{"b": [1, oh, dear, what is this]}]}', "byte 17: element 0 of 'a': Expecting"),
        (b'{"a": 5}', r"byte 6: '\[' expected for the array 'a', got '5'"),
        (b'{"a": []} x', "byte 10: something follows the object"),
        (b'{"a": [], "a": []}', "byte 13: the key 'a' is there twice"),
        (b"{5: 1}", "byte 2: a key expected, got 5"),
        (b'{"a" 1}', "byte 5: ':' expected for the value of 'a', got '1'"),
        (b'{"b": ' + b"1" * 5000 + b"}", "byte 6: a value: Exceeds the limit"),
        (b'{"b": ' + b"[" * 100_000, "byte 6: a value: .*recursion"),
        (b'{"\xc3\xa9": [1 \xff]}', "near byte 10: no UTF-8"),
        (b'{"\xc3\xa9": [1 }', "byte 10: a value: Expecting ',' delimiter"),
    ],
)
def test_damage_is_located(text, message) -> None:
    with pytest.raises(DamagedJson, match=message):
        joined(text, ("a",))


def test_damage_far_from_the_end_is_no_cut() -> None:
    """A mistake at the beginning of a large file does not make it read on to the end."""
    text = b'{"a": [{"b": [1,, 2]}, ' + b"1, " * 2_000_000
    counts: list[int] = []
    with pytest.raises(DamagedJson, match="byte 16: element 0 of 'a'"):
        list(read_elements(io.BytesIO(text), ("a",), counts.append))
    assert sum(counts) < 3_000_000


def test_memory_is_that_of_a_piece(monkeypatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 1000)
    text = json.dumps(coco_files.captions() | {"annotations": [[n] * 20 for n in range(9999)]})
    longest = 0

    class File(io.BytesIO):
        def read(self, size: int = -1) -> bytes:
            nonlocal longest
            longest = max(longest, size)
            return super().read(size)

    elements = read_elements(File(text.encode()), ("images", "annotations"), int)
    assert sum(key == "annotations" for key, _, _ in elements) == 9999
    assert longest < 3000


def test_a_large_value_is_not_parsed_many_times(monkeypatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 100)
    values = np.arange(20_000).tolist()
    sizes: list[int] = []
    text = json.dumps({"a": values}).encode()
    ((_, _, found),) = read_elements(io.BytesIO(text), (), sizes.append)
    assert found == values and len(sizes) < 20
