"""Colour the things in a photograph by what they are.

    python examples/segment.py photo.jpg                       # downloads the weights once
    python examples/segment.py photo.jpg --weights fcn_resnet101_coco-7ecb50ca.pth

Writes photo-segmented.png: the picture with its classes in the colours of Pascal VOC.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import minicnn as mc
from minicnn import models, transforms, viz
from minicnn.device import cuda_is_available

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("image", type=Path)
parser.add_argument("--model", choices=("fcn_resnet50", "fcn_resnet101"), default="fcn_resnet101")
parser.add_argument("--weights", default="DEFAULT", help="a file, or the name of published weights")
parser.add_argument("--preset", action="store_true", help="resize as the weights were published")
parser.add_argument("--out", type=Path, help="where to (IMAGE-segmented.png)")
args = parser.parse_args()

published = models.get_weights(args.model)
device = "cuda" if cuda_is_available() else "cpu"
net = models.get_model(args.model, weights=args.weights).eval().to(device)

prepare = published.transforms
if not args.preset:
    size = [transforms.Resize(256), transforms.CenterCrop(224)]
    prepare = transforms.Compose([*size, *published.transforms.transforms[1:]])
image = Image.open(args.image).convert("RGB")
with mc.no_grad():
    scores = net(prepare(image).unsqueeze(0).to(device))["out"][0]  # 21 x H x W
labels = scores.argmax(0).cpu().numpy()

# the picture as the network saw it: what was cut off has no labels
for step in prepare.transforms[:-2]:
    image = step(image)
out = args.out or args.image.with_name(f"{args.image.stem}-segmented.png")
viz.overlay_segmap(image, labels, published.categories).save(out)
found = [published.categories[label] for label in np.unique(labels) if label]
print(f"{args.model} on {device} found {', '.join(found) or 'nothing'}; wrote {out}")
