"""Switching the recording, per thread; anomaly mode; the guard against changes in place."""

import gc
import threading
import weakref

import numpy as np
import pytest
from oracle import assert_same

import minicnn as mc
from minicnn.autograd import detect_anomaly


def test_no_grad_as_context_and_decorator():
    x = mc.ones(2, requires_grad=True)
    with mc.no_grad():
        assert not (x * 2).requires_grad
        with mc.enable_grad():
            assert (x * 2).requires_grad
        assert not mc.is_grad_enabled()
    assert mc.is_grad_enabled()

    @mc.no_grad()
    def double(x):
        return x * 2

    assert not double(x).requires_grad and double.__name__ == "double"
    with mc.set_grad_enabled(False):
        assert not (x * 2).requires_grad


def test_no_grad_ends_with_an_error_in_the_block():
    with pytest.raises(ZeroDivisionError), mc.no_grad():
        raise ZeroDivisionError
    assert mc.is_grad_enabled()


def test_one_context_may_be_entered_twice():
    off = mc.no_grad()
    with off, off:
        assert not mc.is_grad_enabled()
    assert mc.is_grad_enabled()


def test_other_threads_keep_their_own_mode():
    seen = []
    with mc.no_grad():
        thread = threading.Thread(target=lambda: seen.append(mc.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_anomaly_mode_names_the_operation_and_the_line():
    x = mc.tensor([0.0, 1.0], requires_grad=True)
    with (
        detect_anomaly(),
        pytest.raises(RuntimeError, match=r"(?s)Mul returned a gradient with NaN.*\(x \* 0\)"),
    ):
        (x * 0).sqrt().sum().backward()
    (x * 0).sqrt().sum().backward()  # without it, NaN arrives in silence
    with detect_anomaly():
        x.sqrt().sum().backward()  # inf is no anomaly in torch either


def test_a_saved_tensor_changed_in_place_is_noticed():
    x = mc.ones(2, requires_grad=True)
    for change in (lambda y: y.add_(1), lambda y: y.zero_(), lambda y: y.__setitem__(0, 5.0)):
        y = x * 2
        z = y * y
        change(y)
        with pytest.raises(RuntimeError, match="changed in place.*saved by Mul, is at version 1"):
            z.sum().backward()


def test_a_change_through_a_view_is_noticed():
    w = mc.ones(2, 2, requires_grad=True)
    x = mc.ones(2, 2)
    y = w * x
    with mc.no_grad():
        x[0].fill_(3.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_a_saved_output_changed_in_place_is_noticed():
    y = mc.ones(2, requires_grad=True).exp()
    z = y.sum()
    y.mul_(2)
    with pytest.raises(RuntimeError, match="saved by Exp"):
        z.backward()


def test_a_decorator_needs_no_parentheses_and_reaches_into_generators():
    @mc.no_grad
    def double(x):
        return x * 2

    @mc.no_grad()
    def doubles(xs):
        for x in xs:
            yield x * 2

    x = mc.ones(2, requires_grad=True)
    assert not double(x).requires_grad
    for y in doubles([x, x]):
        assert not y.requires_grad and mc.is_grad_enabled()


def test_set_grad_enabled_is_a_statement_too():
    mc.set_grad_enabled(mode=False)
    try:
        assert not mc.is_grad_enabled()
        with mc.set_grad_enabled(True):
            assert mc.is_grad_enabled()
        assert not mc.is_grad_enabled()
    finally:
        mc.set_grad_enabled(True)

    @mc.set_grad_enabled(False)
    def double(x):
        return x * 2

    assert mc.is_grad_enabled() and not double(mc.ones(1, requires_grad=True)).requires_grad


def test_leaves_and_views_refuse_changes_while_recorded():
    x = mc.ones(2, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf that requires a gradient"):
        x += 1
    with mc.no_grad():
        x += 1
    assert x.tolist() == [[2.0, 2.0], [2.0, 2.0]]
    with pytest.raises(RuntimeError, match="leaf that requires a gradient"):
        x[0].zero_()
    with pytest.raises(RuntimeError, match=r"expanded view of shape \(3, 2, 2\)"):
        (x * 2).expand(3, 2, 2).add_(1)
    with mc.no_grad():
        row = x.detach()[0]
    with pytest.raises(RuntimeError, match="taken under no_grad"):
        row.mul_(x[1])


def test_changes_in_place_are_traced_back():
    def run(x, y):
        z = x * 2
        z += y
        z *= 3.0
        z.sub_(x)
        z.relu_()
        return z

    rng = np.random.default_rng(0)
    assert_same(run, run, [rng.standard_normal((3, 4)), rng.standard_normal(4)])


def overwritten_factor(x, y):
    z = x * 1
    z *= y
    return z


def view_before_its_base_changed(x, y):
    z = x * 1
    row = z.t()[1]
    z.mul_(y)
    return row * 2, z


def changes_through_views(x, y):
    z = x * y
    z[0, 1] += y[0]
    z[1] *= 3.0
    z.t()[2].add_(z[:, 0])
    z[0][1:] = y[1:]
    return z


def sums_in_a_buffer(x, y):
    total = (x * 0).detach()
    first = total[0]
    for i in range(3):
        total[i] += x[i] * y
    return total, first * y


@pytest.mark.parametrize(
    "change",
    [
        overwritten_factor,
        view_before_its_base_changed,
        pytest.param(changes_through_views, marks=pytest.mark.numbers_decide),
        pytest.param(sums_in_a_buffer, marks=pytest.mark.numbers_decide),
    ],
)
def test_changes_of_and_through_views_are_traced_back(change):
    rng = np.random.default_rng(0)
    assert_same(change, change, [rng.standard_normal((3, 4)), rng.standard_normal(4)])


@pytest.mark.numbers_decide
def test_changes_in_place_leave_no_cycle_behind():
    x = mc.ones(3, requires_grad=True)
    gc.disable()
    try:
        z = x * 1
        z *= x
        z[0] *= 2
        z.retain_grad()
        z.sum().backward()
        watch = weakref.ref(z)
        del z
        assert watch() is None
    finally:
        gc.enable()


def test_a_result_of_another_shape_is_refused():
    with pytest.raises(RuntimeError, match=r"keeps the shape \(2,\), got \(3, 2\)"):
        mc.ones(2).add_(mc.ones(3, 2))
