from __future__ import annotations

import numpy as np
import pytest
from pictures import jpeg, numbered_files, write_zip
from PIL import Image

from minicnn import viz
from minicnn.data.drawn import SHAPES

pytestmark = pytest.mark.cpu_only

STAR = SHAPES.index("star")


def test_pictures_are_coloured_and_what_is_in_them_is_told(minicnn, shapes, photos):
    picture, other, small = (photos / f"{number}.jpg" for number in (1, 2, 3))  # 12 x 10 pixels
    Image.new("RGB", (60, 40), "red").save(picture)
    Image.new("RGB", (600, 450), "blue").save(other)
    status, out, err = minicnn("segment", picture, other, small, "--run", shapes)
    assert status == 1
    assert f"left out {small}: FCNVGG expects images of shape" in err
    assert "1 of 3 pictures left out" in err
    written = [photos / "1-segmented.png", photos / "2-segmented.png"]
    assert [line.split()[0] for line in out.splitlines()[1:]] == [str(path) for path in written]
    assert out.count("star 100.0 %") == 2
    colour = viz.voc_palette()[STAR] / 2 + np.array([0, 0, 255]) / 2
    assert np.abs(np.asarray(Image.open(written[1]))[200, 300] - colour).max() < 3


def test_a_zip_needs_a_folder_for_the_results(minicnn, shapes, tmp_path):
    files = {"1.jpg": jpeg(1, (32, 32)), "a/2.jpg": jpeg(2, (32, 40)), "x/3.jpg": b"no picture"}
    archive = write_zip(tmp_path / "a.zip", files)
    end, *_ = minicnn("segment", archive, "--run", shapes)
    assert f"{archive} has many pictures: give a folder for the results, --out" in end
    status, _, err = minicnn("segment", archive, "--run", shapes, "--out", tmp_path / "new" / "out")
    assert status == 1 and "3.jpg: cannot identify" in err
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == {
        "1-segmented.png",
        "2-segmented.png",
    }


def test_two_pictures_of_one_name_are_refused(minicnn, shapes, photos, tmp_path):
    other = write_zip(tmp_path / "a.zip", numbered_files(1))
    end, *_ = minicnn("segment", photos, other, "--run", shapes, "--out", tmp_path / "out")
    assert "1.jpg would both be written to" in end


def test_evaluate_measures_on_the_runs_drawn_shapes(minicnn, shapes):
    status, out, _ = minicnn("evaluate", "--run", shapes, "--workers", 0)
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "fcn8s on cpu: 2 validation pictures"
    share = float(lines[1].split()[2])  # all pixels of stars are right
    iou = dict(line.split() for line in lines[5:])
    assert float(iou["star"]) == pytest.approx(share, abs=0.06) and iou["background"] == "0.0"


def test_networks_for_pictures_and_for_pixels_are_told_apart(minicnn, shapes, trained, photos):
    end, *_ = minicnn("segment", photos / "1.jpg", "--run", trained.folder)
    assert "got resnet18, which classifies whole pictures" in end
    end, *_ = minicnn("predict", photos / "1.jpg", "--run", shapes)
    assert "got fcn8s, which is for segmentation" in end


def test_results_do_not_go_into_a_file(minicnn, shapes, photos, tmp_path):
    (tmp_path / "out").write_bytes(b"")
    end, *_ = minicnn("segment", photos / "1.jpg", "--run", shapes, "--out", tmp_path / "out")
    assert f"--out names the folder for the results, and {tmp_path / 'out'} is a file" in end
