"""``submit``: writes the CSV file that Kaggle's Dogs vs. Cats asks for."""

from __future__ import annotations

import argparse

import numpy as np

from ..data import DogsVsCats
from ..output import say_last
from ..training import TestTimeFlips
from .files import check_folders, write_csv
from .labelled import LabelledPictures, open_labelled, some_of
from .measure import log_loss, measure
from .network import Network, open_network, refuse_segmenter
from .pictures import loader_of

__all__ = ["run"]

UNKNOWN = 0.5  # for a picture that cannot be read: Kaggle wants a row for each


def run(args: argparse.Namespace) -> int:
    """Writes the file, prints the validation's log loss, and returns 1 if a picture was unreadable."""
    if args.clip > 0.5:
        raise ValueError(f"submit expects --clip of at most 0.5, got {args.clip}")
    check_folders(args.out)
    network = open_network(args)
    refuse_segmenter(network, "submit")
    dog = _dog(network)
    if args.flip:
        network = network._replace(net=TestTimeFlips(network.net).eval())
    test = DogsVsCats(args.test, split="test", on_error="warn")
    unreadable = _write(network, test, dog, args)
    _print_log_loss(network, args)
    return 1 if unreadable else 0


def _dog(network: Network) -> int:
    """The number of the class whose probability Kaggle wants."""
    classes = [name.lower().removesuffix("s") for name in network.classes]  # folders: cats, dogs
    if sorted(classes) != ["cat", "dog"]:
        raise ValueError(
            f"submit needs a network with the classes cat and dog, got {some_of(network.classes)}"
        )
    return classes.index("dog")


def _write(network: Network, test: DogsVsCats, dog: int, args: argparse.Namespace) -> int:
    """Writes the answers and returns how many pictures could not be read."""
    cut = network.description.preset().cut
    ids = range(int(test.ids.max()) + 1)  # a test picture's label is its id
    pictures = LabelledPictures(test, cut, ids)
    loader = loader_of(pictures, args)
    answers = measure(network, loader, "predicting")
    labels = dict.fromkeys(test.ids.tolist(), UNKNOWN)  # in the order of the ids
    found = answers.probabilities[:, dog].clip(args.clip, 1 - args.clip)
    labels.update(zip(answers.labels.tolist(), found.tolist(), strict=True))
    rows = [(number, f"{label:.6f}") for number, label in labels.items()]
    write_csv(args.out, ("id", "label"), rows)
    values = np.array(list(labels.values()))
    print(
        f"wrote {args.out}: {len(rows)} rows, {100 * (values > 0.5).mean():.1f} % dogs, "
        f"probabilities from {values.min():.4f} to {values.max():.4f}",
        flush=True,
    )
    if answers.left_out:
        say_last(f"pictures that cannot be read and have the label {UNKNOWN}: {answers.left_out}")
    return answers.left_out


def _print_log_loss(network: Network, args: argparse.Namespace) -> None:
    """What the clipping does on pictures whose class is known, if they can be found."""
    try:
        pictures, what = open_labelled(network, args.run_folder, args.data)
    except (OSError, ValueError) as error:
        print(f"no log loss: {error}")
        return
    loader = loader_of(pictures, args)
    measured = measure(network, loader, "validating")
    right = (measured.probabilities.argmax(1) == measured.labels).mean()
    print(
        f"log loss on {what}: {log_loss(measured, args.clip):.4f}, unclipped {log_loss(measured):.4f}; "
        f"accuracy {100 * right:.1f} %"
    )
