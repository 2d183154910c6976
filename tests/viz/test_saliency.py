"""Saliency maps against PyTorch's autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from viz.networks_to_explain import IMAGES, Wrapped, pair

import minicnn as mc
from minicnn import nn, viz


def by_hand(net: torch.nn.Module, images: np.ndarray, classes: list[int]) -> np.ndarray:
    pixels = torch.from_numpy(images).requires_grad_()
    total = sum(score[label] for score, label in zip(net(pixels), classes, strict=True))
    total.backward()
    return pixels.grad.abs().amax(1).numpy()


@pytest.mark.parametrize("channels", [1, 3])
def test_classes(channels: int) -> None:
    ours, theirs = pair(channels, inplace=True)
    images = np.ascontiguousarray(IMAGES[:, :channels])
    for target in ([4, 0, 2], None, 1):
        predicted = theirs(torch.from_numpy(images)).argmax(1).tolist()
        classes = {None: predicted, 1: [1, 1, 1]}.get(target if target != [4, 0, 2] else 0, target)
        with mc.no_grad():
            found = viz.saliency(ours.requires_grad_(False), mc.tensor(images), target)
        assert found.shape == (3, 12, 10) and not found.requires_grad
        expected = by_hand(theirs, images, classes)
        np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=0, atol=1e-12)


def test_a_network_that_works_in_place_on_its_input() -> None:
    ours, theirs = pair()
    images = mc.tensor(IMAGES)
    first = nn.ReLU(inplace=True)
    found = viz.saliency(nn.Sequential(first, ours), images, 1)
    expected = by_hand(torch.nn.Sequential(torch.nn.ReLU(), theirs), IMAGES, [1, 1, 1])
    np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(images.cpu().numpy(), IMAGES)


def test_scores_of_pixels_count_with_their_mean() -> None:
    ours, theirs = pair()

    def spread(scores: mc.Tensor) -> mc.Tensor:
        return scores[:, :, None, None] * mc.tensor([[1.0, 3.0]]).double()

    found = viz.saliency(Wrapped(ours, spread), mc.tensor(IMAGES), 1)
    expected = 2 * by_hand(theirs, IMAGES, [1, 1, 1])
    np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=0, atol=1e-12)


def test_what_does_not_fit() -> None:
    net, images = pair()[0], mc.tensor(IMAGES)
    with pytest.raises(TypeError, match="saliency expects images of floats, got .*uint8"):
        viz.saliency(net, mc.zeros(1, 3, 12, 10, dtype=mc.uint8))
    with pytest.raises(ValueError, match="the score must depend on the images"):
        viz.saliency(Wrapped(net, mc.Tensor.detach), images)
