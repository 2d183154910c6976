"""Objects in arrays, each exactly as JSON had it."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from minicnn.data.packed_numbers import NumberPacker, PackedNumbers
from minicnn.data.packed_records import MISSING, PackedRecords, RecordPacker

pytestmark = pytest.mark.cpu_only

NUMBERS = [
    lambda draw: draw.randint(0, 9),
    lambda draw: draw.randint(-5, 70_000),
    lambda draw: 10 ** draw.randint(0, 25),
    lambda draw: round(draw.random() * 700, 2),
    lambda draw: round(draw.random() * 64_000, 2),
    lambda draw: draw.random(),
    lambda draw: draw.choice([0.0, -0.0, 1.0, float("inf"), 655.35, 655.36, 1e300]),
]


def number(draw: random.Random) -> float:
    return draw.choice(NUMBERS)(draw)


def value(draw: random.Random, depth: int = 0) -> Any:
    """A random value, of which half are lists of numbers."""
    length = draw.randint(0, 40)
    match draw.randint(0, 9 if depth < 6 else 7):
        case 0:
            return draw.choice(["", "abc", "ü" * 5, "\ud800", "a\nb", None, True, False])
        case 1:
            return [number(draw) for _ in range(length)]
        case 2:
            return [round(draw.random() * 640, 2) for _ in range(length)]
        case 3:
            return [draw.choice([1, 2, 3, 0.5]) for _ in range(length)]
        case 4:
            return [draw.choice([1, 2, 3, 0.523482]) for _ in range(length)]
        case 5:
            return [[draw.random() for _ in range(draw.randint(1, 9))] for _ in range(length // 9)]
        case 8:
            return {draw.choice("abcd"): value(draw, depth + 1) for _ in range(3)}
        case 9:
            return [value(draw, depth + 1) for _ in range(3)]
        case _:
            return number(draw)


def packed(records: list[dict[str, Any]]) -> PackedRecords:
    packer = RecordPacker(["id"], ["area"])
    for record in records:
        packer.add(record)
    assert len(packer) == len(records)
    return PackedRecords(packer.arrays("records"), "records")


def test_records_come_back_exactly() -> None:
    draw = random.Random(0)
    keys = ["id", "area", "x", "y", "z"]
    records = [
        {draw.choice(keys): value(draw) for _ in range(draw.randint(0, 5))} for _ in range(3000)
    ]
    found = packed(records)
    assert len(found) == len(records)
    for ours, expected in zip(found, records, strict=True):
        assert json.dumps(ours) == json.dumps(expected)
    assert found[0] is not found[0]


def test_columns() -> None:
    records = [{"id": 5, "area": 2}, {"area": 0.5}, {"id": True, "area": "large"}]
    found = packed(records)
    assert found.column("id").tolist() == [5, MISSING, 1]
    np.testing.assert_array_equal(found.column("area"), [2, 0.5, np.nan])
    assert json.dumps(list(found)) == json.dumps(records)


def test_columns_of_integers_have_what_equals_one() -> None:
    values = [7.0, -0.0, False, 2**63 - 1, 2**63, 1e300, 0.5, float("nan"), "7", None, [7]]
    found = packed([{"id": value} for value in values])
    expected = [7, 0, 0, 2**63 - 1, *[MISSING] * 7]
    assert found.column("id").tolist() == expected
    assert json.dumps([record["id"] for record in found]) == json.dumps(values)


def test_no_records() -> None:
    assert len(packed([])) == 0


def test_coordinates_take_two_bytes() -> None:
    packer = NumberPacker()
    lists = [[0.01 * n for n in range(k, k + 30)] for k in range(20)]
    lists = [[round(v, 2) for v in values] for values in lists]
    assert packer.add(lists)
    assert not packer.add([[1.5], [1, None]]) and not packer.add([[1], []])
    arrays = packer.arrays("n")
    assert arrays["n.words"].nbytes == 2 * 20 * 30
    assert list(PackedNumbers.of_arrays(arrays, "n")) == lists


def test_all_hundredths_are_exact() -> None:
    packer = NumberPacker()
    values = [n / 100 for n in range(65536)]
    assert packer.add([values])
    assert values == [float(f"{n // 100}.{n % 100:02d}") for n in range(65536)]
    arrays = packer.arrays("n")
    assert arrays["n.words"].nbytes == 2 * 65536
    assert PackedNumbers.of_arrays(arrays, "n")[0] == values
