"""What all commands have in common: help, exit status, Ctrl-C, a closed output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minicnn as mc
from minicnn.cli import predict, train
from minicnn.cli.commands import COMMANDS

pytestmark = pytest.mark.cpu_only

ROOT = Path(__file__).parents[2]
# what --help need not import, beside minicnn itself
SLOW = ("PIL", "tqdm", "minicnn.data", "minicnn.models", "minicnn.training", "minicnn.transforms")


def start(*arguments: str, **options) -> subprocess.Popen[str]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "minicnn", *arguments],
        env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_an_example(minicnn, name):
    status, out, _ = minicnn(name, "--help")
    assert status == 0
    assert out.startswith(f"usage: minicnn {name} ")
    examples = re.findall(rf"^  minicnn {name}(.*)", out, re.MULTILINE)
    assert examples and COMMANDS[name].description in out
    described = [line.split()[0] for line in out.splitlines() if line.startswith("  --")]
    for option in set(re.findall(r"--[a-z-]+", "".join(examples))):
        assert option in described


def test_the_commands_are_listed(minicnn):
    for arguments in ((), ("--help",)):
        status, out, _ = minicnn(*arguments)
        assert status == 0
        for name, command in COMMANDS.items():
            assert re.search(rf"^    {name} +{command.summary}$", out, re.MULTILINE)


def test_help_imports_little():
    code = f"""
import sys
from minicnn.cli import main
try:
    main(["predict", "--help"])
except SystemExit:
    print(*(name for name in {SLOW} if name in sys.modules), file=sys.stderr)
"""
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert "usage: " in done.stdout and done.stderr.split() == []


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version(minicnn, option):
    assert minicnn(option) == (0, f"minicnn {mc.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predct"], "invalid choice: 'predct'"),
        (["predict", "--nothing"], "required"),
        (["predict", "", "--model", "resnet18"], "argument PICTURE: must not be empty"),
        (["info", "more"], "unrecognized arguments: more"),
        (["evaluate", "--model", "resnet18"], "--model needs --data"),
        (["summary", "--model", "resnet18", "--run", "x"], "not allowed with argument"),
    ],
)
def test_wrong_options_have_status_2(minicnn, arguments, message):
    status, _, err = minicnn(*arguments)
    assert status == 2
    assert err.startswith("error: ") and message in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (KeyboardInterrupt(), 130),
        (ValueError("two\nlines"), "error: two lines"),
        (ImportError("it needs the package onnx"), "error: it needs the package onnx"),
    ],
)
def test_how_a_command_ends(minicnn, monkeypatch, raised, status):
    def run(args):
        raise raised

    monkeypatch.setattr(predict, "run", run)
    assert minicnn("predict", "x.jpg", "--model", "resnet18")[0] == status


def test_nobody_reads_the_output_any_more():
    process = start("summary", "--model", "resnet18")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 141


def test_training_is_done_by_the_examples(minicnn, monkeypatch, tmp_path):
    status, out, _ = minicnn("train")
    assert status == 0
    for name in train.SCRIPTS:
        path = ROOT / "examples" / name
        assert str(path) in out and path.exists()
    assert minicnn("train", "--epochs", 3)[0] == 2  # nothing was trained
    monkeypatch.setattr(train, "EXAMPLES", tmp_path)  # as in an installed package
    _, out, _ = minicnn("train")
    assert "They are not part of the installed package" in out and str(tmp_path) not in out
