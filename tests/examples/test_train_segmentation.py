from __future__ import annotations

import shutil
from pathlib import Path

import coco_files
import numpy as np
import pytest
from PIL import Image
from scripts import functions_of, metrics, run_here

import minicnn as mc
from minicnn import models, nn, training
from minicnn.data import PictureCache
from minicnn.data.drawn import SHAPES
from minicnn.nn import functional as F

pytestmark = pytest.mark.cpu_only

SCRIPT = "train_segmentation.py"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_drawn_shapes(monkeypatch, capsys, tmp_path, precision):
    options = f"--precision {precision} --limit 4 --size 64 --batch-size 2 --epochs 2 --lr 0.001 --overlays 1"
    options += " --device cpu"
    run_here(monkeypatch, SCRIPT, *options.split(), "--out", tmp_path / "out")
    first, last = metrics(tmp_path)["epochs"]
    assert last["train_loss"] < first["train_loss"]
    for row in (first, last):
        assert list(row["val_iou"]) == list(SHAPES)
        known = [iou for iou in row["val_iou"].values() if iou is not None]
        assert row["val_mean_iou"] == pytest.approx(np.mean(known))
        assert 0 < row["val_accuracy"] <= 1
    assert metrics(tmp_path)["best"]["val_mean_iou"] == max(
        row["val_mean_iou"] for row in (first, last)
    )
    printed = capsys.readouterr().out
    assert "4 pictures to train on, 1 to validate" in printed
    assert f"mean IoU {first['val_mean_iou']:.3f}" in printed
    overlay = Image.open(tmp_path / "out" / "overlay-1.png")
    assert overlay.width == 7 * 64 and overlay.height > 7 * 64
    description, _ = training.read_run(tmp_path / "out")
    assert description.classes == list(SHAPES) and description.resize is None
    description.build(tmp_path / "out" / "best.ckpt")


def write_voc(folder: Path) -> Path:
    """Two pictures to train on and one to validate, of different sizes."""
    voc = folder / "VOCdevkit" / "VOC2012"
    for name in ("ImageSets/Segmentation", "JPEGImages", "SegmentationClass"):
        (voc / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, size in (("a", (50, 40)), ("b", (40, 60)), ("c", (48, 36))):
        pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(voc / "JPEGImages" / f"{name}.jpg")
        mask = np.zeros((size[1], size[0]), np.uint8)
        mask[:20], mask[20:22] = 12, 255
        picture = Image.fromarray(mask).convert("P")
        picture.putpalette(list(range(256)) * 3)
        picture.save(voc / "SegmentationClass" / f"{name}.png")
    for part, names in (("train", "a\nb\n"), ("val", "c\n")):
        (voc / "ImageSets" / "Segmentation" / f"{part}.txt").write_text(names)
    return folder


class Small(nn.Module):
    """Scores as a network of two heads gives them."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.classifier = nn.Conv2d(3, num_classes, 1)
        self.aux_classifier = nn.Conv2d(3, num_classes, 1)

    def forward(self, x: mc.Tensor) -> dict[str, mc.Tensor]:
        return {"out": self.classifier(x), "aux": self.aux_classifier(x)}


def test_voc(monkeypatch, capsys, tmp_path):
    asked = {}

    def get_model(name: str, num_classes: int, **options) -> nn.Module:
        asked.update(name=name, **options)
        return Small(num_classes)

    monkeypatch.setattr(models, "get_model", get_model)
    write_voc(tmp_path)
    options = "--size 33 --batch-size 2 --epochs 1 --overlays 1 --device cpu"
    run_here(
        monkeypatch, SCRIPT, *options.split(), "--weights-backbone", "DEFAULT",
        "--data", tmp_path, "--out", tmp_path / "out", "--cache", tmp_path / "pictures.cache",
    )  # fmt: skip
    assert asked == {"name": "fcn_resnet50", "weights_backbone": "DEFAULT", "aux_loss": True}
    names = metrics(tmp_path)["settings"]["pictures"]
    assert {k: [Path(name).name for name in part] for k, part in names.items()} == {
        "train": ["a.jpg", "b.jpg"],
        "val": ["c.jpg"],
    }
    (row,) = metrics(tmp_path)["epochs"]
    assert row["val_iou"]["dog"] is not None and row["learning_rate"] == 0
    printed = capsys.readouterr().out
    assert "fcn_resnet50 on cpu: 2 pictures to train on, 1 to validate" in printed
    assert "; 0 broken pictures left out; " in printed
    assert len(PictureCache(tmp_path / "pictures.cache")) == 6  # three pictures and their masks
    assert (tmp_path / "out" / "overlay-1.png").exists()


def test_a_named_network_learns_drawn_shapes(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(models, "get_model", lambda name, num_classes, **_: Small(num_classes))
    options = "--model deeplabv3_resnet50 --limit 2 --size 32 --epochs 1 --overlays 0 --device cpu"
    run_here(monkeypatch, SCRIPT, *options.split(), "--out", tmp_path / "out")
    assert "deeplabv3_resnet50 on cpu: 2 pictures to train on" in capsys.readouterr().out
    description, _ = training.read_run(tmp_path / "out")
    assert (description.model, description.resize) == ("deeplabv3_resnet50", None)


def test_coco(monkeypatch, capsys, tmp_path):
    pytest.importorskip("pycocotools")
    monkeypatch.setattr(models, "get_model", lambda name, num_classes, **_: Small(num_classes))
    contents = coco_files.instances()
    for part in ("train2017", "val2017"):
        coco_files.write_coco(tmp_path, contents, part)
    shutil.make_archive(tmp_path / "val2017", "zip", tmp_path, "val2017")
    shutil.rmtree(tmp_path / "val2017")
    options = "--size 33 --batch-size 2 --epochs 1 --overlays 1 --device cpu"
    arguments = [*options.split(), "--data", f"coco:{tmp_path}", "--out", tmp_path / "out"]
    run_here(monkeypatch, SCRIPT, *arguments)
    areas = dict.fromkeys(coco_files.IDS, 0)
    for annotation in contents["annotations"]:
        areas[annotation["image_id"]] += annotation["area"]
    count = sum(area > 1000 for area in areas.values())
    assert 0 < count < 5
    assert f": {count} pictures to train on, 5 to validate" in capsys.readouterr().out
    (row,) = metrics(tmp_path)["epochs"]
    assert list(row["val_iou"]) == ["background", "person", "car", "cat", "dog"]
    assert 0 <= row["val_mean_iou"] <= 1
    assert (tmp_path / "out" / "overlay-1.png").exists()
    run_here(monkeypatch, SCRIPT, *arguments, "--resume", "--epochs", "2")
    assert len(metrics(tmp_path)["epochs"]) == 2


def test_limit_counts_the_pictures_of_each_part(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(models, "get_model", lambda name, num_classes, **_: Small(num_classes))
    for part in ("train2017", "val2017"):
        coco_files.write_coco(tmp_path, coco_files.instances(), part)
    options = (
        "--size 33 --batch-size 2 --epochs 1 --overlays 1 --device cpu --cache memory --limit 2"
    )
    arguments = [*options.split(), "--data", f"coco:{tmp_path}", "--out", tmp_path / "out"]
    run_here(monkeypatch, SCRIPT, *arguments)
    assert ": 2 pictures to train on, 2 to validate" in capsys.readouterr().out
    first = metrics(tmp_path)["settings"]["pictures"]
    run_here(monkeypatch, SCRIPT, *arguments, "--resume", "--epochs", "2")
    assert metrics(tmp_path)["settings"]["pictures"] == first
    assert "the run keeps its pictures" not in capsys.readouterr().out
    assert [row["val_pictures"] for row in metrics(tmp_path)["epochs"]] == [2, 2]


def test_void_pixels_do_not_count_and_the_auxiliary_head_half():
    loss_of = functions_of(SCRIPT)["loss_of"]
    out, aux = mc.randn(2, 5, 3, 4), mc.randn(2, 5, 3, 4)
    masks = mc.randint(0, 5, (2, 3, 4))
    masks[:, 0] = 255
    expected = [F.cross_entropy(scores[:, :, 1:], masks[:, 1:]).item() for scores in (out, aux)]
    assert loss_of({"out": out}, masks).item() == pytest.approx(expected[0], rel=1e-5)
    assert loss_of({"out": out, "aux": aux}, masks).item() == pytest.approx(
        expected[0] + 0.5 * expected[1], rel=1e-5
    )


def test_the_auxiliary_head_learns_ten_times_as_fast():
    class Args:
        data, lr = "VOCdevkit", 0.01

    net = nn.Module()
    net.backbone, net.aux_classifier = nn.Linear(2, 3), nn.Linear(3, 4)
    optimizer = functions_of(SCRIPT)["make_optimizer"](net, Args)
    rates = {p.shape: g["lr"] for g in optimizer.param_groups for p in g["params"]}
    assert rates == pytest.approx({(3, 2): 0.01, (3,): 0.01, (4, 3): 0.1, (4,): 0.1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--data nowhere", "no VOC2012 in 'nowhere'"),
        ("--resume", "no run to go on with"),
        ("--data {voc} --weights-backbone none.pth", "no file of weights at 'none.pth'"),
    ],
)
def test_a_mistake_is_told(monkeypatch, tmp_path, options, message):
    voc = write_voc(tmp_path) if "{voc}" in options else None
    options = f"{options.format(voc=voc)} --batch-size 8 --device cpu --out {tmp_path / 'out'}"
    with pytest.raises(SystemExit) as exit:
        run_here(monkeypatch, SCRIPT, *options.split())
    assert exit.value.code.startswith("error: ") and message in exit.value.code


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--size 31", "--size: must be at least 32, got 31"),
        ("--limit 1", "--limit: must be an integer of at least 2, got 1"),
        ("--model resnet18", "invalid choice: 'resnet18'"),
        ("--weights-backbone DEFAULT", "--weights-backbone needs --data or --model"),
    ],
)
def test_options_that_do_not_fit(monkeypatch, capsys, options, message):
    with pytest.raises(SystemExit):
        run_here(monkeypatch, SCRIPT, *options.split())
    assert message in capsys.readouterr().err
