"""What the benchmark of the main job makes of the lines that the script prints."""

import importlib
import json
import re
import sys

import pytest

pytestmark = pytest.mark.cpu_only

PRINTED = """\
decoded 16 pictures in 0.5 s: 0.00347 GB
AlexNet on cuda: 14 pictures to train on, 2 to validate
epoch 1/2  57%  loss 0.445  accuracy 75.0 %  waited 0 %
epoch 1/2  training 0.815 28.6 %  validation 0.754 50.0 %
epoch 2/2  training 0.672 64.3 %  validation 0.714 50.0 %
"""
ROW = {"seconds": 0.4, "images_per_second": 35.0, "val_accuracy": 0.75}


@pytest.fixture
def main_job():
    return importlib.import_module("gpu_main_job")


def test_what_is_known_is_written_at_once(main_job, tmp_path, capsys):
    measured = main_job.Measured(tmp_path / "main_job.json", data="drawn", batch=4)
    known = []

    def tell(line):
        measured.hear(line)
        path = tmp_path / "main_job.json"
        known.append(len(json.loads(path.read_text())["epoch_seconds"]) if path.exists() else None)

    out = main_job.Lines(tell)
    for part in re.findall(".{1,7}", PRINTED, re.DOTALL):  # as print() may cut them
        out.write(part)
    assert capsys.readouterr().out == PRINTED
    assert known == [0, 0, 0, 1, 2]
    measured.finish({"epochs": [ROW, ROW], "best": ROW}, 3 << 20)
    result = json.loads((tmp_path / "main_job.json").read_text())
    assert (result["pictures"], result["decode_seconds"], result["batch"]) == (16, 0.5, 4)
    assert result["seconds_after_decoding"] == pytest.approx(sum(result["epoch_seconds"]))
    assert (result["val_accuracy"], result["peak_memory_mib"]) == (0.75, 3)


@pytest.mark.parametrize("is_complete", [False, True])
def test_its_table(main_job, is_complete):
    measured = main_job.Measured(None, data="drawn", batch=128)
    measured.result |= {"pictures": 25000, "decode_seconds": 5.1, "epoch_seconds": [8.0, 0.7, 0.6]}
    if is_complete:
        measured.finish({"epochs": [ROW], "best": ROW}, 1 << 20)
    page = importlib.import_module("gpu_report").main_job_section({"main_job": measured.result})
    assert "AlexNet on drawn cats and dogs, batch 128" in page
    assert "| each later epoch, s | 0.60 |" in page and "| 3 epochs, s | 9.3 |" in page
    assert ("| right of the validation pictures | 75.0% |" in page) == is_complete


def test_pictures_are_drawn_by_several_processes(main_job, tmp_path, monkeypatch):
    monkeypatch.setattr(main_job, "PER_TASK", 2)
    monkeypatch.setattr(main_job.os, "cpu_count", lambda: 2)
    folder = main_job.draw(tmp_path / "pets" / "train", 5)
    names = ["cat.0.jpg", "cat.2.jpg", "cat.4.jpg", "dog.1.jpg", "dog.3.jpg"]
    assert sorted(path.name for path in folder.iterdir()) == names


def test_the_script_gets_its_arguments_and_the_program_keeps_its_own(
    main_job, tmp_path, monkeypatch
):
    before, script = list(sys.argv), tmp_path / "script.py"
    script.write_text(
        "import sys\ndef main():\n    print('decoded 3 pictures in 0.1 s: 0.1 GB', sys.argv[1:])\n"
    )
    monkeypatch.setattr(main_job, "SCRIPT", script)
    measured = main_job.Measured(None)
    main_job.train(["--epochs", "1"], measured)
    assert measured.result["pictures"] == 3
    assert sys.argv == before
