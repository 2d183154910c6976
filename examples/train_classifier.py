"""Train or fine-tune one of the classification networks on pictures in a folder for each class.

    python examples/train_classifier.py                                     # draws its own pictures
    python examples/train_classifier.py --model resnet34 --data flowers --weights DEFAULT --freeze
    python examples/train_classifier.py --model googlenet --data imagenet:ILSVRC2012 --epochs 90

--data is a folder with train/CLASS/… and val/CLASS/…, or with CLASS/…, of which a share of each
class is set aside. imagenet:FOLDER is ImageNet, whole or some of its classes: its tars as they are
published, folders of classes, or Kaggle's ILSVRC. --out gets metrics.json, last.ckpt and best.ckpt.
--weights names published weights, which are downloaded once, or a file; the last layer becomes one
for the classes at hand. --limit tries a large network on some of the pictures.
"""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":  # until the run handles Ctrl-C
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import argparse
import functools
from pathlib import Path

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import data, models, nn, optim, training, transforms
from minicnn.data.drawn import draw_dogs_vs_cats

CLASSIFIERS = models.list_models(models)
# of whole batches, on the device: pictures are moved there as bytes
NORMALIZE = transforms.NormalizeImages((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# defaults of the command line
PHOTOS = {"epochs": 10, "batch_size": 64, "lr": 3e-4, "size": 224}
DRAWN = {"epochs": 8, "batch_size": 32, "lr": 1e-3, "size": 64}
AUXILIARY = 0.3  # weight of each auxiliary loss, as in GoogLeNet's paper


def parse_arguments() -> argparse.Namespace:
    parser = training.ArgumentParser(__doc__)
    add = parser.add_argument
    source = training.data_source("imagenet")
    drawn = "without it, cats and dogs are drawn"
    add("--data", type=source, metavar="[imagenet:]FOLDER", help=drawn)
    names = f"{', '.join(CLASSIFIERS)} (%(default)s)"
    add("--model", choices=CLASSIFIERS, default="resnet18", metavar="NAME", help=names)
    add("--weights", help="to start from: the name of published ones, such as DEFAULT, or a file")
    add("--freeze", action="store_true", help="train the last layers alone")
    share = "if there is no val folder (%(default)s)"
    add("--val-fraction", type=training.fraction, default=0.2, metavar="SHARE", help=share)
    limit = "use N of the pictures; where train and val lie apart, N of each"
    add("--limit", type=training.at_least(2), metavar="N", help=limit)
    training.add_arguments(parser, "runs/classifier", PHOTOS, DRAWN)
    args = parser.parse_args()
    defaults = PHOTOS if args.data else DRAWN
    training.fill_in(args, {**defaults, "size": size_for(args, defaults["size"])})
    if args.freeze and not args.weights:
        parser.error("--freeze needs --weights: what is frozen must have been trained")
    if args.data and not args.data.kind and not has_parts(args.data.path):
        training.refuse_out_inside(parser, args.out, [args.data.path])
    return args


def size_for(args: argparse.Namespace, usual: int) -> int:
    """Pixels of the images where none are given: ``usual`` if the network and its weights allow."""
    if args.model == "alexnet227":
        return 227
    published = models.get_model_weights(args.model)
    weights = published.__members__.get(args.weights or "", published["DEFAULT"])
    trained_on = weights.transforms().crop_size[0]
    if args.data:
        return trained_on if args.weights or args.model == "inception_v3" else usual
    if args.model.startswith("vit_"):  # untrained, it is made for any size
        return trained_on if args.weights else usual
    return max(usual, weights.meta["min_size"][0])


def open_pictures(
    run: training.Run, args: argparse.Namespace
) -> tuple[data.Dataset, data.Dataset, list[str]]:
    """The training and the validation pictures, which the run records, and the classes' names."""
    if args.data and args.data.kind == "imagenet":
        return open_imagenet(run, args)
    load = functools.partial(data.load_picture, on_error="warn")
    folder = args.data.path if args.data else args.out / f"drawn-seed-{args.seed}"
    if args.data and has_parts(folder):
        train, val = (data.ImageFolder(folder / part, loader=load) for part in ("train", "val"))
        if train.classes != val.classes:
            raise ValueError(
                f"train and val in {folder} must have the same classes, got "
                f"{', '.join(train.classes)} and {', '.join(val.classes)}"
            )
        classes = train.classes
        train, val = limited(train, args), limited(val, args)
    else:
        if args.data:
            refuse_train_alone(folder)
            pictures = data.ImageFolder(folder, loader=load)
        else:
            print("No --data: 800 drawn cats and dogs to train on", flush=True)
            pictures = data.DogsVsCats(draw_dogs_vs_cats(folder, seed=args.seed), on_error="warn")
        train, val = data.stratified_split(limited(pictures, args), args.val_fraction, args.seed)
        classes = pictures.classes
    if len(classes) < 2:
        raise ValueError(f"{folder} must have a folder for each class, got only {classes[0]!r}")
    run.record(classes=classes)
    return *run.split(train, val), classes


def has_parts(folder: Path) -> bool:
    """Whether the pictures to train on and to validate lie apart."""
    return (folder / "train").is_dir() and (folder / "val").is_dir()


def limited(pictures: data.Dataset, args: argparse.Namespace) -> data.Dataset:
    """As many of the pictures as --limit allows, equally many of each class."""
    return data.balanced_subset(pictures, args.limit, args.seed) if args.limit else pictures


def open_imagenet(
    run: training.Run, args: argparse.Namespace
) -> tuple[data.Dataset, data.Dataset, list[str]]:
    """ImageNet's two parts, which are published: the run need not record who is in which."""
    folder = args.data.path
    train = data.ImageNet(folder, "train", on_error="warn")
    val = data.ImageNet(folder, "val", wnids=train.wnids, on_error="warn")
    classes = [f"{wnid} {names[0]}" for wnid, names in zip(train.wnids, train.classes)]
    if len(classes) < 2:
        raise ValueError(f"{folder} must have two classes or more, got only {classes[0]!r}")
    train, val = limited(train, args), limited(val, args)
    run.record(classes=classes, train_pictures=len(train), val_pictures=len(val))
    return train, val, classes


def load_batches(
    train: data.Dataset, val: data.Dataset, args: argparse.Namespace
) -> tuple[data.DataLoader, data.DataLoader]:
    """Loaders of the training pictures, cropped and flipped at random, and of the others."""
    augment = [transforms.RandomResizedCrop(args.size), transforms.RandomHorizontalFlip()]
    middle = [transforms.Resize(resized(args.size)), transforms.CenterCrop(args.size)]
    to_bytes = transforms.PILToTensor()
    train, val = training.cached(args, train, val)
    train = data.TransformDataset(train, transforms.Compose([*augment, to_bytes]))
    val = data.TransformDataset(val, transforms.Compose([*middle, to_bytes]))
    options = {"batch_size": args.batch_size, "num_workers": args.workers}
    # batch norm needs a variance, which a last batch of one picture may not have
    drop_last = len(train) > args.batch_size
    train_loader = data.DataLoader(train, shuffle=True, drop_last=drop_last, **options)
    return train_loader, data.DataLoader(val, **options)


def resized(size: int) -> int:
    """Pixels of the shorter side of a picture from whose middle ``size`` pixels are cut."""
    return round(size * 256 / 224)


def refuse_train_alone(folder: Path) -> None:
    """Raises a ValueError for a folder ``train`` without ``val``; it would pass for a class."""
    train = folder / "train"
    if train.is_dir() and any(path.is_dir() for path in train.iterdir()):
        raise ValueError(
            f"{folder} has a folder train, but none of the name val beside it; with --data {train} "
            "a share of its pictures is set aside to validate"
        )


def build(args: argparse.Namespace, num_classes: int) -> nn.Module:
    """The network, with a last layer for these classes."""
    options = {"image_size": args.size} if args.model.startswith("vit_") else {}
    if args.model == "inception_v3" and args.size < 299:  # too small for the auxiliary classifier
        options = {"aux_logits": False}
    if args.weights is None:
        return models.get_model(args.model, num_classes=num_classes, **options).to(args.device)
    options |= options_of_run(args)
    net = models.get_model(args.model, weights=args.weights, **options)
    models.replace_head(net, num_classes)
    if args.freeze:
        models.freeze(net)
    return net.to(args.device)


def options_of_run(args: argparse.Namespace) -> dict:
    """How the network of an earlier run was built, if --weights is a file in its folder."""
    folder = Path(args.weights).parent
    if not (Path(args.weights).is_file() and (folder / "metrics.json").is_file()):
        return {}
    network, _ = training.read_run(folder)
    if network.model != args.model:
        raise ValueError(f"{args.weights} has the weights of {network.model}, got {args.model}")
    return {"num_classes": len(network.classes), **network.options}


def describe(
    net: nn.Module, classes: list[str], args: argparse.Namespace
) -> training.NetworkDescription:
    """What `python -m minicnn predict --run` has to know of the network."""
    own = {"transform_input": net.transform_input} if hasattr(net, "transform_input") else {}
    return training.NetworkDescription(
        args.model, classes, resize=resized(args.size), crop=args.size, options=own
    )


def loss_of(outputs: mc.Tensor | tuple[mc.Tensor, ...], labels: mc.Tensor) -> mc.Tensor:
    """Cross-entropy; in training the auxiliary classifiers of GoogLeNet and Inception add theirs."""
    if isinstance(outputs, mc.Tensor):
        return F.cross_entropy(outputs, labels)
    main, *auxiliary = (F.cross_entropy(logits, labels) for logits in outputs)
    return main + AUXILIARY * sum(auxiliary)


def start(
    run: training.Run,
    net: nn.Module,
    train_loader: data.DataLoader,
    val_loader: data.DataLoader,
    args: argparse.Namespace,
) -> None:
    """Starts or resumes the run with everything that has a state."""
    trained = [weight for weight in net.parameters() if weight.requires_grad]
    optimizer = optim.AdamW(trained, lr=args.lr, weight_decay=0.01)
    steps_per_epoch = len(train_loader)
    total_steps = args.epochs * steps_per_epoch
    warmup_steps = min(steps_per_epoch, total_steps // 2)  # one epoch
    schedule = optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps, total_steps)
    meter = training.ClassificationMeter()  # of the current epoch
    loaders = (train_loader, val_loader)
    run.start(loaders, net=net, optimizer=optimizer, schedule=schedule, meter=meter)


def train(
    run: training.Run,
    train_loader: data.DataLoader,
    val_loader: data.DataLoader,
    num_classes: int,
    args: argparse.Namespace,
) -> None:
    """Trains until all epochs are done."""
    net, optimizer, schedule = (run.parts[name] for name in ("net", "optimizer", "schedule"))
    half_precision = training.mixed_precision(args)
    criterion = half_precision(loss_of)

    @half_precision
    def predict(images: mc.Tensor) -> mc.Tensor | tuple[mc.Tensor, ...]:
        return net(NORMALIZE(images.to(args.device)))

    def step(images: mc.Tensor, labels: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor, mc.Tensor]:
        outputs, labels = predict(images), labels.to(args.device)
        loss = criterion(outputs, labels)
        optimizer.zero_grad()
        training.backward(loss)
        optimizer.step()
        schedule.step()
        return loss, getattr(outputs, "logits", outputs), labels

    def validate() -> dict:
        return training.validate_classifier(val_loader, predict, criterion)

    plateau = training.PlateauWatch(num_classes, window=min(max(len(train_loader), 20), 100))
    training.fit(run, train_loader, step, validate, plateau)


def main() -> None:
    args = parse_arguments()
    with training.open_run(args, training.MAY_DIFFER) as run:
        with training.first_rank_first():  # it makes files that the others then find
            train_pictures, val_pictures, classes = open_pictures(run, args)
            net = build(args, len(classes))
        train_loader, val_loader = load_batches(train_pictures, val_pictures, args)
        training.try_network(net, args)
        run.describe_network(describe(net, classes, args))
        start(run, net, train_loader, val_loader, args)
        print(
            f"{args.model} on {args.device}: {len(train_pictures)} pictures of {len(classes)} "
            f"classes to train on, {len(val_pictures)} to validate; {args.epochs} epochs, batch "
            f"{args.batch_size}, {args.size} px, peak lr {args.lr}",
            flush=True,
        )
        train(run, train_loader, val_loader, len(classes), args)
        best = run.metrics["best"]
        print(
            f"best after epoch {best['epoch']}: {100 * best['val_accuracy']:.1f} % of "
            f"{best['val_pictures']} validation pictures; {run.left_out}; results are in {args.out}"
        )


if __name__ == "__main__":
    main()
