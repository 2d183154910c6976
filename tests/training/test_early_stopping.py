"""When a training stops that does not become better."""

import math

import pytest

from minicnn.training import EarlyStopping

pytestmark = pytest.mark.cpu_only


def answers(stopping: EarlyStopping, values: list[float]) -> list[bool]:
    return [stopping.update(value) for value in values]


def test_it_stops_after_so_many_numbers_that_are_not_better():
    stopping = EarlyStopping(patience=2)
    assert answers(stopping, [0.5, 0.5, 0.6, 0.6, 0.55]) == [False] * 4 + [True]
    assert (stopping.best, stopping.waited, stopping.is_best) == (0.6, 2, False)
    assert not stopping.update(0.7) and stopping.is_best


def test_small_gains_do_not_count():
    stopping = EarlyStopping(patience=3, min_delta=0.1)
    assert answers(stopping, [0.5, 0.55, 0.6, 0.6]) == [False, False, False, True]
    assert stopping.best == 0.5


def test_a_loss_becomes_smaller():
    stopping = EarlyStopping(patience=2, min_delta=0.5, mode="min")
    assert answers(stopping, [3.0, 2.0, 1.6, 1.6]) == [False, False, False, True]
    assert stopping.best == 2.0


def test_nan_is_no_improvement():
    stopping = EarlyStopping(patience=2)
    assert answers(stopping, [math.nan, 0.1, math.nan, math.nan]) == [False, False, False, True]
    assert answers(EarlyStopping(patience=2), [math.nan, math.nan]) == [False, True]


@pytest.mark.parametrize("stop_after", range(6))
def test_it_goes_on_from_its_state(stop_after):
    values = [0.5, 0.6, 0.55, 0.7, 0.6, 0.65]
    whole, before, after = (EarlyStopping(patience=2) for _ in range(3))
    expected = answers(whole, values)
    answers(before, values[:stop_after])
    after.load_state_dict(before.state_dict())
    assert answers(after, values[stop_after:]) == expected[stop_after:]
    assert after.state_dict() == whole.state_dict()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"patience": 0}, "patience must be at least 1, got 0"),
        ({"patience": 1, "min_delta": -1}, "min_delta must not be negative, got -1"),
        ({"patience": 1, "mode": "auto"}, "mode must be 'max' or 'min', got 'auto'"),
    ],
)
def test_arguments(options, text):
    with pytest.raises(ValueError, match=text):
        EarlyStopping(**options)
