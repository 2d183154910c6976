"""Measure a network on ImageNet's validation pictures, beside the published figures.

    python examples/evaluate.py --data imagenet:ILSVRC2012 --model resnet34      # downloads the weights once
    python examples/evaluate.py --data imagenet:ILSVRC2012 --model vgg16 --weights vgg16-397923af.pth

--data is a folder with ImageNet's tars as they are published, with val/CLASS/…, or with Kaggle's
ILSVRC; nothing is unpacked. It may be a part of ImageNet: the network still chooses among 1,000 classes.
"""

from __future__ import annotations

import os
from collections import Counter

import minicnn as mc
from minicnn import data, models, training
from minicnn.data.datasets.imagenet_classes import synsets
from minicnn.devices import cuda_is_available

# alexnet227 has no published weights
CLASSIFIERS = models.list_models(models, exclude="alexnet227")
parser = training.ArgumentParser(__doc__)
add = parser.add_argument
source = training.data_source("imagenet")
add("--data", type=source, required=True, metavar="imagenet:FOLDER", help="ImageNet")
names = f"{', '.join(CLASSIFIERS)} (%(default)s)"
add("--model", choices=CLASSIFIERS, default="resnet34", metavar="NAME", help=names)
add("--weights", default="DEFAULT", help="a file, or the name of published ones (%(default)s)")
count = "pictures at once (%(default)s)"
add("--batch-size", type=training.at_least(1), default=64, metavar="N", help=count)
workers = "threads that load pictures (%(default)s)"
add("--workers", type=training.at_least(0), default=2, metavar="N", help=workers)
args = parser.parse_args()

with training.script():
    wnids = list(synsets())  # numbers the classes of a part of ImageNet as the network does
    pictures = data.ImageNet(args.data.path, "val", wnids=wnids, on_error="warn")
    device = "cuda" if cuda_is_available() else "cpu"
    net = models.get_model(args.model, weights=args.weights).eval().to(device)

    # the preprocessing and the figures; a file is assumed to be a copy of the best published weights
    name = "DEFAULT" if os.path.exists(args.weights) else args.weights
    published = models.get_model_weights(args.model)[name]
    pictures.transform = published.transforms()
    loader = data.DataLoader(pictures, batch_size=args.batch_size, num_workers=args.workers)

    print(f"{args.model} on {device}: {len(pictures)} of ImageNet's 50000 pictures", flush=True)
    counts = Counter()
    with mc.no_grad(), training.Progress("evaluating", len(pictures)) as progress:
        for images, labels in loader:
            answers = net(images.to(device)).topk(5, dim=1).indices  # N x 5
            right = answers == labels.to(device).unsqueeze(1)
            counts.update(seen=len(labels), top1=int(right[:, 0].sum()), top5=int(right.sum()))
            progress.update(len(labels), lambda: f"top-1 {counts['top1'] / counts['seen']:.2%}")
    if not counts:
        raise data.BrokenPicture("none of the pictures can be read")

    figures = published.meta["_metrics"]["ImageNet-1K"]
    for number in (1, 5):
        percent = 100 * counts[f"top{number}"] / counts["seen"]
        print(f"top-{number} {percent:7.3f} %, published {figures[f'acc@{number}']:.3f} %")
    print(
        f"{counts['seen']} pictures; left out: {len(loader.skipped)} that cannot be read, and "
        f"{pictures.problems} of the data"
    )
