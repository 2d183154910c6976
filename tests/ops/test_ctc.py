"""CTC against PyTorch, and against the sum over all paths."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from oracle import assert_agrees, normal

import minicnn as mc
import minicnn.nn.functional as F

T, N, C, S = 9, 3, 5, 4
TARGETS = np.array([[1, 2, 2, 4], [3, 3, 3, 1], [4, 1, 0, 0]])


def spelt(path: tuple[int, ...]) -> list[int]:
    """What a path spells: equal neighbours merged, blanks (0) removed."""
    return [symbol for symbol, _ in itertools.groupby(path) if symbol]


def test_is_the_sum_over_all_paths() -> None:
    log_probs = F.log_softmax(mc.tensor(normal(5, 1, 3)), 2)
    text = [1, 1]
    total = sum(
        np.exp(sum(log_probs[t, 0, symbol].item() for t, symbol in enumerate(path)))
        for path in itertools.product(range(3), repeat=5)
        if spelt(path) == text
    )
    loss = F.ctc_loss(log_probs, mc.tensor([text]), [5], [2], reduction="sum")
    assert loss.item() == pytest.approx(-np.log(total), rel=1e-12)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("lengths", [([9, 9, 9], [4, 4, 2]), ([9, 7, 0], [0, 3, 0])])
@pytest.mark.parametrize("blank", [0, 4])
@pytest.mark.parametrize("concatenated", [False, True])
def test_loss_and_gradient(reduction: str, lengths: Any, blank: int, concatenated: bool) -> None:
    targets = np.where(TARGETS == blank, 2, TARGETS)
    if concatenated:
        targets = np.concatenate([row[:n] for row, n in zip(targets, lengths[1])])

    def call(m: Any, x: Any, targets: Any) -> Any:
        log_probs = m.nn.functional.log_softmax(x, 2)
        return m.nn.functional.ctc_loss(log_probs, targets, *lengths, blank, reduction)

    assert_agrees(call, normal(T, N, C), targets)


def test_texts_that_do_not_fit() -> None:
    """333 takes five times: two blanks in between."""

    def call(m: Any, x: Any, targets: Any) -> Any:
        log_probs = m.nn.functional.log_softmax(x, 2)
        f = m.nn.functional.ctc_loss
        infinite = f(log_probs.detach(), targets, [4, 4, 4], [4, 3, 2], reduction="none")
        return infinite, f(log_probs, targets, [4, 4, 4], [4, 3, 2], zero_infinity=True)

    assert_agrees(call, normal(T, N, C), TARGETS)


def test_one_sample_and_lengths_as_tensors() -> None:
    def call(m: Any, x: Any, targets: Any, times: Any, symbols: Any) -> Any:
        loss = m.nn.CTCLoss(reduction="none")
        return loss(m.nn.functional.log_softmax(x, 1), targets, times, symbols)

    assert_agrees(call, normal(T, C), TARGETS[0], np.array(T), np.array(S))


def test_refused() -> None:
    x, targets = mc.zeros(T, N, C), mc.tensor(TARGETS)
    lengths = [T] * N, [S] * N
    for message, arguments in [
        ("one of the 5 symbols, got 5", (x, targets, *lengths, 5)),
        ("of int32 or int64, got float64", (x, targets.double(), *lengths)),
        ("3 lengths, got 2 and 3", (x, targets, [T, T], [S] * N)),
        ("input_lengths up to 9", (x, targets, [T + 1] * N, [S] * N)),
        ("target_lengths .*, got shape", (x, targets, [T] * N, [S + 1] * N)),
        ("target_lengths .*, got shape", (x, targets.reshape(-1), [T] * N, [S - 1] * N)),
        (
            "input_lengths expects integers, got float64",
            (x, targets, mc.zeros(3).double(), [S] * N),
        ),
    ]:
        with pytest.raises(RuntimeError, match=message):
            F.ctc_loss(*arguments)
    log_probs = mc.zeros(T, N, C, requires_grad=True)
    (first,) = mc.autograd.grad(
        F.ctc_loss(log_probs, targets, *lengths), log_probs, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once, not twice"):
        first.sum().backward()
