"""Colour the things in a photograph by what they are.

    python examples/segment.py photo.jpg                       # downloads the weights once
    python examples/segment.py photo.jpg --weights fcn_resnet101_coco-7ecb50ca.pth
    python examples/segment.py photo.jpg --model fcn8s --weights runs/segmentation/best.ckpt

Writes photo-segmented.png: the picture, cut to 224 pixels, with the classes of Pascal VOC in their
colours. --preset keeps the whole picture, at the size that the weights were tested on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import ImageOps

import minicnn as mc
from minicnn import data, models, training, transforms, viz
from minicnn.devices import cuda_is_available

SEGMENTERS = models.list_models(models.segmentation)
parser = training.ArgumentParser(__doc__)
add = parser.add_argument
add("image", type=Path, metavar="IMAGE", help="a photograph")
names = f"{', '.join(SEGMENTERS)} (%(default)s)"
add("--model", choices=SEGMENTERS, default="fcn_resnet101", metavar="NAME", help=names)
add("--weights", default="DEFAULT", help="a file, or the name of published ones (%(default)s)")
add("--preset", action="store_true", help="resize as published weights were tested")
add("--out", type=Path, help="where to (IMAGE-segmented.png)")
args = parser.parse_args()

with training.script():
    image = ImageOps.exif_transpose(data.load_picture(args.image))  # upright, as viewers show it
    out = args.out or args.image.with_name(f"{args.image.stem}-segmented.png")
    net = models.get_model(args.model, weights=args.weights).eval()

    published = models.FCN_ResNet101_Weights[
        "DEFAULT"
    ]  # transforms and classes are the same for all
    preset = published.transforms()
    cut = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
    image = preset.cut(image) if args.preset else cut(image)
    normalize = published.transforms(resize_size=None)

    device = "cuda" if cuda_is_available() else "cpu"
    net.to(device)
    with mc.no_grad():
        scores = net(normalize(image).unsqueeze(0).to(device))["out"][0]  # 21 x H x W
    labels = scores.argmax(0).cpu().numpy()

    scale = -(-400 // min(image.size))  # small pictures are hard to see
    classes = published.meta["categories"]
    overlay = viz.overlay_segmap(image, labels, classes, scale=scale)
    try:
        overlay.save(out)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot write {out}: {error}") from error
    found = [classes[label] for label in np.unique(labels) if label]
    print(f"{args.model} on {device} found {', '.join(found) or 'nothing'}; wrote {out}")
