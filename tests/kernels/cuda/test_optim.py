"""The optimizers' kernel on a GPU against plain NumPy, over many arrays at a time."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

import minicnn
from minicnn.kernels import cuda, plain

float16, bfloat16 = minicnn.float16, minicnn.bfloat16
float32, float64 = minicnn.float32, minicnn.float64
# one block and a little more, several blocks, less than a vector, nothing
SHAPES = [(1,), (3,), (65537,), (5, 4), (4, 3, 2, 2), (), (0, 3), (8192,), (8193,)]
TOLERANCE = {float64: 1e-12, float32: 3e-6, float16: 4e-3, bfloat16: 3e-2}

OPTIMIZERS = {
    "SGD": ("sgd_step", (), (0.1, 0.0, 0.0, 0.05), (False,)),
    "SGD momentum": ("sgd_step", (0,), (0.1, 0.9, 0.2, 0.05), (False,)),
    "SGD nesterov": ("sgd_step", (0,), (0.1, 0.9, 0.0, 0.05), (True,)),
    "Adam": ("adam_step", (0, 1), (3, 0.1, 0.9, 0.99, 1e-3, 0.05), (False,)),
    "AdamW": ("adam_step", (0, 1), (3, 0.1, 0.9, 0.99, 1e-3, 0.05), (True,)),
    "AMSGrad": ("adam_step", (0, 1), (3, 0.1, 0.9, 0.99, 1e-3, 0.05), (False,), 2),
    "RMSprop": ("rmsprop_step", (1, None, None), (0.1, 0.9, 1e-3, 0.0, 0.05), ()),
    "RMSprop all": ("rmsprop_step", (1, 0, 2), (0.1, 0.9, 1e-3, 0.9, 0.05), ()),
}
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
# dtypes of weights (and states), gradients, half-precision copies
MIXTURES = {
    "float64": (float64, float64, None),
    "float32": (float32, float32, None),
    "float32 to bfloat16": (float32, float32, bfloat16),
    "float16 gradients": (float32, float16, float16),
    "bfloat16 gradients": (float32, bfloat16, None),
    "bfloat16": (bfloat16, bfloat16, None),
    "float16 twice": (float16, float16, float16),
}
mixtures = pytest.mark.parametrize("mixture", MIXTURES.values(), ids=MIXTURES)


class Problem:
    """Weights, gradients and states in host memory, and copies of them on the GPU."""

    def __init__(self, cp, mixture, shapes=SHAPES, place=None):
        weights, gradients, half = mixture
        rng = np.random.default_rng(0)

        def draw(dtype, offset=0.0, scale=1.0):
            return [np.asarray(rng.normal(offset, scale, s)).astype(dtype) for s in shapes]

        self.cp = cp
        params = draw(weights)
        # momenta, squares, and averages with smaller squares
        states = [draw(weights), draw(weights, 9, 0.5), draw(weights, 0, 0.1)]
        copies = [p.astype(half) for p in params] if half else None
        self.host = params, draw(gradients), states, copies
        place = place or cp.asarray
        self.device = (
            [place(p) for p in params],
            [place(g) for g in self.host[1]],
            [[place(s) for s in arrays] for arrays in states],
            copies and [place(c) for c in copies],
        )

    def step(self, optimizer, scaling=None):
        name, chosen, values, flags, *maxima = optimizer
        on_device = scaling and tuple(map(self.cp.asarray, scaling))
        sides = (plain, self.host, scaling), (cuda, self.device, on_device)
        for kernels, (params, grads, states, copies), factors in sides:
            lists = [None if i is None else states[i] for i in chosen]
            if name == "sgd_step" and not lists:
                lists = [None]
            arguments = params, grads, *lists, lambda: values, *flags
            further = {"maxima": states[maxima[0]]} if maxima else {}
            getattr(kernels, name)(*arguments, half_copies=copies, scaling=factors, **further)

    def check(self):
        for array, other in zip(arrays_in(self.host), arrays_in(self.device), strict=True):
            assert array.dtype == other.dtype
            np.testing.assert_allclose(
                self.cp.asnumpy(other).astype(np.float64),
                array.astype(np.float64),
                rtol=TOLERANCE[array.dtype],
                atol=TOLERANCE[array.dtype],
            )


def arrays_in(nested):
    if isinstance(nested, (list, tuple)):
        return [array for part in nested for array in arrays_in(part)]
    return [] if nested is None else [nested]


@optimizers
@mixtures
def test_against_plain_numpy(cp, optimizer, mixture):
    problem = Problem(cp, mixture)
    problem.step(optimizer)
    problem.check()


@optimizers
def test_unscaled_gradients(cp, optimizer):
    problem = Problem(cp, MIXTURES["float16 gradients"], [(37,), (4, 3)])
    problem.step(optimizer, (np.full((), 0.25, np.float32), np.zeros((), np.float32)))
    problem.check()


@optimizers
def test_overflown_gradients_change_nothing(cp, optimizer):
    problem = Problem(cp, MIXTURES["float32 to bfloat16"], [(37,), (4, 3)])
    before = [p.copy() for p in problem.host[0]]
    problem.step(optimizer, (np.ones((), np.float32), np.ones((), np.float32)))
    problem.check()
    for old, new in zip(before, problem.device[0], strict=True):
        np.testing.assert_array_equal(cp.asnumpy(new), old)


def unaligned(cp):
    """Puts arrays at addresses where four numbers cannot be read at once."""

    def place(array):
        memory = cp.empty(array.size + 1, array.dtype)
        memory[1:] = cp.asarray(array.reshape(-1))
        return memory[1:].reshape(array.shape)

    return place


def every_other(cp):
    """Puts arrays into memory with gaps between the elements."""

    def place(array):
        memory = cp.zeros((*array.shape, 2), array.dtype)
        memory[..., 0] = cp.asarray(array)
        return memory[..., 0]

    return place


def reversed_axes(cp):
    return lambda array: cp.asarray(np.ascontiguousarray(array.T)).T


@optimizers
@pytest.mark.parametrize("place", [unaligned, every_other, reversed_axes])
def test_other_layouts(cp, place, optimizer):
    problem = Problem(cp, MIXTURES["bfloat16 gradients"], [(37,), (3, 5), (8, 8)], place(cp))
    problem.step(optimizer)
    problem.check()


def test_layouts_that_differ(cp):
    problem = Problem(cp, MIXTURES["float32 to bfloat16"], [(3, 5), (8, 8)])
    params, grads, states, copies = problem.device
    states[0] = [reversed_axes(cp)(cp.asnumpy(state)) for state in states[0]]
    problem.device = params, [reversed_axes(cp)(cp.asnumpy(g)) for g in grads], states, copies
    problem.step(OPTIMIZERS["SGD momentum"])
    problem.check()


def test_dtypes_in_one_step(cp):
    """One launch for each, but the hyperparameters are asked for once."""
    params = [cp.ones(5, np.float32), cp.ones(4, np.float64), cp.ones(3, np.float32)]
    asked = []

    def hyperparameters():
        asked.append(1)
        return 0.5, 0.0, 0.0, 0.0

    cuda.sgd_step(params, [cp.ones(p.shape, p.dtype) for p in params], None, hyperparameters, False)
    assert asked == [1]
    for param in params:
        np.testing.assert_array_equal(cp.asnumpy(param), 0.5)


@pytest.mark.emulated_only
def test_one_launch_for_all(cp):
    problem = Problem(cp, MIXTURES["float32"])
    before = cp.emulation.launches.total()
    problem.step(OPTIMIZERS["AdamW"])
    assert cp.emulation.launches.total() - before == 1


@pytest.mark.emulated_only
def test_weights_with_and_without_a_copy_share_a_launch(cp):
    params = [cp.ones(5, np.float32), cp.ones(3, np.float32)]
    grads = [cp.ones(5, np.float32), cp.ones(3, np.float32)]
    copies = [None, cp.zeros(3, bfloat16)]
    before = cp.emulation.launches.total()
    cuda.sgd_step(params, grads, None, lambda: (0.5, 0, 0, 0), False, half_copies=copies)
    assert cp.emulation.launches.total() - before == 1
    for updated in (*params, copies[1]):
        np.testing.assert_array_equal(cp.asnumpy(updated).astype(float), 0.5)


def test_gradients_of_another_dtype_are_refused(cp):
    with pytest.raises(
        TypeError, match="float16 and bfloat16, got float64 with weights of float32"
    ):
        cuda.sgd_step(
            [cp.ones(3, np.float32)], [cp.ones(3, np.float64)], None, lambda: (0.1, 0, 0, 0), False
        )
