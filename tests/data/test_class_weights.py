"""Weights of classes, as scikit-learn's "balanced"."""

import numpy as np
import pytest

import minicnn as mc
from minicnn import data

pytestmark = pytest.mark.cpu_only

LABELS = [0, 0, 0, 2, 2, 3]  # 6 samples; 3, 0, 2 and 1 of each class


class Pictures(data.Dataset):
    targets = LABELS

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, index: int) -> None:
        pytest.fail("loaded")


@pytest.mark.parametrize(
    "labels", [LABELS, tuple(LABELS), np.array(LABELS, np.uint8), mc.tensor(LABELS), Pictures()]
)
def test_n_over_classes_times_count(labels):
    weights = data.class_weights(labels)
    assert weights.dtype == mc.float32
    np.testing.assert_allclose(weights.numpy(), [6 / 9, 0, 6 / 6, 6 / 3])
    assert weights.numpy()[LABELS].mean() == pytest.approx(1)


def test_classes_behind_the_last_label():
    weights = data.class_weights(data.Subset(Pictures(), [0, 3]), num_classes=5)
    assert weights.tolist() == [1, 0, 1, 0, 0]


def test_a_sampler_draws_all_classes_alike():
    mc.manual_seed(0)
    weights = data.class_weights(LABELS)
    sampler = data.WeightedRandomSampler(weights[LABELS], 3000)
    counts = np.bincount(np.array(LABELS)[list(sampler)], minlength=4)
    assert counts[1] == 0 and abs(counts[[0, 2, 3]] - 1000).max() < 100


@pytest.mark.parametrize(
    ("labels", "error", "text"),
    [
        ([], ValueError, "at least one label, got none"),
        ([0, 3], ValueError, "labels from 0 to 2, got 0 to 3"),
        ([-1], ValueError, "labels from 0 to 2, got -1 to -1"),
        ([0.5], TypeError, "expects integers"),
        ([[1]], TypeError, r"of shape \(1, 1\)"),
        (data.TensorDataset(mc.ones(2)), TypeError, "has no `targets`"),
    ],
)
def test_what_has_no_weights(labels, error, text):
    with pytest.raises(error, match=text):
        data.class_weights(labels, num_classes=3)
