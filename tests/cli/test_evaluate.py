from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from imagenet_trees import in_tars
from pictures import jpeg, train_files, write_folder, write_zip
from PIL import Image

import minicnn as mc
from minicnn import models, training
from minicnn.data import DogsVsCats

pytestmark = pytest.mark.cpu_only


def measured(folder: Path, pictures: Path, names: set[str] | None = None) -> tuple[float, float]:
    """Accuracy in % and log loss on the pictures of these names, computed one by one."""
    description, _ = training.read_run(folder)
    net = models.resnet18(weights=folder / "best.ckpt", num_classes=2).eval()
    dataset, prepare = DogsVsCats(pictures), description.preset()
    right, losses = [], []
    for index in range(len(dataset)):
        if names is None or dataset.describe(index) in names:
            picture, label = dataset[index]
            logits = net(prepare(picture).unsqueeze(0))
            right.append(int(logits.argmax(1)) == label)
            losses.append(-mc.log_softmax(logits, 1)[0, label].item())
    return 100 * np.mean(right), np.mean(losses)


def figures(out: str) -> tuple[float, float]:
    return tuple(
        float(re.search(rf"{name} +([\d.]+)", out)[1]) for name in ("accuracy", "log loss")
    )


def test_a_run_is_measured_on_its_own_validation_pictures(minicnn, trained):
    status, out, _ = minicnn("evaluate", "--run", trained.folder)
    assert status == 0
    assert out.startswith("resnet18 on cpu: 8 of the run's 8 validation pictures\n")
    metrics = json.loads((trained.folder / "metrics.json").read_text())
    names = set(metrics["settings"]["pictures"]["val"])
    assert figures(out) == pytest.approx(
        measured(trained.folder, trained.pictures, names), abs=1e-3
    )
    assert re.search(r"class +precision", out) and re.search(r"mean .* 8\n", out)


def test_its_pictures_are_found_in_another_place(minicnn, trained, tmp_path):
    expected = minicnn("evaluate", "--run", trained.folder)[1]
    folder = write_folder(tmp_path / "else", train_files(12, 12, folder="photographs/"))
    assert minicnn("evaluate", "--run", trained.folder, "--data", folder)[1] == expected


def test_pictures_that_the_run_has_trained_on_are_not_used(minicnn, trained, tmp_path):
    metrics = json.loads((trained.folder / "metrics.json").read_text())
    train = [Path(name).name for name in metrics["settings"]["pictures"]["train"]]
    files = {name: jpeg(number) for number, name in enumerate(train)}
    some = write_folder(tmp_path / "some", files)
    end, *_ = minicnn("evaluate", "--run", trained.folder, "--data", some)
    assert "the run has trained on all of these 16 pictures" in end
    write_folder(some, {"cat.100.jpg": jpeg(1), "dog.7000.jpg": jpeg(2)})
    _, out, _ = minicnn("evaluate", "--run", trained.folder, "--data", some)
    assert "2 pictures that the run does not know" in out


@pytest.mark.parametrize("classes", [("cat", "dog"), ("rose", "tulip")])
def test_pictures_that_are_numbered_in_train_and_val_anew(minicnn, trained, tmp_path, classes):
    files = {
        f"{part}/{name}/{n}.jpg": jpeg(n)
        for part, count in (("train", 4), ("val", 3))
        for name in classes
        for n in range(count)
    }
    pictures = write_folder(tmp_path / "pictures", files)
    metrics = json.loads((trained.folder / "metrics.json").read_text())
    metrics["network"]["classes"] = classes
    metrics["settings"]["data"] = str(pictures)
    metrics["settings"]["pictures"] = {
        part: [str(pictures / name) for name in files if name.startswith(part)]
        for part in ("train", "val")
    }
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    run = ["evaluate", "--run", tmp_path, "--weights", trained.folder / "best.ckpt"]
    assert "6 of the run's 6 validation pictures" in minicnn(*run)[1]
    end, *_ = minicnn(*run, "--data", pictures / "train")
    assert "the run has trained on all of these 8 pictures" in end


def test_old_runs_that_do_not_list_their_pictures_are_not_measured(minicnn, trained, tmp_path):
    metrics = json.loads((trained.folder / "metrics.json").read_text())
    del metrics["settings"]["pictures"]
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    weights = trained.folder / "best.ckpt"
    end, *_ = minicnn("evaluate", "--run", tmp_path, "--weights", weights)
    assert "does not list its pictures" in end


def test_a_network_by_name_in_the_order_of_its_classes(minicnn, trained):
    options = ["--weights", trained.folder / "best.ckpt", "--size", 32, "--data", trained.pictures]
    network = ["--model", "resnet18", *options]
    out = minicnn("evaluate", *network, "--classes", "cat,dog")[1]
    assert out.startswith("resnet18 on cpu: 24 pictures\n")
    swapped = minicnn("evaluate", *network, "--classes", "dog,cat")[1]
    assert figures(out)[0] + figures(swapped)[0] == pytest.approx(100, abs=2e-3)


def test_a_folder_for_each_class(minicnn, trained, tmp_path):
    files = {f"val/{name}/{n}.jpg": jpeg(n) for name in ("rose", "tulip") for n in range(3)}
    flowers = write_folder(tmp_path / "flowers", files)
    network = ["--model", "resnet18", "--weights", trained.folder / "best.ckpt", "--size", 32]
    network += ["--data", flowers, "--classes"]
    end, *_ = minicnn("evaluate", *network, "daisy,rose")
    assert "each folder must be one of the network's 2 classes (daisy, rose), got val" in end
    (flowers / "train").mkdir()
    end, *_ = minicnn("evaluate", *network, "daisy,rose")
    assert "(daisy, rose), got tulip" in end
    (flowers / "val" / "rose" / "1.jpg").write_bytes(b"no picture")
    status, out, err = minicnn("evaluate", *network, "tulip,rose")
    assert status == 1 and "accuracy" in out
    assert "left out 1 picture that cannot be read" in err


def test_imagenet(minicnn, tmp_path):
    net = models.resnet18()
    with mc.no_grad():
        net.fc.bias[134] += 10  # a crane, whatever the picture shows
        net.fc.bias[639] += 9
    mc.save(net.state_dict(), tmp_path / "weights.npz")
    status, out, _ = minicnn(
        "evaluate", "--model", "resnet18", "--weights", tmp_path / "weights.npz",
        "--data", f"imagenet:{in_tars(tmp_path / 'tars')}", "--size", 64,
    )  # fmt: skip
    assert status == 0
    assert "12 of ImageNet's validation pictures\naccuracy   25.000 %\ntop 5      50.000 %" in out


def rows(file: Path) -> dict[int, float]:
    head, *lines = file.read_text().splitlines()
    assert head == "id,label"
    return {int(number): float(label) for number, label in (line.split(",") for line in lines)}


def test_submit_writes_a_row_for_each_picture_and_the_log_loss(minicnn, trained, tmp_path):
    test, file = trained.pictures.with_name("test.zip"), tmp_path / "submission.csv"
    status, out, _ = minicnn("submit", "--run", trained.folder, "--test", test, "--out", file)
    assert status == 0
    labels = rows(file)
    assert list(labels) == list(range(1, 13))
    net = models.resnet18(weights=trained.folder / "best.ckpt", num_classes=2).eval()
    prepare = training.read_run(trained.folder)[0].preset()
    for picture, number in DogsVsCats(test, split="test"):
        dog = mc.softmax(net(prepare(picture).unsqueeze(0)), 1)[0, 1].item()
        assert labels[number] == pytest.approx(min(max(dog, 0.005), 0.995), abs=2e-6)
    names = set(training.read_run(trained.folder)[1]["settings"]["pictures"]["val"])
    _, loss = measured(trained.folder, trained.pictures, names)
    assert f"8 of the run's 8 validation pictures: {loss:.4f}, unclipped {loss:.4f}" in out


def test_clipping_flips_and_a_broken_picture(minicnn, trained, tmp_path):
    rng = np.random.default_rng(0)
    for number in (3, 20):
        pixels = rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    (tmp_path / "11.jpg").write_bytes(b"no picture")
    submit = ["submit", "--run", trained.folder, "--test", tmp_path, "--out"]
    status, out, err = minicnn(*submit, tmp_path / "plain.csv")
    assert status == 1 and "11.jpg: cannot identify image file" in err
    assert "pictures that cannot be read and have the label 0.5: 1" in err
    plain = rows(tmp_path / "plain.csv")
    assert list(plain) == [3, 11, 20] and plain[11] == 0.5
    minicnn(*submit, tmp_path / "flipped.csv", "--flip")
    for number in (3, 20):
        Image.open(tmp_path / f"{number}.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
            tmp_path / f"{number}.png"
        )
    minicnn(*submit, tmp_path / "mirrored.csv")
    mean, mirrored = rows(tmp_path / "flipped.csv"), rows(tmp_path / "mirrored.csv")
    for number in (3, 20):
        assert plain[number] != mirrored[number]
        assert mean[number] == pytest.approx((plain[number] + mirrored[number]) / 2, abs=1e-5)
    _, out, _ = minicnn(*submit, tmp_path / "clipped.csv", "--clip", 0.49)
    assert all(0.49 <= label <= 0.51 for label in rows(tmp_path / "clipped.csv").values())
    clipped = float(re.search(r"pictures: ([\d.]+)", out)[1])
    assert abs(clipped - math.log(2)) < 0.03
    status, _, _ = minicnn(*submit, tmp_path / "wrong.csv", "--clip", 0.9)
    assert status == "error: submit expects --clip of at most 0.5, got 0.9"


def test_a_submission_without_the_training_pictures(minicnn, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained.folder, run)
    metrics = (run / "metrics.json").read_text()
    (run / "metrics.json").write_text(metrics.replace("train.zip", "gone.zip"))
    test = write_zip(tmp_path / "test.zip", {"9.jpg": jpeg(1), "10.jpg": jpeg(2)})
    file = tmp_path / "s.csv"
    status, out, _ = minicnn("submit", "--run", run, "--test", test, "--out", file)
    assert status == 0 and list(rows(file)) == [9, 10]
    assert "no log loss: the run's pictures are no longer at" in out and "--data PATH" in out


def test_the_class_of_dogs_may_be_dogs(minicnn, trained, tmp_path):
    test = trained.pictures.with_name("test.zip")
    for name in ("dog,cat", "Dogs,Cats"):
        file = tmp_path / f"{name}.csv"
        submit = ["submit", "--run", trained.folder, "--test", test, "--out", file]
        status, *_ = minicnn(*submit, "--classes", name)
        assert status == 0
    assert rows(tmp_path / "Dogs,Cats.csv") == rows(tmp_path / "dog,cat.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--model resnet18 --weights {run}/best.ckpt --test {test}",
            "with 1000 classes; --classes",
        ),
        (
            "--run {run} --classes rose,tulip --test {test}",
            "the classes cat and dog, got rose, tulip",
        ),
        (
            "--run {run} --classes Kätzchen,Hund --test {test}",
            "the classes cat and dog, got Kätzchen, Hund",
        ),
        ("--run {run} --test {train}", " train pictures and 0 other files"),
        ("--run {run} --test {test} --out nowhere/s.csv", "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_submitted_is_told(minicnn, trained, options, message):
    test = trained.pictures.with_name("test.zip")
    text = options.format(run=trained.folder, test=test, train=trained.pictures)
    end, *_ = minicnn("submit", *text.split())
    assert end.startswith("error: ") and message in end
