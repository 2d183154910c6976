"""``predict``: classifies pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import viz
from ..data import BrokenPicture
from ..output import say_last
from ..tensor import Tensor
from ..viz.pixels import to_picture
from .files import check_folders, check_picture_name, write_csv, write_picture
from .network import Network, open_network, refuse_segmenter
from .pictures import Pictures, batches, loader_of
from .sheet import SIDE, Cell, draw_sheet
from .table import table

__all__ = ["run"]

LARGEST_SHEET = 200  # pictures: with heat maps 17,000 pixels high


class Answer(NamedTuple):
    """A picture's name, and its most probable classes, the first one first."""

    name: str
    classes: np.ndarray
    probabilities: np.ndarray


def run(args: argparse.Namespace) -> int:
    """Prints a table, writes what is asked for, and returns 1 if a picture could not be read."""
    check_folders(args.csv, args.sheet)
    if args.sheet is not None:
        check_picture_name(args.sheet)
    network = open_network(args)
    refuse_segmenter(network, "predict")
    pictures = Pictures(args.pictures, network.description.preset().cut)
    loader = loader_of(pictures, args)
    top = min(args.top, len(network.classes))
    answers: list[Answer] = []
    cells: list[Cell] = []
    for images, numbers in batches(loader, "predicting"):
        found = network.probabilities(images).cpu().numpy()
        names = [pictures.describe(int(number)) for number in numbers]
        new = [_answer(*pair, top) for pair in zip(names, found, strict=True)]
        answers += new
        if args.sheet is not None:
            room = LARGEST_SHEET - len(cells)
            cells += _cells(network, images[:room], new[:room], args.explain)
    if not answers:
        raise BrokenPicture("none of the pictures can be read")
    print(_table(network, answers))
    if args.csv is not None:
        write_csv(args.csv, ("picture", "rank", "class", "probability"), _rows(network, answers))
    if args.sheet is not None:
        write_picture(draw_sheet(cells), args.sheet)
        if len(cells) < len(answers):
            say_last(f"{args.sheet} has the first {len(cells)} of {len(answers)} pictures")
    if loader.skipped:
        say_last(f"{len(loader.skipped)} of {len(pictures)} pictures left out: they cannot be read")
    return 1 if loader.skipped else 0


def _answer(name: str, probabilities: np.ndarray, top: int) -> Answer:
    classes = np.argsort(-probabilities, kind="stable")[:top]
    return Answer(name, classes, probabilities[classes])


def _cells(network: Network, images: Tensor, answers: list[Answer], explain: bool) -> list[Cell]:
    """Cells of a sheet, each with what the network saw, and with its heat map if it is asked for."""
    if not answers:
        return []
    shown = [list(images)]
    if explain:
        maps = viz.grad_cam(network.net, network.prepare(images)).cpu()
        pairs = zip(images, maps, strict=True)
        shown.append([viz.overlay_heat_map(image, heat) for image, heat in pairs])
    return [
        Cell(
            [to_picture(image).resize((SIDE, SIDE)) for image in seen],
            Path(answer.name).name,
            network.classes[answer.classes[0]],
            int(answer.classes[0]),
            float(answer.probabilities[0]),
        )
        for answer, *seen in zip(answers, *shown, strict=True)
    ]


def _rows(network: Network, answers: list[Answer]) -> list[tuple[Any, ...]]:
    return [
        (answer.name, rank, network.classes[number], f"{probability:.6f}")
        for answer in answers
        for rank, (number, probability) in enumerate(zip(*answer[1:], strict=True), start=1)
    ]


def _table(network: Network, answers: list[Answer]) -> str:
    rows = [
        (name if rank == 1 else "", answer, f"{100 * float(probability):.1f}")
        for name, rank, answer, probability in _rows(network, answers)
    ]
    return table(("picture", "class", "%"), rows, numbers=(2,))
