"""Every operation that is exported, through ONNX Runtime at another batch size."""

import itertools

import pytest

import minicnn as mc

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_answers import assert_equal_answers, drawn, session_of
from onnx_cases import ALL

pytestmark = pytest.mark.cpu_only


@pytest.mark.parametrize("subject", ALL)
def test_operations(subject):
    """All cases of a subject in one model, whose outputs have their names."""
    shapes = [shape for _, some in ALL[subject].values() for shape in some]

    def run(*tensors):
        rest = iter(tensors)
        return {
            name: function(*itertools.islice(rest, len(some)))
            for name, (function, some) in ALL[subject].items()
        }

    example = tuple(mc.tensor(drawn(shape, 2)) for shape in shapes)
    session = session_of(run, example)
    inputs = [drawn(shape, 3, seed) for seed, shape in enumerate(shapes, start=1)]
    assert_equal_answers(session, run, inputs, tolerance=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("version", [19, 20, 21])
@pytest.mark.parametrize("subject", ["reduction", "resizing", "pooling", "layout"])
def test_other_versions(subject, version):
    for function, shapes in ALL[subject].values():
        example = tuple(mc.tensor(drawn(shape, 2)) for shape in shapes)
        session = session_of(function, example, opset_version=version)
        assert_equal_answers(session, function, [drawn(shape, 3) for shape in shapes])
