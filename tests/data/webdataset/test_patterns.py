from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.data.webdataset.patterns import expand_braces, shard_names, shard_path

pytestmark = pytest.mark.cpu_only

TEXT = st.text("ab,.0\\\\", max_size=3).map(lambda text: text.replace("\\", "\\{"))
NUMBER = st.sampled_from(["0", "1", "3", "007", "010", "-2", "-01", "12"])
LETTER = st.sampled_from("aecZXA")
RANGES = st.one_of(st.tuples(NUMBER, NUMBER), st.tuples(LETTER, LETTER)).flatmap(
    lambda ends: st.sampled_from(["", "..1", "..3", "..-2", "..0"]).map(
        lambda step: f"{{{ends[0]}..{ends[1]}{step}}}"
    )
)
PATTERNS = st.recursive(
    TEXT | RANGES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, max_size=3).map(lambda parts: "{" + ",".join(parts) + "}"),
    ),
    max_leaves=6,
)


@settings(deadline=None)  # a pattern may stand for thousands of names
@given(PATTERNS)
def test_patterns_stand_for_what_braceexpand_says(pattern):
    braceexpand = pytest.importorskip("braceexpand").braceexpand
    assert expand_braces(pattern) == list(braceexpand(pattern))


def test_patterns_of_shards():
    assert expand_braces("train-{0000..0146}.tar")[::146] == ["train-0000.tar", "train-0146.tar"]
    assert expand_braces("{a,b{1..2}}/{8..10}") == [
        f"{folder}/{number}" for folder in ("a", "b1", "b2") for number in (8, 9, 10)
    ]
    assert expand_braces(r"a\{1,2\}.tar") == ["a{1,2}.tar"]
    assert expand_braces("{only}") == ["{only}"]


@pytest.mark.parametrize("pattern", ["a{1", "a}1", "{a{b}", "}{"])
def test_braces_that_do_not_match(pattern):
    with pytest.raises(ValueError, match="braces of a pattern must come in pairs, got"):
        expand_braces(pattern)


def test_names():
    assert shard_names("a{0..1}.tar::b.tar") == ["a0.tar", "a1.tar", "b.tar"]
    assert shard_names(["a{0..1}.tar", Path("b{0..1}.tar")]) == ["a0.tar", "a1.tar", "b{0..1}.tar"]
    assert shard_path("file:///data/a.tar") == "/data/a.tar"
    assert shard_path("file:a.tar") == "a.tar"
    with pytest.raises(ValueError, match="at least one shard, got none"):
        shard_names([])


def test_commands_and_servers_are_refused():
    with pytest.raises(ValueError, match=r"pipe:cat a.tar: loading a dataset runs no commands"):
        shard_names("pipe:cat a.tar")
    with pytest.raises(ValueError, match=r"read from disk, not by https; download them"):
        shard_names(["http{s,}://example.org/a.tar"])
