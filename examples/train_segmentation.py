"""Train a network, such as FCN, to name every pixel of a picture.

    python examples/train_segmentation.py                                # draws its own pictures
    python examples/train_segmentation.py --data VOCdevkit --weights-backbone DEFAULT
    python examples/train_segmentation.py --data VOCdevkit --model fcn8s --weights-backbone DEFAULT
    python examples/train_segmentation.py --data coco:COCO --weights-backbone DEFAULT

--data is Pascal VOC 2012, unpacked, or coco: and the folder of train2017, val2017 (or their zips) and
annotations.
The network is FCN or DeepLab v3 on a dilated ResNet, DeepLab v3 or LR-ASPP on MobileNet, or FCN-8s on
VGG-16 as in its paper. Without data, it learns to tell drawn discs, squares, triangles and stars, and
is a narrow FCN-8s if --model names no other.
--out gets metrics.json, last.ckpt and best.ckpt, and some pictures with the network's answer.
"""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":  # until the run handles Ctrl-C
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import data, models, nn, optim, training, transforms, viz
from minicnn.data.drawn import SHAPES, DrawnShapes
from minicnn.transforms.joint import VOID

SEGMENTERS = models.list_models(models.segmentation)
# of whole batches, on the device: pictures are moved there as bytes
NORMALIZE = transforms.NormalizeImages((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# defaults of the command line
PHOTOS = {"epochs": 30, "batch_size": 16, "lr": 0.01, "size": 480}
DRAWN = {"epochs": 10, "batch_size": 8, "lr": 2e-3, "size": 96}
DRAWN_COUNT = 1000
# for drawn shapes
NARROW = {"channels": (16, 32, 96, 128, 128), "hidden": 256, "dropout": 0, "batch_norm": True}
AUXILIARY = 0.5  # weight of the loss of the auxiliary head, where there is one


def parse_arguments() -> argparse.Namespace:
    parser = training.ArgumentParser(__doc__)
    add = parser.add_argument
    source = "that holds VOC2012, or coco:FOLDER; without it, shapes are drawn"
    add("--data", type=training.data_source("coco"), metavar="FOLDER", help=source)
    names = f"{', '.join(SEGMENTERS)} (fcn_resnet50; for drawn shapes a narrow fcn8s)"
    add("--model", choices=SEGMENTERS, metavar="NAME", help=names)
    add(
        "--weights-backbone",
        help="of the ResNet, MobileNet or VGG: the name of published ones, or a file",
    )
    limit = (
        f"use N of the pictures of each part; without --data, draw N to train on ({DRAWN_COUNT})"
    )
    add("--limit", type=training.at_least(2), metavar="N", help=limit)
    count = "pictures to write (%(default)s)"
    add("--overlays", type=training.at_least(0), default=6, metavar="N", help=count)
    training.add_arguments(parser, "runs/segmentation", PHOTOS, DRAWN)
    args = parser.parse_args()
    training.fill_in(args, PHOTOS if args.data else DRAWN)
    if args.data and args.model is None:
        args.model = "fcn_resnet50"
    if args.weights_backbone and args.model is None:
        parser.error("--weights-backbone needs --data or --model")
    if args.size < 32:
        parser.error(f"argument --size: must be at least 32, got {args.size}")
    return args


def open_pictures(
    run: training.Run, args: argparse.Namespace
) -> tuple[data.Dataset, data.Dataset, Sequence[str]]:
    """Pictures with masks to train on and to validate, and the classes; drawn ones without --data."""
    flip, to_bytes = transforms.RandomHorizontalFlip(), [transforms.PILToTensor()]
    if args.data:
        crop = transforms.RandomResizedCrop(args.size, scale=(0.2, 1))
        train = transforms.JointTransform([crop, flip], to_bytes)
        val = transforms.JointTransform([transforms.Resize(resized(args.size))], to_bytes)
        if args.data.kind == "coco":
            train_pictures, val_pictures = open_coco(args.data.path, train, val)
            classes = train_pictures.classes
        else:
            voc = partial(data.VOCSegmentation, args.data.path, on_error="warn")
            train_pictures = voc(image_set="train", transforms=train)
            val_pictures = voc(image_set="val", transforms=val)
            classes = models.FCN_ResNet50_Weights["DEFAULT"].meta["categories"]
        return *run.split(limited(train_pictures, args), limited(val_pictures, args)), classes
    count = args.limit or DRAWN_COUNT
    train = transforms.JointTransform([flip, transforms.RandomVerticalFlip()], to_bytes)
    val = transforms.JointTransform([], to_bytes)
    return (
        DrawnShapes(count, args.size, args.seed, train),
        DrawnShapes(max(count // 5, 1), args.size, args.seed + 1, val),
        SHAPES,
    )


def limited(pictures: data.Dataset, args: argparse.Namespace) -> data.Dataset:
    """As many of the pictures as --limit allows, drawn by lot."""
    if args.limit is None:
        return pictures
    order = np.random.default_rng(args.seed).permutation(len(pictures))
    return data.Subset(pictures, np.sort(order[: args.limit]))


def resized(size: int) -> int:
    """Pixels of the shorter side of a whole picture where training crops have ``size`` pixels."""
    return round(size * 520 / 480)


def open_coco(
    folder: Path, train: Callable, val: Callable
) -> tuple[data.CocoSegmentation, data.CocoSegmentation]:
    """COCO's objects of all classes; as in torchvision's recipe, no training pictures with hardly any."""
    lists = folder / "annotations"
    coco = partial(data.CocoSegmentation, on_error="warn")
    pictures = coco(
        folder / "train2017", lists / "instances_train2017.json", transforms=train, min_area=1000
    )
    classes = pictures.classes[1:]  # without the background
    return pictures, coco(
        folder / "val2017", lists / "instances_val2017.json", transforms=val, classes=classes
    )


def load_batches(
    train: data.Dataset, val: data.Dataset, args: argparse.Namespace
) -> tuple[data.DataLoader, data.DataLoader]:
    """Loaders of the training and the validation pictures."""
    train, val = training.cached(args, train, val)
    options = {"batch_size": args.batch_size, "num_workers": args.workers}
    # batch norm needs a variance, which a last batch of one picture may not have
    drop_last = len(train) > args.batch_size
    train_loader = data.DataLoader(train, shuffle=True, drop_last=drop_last, **options)
    if args.data:
        options["batch_size"] = 1  # whole photographs differ in size
    return train_loader, data.DataLoader(val, **options)


def build(args: argparse.Namespace, num_classes: int) -> nn.Module:
    """The network, by default a narrow one for drawn shapes."""
    if args.model is None:
        return models.get_model("fcn8s", num_classes=num_classes, **NARROW)
    options = {"aux_loss": True} if args.model.startswith(("fcn_", "deeplabv3_")) else {}
    backbone = args.weights_backbone
    return models.get_model(
        args.model, num_classes=num_classes, weights_backbone=backbone, **options
    )


def describe(args: argparse.Namespace, classes: Sequence[str]) -> training.NetworkDescription:
    """What `python -m minicnn segment --run` has to know of the network."""
    if args.model is None:
        return training.NetworkDescription("fcn8s", classes, resize=None, options=NARROW)
    resize = resized(args.size) if args.data else None
    return training.NetworkDescription(args.model, classes, resize=resize)


def make_optimizer(net: nn.Module, args: argparse.Namespace) -> optim.Optimizer:
    """torchvision's recipe; AdamW for the drawn shapes, which it learns faster."""
    if args.data is None:
        return optim.AdamW(net.parameters(), lr=args.lr, weight_decay=0.01)
    auxiliary = [w for name, w in net.named_parameters() if name.startswith("aux_classifier")]
    others = [w for name, w in net.named_parameters() if not name.startswith("aux_classifier")]
    groups = [{"params": others}]
    if auxiliary:
        groups.append({"params": auxiliary, "lr": 10 * args.lr})
    return optim.SGD(groups, lr=args.lr, momentum=0.9, weight_decay=1e-4)


def predict(net: nn.Module, images: mc.Tensor, args: argparse.Namespace) -> Mapping[str, mc.Tensor]:
    """Scores (N, classes, H, W) of a batch of bytes."""
    with training.mixed_precision(args):
        return net(NORMALIZE(images.to(args.device)))


def loss_of(scores: Mapping[str, mc.Tensor], masks: mc.Tensor) -> mc.Tensor:
    """Cross-entropy of the pixels that are not void; in training the auxiliary head adds its own."""
    loss = F.cross_entropy(scores["out"], masks, ignore_index=VOID)
    if "aux" in scores:
        loss = loss + AUXILIARY * F.cross_entropy(scores["aux"], masks, ignore_index=VOID)
    return loss


def start(
    run: training.Run,
    net: nn.Module,
    train_loader: data.DataLoader,
    val_loader: data.DataLoader,
    args: argparse.Namespace,
) -> None:
    """Starts or resumes the run with everything that has a state."""
    optimizer = make_optimizer(net, args)
    total_steps = args.epochs * len(train_loader)
    schedule = optim.lr_scheduler.PolynomialLR(optimizer, total_steps, power=0.9)
    meter = training.ClassificationMeter(ignore_index=VOID)  # of the current epoch
    loaders = (train_loader, val_loader)
    run.start(loaders, net=net, optimizer=optimizer, schedule=schedule, meter=meter)


def train(
    run: training.Run,
    train_loader: data.DataLoader,
    val_loader: data.DataLoader,
    classes: Sequence[str],
    args: argparse.Namespace,
) -> None:
    """Trains until all epochs are done."""
    net, optimizer, schedule = (run.parts[name] for name in ("net", "optimizer", "schedule"))
    criterion = training.mixed_precision(args)(loss_of)

    def step(images: mc.Tensor, masks: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor, mc.Tensor]:
        scores, masks = predict(net, images, args), masks.to(args.device)
        loss = criterion(scores, masks)
        optimizer.zero_grad()
        training.backward(loss)
        optimizer.step()
        schedule.step()
        return loss, scores["out"], masks

    def validate() -> dict:
        meter = training.SegmentationMeter(len(classes), VOID)
        loss, pixels, count = 0.0, 0, 0
        for images, masks in val_loader:
            scores, masks = predict(net, images, args)["out"], masks.to(args.device)
            meter.update(scores, masks)
            if counting := int((masks != VOID).sum()):
                loss += criterion({"out": scores}, masks).item() * counting
            pixels, count = pixels + counting, count + len(masks)
        loss, pixels, count = training.summed([loss, pixels, count]).tolist()
        if not count:
            raise data.BrokenPicture("none of the validation pictures can be read")
        accuracy, mean_iou = meter.compute()
        return {
            "val_loss": loss / max(pixels, 1),
            "val_accuracy": accuracy,
            "val_pictures": int(count),
            "val_mean_iou": mean_iou,
            "val_iou": {  # None: no pixel has or is given this class
                name: None if math.isnan(iou) else iou
                for name, iou in zip(classes, meter.iou().tolist(), strict=True)
            },
        }

    training.fit(run, train_loader, step, validate)


def draw_overlays(
    net: nn.Module, pictures: data.Dataset, classes: Sequence[str], args: argparse.Namespace
) -> None:
    """Writes overlay-1.png, …: evenly spaced pictures with the classes that the network predicts."""
    net.eval()
    count = min(args.overlays, len(pictures))
    for number in range(count):
        try:
            image, _ = pictures[number * len(pictures) // count]
        except data.BrokenPicture as error:
            print(f"warning: left out {error}")
            continue
        with mc.no_grad():
            labels = predict(net, image.unsqueeze(0), args)["out"][0].argmax(0).cpu().numpy()
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())  # H x W x 3
        scale = -(-400 // min(picture.size))  # small pictures are hard to see
        viz.overlay_segmap(picture, labels, classes, scale=scale).save(
            args.out / f"overlay-{number + 1}.png"
        )


def main() -> None:
    args = parse_arguments()
    may_differ = (*training.MAY_DIFFER, "overlays")
    with training.open_run(args, may_differ, best_by="val_mean_iou") as run:
        with training.first_rank_first():  # it makes files that the others then find
            train_pictures, val_pictures, classes = open_pictures(run, args)
            net = build(args, len(classes)).to(args.device)
        train_loader, val_loader = load_batches(train_pictures, val_pictures, args)
        training.try_network(net, args)
        run.describe_network(describe(args, classes))
        start(run, net, train_loader, val_loader, args)
        print(
            f"{args.model or 'narrow FCN-8s'} on {args.device}: "
            f"{len(train_pictures)} pictures to train on, {len(val_pictures)} to validate; "
            f"{args.epochs} epochs, batch {args.batch_size}, {args.size} px, first lr {args.lr}",
            flush=True,
        )
        train(run, train_loader, val_loader, classes, args)
        if not training.is_first():
            return

        net.load_state_dict(mc.load(args.out / "best.ckpt")["net"])
        with training.optional("overlay-1.png, …"):
            draw_overlays(net, val_pictures, classes, args)
        best = run.metrics["best"]
        print(
            f"best after epoch {best['epoch']}: {100 * best['val_accuracy']:.1f} % of the pixels "
            f"right, mean IoU {best['val_mean_iou']:.3f}; {run.left_out}; results are in {args.out}"
        )


if __name__ == "__main__":
    main()
