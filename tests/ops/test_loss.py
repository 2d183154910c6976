"""Losses against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import assert_agrees, assert_same, channels_last, normal

import minicnn
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck

C = 4
REDUCTIONS = pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
WEIGHT = np.array([0.5, 2.0, 0.0, 1.5])
CLASS_SHAPES = [(5, C), (1, C), (2, C, 3), (2, C, 3, 2), (C,)]


def classes(shape: tuple[int, ...], ignored: int | None = None) -> np.ndarray:
    """Class numbers for logits of a shape, every third replaced by ``ignored``."""
    shape = () if len(shape) == 1 else shape[:1] + shape[2:]
    target = np.random.default_rng(1).integers(0, C, shape)
    if ignored is not None and target.ndim:
        target.reshape(-1)[::3] = ignored
    return target


def probabilities(shape: tuple[int, ...]) -> np.ndarray:
    powers = np.exp(normal(*shape, seed=2))
    return powers / powers.sum(min(1, len(shape) - 1), keepdims=True)


def weighted(name: str, **options: Any) -> tuple[Any, Any]:
    """A loss in minicnn and in torch, both without a gradient of the class weights."""

    def loss(f: Any) -> Any:
        return lambda x, target, weight: getattr(f, name)(
            x, target, None if weight is None else weight.detach(), **options
        )

    return loss(F), loss(TF)


@pytest.mark.parametrize("shape", CLASS_SHAPES)
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize(
    "ignore_index, label_smoothing", [(-100, 0.0), (1, 0.0), (-100, 0.3), (255, 1.0)]
)
@REDUCTIONS
@DTYPES
def test_cross_entropy(
    shape: Any, weight: Any, ignore_index: int, label_smoothing: float, reduction: str, dtype: Any
) -> None:
    losses = weighted(
        "cross_entropy",
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    arrays = [3 * normal(*shape), classes(shape, ignore_index), weight]
    assert_same(*losses, arrays, dtype)


@pytest.mark.parametrize("shape", CLASS_SHAPES)
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
@REDUCTIONS
@DTYPES
def test_cross_entropy_of_probabilities(
    shape: Any, weight: Any, label_smoothing: float, reduction: str, dtype: Any
) -> None:
    losses = weighted("cross_entropy", label_smoothing=label_smoothing, reduction=reduction)
    assert_same(*losses, [3 * normal(*shape), probabilities(shape), weight], dtype)


@pytest.mark.parametrize("shape", CLASS_SHAPES)
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("ignore_index", [-100, 1])
@REDUCTIONS
@DTYPES
def test_nll_loss(shape: Any, weight: Any, ignore_index: int, reduction: str, dtype: Any) -> None:
    losses = weighted("nll_loss", ignore_index=ignore_index, reduction=reduction)
    arrays = [normal(*shape), classes(shape, ignore_index), weight]
    assert_same(*losses, arrays, dtype)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@REDUCTIONS
def test_all_ignored(name: str, reduction: str) -> None:
    """The mean over nothing is NaN, the sum 0."""

    def loss(f: Any) -> Any:
        return lambda x, target: getattr(f, name)(x, target, reduction=reduction)

    assert_same(loss(F), loss(TF), [normal(3, C), np.full(3, -100)])


@pytest.mark.parametrize("shape", [(0, 0), (0, 0, 2), (2, 0, 0), (0, 3)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_no_classes(shape: Any, reduction: str) -> None:
    def call(m: Any, x: Any, target: Any) -> Any:
        loss = m.nn.functional.cross_entropy(x, target, reduction=reduction)
        return loss, m.nn.functional.nll_loss(x, target, reduction=reduction)

    assert_agrees(call, np.zeros(shape), np.zeros((shape[0], *shape[2:]), np.int64))


def test_gradient_of_certain_targets_is_infinite() -> None:
    def call(m: Any, x: Any, target: Any) -> Any:
        losses = m.nn.functional.binary_cross_entropy(x.detach(), target, reduction="none")
        return losses.sum()

    assert_agrees(call, np.array([0.0, 1.0, 0.25]), np.array([0.3, 0.3, 0.3]))


def test_weights_that_sum_to_zero() -> None:
    """The mean is then 0 / 0 in torch, even if smoothing adds the losses of other classes."""
    arrays = [normal(3, C), np.array([2, 2, 2]), WEIGHT]
    assert_same(*weighted("cross_entropy", label_smoothing=0.3), arrays)
    assert_same(*weighted("nll_loss"), arrays)


def test_cross_entropy_of_extreme_logits() -> None:
    logits = np.array([[1e4, 0, -1e4], [-1e4, 1e4, 0], [88.0, 89.0, 90.0]])
    for dtype in (np.float32, np.float64):
        assert_same(F.cross_entropy, TF.cross_entropy, [logits, np.array([0, 2, 1])], dtype)


def test_cross_entropy_of_memory_layouts() -> None:
    x = normal(2, C, 5, 3)
    for view in (channels_last(x), np.concatenate([x, x], 3)[..., ::2]):
        assert_same(F.cross_entropy, TF.cross_entropy, [view, classes(x.shape)])


def test_logits_used_twice() -> None:
    def loss(f: Any) -> Any:
        return lambda x, t: f.cross_entropy(x, t) + (f.cross_entropy(2 * x, t) * x).sum()

    assert_same(loss(F), loss(TF), [normal(3, C), classes((3, C))])


def paired(*shape: int) -> list[np.ndarray]:
    return [normal(*shape), normal(*shape, seed=1)]


def in_unit_interval(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape)


ELEMENTWISE: dict[str, Any] = {
    "mse_loss": ({}, paired(3, 4)),
    "mse_loss, scalars": ({}, [np.array(0.5), np.array(2.0)]),
    "l1_loss": ({}, paired(3, 4)),
    "l1_loss, equal": ({}, [np.ones((2, 3)), np.ones((2, 3))]),
    "smooth_l1_loss": ({}, paired(3, 4)),
    "smooth_l1_loss, beta": ({"beta": 0.4}, paired(2, 3, 2)),
    "smooth_l1_loss, beta 0": ({"beta": 0.0}, paired(3, 4)),
    "smooth_l1_loss, at beta": ({"beta": 1.0}, [np.array([1.0, -1, 0]), np.zeros(3)]),
    "huber_loss": ({}, paired(3, 4)),
    "huber_loss, delta": ({"delta": 0.4}, paired(2, 3, 2)),
    "kl_div": ({}, [np.log(probabilities((3, C))), probabilities((3, C))[::-1]]),
    "kl_div, zeros": ({}, [np.log(probabilities((3, C))), np.eye(3, C) + 0.0]),
    "kl_div, log_target": ({"log_target": True}, paired(3, 4)),
    "binary_cross_entropy": (
        {}, [in_unit_interval(3, 4, seed=0), in_unit_interval(3, 4, seed=1)],
    ),
    "binary_cross_entropy, certain": (
        {}, [np.array([0.0, 1.0, 0.0, 1.0, 0.5]), np.array([0.0, 1.0, 1.0, 0.0, 1.0])],
    ),
    "binary_cross_entropy_with_logits": ({}, [5 * normal(3, 4), in_unit_interval(3, 4, seed=1)]),
    "binary_cross_entropy_with_logits, extreme": (
        {}, [np.array([-200.0, 200.0, 200.0, -200.0, 0.0]), np.array([0.0, 1.0, 0.0, 1.0, 1.0])],
    ),
}  # fmt: skip


# torch's advice on kl_div
without_advice = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")


@without_advice
@pytest.mark.parametrize("name", ELEMENTWISE)
@REDUCTIONS
@DTYPES
def test_elementwise(name: str, reduction: str, dtype: Any) -> None:
    options, arrays = ELEMENTWISE[name]

    def loss(f: Any) -> Any:
        return lambda *tensors: getattr(f, name.split(",")[0])(
            *tensors, reduction=reduction, **options
        )

    if name in ("kl_div, zeros", "binary_cross_entropy, certain"):
        # torch's gradient for a target at 0 is infinite or NaN; predictions are what is trained
        target = arrays[1].astype(dtype)
        ours, theirs = minicnn.tensor(target), torch.tensor(target)
        assert_same(
            lambda x: loss(F)(x, ours),
            lambda x: loss(TF)(x, theirs),
            arrays[:1],
            dtype,
            # torch's limit of the denominator is a float32 number
            tolerance=2e-8 if dtype == np.float64 else None,
        )
    else:
        assert_same(loss(F), loss(TF), arrays, dtype)


def test_kl_div_warns_of_its_mean() -> None:
    x = minicnn.zeros(2)
    with pytest.warns(UserWarning, match="'batchmean' divides only by the batch size"):
        F.kl_div(x, x)


def test_kl_div_batchmean() -> None:
    def loss(f: Any) -> Any:
        return lambda x, t: f.kl_div(x, t, reduction="batchmean")

    assert_same(loss(F), loss(TF), ELEMENTWISE["kl_div"][1])


@REDUCTIONS
@pytest.mark.parametrize("shape", [(3, 4), (4,), (3, 1)])
def test_weights_of_binary_losses(reduction: str, shape: Any) -> None:
    weight, logits, target = np.abs(normal(*shape)), normal(3, 4), in_unit_interval(3, 4, seed=1)

    def of_probabilities(f: Any) -> Any:
        return lambda x, t, w: f.binary_cross_entropy(x, t, w.detach(), reduction=reduction)

    def of_logits(f: Any) -> Any:
        return lambda x, t, w: f.binary_cross_entropy_with_logits(
            x, t, w.detach(), pos_weight=2 * w.detach(), reduction=reduction
        )

    arrays = [in_unit_interval(3, 4, seed=2), target, weight]
    assert_same(of_probabilities(F), of_probabilities(TF), arrays)
    assert_same(of_logits(F), of_logits(TF), [logits, target, weight])


@without_advice
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize(
    "name", ["cross_entropy", "nll_loss", *(n for n in ELEMENTWISE if "," not in n)]
)
def test_differences(check: Any, name: str) -> None:
    if name in ("cross_entropy", "nll_loss"):
        target, weight = minicnn.tensor(classes((3, C))), minicnn.tensor(WEIGHT)
        tensors = (minicnn.tensor(normal(3, C), requires_grad=True),)
        options = {"label_smoothing": 0.2} if name == "cross_entropy" else {}
        assert check(lambda x: getattr(F, name)(x, target, weight, **options), tensors)
    else:
        arrays = ELEMENTWISE[name][1]
        tensors = tuple(minicnn.tensor(a[:2], requires_grad=True) for a in arrays)
        assert check(lambda x, t: getattr(F, name)(x, t) ** 2, tensors)


SPECIAL = np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1e30, -1e30, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize(
    "name, options",
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("smooth_l1_loss", {}),
        ("smooth_l1_loss", {"beta": 0.0}),
        ("smooth_l1_loss", {"beta": 1e-30}),
        ("huber_loss", {}),
        ("kl_div", {}),
        ("kl_div", {"log_target": True}),
        ("binary_cross_entropy_with_logits", {}),
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_special_values(name: str, options: dict) -> None:
    """Losses and gradients of all pairs of such numbers are the same, and nothing is printed."""
    x, y = (a.ravel().astype(np.float32) for a in np.meshgrid(SPECIAL, SPECIAL))
    results = []
    for library, f in (minicnn, F), (torch, TF):
        input, target = (library.tensor(a).requires_grad_() for a in (x, y))
        losses = getattr(f, name)(input, target, reduction="none", **options)
        losses.backward(library.ones(losses.shape))
        results.append([t.detach().cpu().numpy() for t in (losses, input.grad, target.grad)])
    for our, their in zip(*results, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-6, atol=1e-6)


def test_kl_div_of_targets_below_zero_is_nan() -> None:
    losses = F.kl_div(minicnn.zeros(2), minicnn.tensor([-0.1, 0.5]), reduction="none")
    assert np.isnan(losses.cpu().numpy()).tolist() == [True, False]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@REDUCTIONS
def test_classes_in_half_precision(name: str, dtype: str, reduction: str) -> None:
    """Weights and losses are summed in float32: a sum of 800 in bfloat16 would stop at 256."""
    x, target = np.abs(normal(800, C)), np.arange(800) % C
    results = []
    for library, f in (minicnn, F), (torch, TF):
        half = getattr(library, dtype)
        weight = library.tensor([1.0, 1.5, 0.5, 1.0]).to(half)
        loss = getattr(f, name)
        options = {"weight": weight, "ignore_index": 1, "reduction": reduction}
        losses = loss(library.tensor(x).to(half), library.tensor(target), **options)
        assert losses.dtype == half
        results.append(losses.float().cpu().numpy())
    np.testing.assert_allclose(*results, rtol=2e-2 if dtype == "bfloat16" else 3e-3)


def test_mean_of_a_sum_beyond_float16() -> None:
    logits, target = minicnn.zeros(3000, 2).half(), minicnn.zeros(3000, dtype=minicnn.int64)
    weight = minicnn.full((2,), 64.0).half()
    expected = pytest.approx(np.log(2), rel=1e-3)
    assert F.cross_entropy(logits, target, weight).item() == expected
    assert F.nll_loss(logits - 0.6934, target, weight).item() == expected


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if "," not in n])
def test_elementwise_losses_in_half_precision_are_rounded_once(name: str, dtype: str) -> None:
    half = getattr(minicnn, dtype)
    arrays = [np.abs(array) / 4 for array in ELEMENTWISE[name][1]]
    x, target = (minicnn.tensor(array).to(half) for array in arrays)
    exact = getattr(F, name)(x.double(), target.double(), reduction="none")
    losses = getattr(F, name)(x, target, reduction="none")
    assert losses.dtype == half
    one_step = 2.0**-8 if dtype == "bfloat16" else 2.0**-11
    np.testing.assert_allclose(
        losses.double().cpu().numpy(), exact.cpu().numpy(), rtol=1.01 * one_step, atol=1e-7
    )


def test_pos_weight_in_half_precision_is_not_rounded_on_the_way() -> None:
    x, target, weight = (minicnn.rand(20, 3).bfloat16() for _ in range(3))
    losses = F.binary_cross_entropy_with_logits(
        x, target, weight, reduction="none", pos_weight=weight
    )
    exact = F.binary_cross_entropy_with_logits(
        x.double(), target.double(), weight.double(), None, None, "none", weight.double()
    )
    np.testing.assert_allclose(losses.double().cpu().numpy(), exact.cpu().numpy(), rtol=2.0**-8)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
@REDUCTIONS
def test_weights_of_distances(name: str, reduction: str) -> None:
    def loss(f: Any) -> Any:
        return lambda x, t, w: getattr(f, name)(x, t, weight=w, reduction=reduction)

    assert_same(loss(F), loss(TF), [*paired(3, 4), np.abs(normal(3, 4, seed=2))])
    with pytest.raises(ValueError, match=r"the shape of the input, \(3,\), got \(1,\)"):
        loss(F)(minicnn.zeros(3), minicnn.zeros(3), minicnn.ones(1))


def test_weights_take_the_dtype_of_the_losses() -> None:
    p, weight = minicnn.full((3,), 0.5), minicnn.ones(3, dtype=minicnn.float64)
    for loss in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        assert loss(p, p, weight).dtype == minicnn.float32
        with pytest.raises(RuntimeError, match=r"broadcast to the shape \(3,\), got \(2, 3\)"):
            loss(p, p, minicnn.ones(2, 3))
    for loss in (F.cross_entropy, F.nll_loss):
        with pytest.raises(RuntimeError, match="input's dtype float32, got float64"):
            loss(minicnn.zeros(2, 3), minicnn.tensor([0, 1]), weight)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_forms_of_class_numbers(name: str) -> None:
    def loss(f: Any) -> Any:
        return lambda x, target: getattr(f, name)(x, target, reduction="none")

    assert_same(loss(F), loss(TF), [normal(3, C), np.array([0, 3, 1], np.uint8)])
    assert_same(loss(F), loss(TF), [normal(C), np.array([2])], grad=False)


@pytest.mark.parametrize("shape", [(0, C), (2, C, 0), (0, C, 2)])
@REDUCTIONS
def test_no_samples(shape: Any, reduction: str) -> None:
    for name in ("cross_entropy", "nll_loss"):
        losses = weighted(name, reduction=reduction)
        assert_same(*losses, [np.zeros(shape), classes(shape), None])
    losses = weighted("cross_entropy", reduction=reduction)
    assert_same(*losses, [np.zeros(shape), np.zeros(shape), None])


@pytest.mark.parametrize(
    "size_average, reduce",
    [(None, True), (None, False), (True, None), (False, None), (True, True), (False, True),
     (True, False), (False, False)],
)  # fmt: skip
def test_deprecated_arguments(size_average: bool | None, reduce: bool | None) -> None:
    given = {"size_average": size_average, "reduce": reduce}
    x, other = paired(3, 4)
    share = in_unit_interval(3, 4, seed=0)
    cases = {
        "mse_loss": (x, other), "l1_loss": (x, other), "smooth_l1_loss": (x, other),
        "kl_div": (x, share), "cross_entropy": (x, classes((3, C))),
        "nll_loss": (x, classes((3, C))), "binary_cross_entropy": (share, share),
        "binary_cross_entropy_with_logits": (x, share),
    }  # fmt: skip
    warns = pytest.warns(UserWarning, match="size_average and reduce args will be deprecated")
    for name, arrays in cases.items():
        ours, theirs = ([lib.tensor(a) for a in arrays] for lib in (minicnn, torch))
        with warns:
            our, their = getattr(F, name)(*ours, **given), getattr(TF, name)(*theirs, **given)
        np.testing.assert_allclose(our.cpu().numpy(), their.numpy(), rtol=1e-6)
    with pytest.warns(UserWarning, match="reduction='elementwise_mean' is deprecated"):
        loss = F.mse_loss(minicnn.zeros(2), minicnn.ones(2), reduction="elementwise_mean")
    assert loss.item() == 1


def test_shapes_that_differ() -> None:
    x, target = minicnn.zeros(3, 4), minicnn.zeros(4)
    for loss in (F.mse_loss, F.l1_loss, F.smooth_l1_loss):
        with pytest.warns(UserWarning, match=r"^Using a target size .* different to the input"):
            assert loss(x, target).item() == 0
    for loss in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        with pytest.raises(ValueError, match=r"one shape, got \(3, 4\) and \(4,\)"):
            loss(x, target)


LOGITS, TARGET = np.zeros((3, C)), np.array([0, 1, 3])
ERRORS: list[Any] = [
    (ValueError, "cross_entropy", LOGITS, [0, 1], {}, "one batch size"),
    (ValueError, "nll_loss", LOGITS, [0, 1], {}, "one batch size"),
    (RuntimeError, "cross_entropy", np.zeros((1, C, 2)), [[0, 1, 2]], {}, "target of shape"),
    (RuntimeError, "cross_entropy", LOGITS, [0.0, 1.0, 2.0], {}, "of int64 or uint8, got float64"),
    (RuntimeError, "cross_entropy", LOGITS, TARGET, {"label_smoothing": 1.5}, "got 1.5"),
    (ValueError, "cross_entropy", LOGITS, TARGET, {"reduction": "average"}, "got 'average'"),
    (ValueError, "mse_loss", LOGITS, LOGITS, {"reduction": "batchmean"}, "got 'batchmean'"),
    (RuntimeError, "cross_entropy", LOGITS, LOGITS, {"ignore_index": 1}, "needs class numbers"),
    (RuntimeError, "smooth_l1_loss", LOGITS, LOGITS, {"beta": -1.0}, "got -1.0"),
    (RuntimeError, "huber_loss", LOGITS, LOGITS, {"delta": 0.0}, "above 0, got 0.0"),
    (ValueError, "cross_entropy", LOGITS[0], [0, 1], {}, "a target of shape"),
    (RuntimeError, "nll_loss", LOGITS, TARGET.astype(np.int32), {}, "got int32"),
    (RuntimeError, "binary_cross_entropy", LOGITS, LOGITS.astype(np.float32), {}, "one dtype"),
    (RuntimeError, "binary_cross_entropy_with_logits", LOGITS, np.ones((3, C), int), {}, "int64"),
    (RuntimeError, "kl_div", np.ones(2, int), np.ones(2, int), {}, "got int64 and int64"),
]  # fmt: skip
# a GPU is not waited for; cross_entropy then gives NaN
ERRORS_ABOUT_NUMBERS: list[Any] = [
    (IndexError, "cross_entropy", LOGITS, [0, 1, C], {}, r"in \[0, 4\) or -100, got 4"),
    (IndexError, "cross_entropy", LOGITS, [0, -1, 2], {}, "got -1"),
    (IndexError, "nll_loss", LOGITS, [0, 1, C], {}, "got 4"),
    (RuntimeError, "binary_cross_entropy", LOGITS + 1.5, LOGITS, {}, "got 1.5 in the input"),
    (RuntimeError, "binary_cross_entropy", LOGITS, LOGITS - 2, {}, "got -2.0 in the target"),
    (RuntimeError, "binary_cross_entropy", LOGITS * np.nan, LOGITS, {}, "got nan in the input"),
    (IndexError, "nll_loss", np.zeros((2, 0)), [0, 0], {}, "at least one class"),
]
ERRORS += [pytest.param(*row, marks=pytest.mark.cpu_only) for row in ERRORS_ABOUT_NUMBERS]


@pytest.mark.cuda_only
@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("wrong", [-1, C])
def test_a_class_out_of_range_on_a_gpu(loss: Any, wrong: int) -> None:
    target = minicnn.tensor([0, wrong, 1])
    losses = loss(minicnn.tensor(LOGITS), target, reduction="none")
    assert np.isnan(losses.cpu().numpy()).tolist() == [False, True, False]


@without_advice
@pytest.mark.parametrize("kind, name, input, target, options, message", ERRORS)
def test_errors(kind: Any, name: str, input: Any, target: Any, options: Any, message: str) -> None:
    target = np.asarray(target)
    with pytest.raises(kind):
        getattr(TF, name)(torch.tensor(input), torch.tensor(target), **options)
    with pytest.raises(kind, match=message):
        getattr(F, name)(minicnn.tensor(input), minicnn.tensor(target), **options)


def test_weight_for_every_class() -> None:
    weight = minicnn.ones(3, dtype=minicnn.float64)
    for loss in (F.cross_entropy, F.nll_loss):
        with pytest.raises(RuntimeError, match=r"weight of shape \(4,\), got \(3,\)"):
            loss(minicnn.tensor(LOGITS), minicnn.tensor(TARGET), weight)


@pytest.mark.parametrize("target", [[[0, 1, 0], [1, 0, 0]], [[False, True, False]] * 2])
def test_class_probabilities_are_floating_point_numbers(target: list[Any]) -> None:
    with pytest.raises(RuntimeError):
        TF.cross_entropy(torch.ones(2, 3), torch.tensor(target))
    with pytest.raises(RuntimeError, match=r"class probabilities, .* got (int64|bool)"):
        F.cross_entropy(minicnn.ones(2, 3), minicnn.tensor(target))
