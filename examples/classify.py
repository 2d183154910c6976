"""Name what photographs show: the five most probable of ImageNet's 1,000 classes.

python examples/classify.py photo.jpg other.jpg --model resnet34      # downloads the weights once
python examples/classify.py photo.jpg --model vgg16 --weights vgg16-397923af.pth
"""

from __future__ import annotations

import argparse

from PIL import Image

import minicnn as mc
from minicnn import models
from minicnn.device import cuda_is_available

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("images", nargs="+", metavar="IMAGE")
parser.add_argument("--model", default="resnet34", help="one of models.list_models()")
parser.add_argument("--weights", default="DEFAULT", help="a file, or the name of published weights")
args = parser.parse_args()

published = models.get_weights(args.model)
device = "cuda" if cuda_is_available() else "cpu"
net = models.get_model(args.model, weights=args.weights).eval().to(device)

for path in args.images:
    image = published.transforms(Image.open(path).convert("RGB"))
    with mc.no_grad():
        probabilities = mc.softmax(net(image.unsqueeze(0).to(device)), 1)[0].cpu().numpy()
    print(path)
    for label in probabilities.argsort()[:-6:-1]:
        print(f"  {100 * probabilities[label]:5.1f} %  {published.categories[label]}")
