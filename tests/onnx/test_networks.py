"""The networks of ``models``, through ONNX Runtime at another batch size."""

import numpy as np
import pytest

import minicnn as mc
from minicnn import models

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_answers import assert_equal_answers, drawn, session_of

pytestmark = pytest.mark.cpu_only

LARGE = 60_000_000  # parameters: of larger networks, one of each family is enough
EXAMPLES = ("alexnet", "alexnet227", "fcn8s", "vgg11_bn")
UNPUBLISHED = ("alexnet227", "fcn8s", "fcn16s", "fcn32s")
SIZES = {"alexnet": 224, "alexnet227": 227, "googlenet": 224, "inception_v3": 96}
FAINT = (  # whose images end as nearly equal numbers
    "deeplabv3_mobilenet",
    "googlenet",
    "inception_v3",
    "mnasnet",
    "mobilenet",
    "shufflenet",
)


def is_small(name):
    if name in UNPUBLISHED:
        return False
    return next(iter(models.get_model_weights(name))).meta["num_params"] < LARGE


def network(name):
    """A network with random weights, none of which are all 0."""
    mc.manual_seed(0)
    options = {"weights": None}
    if name.startswith("fcn_"):
        options |= {"weights_backbone": None, "aux_loss": True}
    if name.startswith(("vgg", "googlenet", "inception")):
        options["init_weights"] = False
    net = models.get_model(name, **options).eval()
    for parameter in net.parameters():
        if name.startswith(FAINT) and parameter.ndim > 1:
            reach = (6 / parameter[0].numel()) ** 0.5
            parameter.detach().uniform_(-reach, reach)
        elif parameter.ndim > 1 and not parameter.detach().any():
            parameter.detach().normal_(0, 0.01)
    return net


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in models.list_models() if n in EXAMPLES or is_small(n)])
def test_every_network(name, tmp_path):
    net, size = network(name), SIZES.get(name, 64)
    images = drawn((1, 3, size, size), 3)
    session = session_of(net, mc.tensor(images[:1]), tmp_path / "net.onnx")
    (tmp_path / "net.onnx").unlink()
    assert_equal_answers(session, net, [images[1:]])
    with mc.no_grad():
        answers = net(mc.tensor(images))
    answers = answers["out"] if isinstance(answers, dict) else answers
    assert np.abs(answers[0].numpy() - answers[1].numpy()).max() > 1e-4
