"""Non-maximum suppression, of one class and of several, against loops over all pairs."""

from __future__ import annotations

import warnings

import kernel_references
import numpy as np
import pytest
from some_boxes import boxes

import minicnn
from minicnn import vision


def expected(some: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Indices of the boxes to keep; a stable sort puts the first of equal scores first."""
    best = np.argsort(-scores, kind="stable")
    return [int(i) for i in best[kernel_references.nms(some[best], threshold).numpy()]]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9])
def test_nms(threshold: float, dtype: str) -> None:
    some = boxes(40)
    for scores in (np.random.default_rng(0).permutation(40) / 64, np.arange(40) % 3 / 4):
        kept = vision.nms(
            minicnn.tensor(some.astype(dtype)), minicnn.tensor(scores.astype(dtype)), threshold
        )
        assert kept.dtype == minicnn.int64
        assert kept.tolist() == expected(some, scores, threshold)


def test_no_boxes() -> None:
    kept = vision.nms(minicnn.zeros(0, 4), minicnn.zeros(0), 0.5)
    assert kept.shape == (0,) and kept.dtype == minicnn.int64
    kept = vision.batched_nms(minicnn.zeros(0, 4), minicnn.zeros(0), minicnn.zeros(0), 0.5)
    assert kept.shape == (0,) and kept.dtype == minicnn.int64


def test_no_gradient_goes_through() -> None:
    some = minicnn.tensor(boxes(5), requires_grad=True)
    assert not vision.nms(some, some[:, 0], 0.5).requires_grad


@pytest.mark.parametrize(
    "shapes", [((4,), (1,)), ((2, 5), (2,)), ((3, 4), (2,)), ((3, 4), (3, 1)), ((1, 2, 4), (1,))]
)
def test_wrong_shapes(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(RuntimeError, match=r"boxes of shape \(N, 4\)"):
        vision.nms(*map(minicnn.rand, shapes), 0.5)


def test_wrong_dtypes() -> None:
    with pytest.raises(RuntimeError, match="one dtype"):
        vision.nms(minicnn.zeros(2, 4), minicnn.zeros(2, dtype=minicnn.float64), 0.5)
    integers = minicnn.zeros(2, 4, dtype=minicnn.int64)
    with pytest.raises(NotImplementedError, match="floating-point"):
        vision.nms(integers, integers[:, 0], 0.5)


class Suppressed(minicnn.nn.Module):
    def forward(self, some: minicnn.Tensor, scores: minicnn.Tensor) -> minicnn.Tensor:
        return vision.nms(some, scores, 0.3)


def test_a_network_that_calls_it_is_not_compiled() -> None:
    net, sizes = minicnn.compile(Suppressed()), set()
    for seed in range(6):
        some = minicnn.tensor(boxes(9, seed=seed)).float()
        with minicnn.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kept = net(some, some[:, 0])
        assert kept.tolist() == vision.nms(some, some[:, 0], 0.3).tolist()
        sizes.add(len(kept))
    assert len(sizes) > 1


# 1,200 boxes are more than are suppressed in one pass.
@pytest.mark.parametrize("count", [60, pytest.param(1200, marks=pytest.mark.not_emulated)])
def test_classes_do_not_suppress_each_other(count: int) -> None:
    rng = np.random.default_rng(0)
    some, classes = boxes(count), rng.integers(0, 5, count)
    scores = rng.permutation(count) / count
    kept = vision.batched_nms(*map(minicnn.tensor, (some, scores, classes)), 0.4)
    wanted = [
        int(members[i])
        for members in (np.flatnonzero(classes == each) for each in range(5))
        for i in expected(some[members], scores[members], 0.4)
    ]
    assert kept.tolist() == sorted(wanted, key=lambda i: -scores[i])


def test_the_limit_is_the_threshold_that_was_given() -> None:
    """3 / 10 in float32 is above 0.3, in float64 it is 0.3."""
    some = np.array([[0, 0, 10, 1], [0, 0, 3, 1]], float)
    scores = np.array([1.0, 0.5])
    for dtype, left in ((np.float32, 1), (np.float64, 2)):
        arrays = (minicnn.tensor(each.astype(dtype)) for each in (some, scores))
        assert len(vision.nms(*arrays, 0.3)) == left
        assert (float(dtype(3) / dtype(10)) > 0.3) == (left == 1)
