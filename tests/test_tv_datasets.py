"""Datasets whose targets are wrapped for transforms.v2."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from minicnn.data import datasets
from minicnn.transforms import v2
from minicnn.tv_tensors import BoundingBoxes, Mask
from minicnn.tv_tensors.datasets import wrap_dataset_for_transforms_v2 as wrap

pytestmark = pytest.mark.cpu_only

TRIANGLE = [[1, 1, 5, 1, 5, 4]]
XML = """<annotation><size><width>8</width><height>6</height></size><object><name>dog</name><bndbox>
<xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object></annotation>"""


def coco(folder, **options):
    for name in "ab":
        Image.new("RGB", (8, 6)).save(folder / f"{name}.png")
    images = [
        {"id": i, "file_name": f"{n}.png", "height": 6, "width": 8} for i, n in ((7, "a"), (8, "b"))
    ]
    objects = [
        {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "area": 12,
         "iscrowd": 0, "segmentation": TRIANGLE},
        {"id": 2, "image_id": 7, "category_id": 3, "bbox": [0, 0, 2.5, 2], "area": 5,
         "iscrowd": 0, "segmentation": TRIANGLE},
    ]  # fmt: skip
    content = {"images": images, "categories": [{"id": 3, "name": "x"}], "annotations": objects}
    (folder / "boxes.json").write_text(json.dumps(content))
    return datasets.CocoDetection(folder, folder / "boxes.json", **options)


def test_coco(tmp_path):
    dataset = wrap(coco(tmp_path))
    picture, target = dataset[0]
    assert picture.size == (8, 6) and list(target) == ["image_id", "boxes", "labels"]
    assert type(target["boxes"]) is BoundingBoxes and target["boxes"].canvas_size == (6, 8)
    assert target["boxes"].tolist() == [[1, 2, 4, 6], [0, 0, 2.5, 2]]
    assert target["image_id"] == 7 and target["labels"].tolist() == [3, 3]
    assert dataset[1][1] == {"image_id": 8} and len(dataset) == 2 and list(dataset.ids) == [7, 8]
    masks = wrap(dataset._dataset, ["masks"])[0][1]["masks"]
    assert type(masks) is Mask and masks.shape == (2, 6, 8) and masks.sum() > 0
    everything = wrap(dataset._dataset, "all")[0][1]
    assert everything["area"] == [12, 5] and "masks" in everything
    with pytest.raises(ValueError, match=r"got \['foo'\]"):
        wrap(dataset._dataset, ["foo"])[0]


def test_transforms_are_called_afterwards(tmp_path):
    flip = v2.Compose([v2.RandomHorizontalFlip(1), v2.ToImage()])
    dataset = pickle.loads(pickle.dumps(wrap(coco(tmp_path, transforms=flip))))
    image, target = dataset[0]
    assert image.shape == (3, 6, 8)
    assert target["boxes"].tolist() == [[4, 2, 7, 6], [5.5, 0, 8, 2]]


def test_voc(tmp_path):
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    for name in ("JPEGImages", "Annotations", "SegmentationClass", "ImageSets/Main",
                 "ImageSets/Segmentation"):  # fmt: skip
        (folder / name).mkdir(parents=True)
    for task in ("Main", "Segmentation"):
        (folder / "ImageSets" / task / "train.txt").write_text("a\n")
    Image.new("RGB", (8, 6)).save(folder / "JPEGImages" / "a.jpg")
    Image.new("L", (8, 6), 3).save(folder / "SegmentationClass" / "a.png")
    (folder / "Annotations" / "a.xml").write_text(XML)
    target = wrap(datasets.VOCDetection(tmp_path, image_set="train"))[0][1]
    assert target["boxes"].tolist() == [[1, 2, 5, 6]] and target["boxes"].canvas_size == (6, 8)
    assert target["labels"].tolist() == [12]
    segmentation = datasets.VOCSegmentation(tmp_path, image_set="train")
    mask = wrap(segmentation)[0][1]
    assert type(mask) is Mask and np.array_equal(mask.numpy(), np.full((1, 6, 8), 3))
    with pytest.raises(ValueError, match="VOCSegmentation has no dicts"):
        wrap(segmentation, "all")


def test_other_sets():
    assert wrap(datasets.FakeData(3, (3, 4, 4), 2))[0][1] in (0, 1)
    with pytest.raises(TypeError, match="the targets of VisionDataset are not known"):
        wrap(datasets.VisionDataset("."))
