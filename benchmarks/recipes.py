"""What each part of train_alexnet.py's recipe is worth: short trainings in which one part is another.

    python benchmarks/recipes.py --data dogs-vs-cats --json benchmarks/results/dogs-vs-cats/recipes.json

AlexNet at 115 px, whose first linear layer is a ninth as large as at 227 px, learns for three epochs.
The learning rates rise for half an epoch and fall along a cosine. The validation pictures are the same
for all. Two rows differ in their seed alone: a difference as small as theirs is chance. In the column
*mirrored* the probabilities for an image and its mirror image are averaged, after the last epoch.
--json is written after each recipe, and a second call goes on after the last. It is refused if it has
other epochs, another --limit, or pictures from another place or another number of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from common import markdown_table, print_environment, write_json

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import data, nn, optim, training, transforms
from minicnn.cli.files import check_folders
from minicnn.models import AlexNet227
from minicnn.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

RESIZE, CROP = 128, 115
VAL_FRACTION, WORKERS = 0.1, 2
NORMALIZE = transforms.NormalizeImages((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

Samples = list[tuple[Any, int]]  # pictures with their classes


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the defaults are those of train_alexnet.py.

    Attributes:
        muon_lr: Muon's rate for the convolutions, or None for the AdamW of the other layers.
        first_logits: the standard deviation of the first logits, to which the weights are fitted, or
            None for Kaiming's weights.
        smallest_crop: the least share of the area that a random crop has before it is resized, or None
            for crops that are as large as the network's images.
        mixup: the parameter of MixUp's distribution, or None.
        average: the decay of an average of the weights, which then answers, or None.
    """

    muon_lr: float | None = 0.01
    first_logits: float | None = 0.1
    batch_size: int = 64
    label_smoothing: float = 0.1
    dropout: float = 0.5
    smallest_crop: float | None = None
    mixup: float | None = None
    average: float | None = None
    seed: int = 0


USUAL = Recipe()
RECIPES = {
    "the recipe": USUAL,
    "another seed": replace(USUAL, seed=1),
    "AdamW, Kaiming's weights": replace(USUAL, muon_lr=None, first_logits=None),
    "AdamW": replace(USUAL, muon_lr=None),
    "Kaiming's weights": replace(USUAL, first_logits=None),
    "first logits of deviation 1": replace(USUAL, first_logits=1.0),
    "Muon at 0.02": replace(USUAL, muon_lr=0.02),
    "Muon at 0.005": replace(USUAL, muon_lr=0.005),
    "batches of 32": replace(USUAL, batch_size=32),
    "batches of 128": replace(USUAL, batch_size=128),
    "no label smoothing": replace(USUAL, label_smoothing=0.0),
    "dropout 0.2": replace(USUAL, dropout=0.2),
    "crops of 35 to 100 % of the area": replace(USUAL, smallest_crop=0.35),
    "MixUp 0.2": replace(USUAL, mixup=0.2),
    "averaged weights, 0.998": replace(USUAL, average=0.998),
}


def open_pictures(paths: list[Path], limit: int | None) -> data.Dataset:
    """The pictures that are used, whose shorter side is ``RESIZE`` pixels long."""
    pictures = data.DogsVsCats(paths, transform=transforms.Resize(RESIZE), on_error="warn")
    if len(set(pictures.targets)) < 2:
        raise ValueError(f"there must be cats and dogs to train on, got {pictures}")
    return data.balanced_subset(pictures, limit) if limit else pictures


def decoded(pictures: data.Dataset) -> list[Samples]:
    """The training and the validation pictures; broken ones are left out."""
    loaders = [
        data.DataLoader(part, 100, num_workers=WORKERS, collate_fn=list)
        for part in data.stratified_split(pictures, VAL_FRACTION)
    ]
    parts = [[sample for samples in loader for sample in samples] for loader in loaders]
    for part, name in zip(parts, ("training", "validation"), strict=True):
        if not part:
            raise data.BrokenPicture(f"none of the {name} pictures can be read")
    return parts


def make_loaders(
    pictures: list[Samples], recipe: Recipe
) -> tuple[data.DataLoader, data.DataLoader]:
    """Loaders of the training pictures, cropped and flipped at random, and of the others."""
    crop: Any = transforms.RandomCrop(CROP)
    if recipe.smallest_crop:
        crop = transforms.RandomResizedCrop(CROP, scale=(recipe.smallest_crop, 1.0))
    augment = [crop, transforms.RandomHorizontalFlip(), transforms.PILToTensor()]
    middle = [transforms.CenterCrop(CROP), transforms.PILToTensor()]
    parts = [
        data.TransformDataset(part, transforms.Compose(steps))
        for part, steps in zip(pictures, (augment, middle), strict=True)
    ]
    options = {"batch_size": recipe.batch_size, "num_workers": WORKERS}
    return data.DataLoader(parts[0], shuffle=True, **options), data.DataLoader(parts[1], **options)


def make_network(recipe: Recipe, batch: mc.Tensor) -> nn.Module:
    """AlexNet for images of 115 px, with its first weights."""
    whole = AlexNet227(num_classes=2, dropout=recipe.dropout)
    classifier = whole.classifier
    classifier[1] = nn.Linear(256 * 2 * 2, classifier[1].out_features)
    nn.init.kaiming_normal_(classifier[1].weight, nonlinearity="relu")
    nn.init.zeros_(classifier[1].bias)
    net = nn.Sequential(whole.features, nn.Flatten(), classifier)
    if recipe.first_logits:
        training.lsuv_(net, batch, last=recipe.first_logits)
    return net


def make_optimizer(recipe: Recipe, net: nn.Module) -> optim.Optimizer:
    """The optimizer of train_alexnet.py, or its AdamW for all parameters."""
    if recipe.muon_lr is None:
        return optim.AdamW(net.parameters(), lr=3e-4, weight_decay=0.05)
    filters = [p for p in net.parameters() if p.ndim == 4]
    others = [p for p in net.parameters() if p.ndim != 4]
    adamw = optim.AdamW(others, lr=3e-4, weight_decay=0.05)
    return optim.Combined(adamw, optim.Muon(filters, lr=recipe.muon_lr, weight_decay=0.01))


def train(pictures: list[Samples], recipe: Recipe, epochs: int) -> Iterator[dict[str, Any]]:
    """Yields the accuracy, the one with mirrored images, and the seconds of each epoch."""
    mc.manual_seed(recipe.seed)
    loader, val_loader = make_loaders(pictures, recipe)
    batch, _ = next(iter(loader))
    net = make_network(recipe, NORMALIZE(batch))
    optimizer = make_optimizer(recipe, net)
    steps = epochs * len(loader)
    schedule = optim.lr_scheduler.CosineWithWarmup(optimizer, len(loader) // 2, steps)
    mix = transforms.MixUp(alpha=recipe.mixup, num_classes=2) if recipe.mixup else None
    answering = net
    if recipe.average:
        answering = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(recipe.average))
    for _ in range(epochs):
        start = time.perf_counter()
        net.train()
        for batch, labels in loader:
            images, targets = NORMALIZE(batch), labels
            if mix:
                images, targets = mix(images, targets)
            optimizer.zero_grad()
            loss = F.cross_entropy(net(images), targets, label_smoothing=recipe.label_smoothing)
            loss.backward()
            optimizer.step()
            schedule.step()
            if recipe.average:
                answering.update_parameters(net)
        seconds = time.perf_counter() - start
        yield {
            "accuracy": accuracy(answering, val_loader),
            "mirrored": accuracy(training.TestTimeFlips(answering), val_loader),
            "seconds": seconds,
        }


def accuracy(net: nn.Module, loader: data.DataLoader) -> float:
    """The share of right answers, between 0 and 1."""
    net.eval()
    with mc.no_grad():
        found = training.validate_classifier(
            loader, lambda batch: net(NORMALIZE(batch)), F.cross_entropy
        )
    return found["val_accuracy"]


def read_rows(path: Path | None, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an earlier call, if there are any.

    Raises:
        ValueError: if the file has none, or they were measured with other settings or recipes.
    """
    if path is None or not path.exists():
        return []
    try:
        found = json.loads(path.read_text())
        measured_with, rows = found["settings"], found["rows"]
        recipes = [(row["name"], row["recipe"]) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"--json must be a new file or one of recipes.py, got {path}") from error
    if measured_with != settings:
        raise ValueError(f"{path} was measured with {measured_with}, now it is {settings}")
    for name, recipe in recipes:
        if name not in RECIPES or recipe != asdict(RECIPES[name]):
            raise ValueError(f"{path} was measured by another recipe of the name {name!r}")
    return rows  # type: ignore[no-any-return]


def print_table(rows: list[dict[str, Any]]) -> None:
    """Prints a line for each recipe."""
    epochs = range(1, 1 + max(len(row["epochs"]) for row in rows))
    header = ["changed", *(f"epoch {epoch}, %" for epoch in epochs), "mirrored, %", "s an epoch"]
    lines = []
    for row in rows:
        found = [f"{100 * epoch['accuracy']:.1f}" for epoch in row["epochs"]]
        last = row["epochs"][-1]
        mean = sum(epoch["seconds"] for epoch in row["epochs"]) / len(found)
        lines.append([row["name"], *found, f"{100 * last['mirrored']:.1f}", f"{mean:.0f}"])
    print(markdown_table(header, lines))


def parse_arguments() -> argparse.Namespace:
    parser = training.ArgumentParser(__doc__)
    add = parser.add_argument
    add("--data", nargs="+", type=Path, required=True, metavar="PATH", help="zips, folders")
    epochs = "of each recipe (%(default)s)"
    add("--epochs", type=training.at_least(1), default=3, metavar="N", help=epochs)
    add("--limit", type=training.at_least(4), metavar="N", help="use N of the pictures")
    names = "some of: " + "; ".join(RECIPES).replace("%", "%%")
    add("--only", nargs="+", choices=RECIPES, metavar="NAME", help=names)
    add("--json", type=Path, metavar="FILE", help="also write the result to this file")
    return parser.parse_args()


def how_to_go_on(path: Path | None) -> str:
    """What is printed after Ctrl-C."""
    if path is None:
        return "stopped; with --json FILE, a second call goes on after the last recipe"
    return f"stopped; the same command goes on after the finished recipes, which {path} keeps"


def main() -> None:
    args = parse_arguments()
    with training.script(lambda: how_to_go_on(args.json)):
        check_folders(args.json)
        pictures = open_pictures(args.data, args.limit)
        settings = {"epochs": args.epochs, "limit": args.limit}
        settings |= {"data": [str(path) for path in args.data], "pictures": len(pictures)}
        rows = read_rows(args.json, settings)
        measured = {row["name"] for row in rows}
        left = [name for name in dict.fromkeys(args.only or RECIPES) if name not in measured]
        parts = decoded(pictures) if left else []
        for name in left:
            row: dict[str, Any] = {"name": name, "recipe": asdict(RECIPES[name]), "epochs": []}
            for epoch in train(parts, RECIPES[name], args.epochs):
                row["epochs"].append(epoch)
                percent, seconds = 100 * epoch["accuracy"], epoch["seconds"]
                print(f"{name}: {percent:.1f} %, {seconds:.0f} s", flush=True)
            rows.append(row)
            if args.json:
                write_json(args.json, {"settings": settings, "rows": rows})
        print()
        print_table(rows)
        print_environment()


if __name__ == "__main__":
    main()
