"""Masks in COCO's forms, equal to pycocotools's."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.data import masks

pytestmark = pytest.mark.cpu_only

oracle = pytest.importorskip("pycocotools.mask")


def random_polygon(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Points inside and outside, of any of the kinds that are rounded differently."""
    scale = rng.choice([1, 1, 1.5, 3, 100])
    points = (rng.random((rng.integers(3, 20), 2)) - 0.2) * [width, height] * scale * 1.4
    match rng.integers(0, 6):
        case 0:
            points = np.round(points)
        case 1:
            points = np.round(points, 2)
        case 2:
            points = np.round(points * 5) / 5
        case 3:
            points = np.round(points * 2) / 2
        case 4:
            points[:, 0] = points[0, 0] + rng.integers(0, 2, len(points)) * 3 * rng.random()
    if rng.random() < 0.2:
        points = np.concatenate([points, points[:2], points[-1:]])
    return points.ravel()


def check_polygons(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        height, width = (int(n) for n in rng.integers(1, rng.choice([5, 40, 200]), 2))
        polygons = [random_polygon(rng, height, width) for _ in range(rng.integers(1, 4))]
        drawn = masks.boundaries_of_polygons(polygons, height, width)
        theirs = oracle.frPyObjects([p.tolist() for p in polygons], height, width)
        for boundaries, expected in zip(
            [*drawn, masks.union(drawn)], [*theirs, oracle.merge(theirs)], strict=True
        ):
            counts = masks.counts_of_boundaries(boundaries, height * width)
            assert masks.text_of_counts(counts).encode() == expected["counts"]
            mask = masks.draw_mask(boundaries, height, width)
            assert np.array_equal(mask, oracle.decode(expected))


def test_polygons() -> None:
    check_polygons(300, 0)


@pytest.mark.slow
def test_many_polygons() -> None:
    check_polygons(30_000, 1)


def test_runs_and_their_text() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        height, width = (int(n) for n in rng.integers(1, rng.choice([3, 40, 300]), 2))
        mask = (rng.random((height, width)) < rng.choice([0, 0.01, 0.5, 0.99, 1])).astype(np.uint8)
        expected = oracle.encode(np.asfortranarray(mask))
        ours = masks.encode_mask(mask)
        assert ours == {"size": [height, width], "counts": expected["counts"].decode()}
        assert np.array_equal(masks.decode_mask(ours, height, width), mask)
        counts = masks.counts_of_text(ours["counts"])
        runs = {"size": [height, width], "counts": counts.tolist()}
        assert np.array_equal(masks.decode_mask(runs, height, width), mask)
        assert oracle.frPyObjects(runs, height, width)["counts"] == expected["counts"]


def test_runs_of_no_pixels() -> None:
    runs = {"size": [2, 3], "counts": [1, 2, 0, 1, 1, 0, 1, 0]}
    expected = oracle.decode(oracle.frPyObjects(runs, 2, 3))
    assert np.array_equal(masks.decode_mask(runs, 2, 3), expected)
    other = masks.boundaries_of_segmentations([runs, {"size": [2, 3], "counts": [5, 1]}], 2, 3)
    drawn = masks.draw_mask(masks.union(other), 2, 3)
    assert drawn.ravel(order="F").tolist() == [0, 1, 1, 1, 0, 1]


def test_labels_of_overlapping_objects() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        height, width = (int(n) for n in rng.integers(4, 40, 2))
        objects = [[random_polygon(rng, height, width).tolist()] for _ in range(rng.integers(0, 6))]
        labels = rng.integers(1, 255, len(objects)).tolist()
        drawn = masks.boundaries_of_segmentations(objects, height, width)
        layers = np.array([masks.draw_mask(b, height, width) for b in drawn]).reshape(
            len(objects), height, width
        )
        expected = np.tensordot(np.array(labels, np.int64), layers.astype(np.int64), 1)
        expected = np.where(layers.sum(0) > 1, 255, expected)
        assert np.array_equal(masks.draw_labels(drawn, labels, height, width), expected)
    crowd = masks.draw_labels([np.array([1, 3])], [255], 2, 3)
    assert crowd.ravel(order="F").tolist() == [0, 255, 255, 0, 0, 0]


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([], r"polygons or runs expected, got \[\]"),
        (None, "polygons or runs expected, got None"),
        ([[1, 2, 3, 4]], r"x and y of 3 points, got \[1.0, 2.0"),
        ([[1, 2, 3, 4, 5, 6, 7]], "x and y of 3 points"),
        ([[1, 2, 3, float("nan"), 5, 6]], "NaN or too large"),
        ([[1, 2, 3, 1e300, 5, 6]], "NaN or too large"),
        ([[1, 2, 3, "a", 5, 6]], "must be lists of numbers"),
        ([["1", "2", "3", "4", "5", "6"]], "must be lists of numbers"),
        ([[1, 2, 3, 4, 5, [6]]], "must be lists of numbers"),
        ([[1, 2, 3, 4, 5, 10**30]], "must be lists of numbers"),
        ([[[1, 2], [3, 4], [5, 6]]], "x and y of 3 points"),
        ({"size": [3, 2], "counts": [6]}, r"2 x 3 picture expected, got size \[3, 2\]"),
        ({"counts": [6]}, "got size None"),
        ({"size": [2, 3]}, "integers or text, got None"),
        ({"size": [2, 3], "counts": [1, 2.0, 3]}, "integers or text"),
        ({"size": [2, 3], "counts": [1, 2]}, "runs add up to 3 pixels in a 2 x 3 picture"),
        ({"size": [2, 3], "counts": []}, "runs add up to 0 pixels"),
        ({"size": [2, 3], "counts": [4, -2, 4]}, "a run has -2 pixels"),
        ({"size": [2, 3], "counts": [10**30]}, "a run has 1000"),
        ({"size": [2, 3], "counts": "1"}, "runs add up to 1 pixels"),
        ({"size": [2, 3], "counts": "1 "}, "contains ' '"),
        ({"size": [2, 3], "counts": "1ü"}, "contains 'ü'"),
        ({"size": [2, 3], "counts": "1P"}, "ends in the middle of a number"),
        ({"size": [2, 3], "counts": "P" * 20 + "0"}, "a number that is too long"),
    ],
)
def test_what_is_broken_is_named(segmentation, message) -> None:
    with pytest.raises(ValueError, match=message):
        masks.decode_mask(segmentation, 2, 3)


def test_a_polygon_far_away_takes_no_memory() -> None:
    triangle = [[-1e8, -1e8, 1e8, -1e8, 0, 1e8]]
    assert masks.decode_mask(triangle, 20, 30).all()
    assert not masks.decode_mask([[1e8, 0, 2e8, 0, 1e8, 1e8]], 20, 30).any()
