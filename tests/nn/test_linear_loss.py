"""Losses with a linear layer in them, against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from oracle import normal

import minicnn as mc
from minicnn import nn

pytestmark = pytest.mark.numbers_decide  # targets choose the rows of each cluster

CLASSES = np.array([0, 4, 5, 9, 10, 14, 15, 19, 3, 7])


@pytest.fixture
def layers() -> tuple[Any, Any]:
    """Adaptive softmax over 20 classes in both libraries, with the same weights."""
    given = {"div_value": 2.0, "head_bias": True}
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10, 15], **given).double()
    ours = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10, 15], **given).double()
    ours.load_state_dict({name: x.numpy() for name, x in theirs.state_dict().items()})
    return ours, theirs


def test_adaptive_softmax_equals_torch(layers: tuple[Any, Any]) -> None:
    results = []
    for m, layer in zip((mc, torch), layers):
        x = m.tensor(normal(10, 8), requires_grad=True)
        output, loss = layer(x, m.tensor(CLASSES))
        loss.backward()
        single = layer(x[0], m.tensor(6))
        gradients = [x.grad, *(p.grad for p in layer.parameters())]
        others = [layer.log_prob(x), layer.predict(5 * x), *single]
        results.append([t.detach().cpu().numpy() for t in (output, loss, *gradients, *others)])
    for our, their in zip(*results):
        np.testing.assert_allclose(our, their, rtol=1e-10, atol=1e-12)
    assert repr(layers[0]) == repr(layers[1])


def test_log_probs_of_all_classes_belong_to_the_loss(layers: tuple[Any, Any]) -> None:
    layer, x = layers[0], mc.tensor(normal(20, 8))
    log_prob = layer.log_prob(x)
    np.testing.assert_allclose(log_prob.exp().sum(1).detach().cpu().numpy(), 1, rtol=1e-12)
    output = layer(x, mc.arange(20)).output.detach().cpu().numpy()
    np.testing.assert_allclose(output, np.diag(log_prob.detach().cpu().numpy()), rtol=1e-12)


def test_refused(layers: tuple[Any, Any]) -> None:
    x = mc.zeros(2, 8).double()
    for message, target in [("one batch size", [1]), (r"in \[0, 19\]", [0, 20]), ("got shapes", 1)]:
        with pytest.raises(RuntimeError, match=message):
            layers[0](x, mc.tensor(target))
    for cutoffs in ([], [5, 5], [10, 5], [0, 5], [20], [2.5]):
        with pytest.raises(ValueError, match="cutoffs must be ascending integers between 1 and 19"):
            nn.AdaptiveLogSoftmaxWithLoss(8, 20, cutoffs)


def test_new_weights() -> None:
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], div_value=2.0)
    before = [p.clone() for p in layer.parameters()]
    layer.reset_parameters()
    assert all((a != b).any() for a, b in zip(before, layer.parameters()))
