"""The optimizer kernels against torch.optim, several steps on parameters of many layouts."""

from __future__ import annotations

import numpy as np
import on_device as kernels
import pytest

import minicnn

torch = pytest.importorskip("torch")

SHAPES = [(3, 4), (5,), (4, 3, 2, 2), (), (2, 0), (300, 500)]  # the last is more than a block
STEPS = 4


def sgd(params, grads, states, step, lr, momentum, dampening, weight_decay, nesterov, **rest):
    dampening = dampening if step > 1 else 0.0
    momenta = states[0] if momentum else None
    hyperparameters = lr, momentum, dampening, weight_decay
    kernels.sgd_step(params, grads, momenta, lambda: hyperparameters, nesterov, **rest)


def adam(params, grads, states, step, lr, betas, eps, weight_decay, decoupled=False, **rest):
    hyperparameters = step, lr, *betas, eps, weight_decay
    kernels.adam_step(params, grads, *states[:2], lambda: hyperparameters, decoupled, **rest)


def adamw(*args, **options):
    adam(*args, **options, decoupled=True)


def rmsprop(params, grads, states, step, lr, alpha, eps, momentum, weight_decay, centered, **rest):
    momenta = states[1] if momentum else None
    averages = states[2] if centered else None
    hyperparameters = lr, alpha, eps, momentum, weight_decay
    kernels.rmsprop_step(
        params, grads, states[0], momenta, averages, lambda: hyperparameters, **rest
    )


def sgd_case(**changes):
    options = {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False}
    return sgd, torch.optim.SGD, {"lr": 0.1} | options | changes


def adam_case(ours, theirs, weight_decay):
    options = {"lr": 0.1, "betas": (0.8, 0.97), "eps": 1e-3, "weight_decay": weight_decay}
    return ours, theirs, options


def rmsprop_case(**changes):
    options = {"momentum": 0.0, "weight_decay": 0.0, "centered": False}
    return rmsprop, torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.9, "eps": 1e-3} | options | changes


OPTIMIZERS = {
    "SGD": sgd_case(),
    "SGD decay": sgd_case(weight_decay=0.1),
    "SGD momentum": sgd_case(momentum=0.9),
    "SGD momentum decay": sgd_case(momentum=0.9, weight_decay=0.1),
    "SGD dampening": sgd_case(momentum=0.9, dampening=0.3, weight_decay=0.1),
    "SGD nesterov": sgd_case(momentum=0.9, nesterov=True),
    "SGD nesterov decay": sgd_case(momentum=0.9, weight_decay=0.1, nesterov=True),
    "Adam": adam_case(adam, torch.optim.Adam, 0.0),
    "Adam decay": adam_case(adam, torch.optim.Adam, 0.1),
    "AdamW": adam_case(adamw, torch.optim.AdamW, 0.1),
    "RMSprop": rmsprop_case(),
    "RMSprop momentum decay": rmsprop_case(momentum=0.9, weight_decay=0.1),
    "RMSprop centered": rmsprop_case(centered=True),
    "RMSprop centered momentum": rmsprop_case(momentum=0.9, centered=True),
}


def reordered(arrays):
    """The same arrays with 4-D ones channels-last and matrices transposed in memory."""
    return [
        a.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
        if a.ndim == 4
        else np.array(a, order="F")
        for a in arrays
    ]


def copied(arrays):
    return [a.copy() for a in arrays]


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 2e-5)])
@pytest.mark.parametrize("param_layout", [copied, reordered])
@pytest.mark.parametrize("state_layout", [copied, reordered])
@pytest.mark.parametrize("ours, theirs, options", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_against_torch(ours, theirs, options, state_layout, param_layout, dtype, tolerance):
    rng = np.random.default_rng(0)

    def draw():
        return [np.asarray(rng.standard_normal(shape), dtype) for shape in SHAPES]

    params = param_layout(draw())
    expected = [torch.tensor(p.copy(), requires_grad=True) for p in params]
    optimizer = theirs(expected, **options)
    states = [state_layout([np.zeros(s, dtype) for s in SHAPES]) for _ in range(3)]

    for step in range(1, STEPS + 1):
        grads = draw()
        ours(params, grads, states, step, **options)
        for p, g in zip(expected, grads, strict=True):
            p.grad = torch.tensor(g)
        optimizer.step()
    for p, q in zip(params, expected, strict=True):
        assert p.dtype == dtype
        np.testing.assert_allclose(p, q.detach(), rtol=tolerance, atol=tolerance)


def test_gradients_are_left_alone():
    grads = [np.ones((3, 4), np.float32)]
    for ours, _, options in OPTIMIZERS.values():
        params = [np.ones((3, 4), np.float32)]
        states = [[np.zeros((3, 4), np.float32)] for _ in range(3)]
        ours(params, grads, states, 1, **options)
        assert (params[0] != 1).all()
        np.testing.assert_array_equal(grads[0], 1)


def test_a_parameter_that_is_a_part_of_another_array():
    whole = np.ones((4, 6))
    hyperparameters = 0.1, 0.0, 0.0, 0.0
    kernels.sgd_step(
        [whole[::2, ::3]], [np.full((2, 2), 10.0)], None, lambda: hyperparameters, False
    )
    expected = np.ones((4, 6))
    expected[::2, ::3] = 0
    np.testing.assert_array_equal(whole, expected)


HALVES = [minicnn.float16, minicnn.bfloat16]
each = pytest.mark.parametrize(
    "ours, options", [case[::2] for case in OPTIMIZERS.values()], ids=OPTIMIZERS
)


def problem(dtype=np.float32, seed=0):
    """Parameters, gradients, states; squares are larger than the squared averages."""
    rng = np.random.default_rng(seed)

    def draw(offset, scale):
        return [np.asarray(rng.normal(offset, scale, s)).astype(dtype) for s in SHAPES[:-1]]

    return draw(0, 1), draw(0, 1), [draw(9, 0.5), draw(9, 0.5), draw(0, 0.1)]


def together(params, states):
    """All arrays that a step changes."""
    return [*params, *(state for arrays in states for state in arrays)]


def assert_all_equal(arrays, expected):
    for a, b in zip(arrays, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@each
def test_gradients_are_multiplied_by_the_inverse_scale(ours, options):
    (params, grads, states), (expected, _, other_states) = problem(), problem()
    scaling = np.full((), 0.25, np.float32), np.zeros((), np.float32)
    scaled = [np.asarray(g * np.float32(4)) for g in grads]
    ours(params, scaled, states, 2, **options, scaling=scaling)
    ours(expected, grads, other_states, 2, **options)
    assert_all_equal(together(params, states), together(expected, other_states))


@each
def test_an_overflow_changes_nothing(ours, options):
    (params, grads, states), (expected, _, other_states) = problem(), problem()
    scaling = np.ones((), np.float32), np.ones((), np.float32)
    half_copies = [p.astype(np.float16) for p in params]
    ours(params, grads, states, 2, **options, half_copies=half_copies, scaling=scaling)
    assert_all_equal(together(params, states), together(expected, other_states))
    assert_all_equal(half_copies, [p.astype(np.float16) for p in expected])


@each
@pytest.mark.parametrize("half", HALVES, ids=str)
def test_half_copies_and_half_precision_gradients(ours, options, half):
    (params, grads, states), (expected, _, other_states) = problem(), problem()
    grads = [g.astype(half) for g in grads]
    half_copies = reordered([np.zeros(p.shape, half) for p in params])
    ours(params, grads, states, 2, **options, half_copies=[None, *half_copies[1:]])
    ours(expected, [g.astype(np.float32) for g in grads], other_states, 2, **options)
    assert_all_equal(params, expected)
    assert_all_equal(half_copies[1:], [p.astype(half) for p in expected[1:]])
    assert not half_copies[0].any()


@each
@pytest.mark.parametrize("half", HALVES, ids=str)
def test_half_precision_weights_are_rounded_once(ours, options, half):
    params, grads, states = problem(half)
    expected = [p.astype(np.float32) for p in params]
    other_states = [[s.astype(np.float32) for s in arrays] for arrays in states]
    ours(params, grads, states, 2, **options)
    ours(expected, [g.astype(np.float32) for g in grads], other_states, 2, **options)
    rounded = [array.astype(half) for array in together(expected, other_states)]
    assert_all_equal(together(params, states), rounded)
