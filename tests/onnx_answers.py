"""What ONNX Runtime computes from a model that minicnn exported, beside what minicnn computes."""

import io

import numpy as np
import onnxruntime

import minicnn as mc
from minicnn.graph.structure import tensors_in

__all__ = ["assert_equal_answers", "drawn", "session_of"]


def session_of(net, example, path=None, **options):
    """Exports a network, to memory or a path, and loads it."""
    file = io.BytesIO() if path is None else path
    mc.onnx.export(net, example, file, **options)
    model = file.getvalue() if path is None else str(path)
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def assert_equal_answers(session, net, inputs, tolerance=1e-4):
    """Compares all outputs for other inputs; the tolerance is relative, to the largest number, too."""
    names = [x.name for x in session.get_inputs()]
    found = session.run(None, dict(zip(names, inputs, strict=True)))
    with mc.no_grad():
        expected = tensors_in(net(*map(mc.tensor, inputs)))
    assert len(found) == len(expected)
    for output, got, want in zip(session.get_outputs(), found, expected, strict=True):
        want = want.numpy()
        assert (got.shape, got.dtype) == (want.shape, want.dtype), output.name
        scale = np.abs(want[np.isfinite(want)]).max(initial=0) if want.dtype.kind == "f" else 0
        np.testing.assert_allclose(
            got, want, rtol=tolerance, atol=tolerance * scale, err_msg=output.name
        )


def drawn(shape, batch, seed=0):
    """Numbers of a shape with another batch, or the entries of an array in turns."""
    if isinstance(shape, np.ndarray):
        return shape[np.arange(batch) % len(shape)]
    numbers = np.random.default_rng(seed).normal(size=(batch, *shape[1:]))
    return numbers.astype(np.float32)
