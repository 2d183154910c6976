"""Name what photographs show: the five most probable of ImageNet's 1,000 classes.

python examples/classify.py photo.jpg other.jpg --model resnet34   # downloads the weights once
python examples/classify.py photo.jpg --model vgg16 --weights vgg16-397923af.pth
"""

from __future__ import annotations

import os

from PIL import ImageOps

import minicnn as mc
from minicnn import data, models, training
from minicnn.devices import cuda_is_available

# alexnet227 has no published weights, which would name the classes
CLASSIFIERS = models.list_models(models, exclude="alexnet227")
parser = training.ArgumentParser(__doc__)
add = parser.add_argument
add("images", nargs="+", metavar="IMAGE", help="a photograph")
names = f"{', '.join(CLASSIFIERS)} (%(default)s)"
add("--model", choices=CLASSIFIERS, default="resnet34", metavar="NAME", help=names)
add("--weights", default="DEFAULT", help="a file, or the name of published ones (%(default)s)")
args = parser.parse_args()

with training.script():
    images = [ImageOps.exif_transpose(data.load_picture(path)) for path in args.images]  # upright
    net = models.get_model(args.model, weights=args.weights).eval()

    # the preprocessing and the classes; a file is assumed to be a copy of the best published weights
    name = "DEFAULT" if os.path.exists(args.weights) else args.weights
    published = models.get_model_weights(args.model)[name]
    transform = published.transforms()

    device = "cuda" if cuda_is_available() else "cpu"
    net.to(device)
    for path, image in zip(args.images, images, strict=True):
        batch = transform(image).unsqueeze(0).to(device)  # 1 x 3 x 224 x 224
        with mc.no_grad():
            probabilities = mc.softmax(net(batch), 1)[0].cpu().numpy()
        print(path)
        for label in probabilities.argsort()[:-6:-1]:
            print(f"  {100 * probabilities[label]:5.1f} %  {published.meta['categories'][label]}")
