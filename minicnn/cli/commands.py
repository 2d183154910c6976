"""The commands with their options. Nothing is imported here that ``--help`` does not need."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..command_line import ArgumentParser, at_least, fraction
from ..version import __version__

__all__ = ["parse"]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of one command, and its name as ``command``; a mistake ends the program."""
    program = "python -m minicnn" if os.path.basename(sys.argv[0]) == "__main__.py" else "minicnn"
    parser = ArgumentParser(
        "Uses trained networks: classifies and segments pictures, measures, explains, exports.",
        prog=program,
        epilog=f"{program} COMMAND --help tells more, with an example.",
    )
    version = f"minicnn {__version__}"
    parser.add_argument("-V", "--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        examples = "\n".join(f"  {program} {name} {example}" for example in command.examples)
        own = commands.add_parser(
            name,
            help=command.summary,
            description=f"{command.description}\n\n{examples.rstrip()}",
        )
        command.add_options(own)
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if arguments[0] == "train" and not {"-h", "--help"}.intersection(arguments):
        return argparse.Namespace(command="train", options=arguments[1:])
    args = parser.parse_args(arguments)
    if args.command == "predict" and args.explain and args.sheet is None:
        parser.error("--explain needs --sheet, the file in which it draws")
    if args.command == "evaluate" and args.model and not args.data:
        parser.error("--model needs --data, the labelled pictures")
    return args


class Command(NamedTuple):
    """One command: a line about it, its description, examples and options."""

    summary: str
    description: str
    examples: Sequence[str]
    add_options: Callable[[argparse.ArgumentParser], None]


# ---- options that several commands have ----


def _network(parser: argparse.ArgumentParser, weights: str | None = "DEFAULT") -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    run = "a folder that a training script wrote (--out): its network, classes and best weights"
    which.add_argument("--run", type=Path, metavar="FOLDER", dest="run_folder", help=run)
    which.add_argument(
        "--model", metavar="NAME", help="one of models.list_models(), such as resnet34"
    )
    default = f"{weights}; " if weights else ""
    help_text = f"a file, or the name of published ones ({default}of a run best.ckpt)"
    parser.add_argument("--weights", metavar="FILE|NAME", help=help_text)
    classes = "with --model: names of the classes, if they are not those of the published weights"
    parser.add_argument("--classes", type=_names, metavar="NAME,NAME,…", help=classes)
    size = "pixels of the network's input, if they are not the network's own"
    parser.add_argument("--size", type=at_least(1), metavar="N", help=size)
    device = "where to compute; auto: on a GPU if there is one"
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help=device)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _pictures(parser: argparse.ArgumentParser) -> None:
    pictures = "a picture, or a folder or zip of pictures"
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help=pictures)


def _loading(parser: argparse.ArgumentParser) -> None:
    count = "pictures at once (%(default)s)"
    parser.add_argument("--batch-size", type=at_least(1), default=32, metavar="N", help=count)
    workers = "threads that load pictures (%(default)s)"
    parser.add_argument("--workers", type=at_least(0), default=2, metavar="N", help=workers)


def _data(parser: argparse.ArgumentParser) -> None:
    data = "the labelled pictures, if they are no longer where the run had them"
    parser.add_argument("--data", nargs="+", metavar="PATH", help=data)


# ---- the commands ----


def _predict(parser: argparse.ArgumentParser) -> None:
    _pictures(parser)
    _network(parser)
    add = parser.add_argument
    add("--top", type=at_least(1), default=1, metavar="K", help="answers for each (%(default)s)")
    add("--csv", type=Path, metavar="FILE", help="write picture,rank,class,probability")
    add("--sheet", type=Path, metavar="FILE", help="draw the pictures with their answers (PNG, …)")
    add("--explain", action="store_true", help="draw Grad-CAM's heat maps beside them")
    _loading(parser)


def _segment(parser: argparse.ArgumentParser) -> None:
    _pictures(parser)
    _network(parser)
    out = "folder for NAME-segmented.png; without it, they are written beside the pictures"
    parser.add_argument("--out", type=Path, metavar="FOLDER", help=out)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    _network(parser)
    _data(parser)
    _loading(parser)


def _submit(parser: argparse.ArgumentParser) -> None:
    _network(parser)
    add = parser.add_argument
    add("--test", nargs="+", required=True, metavar="PATH", help="the numbered pictures")
    out = "the file to write (%(default)s)"
    add("--out", type=Path, default=Path("submission.csv"), metavar="FILE", help=out)
    clip = "how far probabilities stay away from 0 and 1 (%(default)s)"
    add("--clip", type=fraction, default=0.005, metavar="SHARE", help=clip)
    add("--flip", action="store_true", help="mean of each picture's answer and its mirror image's")
    _data(parser)
    _loading(parser)


def _summary(parser: argparse.ArgumentParser) -> None:
    _network(parser, weights=None)
    count = "images in the batch (%(default)s)"
    parser.add_argument("--batch-size", type=at_least(1), default=1, metavar="N", help=count)


def _export(parser: argparse.ArgumentParser) -> None:
    _network(parser)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FILE", help="the file, NAME.onnx")
    add("--opset", type=at_least(1), default=18, metavar="N", help="of ONNX (%(default)s)")
    add("--fixed-batch", action="store_true", help="take one image at a time, not any number")


def _profile(parser: argparse.ArgumentParser) -> None:
    _network(parser, weights=None)
    add = parser.add_argument
    add("--batch-size", type=at_least(1), default=8, metavar="N", help="images (%(default)s)")
    add("--train", action="store_true", help="a training step instead of inference")
    add("--rows", type=at_least(1), default=15, metavar="N", help="of the table (%(default)s)")
    add("--trace", type=Path, metavar="FILE", help="write all events for ui.perfetto.dev (JSON)")


def _nothing(parser: argparse.ArgumentParser) -> None:
    pass


COMMANDS = {
    "predict": Command(
        "classify pictures",
        "Classifies pictures: prints a table, and on request writes a CSV file and a sheet of the\n"
        "pictures.\n"
        "A picture that cannot be read is named and left out.",
        (
            "photo.jpg --model resnet34 --top 5",
            "photos/ --run runs/alexnet --csv answers.csv --sheet answers.png --explain",
            "photo.jpg --model vgg16 --weights vgg16-397923af.pth",
        ),
        _predict,
    ),
    "segment": Command(
        "colour the pixels of pictures by their classes",
        "Colours the pixels of pictures by their classes, with a legend, and writes\n"
        "NAME-segmented.png for each picture.",
        (
            "photo.jpg --model fcn_resnet50",
            "photos/ --run runs/segmentation --out segmented",
        ),
        _segment,
    ),
    "evaluate": Command(
        "measure a network on labelled pictures",
        "Measures a network on labelled pictures: Kaggle's Dogs vs. Cats, a folder for each class, or\n"
        "imagenet:FOLDER; a network for segmentation on Pascal VOC, or coco:FOLDER.\n"
        "For a run these are its own validation pictures; if --data has none of them, all that are\n"
        "there. Pictures that the run has trained on are never used.",
        (
            "--run runs/alexnet",
            "--model resnet34 --weights pets.pth --classes cat,dog --data PetImages",
            "--model fcn_resnet50 --data VOCdevkit",
        ),
        _evaluate,
    ),
    "submit": Command(
        "write Kaggle's CSV file for Dogs vs. Cats",
        "Writes the CSV file that Kaggle's Dogs vs. Cats asks for, id,label, where label is the\n"
        "probability of a dog, and prints the log loss on the run's validation pictures, which is what\n"
        "Kaggle measures on the others.\n"
        "Probabilities are kept --clip away from 0 and 1. A right answer at 0.995 instead of 1 costs\n"
        "0.005, but a wrong one at 1 costs 34.5, as Kaggle computes it, and at 0.995 only 5.3.",
        ("--run runs/alexnet --test dogs-vs-cats/test.zip --out submission.csv",),
        _submit,
    ),
    "summary": Command(
        "print a network's layers, shapes, parameters and work",
        "Prints a table of a network's layers: output shapes, parameters, multiply-adds, memory.",
        ("--model alexnet227", "--run runs/classifier --batch-size 32"),
        _summary,
    ),
    "export": Command(
        "write a network as ONNX",
        "Writes a network as an ONNX file, with the names of its classes and the normalisation of its\n"
        "input in the metadata. Needs the package onnx.",
        ("--run runs/alexnet --out alexnet.onnx",),
        _export,
    ),
    "profile": Command(
        "print where a network's time goes",
        "Prints where the time goes in a network, on random images: each operation with its time,\n"
        "work and bytes.",
        ("--model resnet18 --batch-size 8 --train",),
        _profile,
    ),
    "info": Command(
        "print versions, BLAS, threads, GPU and kernels",
        "Prints what results and speed depend on: put it into reports of problems.",
        ("",),
        _nothing,
    ),
    "train": Command(
        "print where the scripts are that train networks",
        "Prints where the scripts are that train networks. They are recipes to read and copy.",
        ("",),
        _nothing,
    ),
}
