"""Rows of a CSV file as arrays: equal to what the csv module and float() give."""

from __future__ import annotations

import csv
import tracemalloc

import numpy as np
import pytest

from minicnn.data.open_images import rows as module
from minicnn.data.open_images.classes import Classes
from minicnn.data.open_images.rows import read_rows
from minicnn.data.open_images.scan import scan
from minicnn.data.problems import Problems

pytestmark = pytest.mark.cpu_only


def parsed(path, problems=None, bounds=(-1e20, 1e20), empty=None):
    """Ids, names and numbers of the good rows of a file with the columns id, name and number."""
    found = []
    names = np.array([b"a", b"abc", b"b"])
    for rows in read_rows(
        path, ("id", "name", "number"), Problems() if problems is None else problems
    ):
        columns = [
            rows.hexadecimal("id"),
            rows.places("name", names, "a name"),
            rows.numbers("number", *bounds, empty=empty),
        ]
        found += zip(*(column[rows.good].tolist() for column in columns), strict=True)
    return found


def written(tmp_path, text: str | bytes):
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def reasons(tmp_path, text, **options):
    problems = Problems()
    path = written(tmp_path, text)
    good = parsed(path, problems, **options)
    return good, [(problem.where.removeprefix(f"{path}, "), problem.reason) for problem in problems]


HEADER = "id,name,number\n"
GOOD = "00000000000000ff,abc,0.5\n"
NUMBERS = [
    *("0", "1", "-1", "0.5", "-0.25", ".5", "5.", "007.250", "1e-05", "-1.5E3", "+2", "0.012500"),
    *("0.96420051239999999999", "123456789012345678", "1234567890123456789", "0.9642005"),
]


@pytest.mark.parametrize("block", [50, 64, 1 << 20])
def test_equals_the_csv_module(tmp_path, monkeypatch, block):
    monkeypatch.setattr(module, "_BLOCK", block)
    rng = np.random.default_rng(0)
    lines = [
        f"{rng.integers(1 << 63):016x},{rng.choice(['a', 'abc', 'b'])},{rng.choice(NUMBERS)}"
        for _ in range(200)
    ]
    path = written(tmp_path, HEADER + "\n".join(lines))
    expected = [
        (int(id_, 16), ["a", "abc", "b"].index(name), float(number))
        for id_, name, number in csv.reader(lines)
    ]
    found = parsed(path)
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    np.testing.assert_allclose([row[2] for row in found], [row[2] for row in expected], rtol=3e-16)


def test_numbers_of_few_digits_are_exact(tmp_path):
    values = [f"{k / 1000:.6f}" for k in range(1001)]
    path = written(tmp_path, HEADER + "".join(f"00000000000000ff,a,{v}\n" for v in values))
    assert [row[2] for row in parsed(path)] == [float(v) for v in values]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + GOOD,
        (HEADER + GOOD).replace("\n", "\r\n"),
        HEADER + GOOD.strip(),
        HEADER + "\n" + GOOD + "\n\n",
        "more,number,id,name\nx,0.5,00000000000000FF,abc\n",
        "number,name,id\r\n0.5,abc,00000000000000ff",
    ],
    ids=[
        "BOM",
        "CRLF",
        "no last newline",
        "blank lines",
        "other order",
        "CRLF and no last newline",
    ],
)
def test_other_ways_to_write_a_table(tmp_path, text):
    assert reasons(tmp_path, text) == ([(255, 1, 0.5)], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("00000000000000ff,abc", "the row has 2 fields, its header 3"),
        ("00000000000000ff,abc,1,2", "the row has 4 fields, its header 3"),
        ("ff,abc,1", "id should be 16 hexadecimal digits, got 'ff'"),
        ("00000000000000fff,abc,1", "id should be 16 hexadecimal digits, got '00000000000000fff'"),
        ("0x000000000000ff,abc,1", "id should be 16 hexadecimal digits, got '0x000000000000ff'"),
        ("00000000000000ff,abcd,1", "name 'abcd' is not a name"),
        ("00000000000000ff,,1", "name '' is not a name"),
        ("00000000000000ff,z,1", "name 'z' is not a name"),
        *(
            (
                f"00000000000000ff,abc,{number}",
                f"number should be a number from 0 to 1, got {shown}",
            )
            for number, shown in [
                ("", "''"),
                ("-", "'-'"),
                (".", "'.'"),
                ("0.1.2", "'0.1.2'"),
                ("0_1", "'0_1'"),
                ("x", "'x'"),
                ("1.5", "'1.5'"),
                ("-0.1", "'-0.1'"),
                ("nan", "'nan'"),
                ("inf", "'inf'"),
                ("1" * 30, repr("1" * 30)),
                ("0\0", "'0?'"),
                ("0-", "'0-'"),
            ]
        ),
    ],
)
def test_names_what_is_wrong(tmp_path, line, reason):
    good, wrong = reasons(tmp_path, HEADER + GOOD + line + "\n" + GOOD, bounds=(0, 1))
    assert good == [(255, 1, 0.5)] * 2
    assert wrong == [("line 3", reason)]


def test_a_cut_last_line(tmp_path):
    good, wrong = reasons(tmp_path, HEADER + GOOD + GOOD[:19])
    assert (good, wrong) == (
        [(255, 1, 0.5)],
        [("line 3", "the row has 2 fields, its header 3")],
    )


def test_an_empty_field_may_have_a_meaning(tmp_path):
    good, wrong = reasons(tmp_path, HEADER + "00000000000000ff,a,\n", bounds=(0, 1), empty=np.nan)
    assert np.isnan(good[0][2]) and wrong == []


def test_line_numbers_over_several_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 100)
    lines = [GOOD] * 100
    for i in (0, 50, 99):
        lines[i] = "wrong\n"
    good, wrong = reasons(tmp_path, HEADER + "".join(lines))
    assert len(good) == 97
    assert [where for where, _ in wrong] == ["line 2", "line 52", "line 101"]


def test_a_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 100)
    good, wrong = reasons(tmp_path, HEADER + GOOD + "x" * 1000 + "\n" + GOOD)
    assert len(good) == 2
    assert {where for where, _ in wrong} == {"line 3"}


def test_only_the_first_of_many_wrong_rows_are_named(tmp_path):
    problems = Problems()
    path = written(tmp_path, HEADER + "ff,a,1\n" * 3000 + "x\n" * 2000)
    assert parsed(path, problems) == []
    assert (problems.count, len(problems.found)) == (5000, 1000)


@pytest.mark.parametrize("text", [b"", b"id;name;number\n", b"\x89PNG\r\n\x1a\n", b"\xff\xfe\0\0"])
def test_a_wrong_header(tmp_path, text):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match="line 1: it should name the columns id, name, number"):
        parsed(path)


@pytest.mark.slow
def test_memory_depends_on_the_rows_alone(tmp_path):
    """What a scan takes beside its result does not grow with the file."""
    mids = [f"/m/{i:05d}" for i in range(5000)]
    classes = Classes(mids, mids)
    rng = np.random.default_rng(0)
    for count in (100_000, 400_000):
        rows = [
            f"{i // 7:016x},verification,{mids[label]},{label % 2}\n"
            for i, label in enumerate(rng.integers(5000, size=count).tolist())
        ]
        path = written(tmp_path, "ImageID,Source,LabelName,Confidence\n" + "".join(rows))
        tracemalloc.start()
        arrays = scan(path, "labels", classes, "classes.csv", Problems())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(arrays["label"]) == count
        assert peak < 20e6 + 3 * sum(array.nbytes for array in arrays.values())
