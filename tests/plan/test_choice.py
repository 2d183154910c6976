"""Choices are kept in a file of the machine; a broken file does no harm."""

import json

import pytest

import minicnn as mc
from minicnn import nn
from minicnn.kernels.cpu.planned import Part, Step
from minicnn.plan.choice import Choices, fastest

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]


def candidates(calls):
    """Two steps that count their calls; the first is slow."""

    def make(only=None):
        def slow():
            calls.append("slow")
            sum(range(100_000))

        steps = [
            Step("slow", [Part([slow])]),
            Step("quick", [Part([lambda: calls.append("quick")])]),
        ]
        return [step for step in steps if only in (None, step.name)]

    return make


def test_the_fastest_is_kept_in_a_file(tmp_path):
    path, calls = tmp_path / "new" / "choices.json", []
    choices = Choices(path)
    assert fastest("a", choices, candidates(calls), 1, {}) == "quick"
    assert set(calls) == {"slow", "quick"}
    choices.save()
    assert json.loads(path.read_text())["names"] == {"a": "quick"}
    calls.clear()
    assert fastest("a", Choices(path), candidates(calls), 1, {}) == "quick" and calls == []


def test_choices_of_two_processes_are_joined(tmp_path):
    path = tmp_path / "choices.json"
    first, second = Choices(path), Choices(path)
    for key, choices in (("a", first), ("b", second)):
        fastest(key, choices, candidates([]), 1, {})
        choices.save()
    assert set(Choices(path).names) == {"a", "b"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"version": 0, "names": {"a": "quick"}}', '{"version": 1}', "\0\xff"],
)
def test_a_broken_or_foreign_file_is_ignored(tmp_path, text):
    path = tmp_path / "choices.json"
    path.write_text(text)
    assert Choices(path).names == {}


def test_a_name_that_is_unknown_is_measured_again(tmp_path):
    choices = Choices(tmp_path / "choices.json")
    choices.names["a"] = "of another version"
    assert fastest("a", choices, candidates([]), 1, {}) == "quick"


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "file"))
    net, x = nn.Conv2d(3, 4, 3).eval(), mc.randn(1, 3, 8, 8)
    with mc.no_grad():
        assert mc.allclose(mc.compile(net)(x), net(x), atol=1e-5)


def test_compile_uses_the_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path))
    net, x = nn.Conv2d(3, 4, 3).eval(), mc.randn(1, 3, 8, 8)
    with mc.no_grad():
        mc.compile(net, options={"cache": False})(x)
        assert not list(tmp_path.rglob("*.json"))
        mc.compile(net)(x)
    (path,) = tmp_path.rglob("*.json")
    found = json.loads(path.read_text())
    assert len(found["names"]) == 1 and len(found["machine"]) >= 3
