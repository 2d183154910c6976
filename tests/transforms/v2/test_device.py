"""Samples are transformed on the device that they are on."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import tv_tensors
from minicnn.graph.structure import tensors_in
from minicnn.transforms import v2

MAKERS = {
    "crop": lambda: v2.RandomResizedCrop(6),
    "bicubic": lambda: v2.Resize((5, 12), interpolation="bicubic"),
    "pad": lambda: v2.Pad(2, fill={tv_tensors.Image: (1, 2, 3)}),
    "rotate": lambda: v2.RandomRotation(30, "bilinear", fill=4),
    "perspective": lambda: v2.RandomPerspective(p=1),
    "elastic": lambda: v2.ElasticTransform(5.0, 1.0),
    "boxes": lambda: v2.Compose([v2.RandomIoUCrop(), v2.SanitizeBoundingBoxes(labels_getter=None)]),
    "dtype": lambda: v2.Compose([v2.ToDtype(mc.float32, scale=True), v2.Normalize([0.5], [2])]),
}


@pytest.mark.parametrize("name", MAKERS)
def test_on_the_device(name):
    rng = np.random.default_rng(0)
    pixels, mask = rng.integers(0, 256, (3, 9, 8), np.uint8), rng.integers(0, 9, (1, 9, 8))
    results = []
    for device in ("cpu", mc.get_default_device()):
        boxes = mc.tensor([[1.0, 2, 6, 7], [3, 3, 8, 9]], device=device)
        sample = {
            "image": tv_tensors.Image(pixels, device=device),
            "mask": tv_tensors.Mask(mask, device=device),
            "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(9, 8)),
        }
        mc.manual_seed(4)
        out = tensors_in(MAKERS[name]()(sample))
        assert {x.device.type for x in out} == {mc.device(device).type}
        results.append([x.cpu().numpy() for x in out])
    for on_cpu, on_device in zip(*results, strict=True):
        tolerance = 1 if on_cpu.dtype == np.uint8 else 1e-4
        np.testing.assert_allclose(on_device.astype(float), on_cpu, rtol=1e-4, atol=tolerance)
