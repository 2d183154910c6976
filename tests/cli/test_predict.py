from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from pictures import jpeg, write_zip
from PIL import Image

import minicnn as mc
from minicnn import models, training
from minicnn.cli.sheet import SIDE, Cell, draw_sheet

pytestmark = pytest.mark.cpu_only


def expected(trained, paths: list[Path]) -> np.ndarray:
    """Probabilities (N, 2), computed without the command line."""
    net = models.resnet18(weights=trained.folder / "best.ckpt", num_classes=2).eval()
    description, _ = training.read_run(trained.folder)
    batch = mc.stack([description.preset()(Image.open(path)) for path in paths])
    return mc.softmax(net(batch), 1).detach().numpy()


def in_order(folder: Path) -> list[Path]:
    return [folder / f"{number}.jpg" for number in range(1, 13)]


def test_the_table_and_the_csv_file_have_the_networks_answers(minicnn, trained, photos, tmp_path):
    file = tmp_path / "answers.csv"
    status, out, _ = minicnn("predict", photos, "--run", trained.folder, "--top", 2, "--csv", file)
    assert status == 0
    with file.open() as opened:
        rows = list(csv.DictReader(opened))
    paths = in_order(photos)
    probabilities = expected(trained, paths)
    assert [row["picture"] for row in rows[::2]] == [str(path) for path in paths]  # 2 before 10
    assert {row["rank"] for row in rows[1::2]} == {"2"}
    best = probabilities.argmax(1)
    assert [row["class"] for row in rows[::2]] == [("cat", "dog")[label] for label in best]
    found = [float(row["probability"]) for row in rows[::2]]
    assert found == pytest.approx(probabilities.max(1).tolist(), abs=1e-5)
    first = out.splitlines()[1].split()
    assert first == [str(paths[0]), rows[0]["class"], f"{100 * found[0]:.1f}"]
    assert len(out.splitlines()) == 25


def test_pictures_in_a_zip_and_by_name(minicnn, trained, photos, tmp_path):
    archive = write_zip(tmp_path / "some.zip", {"a/2.jpg": jpeg(102), "a/x.csv": b"1"})
    picture = shutil.copy(photos / "1.jpg", tmp_path / "picture.with_another_ending")
    status, out, _ = minicnn("predict", archive, picture, "--run", trained.folder)
    assert status == 0
    names = [line.split()[0] for line in out.splitlines()[1:]]
    assert names == [f"{archive}/a/2.jpg", str(picture)]


def test_a_photo_taken_sideways_is_turned_upright(minicnn, trained, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    picture, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by a quarter
    picture.save(tmp_path / "upright.png")
    picture.rotate(90, expand=True).save(tmp_path / "sideways.png", exif=exif)
    file = tmp_path / "answers.csv"
    minicnn("predict", tmp_path, "--run", trained.folder, "--csv", file)
    sideways, upright = file.read_text().splitlines()[1:]
    assert sideways.split(",")[1:] == upright.split(",")[1:]


def test_a_broken_picture_is_named_and_the_others_are_done(minicnn, trained, photos):
    (photos / "3.jpg").write_bytes(b"no picture")
    status, out, err = minicnn("predict", photos, "--run", trained.folder)
    assert status == 1
    assert len(out.splitlines()) == 12 and "3.jpg" not in out
    assert f"{photos / '3.jpg'}: cannot identify image file" in err
    assert "1 of 12 pictures left out" in err


def test_the_sheet_shows_what_the_network_sees_beside_its_heat_map(
    minicnn, trained, photos, tmp_path
):
    plain, explained = tmp_path / "plain.png", tmp_path / "explained.jpg"
    run = ("predict", photos, "--run", trained.folder)
    assert minicnn(*run, "--sheet", plain)[0] == 0
    assert minicnn(*run, "--sheet", explained, "--explain")[0] == 0
    sheet = np.asarray(Image.open(plain).convert("RGB"))
    colour = np.asarray(Image.open(photos / "1.jpg"))[5, 5]  # these pictures have one colour each
    assert (sheet[100, 100] == colour).all()
    pair = np.asarray(Image.open(explained))
    assert np.abs(pair[100, 100].astype(int) - colour).max() < 8
    assert pair.shape[1] > 1.1 * sheet.shape[1]  # three pairs in a row, not five pictures


def test_a_sheet_has_room_for_long_names_and_any_number():
    picture = Image.new("RGB", (SIDE, SIDE), "green")
    for count in (1, 4, 6):
        cells = [Cell([picture], "x" * 500, "y" * 500, 3, 1.0)] * count
        sheet = draw_sheet(cells)
        assert sheet.width == 12 + min(count, 5) * 212
        assert sheet.height == 12 + (2 if count == 6 else 1) * (200 + 42 + 12)


def test_letters_that_the_font_lacks_lose_their_accents():
    sheets = [
        draw_sheet([Cell([Image.new("RGB", (7, 9))], name, answer, 0, 1.0)])
        for name, answer in (("Größe.jpg", "café"), ("Grosse.jpg", "cafe"))
    ]
    np.testing.assert_array_equal(*map(np.asarray, sheets))


def test_weights_of_every_format_and_classes_by_name(minicnn, trained, photos, tmp_path):
    net = models.resnet18(weights=trained.folder / "best.ckpt", num_classes=2)
    told = set()
    for ending in ("pth", "safetensors", "npz"):
        mc.save(net.state_dict(), tmp_path / f"weights.{ending}")
        status, out, _ = minicnn(
            "predict", photos, "--model", "resnet18", "--weights", tmp_path / f"weights.{ending}",
            "--classes", "kitten, puppy", "--size", 32,
        )  # fmt: skip
        assert status == 0
        told.add(out)
    assert len(told) == 1 and ("kitten" in out or "puppy" in out)


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ("none.jpg --run {run}", 1, "no such file or folder: none.jpg"),
        ("{empty} --run {run}", 1, "no pictures in {empty}"),
        ("{photos}/notes.txt --run {run}", 1, "none of the pictures can be read"),
        ("{photos} --run {empty}", 1, "no run in {empty}: there is no metrics.json"),
        ("{photos} --run {run} --weights none.ckpt", 1, "no file of weights at 'none.ckpt'"),
        ("{photos} --run {run} --weights {photos}/1.jpg", 1, "1.jpg"),
        ("{photos} --run {run} --classes a,b,c", 1, "--classes NAME,NAME,… gives others"),
        ("{photos} --model densenet121 --weights {run}/best.ckpt", 1, "not fit densenet121. Error"),
        ("{photos} --model resnet19", 1, "got 'resnet19'; close are resnet1"),
        ("{photos} --model alexnet227", 1, "alexnet227 has no published weights: give a file"),
        ("{photos} --model resnet18 --weights V9", 1, "resnet18 has no weights 'V9'"),
        ("{photos} --run {run} --csv none/a.csv", 1, "there is no folder none"),
        ("{photos} --run {run} --sheet a.what", 1, "its name must end as a picture's"),
        ("{photos} --run {run} --explain", 2, "--explain needs --sheet"),
        ("{photos} --run {run} --top 0", 2, "argument --top: must be an integer of at least 1"),
        ("{photos}", 2, "one of the arguments --run --model is required"),
        ("--run {run}", 2, "the following arguments are required: PICTURE"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    minicnn, trained, photos, tmp_path, monkeypatch, options, status, message
):
    (tmp_path / "empty").mkdir()
    places = {"run": trained.folder, "photos": photos, "empty": tmp_path / "empty"}
    monkeypatch.chdir(tmp_path)
    end, _, err = minicnn("predict", *options.format(**places).split())
    told = err if status == 2 else str(end)
    assert (end == 2) == (status == 2)
    assert told.startswith("error: ") and message.format(**places) in told
    assert len(told.splitlines()) == 1


def test_a_run_before_its_first_epoch_and_one_that_does_not_tell_its_network(
    minicnn, trained, photos, tmp_path
):
    metrics = (trained.folder / "metrics.json").read_text()
    (tmp_path / "metrics.json").write_text(metrics)
    end, *_ = minicnn("predict", photos, "--run", tmp_path)
    assert "best.ckpt does not exist: no epoch of the run has ended" in end
    (tmp_path / "metrics.json").write_text(metrics.replace('"network"', '"net"'))
    end, *_ = minicnn("predict", photos, "--run", tmp_path)
    assert "does not tell which network was trained" in end
    (tmp_path / "metrics.json").write_text(metrics[:100])
    end, *_ = minicnn("predict", photos, "--run", tmp_path)
    assert "is not the metrics.json of a run" in end
