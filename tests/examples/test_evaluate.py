"""The same figures on ImageNet in each of its forms."""

from __future__ import annotations

from pathlib import Path

import pytest
from imagenet_trees import FORMS, in_tars, tar, val_pictures
from pictures import write_folder
from scripts import run_here

import minicnn as mc
from minicnn import models

pytestmark = pytest.mark.cpu_only

SCRIPT = "evaluate.py"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A file of weights under which some answers are right."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.ckpt"
    mc.manual_seed(0)
    net = models.resnet18()
    with mc.no_grad():
        net.fc.bias[134] += 10  # a crane, whatever the picture shows
        net.fc.bias[639] += 9
    mc.save(net.state_dict(), path)
    return path


def figures(monkeypatch, capsys, root: Path, weights: Path) -> list[str]:
    options = ["--model", "resnet18", "--weights", weights, "--workers", 0]
    run_here(monkeypatch, SCRIPT, "--data", f"imagenet:{root}", *options)
    return capsys.readouterr().out.splitlines()


def test_the_same_figures_in_each_form(monkeypatch, capsys, tmp_path, weights) -> None:
    printed = {
        form: figures(monkeypatch, capsys, write(tmp_path / form), weights)
        for form, write in FORMS.items()
    }
    assert printed["tars"][0] == "resnet18 on cpu: 12 of ImageNet's 50000 pictures"
    assert printed["tars"][-3:] == [
        "top-1  25.000 %, published 69.758 %",
        "top-5  50.000 %, published 89.078 %",
        "12 pictures; left out: 0 that cannot be read, and 0 broken parts of the archive",
    ]
    for form in FORMS:
        assert printed[form][-3:] == printed["tars"][-3:]


def test_what_is_broken_is_left_out_and_counted(monkeypatch, capsys, tmp_path, weights) -> None:
    pictures = {name: data for files in val_pictures().values() for name, data in files.items()}
    name = max(pictures)
    pictures[name] = b"no picture"
    archive = tar(pictures | {"readme.txt": b"hello"})
    write_folder(tmp_path, {"ILSVRC2012_img_val.tar": archive})
    printed = "\n".join(figures(monkeypatch, capsys, tmp_path, weights))
    assert f"left out {tmp_path}/ILSVRC2012_img_val.tar/readme.txt: is no picture" in printed
    assert f"{tmp_path}/ILSVRC2012_img_val.tar/{name}: cannot identify image file" in printed
    assert printed.splitlines()[-1] == (
        "11 pictures; left out: 1 that cannot be read, and 1 broken part of the archive"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--data imagenet:{root}/nowhere", "no ImageNet in"),
        ("--data imagnet:x", "--data: must be a path or one of imagenet:FOLDER, got imagnet:x"),
        ("--data {root} --weights none.pth", "no file of weights at 'none.pth'"),
        ("--data {root} --weights IMAGENET1K_V9", "resnet34 has no weights 'IMAGENET1K_V9'"),
        ("", "the following arguments are required: --data"),
    ],
)
def test_a_mistake_is_told(monkeypatch, capsys, tmp_path, options, message) -> None:
    root = in_tars(tmp_path)
    with pytest.raises(SystemExit) as caught:
        run_here(monkeypatch, SCRIPT, *options.format(root=root).split())
    assert message in f"{caught.value.code} {capsys.readouterr().err}"
