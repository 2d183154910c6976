"""Loss layers against torch's, over their options: value and gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracle import assert_agrees

import minicnn as mc
from minicnn import nn

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(5, 4))
IMAGES = RNG.normal(size=(2, 4, 3, 5))
CLASSES = np.array([0, 3, 1, 3, 2])
SOME_IGNORED = np.array([0, -100, 1, 3, 2])
PIXELS = RNG.integers(0, 4, (2, 3, 5))
WEIGHT = np.array([0.5, 1.0, 2.0, 0.0])
SHARES = RNG.dirichlet(np.ones(4), 5)
SIGNS = RNG.choice([-1.0, 1.0], (5, 4))
COUNTS = RNG.poisson(3.0, (5, 4)).astype(float)
LABELS = np.array([[2, 0, -1, 3], [-1, 1, 1, 1], [0, 1, 2, 3], [1, 1, -1, -1], [3, -1, 0, -1]])
IN_01 = RNG.uniform(0.01, 0.99, (5, 4))

# constructor for both libraries (t makes a tensor), input, target
LOSSES: list[tuple[Callable[[Any, Any], Any], np.ndarray, np.ndarray]] = [
    (lambda nn, t: nn.CrossEntropyLoss(), LOGITS, CLASSES),
    (lambda nn, t: nn.CrossEntropyLoss(t(WEIGHT), label_smoothing=0.1), LOGITS, SOME_IGNORED),
    (lambda nn, t: nn.CrossEntropyLoss(ignore_index=3, reduction="sum"), LOGITS, CLASSES),
    (lambda nn, t: nn.CrossEntropyLoss(reduction="none"), IMAGES, PIXELS),
    (lambda nn, t: nn.CrossEntropyLoss(t(WEIGHT)), IMAGES, PIXELS),
    (lambda nn, t: nn.CrossEntropyLoss(t(WEIGHT), label_smoothing=0.2), LOGITS, SHARES),
    (lambda nn, t: nn.NLLLoss(), LOGITS, SOME_IGNORED),
    (lambda nn, t: nn.NLLLoss(t(WEIGHT), ignore_index=1), IMAGES, PIXELS),
    (lambda nn, t: nn.BCELoss(), IN_01, SHARES),
    (lambda nn, t: nn.BCELoss(t(WEIGHT), reduction="none"), IN_01, SHARES),
    (lambda nn, t: nn.BCEWithLogitsLoss(), LOGITS * 50, SHARES),
    (lambda nn, t: nn.BCEWithLogitsLoss(t(WEIGHT), pos_weight=t(WEIGHT + 1)), LOGITS, SHARES),
    (lambda nn, t: nn.MSELoss(), LOGITS, SHARES),
    (lambda nn, t: nn.L1Loss(reduction="sum"), LOGITS, SHARES),
    (lambda nn, t: nn.SmoothL1Loss(), LOGITS, SHARES),
    (lambda nn, t: nn.SmoothL1Loss(beta=0.3, reduction="none"), LOGITS, SHARES),
    (lambda nn, t: nn.HuberLoss("sum", 0.3), LOGITS, SHARES),
    (lambda nn, t: nn.PoissonNLLLoss(full=True), LOGITS, COUNTS),
    (lambda nn, t: nn.PoissonNLLLoss(False, eps=0.1, reduction="sum"), IN_01, COUNTS),
    (lambda nn, t: nn.SoftMarginLoss(), LOGITS, SIGNS),
    (lambda nn, t: nn.HingeEmbeddingLoss(0.4, reduction="none"), LOGITS, SIGNS),
    (lambda nn, t: nn.MultiLabelSoftMarginLoss(t(WEIGHT)), LOGITS, SHARES),
    (lambda nn, t: nn.MultiLabelMarginLoss(), LOGITS, LABELS),
    (lambda nn, t: nn.MultiLabelMarginLoss(reduction="none"), LOGITS[0], LABELS[0]),
    (lambda nn, t: nn.MultiMarginLoss(), LOGITS, CLASSES),
    (lambda nn, t: nn.MultiMarginLoss(2, 0.3, t(WEIGHT), reduction="sum"), LOGITS, CLASSES),
    (lambda nn, t: nn.MultiMarginLoss(reduction="none"), LOGITS[0], CLASSES[0]),
    (lambda nn, t: nn.KLDivLoss(reduction="batchmean"), np.log(IN_01), SHARES),
    (lambda nn, t: nn.KLDivLoss(reduction="sum", log_target=True), LOGITS, np.log(SHARES)),
]


@pytest.mark.parametrize("make, logits, target", LOSSES)
def test_loss_and_gradient_equal_torch(make: Any, logits: Any, target: Any) -> None:
    x = mc.tensor(logits, requires_grad=True)
    y = torch.tensor(logits, requires_grad=True)
    loss = make(nn, mc.tensor)(x, mc.tensor(target))
    expected = make(torch.nn, torch.tensor)(y, torch.tensor(target))
    np.testing.assert_allclose(
        loss.detach().cpu().numpy(), expected.detach().cpu().numpy(), rtol=1e-12
    )
    loss.sum().backward()
    expected.sum().backward()
    assert x.grad is not None and y.grad is not None
    np.testing.assert_allclose(x.grad.cpu().numpy(), y.grad.cpu().numpy(), atol=1e-13)


# constructor, and as many inputs and targets as it takes
OF_SEVERAL: list[tuple[Callable[[Any], Any], list[np.ndarray]]] = [
    (lambda nn: nn.MarginRankingLoss(0.3), [LOGITS, IN_01, SIGNS]),
    (lambda nn: nn.CosineEmbeddingLoss(0.1), [LOGITS, IN_01, SIGNS[:, 0]]),
    (lambda nn: nn.CosineEmbeddingLoss(reduction="sum"), [LOGITS[0], IN_01[0], SIGNS[0, 0]]),
    (lambda nn: nn.TripletMarginLoss(2.0, p=3), [LOGITS, IN_01, SHARES]),
    (lambda nn: nn.TripletMarginLoss(swap=True, reduction="none"), [LOGITS, IN_01, SHARES]),
    (lambda nn: nn.TripletMarginWithDistanceLoss(margin=0.5), [LOGITS, IN_01, SHARES]),
    (
        lambda nn: nn.TripletMarginWithDistanceLoss(
            distance_function=lambda x, y: 1 - nn.functional.cosine_similarity(x, y), swap=True
        ),
        [LOGITS, IN_01, SHARES],
    ),
    (lambda nn: nn.GaussianNLLLoss(), [LOGITS, SHARES, IN_01]),
    (lambda nn: nn.GaussianNLLLoss(full=True, eps=0.5), [LOGITS, SHARES, IN_01[:, :1]]),
    (lambda nn: nn.GaussianNLLLoss(reduction="sum"), [LOGITS, SHARES, IN_01[:, 0]]),
    (lambda nn: nn.CosineSimilarity(0), [LOGITS, SHARES]),
    (lambda nn: nn.PairwiseDistance(1.0, keepdim=True), [LOGITS, SHARES]),
]


@pytest.mark.parametrize("make, arrays", OF_SEVERAL)
def test_losses_of_several_inputs(make: Any, arrays: Any) -> None:
    assert_agrees(lambda m, *tensors: make(m.nn)(*tensors), *arrays)


def test_old_name_of_nll_loss() -> None:
    with pytest.warns(FutureWarning, match="NLLLoss2d has been deprecated"):
        loss = nn.NLLLoss2d(ignore_index=3)
    assert isinstance(loss, nn.NLLLoss) and loss.ignore_index == 3


def test_weights_are_state_that_moves_with_the_module() -> None:
    ours = nn.BCEWithLogitsLoss(mc.tensor(WEIGHT), pos_weight=mc.tensor(WEIGHT))
    theirs = torch.nn.BCEWithLogitsLoss(torch.tensor(WEIGHT), pos_weight=torch.tensor(WEIGHT))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.float().pos_weight.dtype == np.float32


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("CrossEntropyLoss", (None, False)),
        ("CrossEntropyLoss", (None, None, -100, False)),
        ("NLLLoss", (None, True, -100, False)),
        ("BCELoss", (None, False)),
        ("BCEWithLogitsLoss", (None, None, True)),
        ("MSELoss", (False,)),
        ("L1Loss", (None, False)),
        ("SmoothL1Loss", (False, True)),
        ("KLDivLoss", (False,)),
        ("PoissonNLLLoss", (True, False, False)),
        ("HingeEmbeddingLoss", (1.0, None, False)),
        ("CosineEmbeddingLoss", (0.0, False)),
        ("MarginRankingLoss", (0.0, False)),
        ("MultiMarginLoss", (1, 1.0, None, False)),
        ("MultiLabelMarginLoss", (None, False)),
        ("MultiLabelSoftMarginLoss", (None, None, False)),
        ("SoftMarginLoss", (False,)),
        ("TripletMarginLoss", (1.0, 2.0, 1e-6, False, False)),
    ],
)
def test_deprecated_arguments_by_position(name: str, arguments: tuple) -> None:
    reductions = []
    for library in nn, torch.nn:
        with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated"):
            loss = getattr(library, name)(*arguments)
        reductions.append(loss.reduction)
    assert reductions[0] == reductions[1]


def test_option_errors() -> None:
    with pytest.raises(ValueError, match="one of none, mean, sum, got 'batchmean'"):
        nn.MSELoss(reduction="batchmean")
    with pytest.raises(TypeError, match="delta must be a float or int, got 1j"):
        nn.HuberLoss(delta=1j)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a p of 1 or 2, got 3"):
        nn.MultiMarginLoss(p=3)
    with pytest.raises(ValueError, match="a margin above 0, got 0"):
        nn.TripletMarginLoss(0)
