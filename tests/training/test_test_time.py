"""Averages over mirrored images, against the definition."""

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, training


class Scores(nn.Module):
    """Logits that depend on where things are, as a dict of score maps or as one vector."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.whole = whole

    def forward(self, x: mc.Tensor) -> object:
        scores = self.conv(x * mc.arange(x.shape[-1]) * mc.arange(x.shape[-2])[:, None])
        return scores[:, :, 1, 2] if self.whole else {"out": scores, "aux": 2 * scores}


@pytest.mark.parametrize("vertical", [False, True])
def test_probabilities_of_an_image_are_their_mean(vertical):
    net, images = Scores(whole=True), mc.randn(2, 3, 5, 6)
    found = training.TestTimeFlips(net, vertical).eval()(images)
    flips = [(), (-1,), (-2,), (-1, -2)] if vertical else [(), (-1,)]
    mean = sum(F.softmax(net(images.flip(dims) if dims else images), 1) for dims in flips)
    expected = (mean / len(flips)).numpy_copy()
    np.testing.assert_allclose(F.softmax(found, 1).numpy_copy(), expected, rtol=1e-5)
    labels = mc.tensor([1, 3])
    loss = F.nll_loss(mc.tensor(np.log(expected)), labels).item()
    assert F.cross_entropy(found, labels).item() == pytest.approx(loss, rel=1e-5)


def test_score_maps_are_turned_back():
    net, images = Scores(whole=False), mc.randn(2, 3, 5, 6)
    found = training.TestTimeFlips(net, vertical=True).eval()(images)
    for name in ("out", "aux"):
        mean = sum(
            F.softmax(net(images.flip(dims))[name], 1).flip(dims)
            for dims in ((-1, -2), (-1,), (-2,))
        ) + F.softmax(net(images)[name], 1)
        np.testing.assert_allclose(
            F.softmax(found[name], 1).numpy_copy(), (mean / 4).numpy_copy(), rtol=1e-4, atol=1e-6
        )


def test_what_is_symmetric_stays():
    scores = mc.tensor([[5.0, -3.0, 80.0]])
    found = training.TestTimeFlips(nn.Flatten()).eval()(scores)
    np.testing.assert_allclose(found.numpy_copy(), F.log_softmax(scores, 1).numpy_copy(), rtol=1e-6)


def test_in_training_the_network_runs_as_it_is():
    net, images = Scores(whole=True), mc.randn(2, 3, 5, 6)
    flips = training.TestTimeFlips(net)
    np.testing.assert_array_equal(flips(images).numpy_copy(), net(images).numpy_copy())
    assert not flips.eval().net.training


@pytest.mark.cpu_only
def test_in_the_place_of_a_network_that_is_measured():
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 3))
    batches = [(mc.randn(2, 3, 8, 8), mc.tensor([0, 2]))]
    with mc.no_grad():
        flips = training.TestTimeFlips(net).eval()
        results = training.validate_classifier(batches, flips, F.cross_entropy)
        expected = F.cross_entropy(flips(batches[0][0]), batches[0][1]).item()
    assert results["val_pictures"] == 2
    assert results["val_loss"] == pytest.approx(expected, rel=1e-5)
