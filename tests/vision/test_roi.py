"""Regions of interest against loops over all samples and pixels."""

from __future__ import annotations

import kernel_references
import numpy as np
import oracle
import pytest
import torch
from kernel_cases.roi import ROI_ALIGNS, ROIS
from with_torchvision import torchvision

import minicnn
from minicnn import vision

IMAGES = oracle.normal(2, 3, 9, 10)
FINITE = ROIS[np.isfinite(ROIS).all(1)]


@pytest.mark.parametrize(
    "case, dtype",
    [
        *[(case, np.float64) for case in ROI_ALIGNS],
        *[("one sample", np.float32), ("two samples, aligned", np.float16)],
    ],
)
def test_roi_align(case: str, dtype: type) -> None:
    size, *options = ROI_ALIGNS[case]
    rois = minicnn.tensor(ROIS.astype(dtype))
    oracle.assert_same(
        lambda x: vision.roi_align(x, rois, size, *options),
        lambda x: kernel_references.roi_align(x, torch.tensor(ROIS), size, *options),
        [IMAGES],
        dtype,
        tolerance=4e-3 if dtype == np.float16 else None,
    )


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("sampling_ratio", [-1, 2])
def test_as_torchvisions_python_code(sampling_ratio: int, aligned: bool) -> None:
    """It is right for samples inside the image; what is compiled by torchvision is not to be had."""
    rois = np.array([[0, 1, 2, 6, 7.5], [1, 0.75, 0.5, 7.75, 3], [1, 2, 2, 3, 3]])
    theirs = torchvision.ops.roi_align.__globals__["_roi_align"].__wrapped__
    oracle.assert_same(
        lambda x: vision.roi_align(x, minicnn.tensor(rois), (2, 3), 1.0, sampling_ratio, aligned),
        lambda x: theirs(x, torch.tensor(rois), 1.0, 2, 3, sampling_ratio, aligned),
        [IMAGES],
    )


@pytest.mark.parametrize("scale, dtype", [(1.0, np.float64), (0.5, np.float32), (1.75, np.float64)])
def test_roi_pool(scale: float, dtype: type) -> None:
    def theirs(x: torch.Tensor) -> torch.Tensor:
        out, argmax = kernel_references.roi_pool(x.detach(), torch.tensor(ROIS), (3, 2), scale)
        image, channel = torch.tensor(ROIS[:, 0]).long(), torch.arange(x.shape[1])
        picked = x.flatten(2)[
            image[:, None, None, None], channel[:, None, None], argmax.clamp(min=0)
        ]
        return torch.where(argmax < 0, out, picked)

    rois = minicnn.tensor(ROIS.astype(dtype))
    oracle.assert_same(lambda x: vision.roi_pool(x, rois, (3, 2), scale), theirs, [IMAGES], dtype)


@pytest.mark.parametrize("function", [vision.roi_align, vision.roi_pool])
def test_a_list_of_boxes_for_each_image(function) -> None:
    x = minicnn.tensor(IMAGES)
    of_image = [minicnn.tensor(FINITE[FINITE[:, 0] == n, 1:]) for n in (0, 1)]
    order = np.argsort(FINITE[:, 0], kind="stable")
    together = function(x, minicnn.tensor(FINITE[order]), 2)
    assert minicnn.equal(function(x, of_image, 2), together)
    assert minicnn.equal(function(x, tuple(of_image[:1]), 2), together[: len(of_image[0])])
    nothing = function(x, [boxes[:0] for boxes in of_image], (2, 3))
    assert nothing.shape == (0, 3, 2, 3)


def test_no_gradient_where_there_are_no_boxes() -> None:
    x = minicnn.tensor(IMAGES, requires_grad=True)
    for function in (vision.roi_align, vision.roi_pool):
        function(x, minicnn.zeros(0, 5, dtype=minicnn.float64), 2).sum().backward()
    assert x.grad is not None and not x.grad.any()


def test_gradients_of_gradients() -> None:
    rois = minicnn.tensor(FINITE[[0, 2]] / 2)
    x = minicnn.tensor(oracle.distinct(1, 1, 4, 5), requires_grad=True)
    for function in (
        lambda x: vision.roi_align(x * x, rois, 2, 1.0, 1),
        lambda x: vision.roi_pool(x * x, rois, 2),
    ):
        assert minicnn.autograd.gradgradcheck(function, (x,))


@pytest.mark.parametrize("function", [vision.roi_align, vision.roi_pool])
def test_wrong_arguments(function) -> None:
    x = minicnn.rand(2, 3, 4, 5)
    for boxes in (minicnn.zeros(1, 4), [minicnn.zeros(1, 5)], minicnn.zeros(5)):
        with pytest.raises(AssertionError, match=r"tensor \(K, 5\)"):
            function(x, boxes, 2)
    with pytest.raises(RuntimeError, match="one dtype"):
        function(x, minicnn.zeros(1, 5, dtype=minicnn.float64), 2)
    with pytest.raises(RuntimeError, match=r"\(N, C, H, W\)"):
        function(x[0], minicnn.zeros(1, 5), 2)
    with pytest.raises(NotImplementedError, match="floating-point"):
        function(x.long(), minicnn.zeros(1, 5), 2)


@pytest.mark.parametrize("function", [vision.roi_align, vision.roi_pool])
def test_boxes_of_images_that_are_not_there(function) -> None:
    x = minicnn.ones(2, 3, 4, 5, requires_grad=True)
    for boxes in (
        *(minicnn.tensor([[image, 0, 0, 1, 1]]) for image in (2.0, -1.0, np.nan)),
        [minicnn.ones(0, 4), minicnn.ones(0, 4), minicnn.ones(1, 4)],
    ):
        if x.device.type == "cpu":
            with pytest.raises(IndexError, match="boxes of 2 images"):
                function(x, boxes, 2)
        else:
            out = function(x, boxes, 2)
            out.sum().backward()
            assert not out.any() and not x.grad.any()


def test_autocast_computes_in_float32() -> None:
    x, boxes = minicnn.rand(1, 2, 6, 6).half(), [minicnn.tensor([[1.0, 1, 5, 5]])]
    device = minicnn.get_default_device().type
    with minicnn.autocast(device, dtype=minicnn.bfloat16):
        assert vision.roi_align(x, boxes, 2).dtype == minicnn.float32


def test_layers() -> None:
    x, rois = minicnn.tensor(IMAGES), minicnn.tensor(FINITE)
    align, pool = vision.RoIAlign((2, 3), 0.5, 2, True), vision.RoIPool(2, 0.5)
    assert minicnn.equal(align(x, rois), vision.roi_align(x, rois, (2, 3), 0.5, 2, True))
    assert minicnn.equal(pool(x, rois), vision.roi_pool(x, rois, 2, 0.5))
    assert repr(align) == repr(torchvision.ops.RoIAlign((2, 3), 0.5, 2, True))
    assert repr(pool) == repr(torchvision.ops.RoIPool(2, 0.5))


class Pooled(minicnn.nn.Module):
    """A convolution, and the boxes of its result."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = minicnn.nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: minicnn.Tensor, rois: minicnn.Tensor) -> minicnn.Tensor:
        return vision.roi_align(self.conv(x), rois, 2, 1.0, 2)


@pytest.mark.parametrize("images", [1, 2])
def test_compiled_for_other_numbers_of_boxes_than_images(images: int) -> None:
    net, x = Pooled().eval(), minicnn.rand(images, 3, 9, 10)
    rois = minicnn.tensor(FINITE * [images == 2, 1, 1, 1, 1]).float()
    fast = minicnn.compile(net)
    with minicnn.no_grad():
        for some in (rois, rois.flip(0), rois[:3]):
            assert minicnn.allclose(fast(x, some), net(x, some), atol=1e-5)


def test_large_boxes_are_taken_from_coarse_maps() -> None:
    maps = {f"p{i}": oracle.normal(2, 3, 64 >> i, 96 >> i, seed=i) for i in range(4)}
    boxes = [
        np.array([[8, 4, 40, 30], [0, 0, 255, 200], [3, 9, 20, 30]], float),
        np.array([[100, 20, 230, 180], [60, 60, 61, 61]], float),
    ]
    ours = vision.MultiScaleRoIAlign(["p0", "p1", "p3"][:2] + ["p2"], 2, 2, canonical_scale=100)
    theirs = torchvision.ops.MultiScaleRoIAlign(["p0", "p1", "p2"], 2, 2, canonical_scale=100)
    assert repr(ours) == repr(theirs).replace(str(theirs.featmap_names), str(ours.featmap_names))
    theirs.scales, theirs.map_levels = torchvision.ops.poolers._setup_scales(
        [torch.tensor(maps[name]) for name in ("p0", "p1", "p2")], [(256, 200), (200, 384)], 100, 4
    )
    out = ours(
        {name: minicnn.tensor(each) for name, each in maps.items()},
        [minicnn.tensor(each) for each in boxes],
        [(256, 200), (200, 384)],
    )
    assert ours.scales == theirs.scales
    levels = theirs.map_levels([torch.tensor(each) for each in boxes]).tolist()
    assert len(set(levels)) > 1
    rois = [[n, *box] for n, some in enumerate(boxes) for box in some]
    for row, roi, level in zip(out, rois, levels):
        alone = vision.roi_align(
            minicnn.tensor(maps[f"p{level}"]), minicnn.tensor([roi], dtype=minicnn.float64), 2,
            theirs.scales[level], 2,
        )  # fmt: skip
        assert minicnn.allclose(row, alone[0])
