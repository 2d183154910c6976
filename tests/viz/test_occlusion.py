"""Occlusion maps against a loop over all squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from viz.networks_to_explain import IMAGES, Wrapped, pair

import minicnn as mc
from minicnn import viz


def by_hand(
    net: torch.nn.Module, images: np.ndarray, size: int, starts: Any, value: float, label: int
) -> np.ndarray:
    """The mean drop of the squares that cover a pixel."""

    def probability(pictures: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return torch.softmax(net(torch.from_numpy(pictures)), 1)[:, label].numpy()

    total = np.zeros((len(images), *images.shape[2:]))
    count = np.zeros_like(total)
    for top in starts[0]:
        for left in starts[1]:
            square = slice(None), slice(top, top + size), slice(left, left + size)
            covered = images.copy()
            covered[:, square[0], square[1], square[2]] = value
            total[square] += (probability(images) - probability(covered))[:, None, None]
            count[square] += 1
    return total / count


CASES = {  # size, stride, where squares begin
    "the default stride": (4, None, (range(0, 9, 2), range(0, 7, 2))),
    "squares side by side": (4, 4, ((0, 4, 8), (0, 4, 6))),
    "every pixel": (3, 1, (range(10), range(8))),
    "the largest square": (10, 5, ((0, 2), (0,))),
    "one pixel": (1, None, (range(12), range(10))),
}


@pytest.mark.parametrize("batch_size", [7, 1000])
@pytest.mark.parametrize("case", CASES)
def test_drops(case: str, batch_size: int) -> None:
    size, stride, starts = CASES[case]
    ours, theirs = pair()
    found = viz.occlusion(ours, mc.tensor(IMAGES), size, stride, 0.3, 1, batch_size)
    assert not found.requires_grad
    expected = by_hand(theirs, IMAGES, size, starts, 0.3, 1)
    np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=0, atol=1e-12)


def test_the_network_never_gets_more_pictures_than_the_batch_size() -> None:
    ours, _ = pair()
    sizes: list[int] = []
    ours.register_forward_pre_hook(lambda net, args: sizes.append(len(args[0])))
    viz.occlusion(ours, mc.tensor(IMAGES), 4, 4, batch_size=2)
    assert max(sizes) == 2 and sum(sizes) == 3 + 3 * 9


def test_the_predicted_class_and_probabilities_of_pixels() -> None:
    ours, theirs = pair()
    predicted = theirs(torch.from_numpy(IMAGES)).argmax(1).tolist()
    images, starts = mc.tensor(IMAGES), ((0, 4, 8), (0, 4, 6))
    expected = np.stack(
        [
            by_hand(theirs, IMAGES[[i]], 4, starts, 0.0, label)[0]
            for i, label in enumerate(predicted)
        ]
    )
    pixels = Wrapped(ours, lambda scores: {"out": scores[:, :, None, None].expand(-1, -1, 2, 3)})
    for net in (ours, pixels):
        found = viz.occlusion(net, images, 4, 4)
        np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", [(11,), (0,), (4, 5), (4, 0), (4, 4, 0.0, None, 0)])
def test_what_does_not_fit(options: Any) -> None:
    with pytest.raises(ValueError, match="expects 1 <= stride <= size <= 10"):
        viz.occlusion(pair()[0], mc.tensor(IMAGES), *options)
