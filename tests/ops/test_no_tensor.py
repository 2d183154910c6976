"""What is given in place of a tensor is named, in a TypeError as in torch."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import linalg, nn, special

pytestmark = pytest.mark.without_numbers

OTHERS = {
    "ndarray": np.ones((2, 3), np.float32),
    "list": [1.0, 2.0],
    "float": 1.0,
    "NoneType": None,
}


def _calls():
    ones, index = mc.ones(2, 3), mc.zeros(2, 3, dtype=mc.int64)
    weight, images = mc.ones(4, 3, 1, 1), mc.ones(1, 3, 4, 4)
    return {
        **dict.fromkeys(["exp", "log", "sigmoid", "sqrt", "abs", "tanh", "erf", "sin"], ()),
        **dict.fromkeys(["sum", "mean", "std", "norm", "prod", "argmax", "numel"], ()),
        **dict.fromkeys(["flatten", "unique", "sort", "zeros_like", "rand_like", "bincount"], ()),
        **dict.fromkeys(["softmax", "cumsum", "unsqueeze", "chunk", "split", "topk"], (1,)),
        "reshape": (6,),
        "transpose": (0, 1),
        "permute": (0, 1),
        "where": (ones, ones),
        "gather": (0, index),
        **dict.fromkeys(["gelu", "silu", "elu", "relu", "relu6", "leaky_relu", "softplus"], ()),
        **dict.fromkeys(["one_hot", "normalize"], ()),
        **dict.fromkeys(["max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "max_pool1d"], (2,)),
        **dict.fromkeys(["mse_loss", "l1_loss", "kl_div", "huber_loss"], (ones,)),
        **dict.fromkeys(["binary_cross_entropy", "binary_cross_entropy_with_logits"], (ones,)),
        **dict.fromkeys(["cross_entropy", "nll_loss"], (index[:, 0],)),
        **dict.fromkeys(["cosine_similarity", "pairwise_distance"], (ones,)),
        "alpha_dropout": (0.5, True),
        "dropout": (0.5, False),
        "pad": ((1, 1),),
        "conv2d": (weight,),
        "linear": (ones,),
        "batch_norm": (mc.ones(3), mc.ones(3)),
        "layer_norm": ((3,),),
        "embedding": (ones,),
        "grid_sample": (images,),
    }


CALLS = _calls()


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", CALLS)
def test_functions_name_it(name, kind):
    function = getattr(F, name, None) or getattr(mc, name)
    if kind == "ndarray" and name in {"pad", "numel"}:
        pytest.skip("NumPy's arrays have what it needs")
    with pytest.raises(TypeError, match=rf"^\w+ expects .*tensors?.* got .*{kind}"):
        function(OTHERS[kind], *CALLS[name])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: F.normalize(x), "normalize"),
        (lambda x: F.softmin(x, 0), "softmin"),
        (lambda x: F.tanhshrink(x), "tanhshrink"),
        (lambda x: linalg.vector_norm(x), "vector_norm"),
        (lambda x: special.entr(x), "entr"),
        (lambda x: mc.zero_(x), "zero_"),
        (lambda x: F.interpolate(x, 4), "interpolate"),
        (lambda x: nn.ReLU()(x), "ReLU"),
        (lambda x: nn.Sequential(nn.Tanh())(x), "Sequential"),
        (lambda x: nn.MSELoss()(mc.ones(1), x), "MSELoss"),
    ],
)
def test_what_was_called_is_named_not_what_it_calls(call, name):
    with pytest.raises(TypeError, match=f"^{name} expects tensors, got list$") as raised:
        call([1.0])
    assert isinstance(raised.value.__cause__, AttributeError)


@pytest.mark.parametrize("other", [np.eye(2), [1.0], 1.0])
def test_products_refuse_two_that_are_no_tensors(other):
    for product in (mc.mm, mc.matmul):
        with pytest.raises(TypeError, match=r"expects tensors, got (ndarray|list|float)$"):
            product(other, other)


def test_an_attribute_error_in_the_code_of_a_user_stays():
    def distance(a, b):
        return a.shape + a.length

    triplet = F.triplet_margin_with_distance_loss
    with pytest.raises(AttributeError, match="no attribute 'length'"):
        triplet(mc.ones(1, 2), mc.ones(1, 2), mc.ones(1, 2), distance_function=distance)

    class Lists(nn.Module):
        def forward(self, x):
            return x.shape

    with pytest.raises(AttributeError, match="'list' object has no attribute 'shape'"):
        nn.Sequential(Lists())([1.0])
