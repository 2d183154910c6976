"""The networks of ``models``, through ONNX Runtime at another batch size."""

import numpy as np
import pytest
from every_network import images_for, make_ours, tensors_of
from networks import USUAL

import minicnn as mc
from minicnn import models
from minicnn.models._api import PUBLISHED

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_answers import assert_equal_answers, session_of

pytestmark = pytest.mark.cpu_only

LARGE = 60_000_000  # parameters: of larger networks, one of each family is enough
EXAMPLES = {"alexnet227", "fcn8s", "vgg11_bn", *USUAL}
SMALL = {n for n, e in PUBLISHED.items() if next(iter(e)).meta["num_params"] < LARGE}


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in models.list_models() if n in EXAMPLES | SMALL])
def test_every_network(name, tmp_path):
    net, images = make_ours(name, "float32").eval(), images_for(name, 3, "float32")
    session = session_of(net, mc.tensor(images[:1]), tmp_path / "net.onnx")
    (tmp_path / "net.onnx").unlink()
    assert_equal_answers(session, net, [images[1:]])
    with mc.no_grad():
        first, second, _ = tensors_of(net(mc.tensor(images)))[0].numpy()
    assert np.abs(first - second).max() > 1e-4 * np.abs(first).max()  # images make a difference
