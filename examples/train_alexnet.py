"""Train AlexNet from scratch to tell cats from dogs.

    python examples/train_alexnet.py                      # draws its own pictures
    python examples/train_alexnet.py --data dogs-vs-cats.zip --epochs 10 --out runs/alexnet

--data takes what people have of Kaggle's Dogs vs. Cats: its zip, train.zip, several zips, extracted
folders, or Microsoft's PetImages. --out gets metrics.json, last.ckpt and best.ckpt and, where
matplotlib is installed, curves.png, confusion.png and predictions.png.
"""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":  # until the run handles Ctrl-C
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import argparse
from itertools import islice

import numpy as np

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import data, nn, optim, training, transforms, viz
from minicnn.data.drawn import draw_dogs_vs_cats
from minicnn.models import AlexNet227

CLASSES = ("cat", "dog")
TRAIN_TRANSFORM = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.RandomCrop(227),
        transforms.RandomHorizontalFlip(),
        transforms.PILToTensor(),
    ]
)
VAL_TRANSFORM = transforms.Compose(
    [transforms.Resize(256), transforms.CenterCrop(227), transforms.PILToTensor()]
)
# of whole batches, on the device: pictures are moved there as bytes
NORMALIZE = transforms.NormalizeImages((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# what `python -m minicnn predict --run` has to know of the network
NETWORK = training.NetworkDescription("alexnet227", CLASSES, resize=256, crop=227)
# defaults of the command line
PHOTOS = {"epochs": 10, "batch_size": 64, "lr": 3e-4, "val_fraction": 0.1}
DRAWN = {"epochs": 4, "batch_size": 32, "lr": 2e-4, "val_fraction": 0.2}
MUON_LR = 0.01  # the convolutions' peak rate, where --lr is that of the others
# settings that may change when a run is resumed; the others would change its result
MAY_DIFFER = (*training.MAY_DIFFER, "test", "test_count")


def parse_arguments() -> argparse.Namespace:
    parser = training.ArgumentParser(__doc__)
    add = parser.add_argument
    add("--data", nargs="+", metavar="PATH", help="zips, folders; without it, pictures are drawn")
    training.add_arguments(parser, "runs/alexnet", PHOTOS, DRAWN)
    training.add_gpu_arguments(parser)
    optimizers = f"muon: for the convolutions, at {MUON_LR}, adamw for the rest; sgd: --lr is 0.01"
    add("--optimizer", choices=("muon", "adamw", "sgd"), default="muon", help=optimizers)
    inits = "lsuv: fitted to pictures; paper hardly ever trains"
    add("--init", choices=("lsuv", "kaiming", "paper"), default="lsuv", help=inits)
    add("--limit", type=training.at_least(4), metavar="N", help="use N of the pictures")
    add("--test", metavar="PATH", help="pictures for predictions.png")
    count = "how many (%(default)s)"
    add("--test-count", type=training.at_least(1), default=10, metavar="N", help=count)
    args = parser.parse_args()
    training.refuse_out_inside(parser, args.out, args.data or [])
    if args.lr is None and args.optimizer == "sgd":
        args.lr = 0.01
    training.fill_in(args, PHOTOS if args.data else DRAWN)
    return args


def open_pictures(run: training.Run, args: argparse.Namespace) -> training.PictureLoaders:
    """Loaders of the training and the validation pictures, which are drawn if none are given."""
    if args.data is None:
        count = args.limit or 800
        print(
            f"No --data: {count} drawn cats and dogs to train on. For photographs, accept the "
            "rules at https://www.kaggle.com/c/dogs-vs-cats/data, download dogs-vs-cats.zip and "
            "give --data dogs-vs-cats.zip"
        )
        folder = args.out / f"drawn-{count}-seed-{args.seed}"
        args.data = [str(draw_dogs_vs_cats(folder, per_class=-(-count // 2), seed=args.seed))]
    pictures = data.DogsVsCats(args.data, on_error="warn")
    if len(set(pictures.targets)) < 2:
        raise ValueError(f"there must be cats and dogs to train on, got {pictures}")
    if args.limit:
        pictures = data.balanced_subset(pictures, args.limit, args.seed)
    train, val = run.split(*data.stratified_split(pictures, args.val_fraction, args.seed))
    train, val = training.cached(args, train, val)
    return training.picture_loaders(args, (train, TRAIN_TRANSFORM), (val, VAL_TRANSFORM), NORMALIZE)


def make_network(loaders: training.PictureLoaders, args) -> nn.Module:
    """AlexNet with its first weights."""
    init = "kaiming" if args.init == "lsuv" else args.init
    net = AlexNet227(num_classes=len(CLASSES), init=init).to(args.device)
    if args.init == "lsuv":
        for batch, *_ in islice(loaders.train, 1):  # none if all pictures are broken
            training.lsuv_(net, loaders.images(batch.to(args.device)), last=0.1)
    return net


def make_optimizer(net: nn.Module, args) -> optim.Optimizer:
    if args.optimizer == "sgd":
        return optim.SGD(net.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4)
    if args.optimizer == "adamw":
        return optim.AdamW(net.parameters(), lr=args.lr, weight_decay=0.01)
    filters = [p for p in net.parameters() if p.ndim == 4]
    others = [p for p in net.parameters() if p.ndim != 4]
    adamw = optim.AdamW(others, lr=args.lr, weight_decay=0.05)
    return optim.Combined(adamw, optim.Muon(filters, lr=MUON_LR, weight_decay=0.01))


def start(run: training.Run, net: nn.Module, loaders: training.PictureLoaders, args) -> None:
    """Starts or resumes the run with everything that has a state."""
    optimizer = make_optimizer(net, args)
    total_steps = args.epochs * len(loaders.train)
    warmup_steps = min(len(loaders.train), total_steps // 2)  # one epoch
    schedule = optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps, total_steps)
    meter = training.ClassificationMeter()  # of the current epoch
    parts = {"net": net, "optimizer": optimizer, "schedule": schedule, "meter": meter}
    run.start((loaders.train, loaders.val), **parts)


def train(run: training.Run, loaders: training.PictureLoaders, args) -> None:
    """Trains until all epochs are done."""
    net, optimizer, schedule = (run.parts[name] for name in ("net", "optimizer", "schedule"))
    half_precision = training.mixed_precision(args)

    def predict(batch: mc.Tensor) -> mc.Tensor:
        with half_precision:
            return net(loaders.images(batch)).float()

    def update(batch: mc.Tensor, labels: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor, mc.Tensor]:
        optimizer.zero_grad()
        logits = predict(batch)
        loss = F.cross_entropy(logits, labels, label_smoothing=0.1)
        with optim.step_in_backward(optimizer):
            training.backward(loss)
        return loss, logits, labels

    # on a GPU, each becomes one CUDA graph
    update, evaluate = training.captured(update, args), training.captured(predict, args)

    def step(*batch: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor, mc.Tensor]:
        results = update(*batch)
        schedule.step()
        return results

    def validate() -> dict:
        return training.validate_classifier(loaders.val, evaluate, F.cross_entropy)

    plateau = training.PlateauWatch(
        num_classes=len(CLASSES), window=min(max(len(loaders.train), 20), 100)
    )
    training.fit(run, loaders.train, step, validate, plateau)


def draw_curves(run: training.Run, args) -> None:
    """Writes curves.png and confusion.png."""
    epochs, best = run.metrics["epochs"], run.metrics["best"]
    title = f"{100 * best['val_accuracy']:.1f} % of {best['val_pictures']} right"
    confusion = np.array(best["val_confusion"])
    with training.optional("curves.png"):
        viz.plot_curves(epochs, args.out / "curves.png", "AlexNet at 227 px, cats and dogs")
    with training.optional("confusion.png"):
        viz.plot_confusion(confusion, CLASSES, args.out / "confusion.png", title)


def draw_predictions(net: nn.Module, test: data.DogsVsCats | None, val: data.Dataset, args) -> None:
    """Writes predictions.png, with test pictures if there are any."""
    images, labels, names = data.evenly_spaced(test or val, args.test_count)
    net.eval()
    with mc.no_grad():
        batch = mc.stack([VAL_TRANSFORM(image) for image in images])
        logits = net(NORMALIZE(batch.to(args.device)))
        probabilities = F.softmax(logits, dim=1).cpu().numpy()
    truth = None if test else labels
    viz.plot_predictions(images, probabilities, CLASSES, args.out / "predictions.png", names, truth)


def main() -> None:
    args = parse_arguments()
    with training.open_run(args, MAY_DIFFER) as run:
        with training.first_rank_first():
            loaders = open_pictures(run, args)
        test = data.DogsVsCats(args.test, split="test") if args.test else None
        test = test or data.find_test_pictures(args.data)
        net = make_network(loaders, args)
        run.describe_network(NETWORK)
        if args.optimizer == "muon":
            run.record(muon_lr=MUON_LR)
        start(run, net, loaders, args)
        print(
            f"AlexNet on {args.device}: {len(loaders.train.dataset)} pictures to train on, "
            f"{len(loaders.val.dataset)} to validate; {args.epochs} epochs, batch "
            f"{args.batch_size}, {args.optimizer}, peak lr {args.lr}",
            flush=True,
        )
        train(run, loaders, args)
        if not training.is_first():
            return

        net.load_state_dict(mc.load(args.out / "best.ckpt")["net"])
        draw_curves(run, args)
        with training.optional("predictions.png"):
            draw_predictions(net, test, loaders.val.dataset.dataset, args)
        best = run.metrics["best"]
        print(
            f"best after epoch {best['epoch']}: {100 * best['val_accuracy']:.1f} % of "
            f"{best['val_pictures']} validation pictures; {run.left_out}; results are in {args.out}"
        )


if __name__ == "__main__":
    main()
