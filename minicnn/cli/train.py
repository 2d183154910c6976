"""``train``: prints that the examples train, and where they are."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["run"]

SCRIPTS = {
    "train_alexnet.py": "AlexNet from scratch, to tell cats from dogs",
    "train_classifier.py": "any classifier, on a folder of pictures for each class, or ImageNet",
    "train_segmentation.py": "FCN, which classifies every pixel",
}
EXAMPLES = Path(__file__).parents[2] / "examples"  # in a clone; a package has none beside it


def run(args: argparse.Namespace) -> int:
    """Prints where the scripts are; returns 2 if options were given, as nothing was trained."""
    print("Training is done by scripts, which are recipes to read, to copy and to change:\n")
    here = (EXAMPLES / "train_alexnet.py").is_file()
    for name, what in SCRIPTS.items():
        print(f"  {EXAMPLES / name if here else 'examples/' + name}\n      {what}")
    if here:
        print(f"\nThe first one, without any options: python {EXAMPLES / 'train_alexnet.py'}")
    else:
        print(
            "\nThey are not part of the installed package. They are in the folder examples/ of\n"
            "minicnn's source code, from which this package was built."
        )
    print("\nThe folder that they write (--out) is what the other commands take as --run.")
    return 2 if args.options else 0
