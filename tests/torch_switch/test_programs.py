"""Whole programs written for PyTorch print the same numbers under the switch.

They are run in processes of their own, once with PyTorch and once with minicnn, with the same seed.
All text must be equal, and all numbers within a tolerance: 1e-4 of the larger one. Where batch norm
or Adam turn rounding into steps it is 1e-3, and 1e-9 in float64.
"""

import math
import re

import pytest
from switched import HERE, PROGRAMS, python, switched

pytestmark = pytest.mark.cpu_only

USUAL = {"trainer": 1e-4, "notebook": 1e-4}
SLOW = {
    "early_stopping": 1e-3,
    "gan": 1e-3,
    "gradcam": 1e-3,
    "segmentation": 1e-4,
    "siamese": 1e-4,
    "style_transfer": 1e-9,
    "transfer": 1e-3,
    "tutorial": 1e-4,
    "vae": 1e-3,
    "workers": 1e-4,
}
NUMBER = re.compile(r"-?\b\d+\.\d*(?:e[+-]?\d+)?")


def assert_equal(expected, got, tolerance):
    """Same lines, same text between the numbers, numbers within the tolerance."""
    assert len(got) == len(expected), "\n".join(got)
    for line, (theirs, ours) in enumerate(zip(expected, got, strict=True), 1):
        assert NUMBER.split(ours) == NUMBER.split(theirs), f"line {line}"
        for one, other in zip(NUMBER.findall(theirs), NUMBER.findall(ours), strict=True):
            # half a unit of the last digit that is printed, too
            last = 0.51 * 10.0 ** -len(one.partition("e")[0].partition(".")[2])
            close = math.isclose(float(one), float(other), rel_tol=tolerance, abs_tol=2 * last)
            assert close, f"line {line}: PyTorch printed {theirs!r}, minicnn {ours!r}"


def compare(name, tolerance, tmp_path):
    script, runs = PROGRAMS / f"{name}.py", []
    for folder, run in (("torch", lambda *a, **k: python(HERE / "with_pytorch.py", *a, **k)),
                        ("minicnn", switched)):  # fmt: skip
        (tmp_path / folder).mkdir()
        runs.append(run(script, folder=tmp_path / folder))
        assert runs[-1].returncode == 0, f"{folder}:\n{runs[-1].stdout}{runs[-1].stderr}"
    expected, got = (done.stdout.splitlines() for done in runs)
    assert len(expected) >= 5
    assert_equal(expected, got, tolerance)


@pytest.mark.parametrize("name", USUAL)
def test_program(name, tmp_path):
    compare(name, USUAL[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_slow_program(name, tmp_path):
    compare(name, SLOW[name], tmp_path)


def test_every_program_is_run():
    programs = {path.stem for path in PROGRAMS.glob("*.py")} - {"heatmaps"}  # gradcam imports it
    assert programs == {*USUAL, *SLOW}


@pytest.mark.parametrize(
    "got", [["loss 0.5002"], ["Loss 0.5000"], ["loss 0.5000", "more"], ["loss 0.5000 1.0"]]
)
def test_differences_are_found(got):
    assert_equal(["loss 0.5000"], ["loss 0.50001"], 1e-4)
    with pytest.raises(AssertionError):
        assert_equal(["loss 0.5000"], got, 1e-4)
