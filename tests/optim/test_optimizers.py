"""Every optimizer over its options, step by step against torch.optim on the same gradients."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import optim
from minicnn.ops.half_copy import half_copy, kept_half_copy

SHAPES = ((4, 3), (5,), (2, 3, 3, 2))

OPTIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.0}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.05, "amsgrad": True, "maximize": True, "betas": (0.5, 0.6)}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05, "maximize": True}),
    ("SGD", {"lr": 0.1, "foreach": True, "differentiable": False}),
    ("Adam", {"foreach": False, "fused": True}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.05, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.05, "centered": True}),
    ("Adam", {"lr": 0.05, "betas": (0.0, 0.3)}),
    ("RMSprop", {"lr": 0.05, "centered": True, "momentum": 0.5, "weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.3, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.05, "betas": (0.7, 0.8), "eps": 1e-2, "weight_decay": 0.1}),
    ("Adamax", {"maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.05, "momentum_decay": 0.5, "weight_decay": 0.1, "eps": 1e-3}),
    ("NAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1, "maximize": True}),
    ("RAdam", {"lr": 0.05}),
    ("RAdam", {"lr": 0.05, "betas": (0.5, 0.6), "weight_decay": 0.1, "eps": 1e-3}),
    ("RAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1, "maximize": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 5, "weight_decay": 0.1}),
    ("ASGD", {"lr": 0.1, "t0": 3, "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.1, "eps": (1e-3, 1e-2), "d": 2.0, "weight_decay": 0.1}),
    ("Adafactor", {"beta2_decay": -0.5, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.05, 0.2), "maximize": True}),
]
NAMES = sorted({name for name, _ in OPTIONS})
# ASGD computes its learning rate from the step, which it reads
CASES = [
    pytest.param(*case, marks=pytest.mark.numbers_decide) if case[0] == "ASGD" else case
    for case in OPTIONS
]
TOLERANCE = {"float64": 1e-13, "float32": 2e-6}


def draws(dtype: str, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape).astype(dtype) for shape in SHAPES]


def ours(dtype: str = "float64") -> list[mc.Tensor]:
    return [mc.tensor(array, requires_grad=True) for array in draws(dtype)]


def theirs(dtype: str = "float64") -> list[torch.Tensor]:
    return [torch.tensor(array, requires_grad=True) for array in draws(dtype)]


def set_grads(params: list, step: int, skip: tuple[int, ...] = ()) -> None:
    """The gradients of a step, the same for both frameworks; None for those in ``skip``."""
    make = torch.tensor if isinstance(params[0], torch.Tensor) else mc.tensor
    grads = draws(str(params[0].dtype).removeprefix("torch."), seed=100 + step)
    for index, (param, grad) in enumerate(zip(params, grads, strict=True)):
        param.grad = None if index in skip else make(grad)


def take_step(step: int, *optimizers: tuple[Any, list], skip: tuple[int, ...] = ()) -> None:
    """The same step of optimizers, each with its parameters."""
    for optimizer, params in optimizers:
        set_grads(params, step, skip)
        optimizer.step()


def assert_same(params: list[mc.Tensor], expected: list, tolerance: float) -> None:
    for param, other in zip(params, expected, strict=True):
        np.testing.assert_allclose(
            param.detach().cpu().numpy(),
            other.detach().cpu().numpy(),
            rtol=tolerance,
            atol=tolerance,
        )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_trajectory(name: str, options: dict, dtype: str) -> None:
    params, others = ours(dtype), theirs(dtype)
    optimizer = getattr(optim, name)(params, **options)
    other = getattr(torch.optim, name)(others, **options)
    for step in range(50):
        # The third parameter joins late: its momentum and bias correction begin then.
        skip = (2,) if step < 3 else ()
        take_step(step, (optimizer, params), (other, others), skip=skip)
        assert_same(params, others, TOLERANCE[dtype] * (step + 1))


@pytest.mark.parametrize("name", NAMES)
def test_groups_with_their_own_options(name: str) -> None:
    def groups(params: list) -> list[dict]:
        return [{"params": params[:1], "maximize": True, "lr": 0.3}, {"params": params[1:2]}]

    params, others = ours(), theirs()
    optimizer = getattr(optim, name)(groups(params), lr=0.05)
    other = getattr(torch.optim, name)(groups(others), lr=0.05)
    optimizer.add_param_group({"params": params[2], "lr": 0.01})
    other.add_param_group({"params": others[2], "lr": 0.01})
    for step in range(5):
        for group, other_group in zip(optimizer.param_groups, other.param_groups, strict=True):
            group["lr"] *= 0.9
            other_group["lr"] *= 0.9
        take_step(step, (optimizer, params), (other, others))
    assert_same(params, others, 1e-12)


def test_channels_last_weights_with_contiguous_gradients() -> None:
    params, others = ours("float32"), theirs("float32")
    strided = params[2].detach().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).array
    params[2] = mc.Tensor.of(strided, requires_grad=True)
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.01)
    other = torch.optim.SGD(others, lr=0.1, momentum=0.9, weight_decay=0.01)
    for step in range(3):
        take_step(step, (optimizer, params), (other, others))
    assert params[2].array is strided
    assert optimizer.state[params[2]]["momentum_buffer"].array.strides == strided.strides
    assert_same(params, others, 1e-6)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_resume_in_the_middle_is_bit_identical(name: str, options: dict) -> None:
    params = ours("float32")
    optimizer = getattr(optim, name)(params, **options)
    for step in range(3):
        set_grads(params, step, skip=(1,) if step == 0 else ())
        optimizer.step()

    resumed = [mc.tensor(param.numpy_copy(), requires_grad=True) for param in params]
    again = getattr(optim, name)(resumed, lr=123.0)
    again.load_state_dict(optimizer.state_dict())
    for step in range(3, 8):
        take_step(step, (optimizer, params), (again, resumed))
    for param, other in zip(params, resumed, strict=True):
        np.testing.assert_array_equal(param.numpy_copy(), other.numpy_copy())


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_dicts_are_exchanged_with_torch(name: str, options: dict) -> None:
    def to_torch(value: object) -> object:
        return torch.tensor(value.cpu().numpy()) if isinstance(value, mc.Tensor) else value

    def from_torch(value: object) -> object:
        return mc.tensor(value.cpu().numpy()) if isinstance(value, torch.Tensor) else value

    def converted(state_dict: dict, convert: object) -> dict:
        states = state_dict["state"].items()
        state = {index: {k: convert(v) for k, v in entry.items()} for index, entry in states}
        return {"state": state, "param_groups": copy.deepcopy(state_dict["param_groups"])}

    params, others = ours(), theirs()
    optimizer = getattr(optim, name)(params, **options)
    other = getattr(torch.optim, name)(others, **options)
    for step in range(2):
        take_step(step, (optimizer, params), (other, others), skip=(1,))
    mine, torchs = optimizer.state_dict(), other.state_dict()
    assert list(mine["state"]) == list(torchs["state"])
    for index, state in torchs["state"].items():
        assert list(mine["state"][index]) == list(state)
        for key, value in state.items():
            if value is not None:
                assert str(mine["state"][index][key].dtype) == str(value.dtype)
    assert mine["param_groups"][0]["params"] == torchs["param_groups"][0]["params"] == [0, 1, 2]
    assert mine["param_groups"] == torchs["param_groups"]

    optimizer = getattr(optim, name)(params)
    optimizer.load_state_dict(converted(torchs, from_torch))
    other = getattr(torch.optim, name)(others)
    other.load_state_dict(converted(mine, to_torch))
    for step in range(2, 5):
        take_step(step, (optimizer, params), (other, others))
    assert_same(params, others, 1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_learning_rate_as_a_tensor(name: str) -> None:
    params, others = ours(), theirs()
    lr, other_lr = mc.tensor([0.05], dtype=mc.float64), torch.tensor([0.05], dtype=torch.float64)
    optimizer = getattr(optim, name)(params, lr=lr)
    other = getattr(torch.optim, name)(others, lr=other_lr)
    for step in range(3):
        take_step(step, (optimizer, params), (other, others))
        lr.mul_(0.5)
        other_lr.mul_(0.5)
    assert_same(params, others, 1e-12)
    with pytest.raises(ValueError, match=r"Tensor lr must be 1-element, got shape \(2,\)"):
        getattr(optim, name)(params, lr=mc.tensor([0.1, 0.2]))


def test_betas_as_tensors() -> None:
    params, others = ours(), theirs()
    optimizer = optim.Adam(params, betas=(mc.tensor(0.5), mc.tensor(0.75)))
    other = torch.optim.Adam(others, betas=(torch.tensor(0.5), torch.tensor(0.75)))
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.75)
    take_step(0, (optimizer, params), (other, others))
    assert_same(params, others, 1e-8)  # torch corrects the bias in the float32 of the tensors


def test_named_parameters() -> None:
    params, others = ours(), theirs()
    names = ["first", "second", "third"]
    optimizer = optim.SGD(zip(names, params, strict=True), lr=0.1, momentum=0.9)
    other = torch.optim.SGD(zip(names, others, strict=True), lr=0.1, momentum=0.9)
    take_step(0, (optimizer, params), (other, others))
    assert_same(params, others, 1e-12)
    assert optimizer.param_groups[0]["params"] == params
    groups = optimizer.state_dict()["param_groups"]
    assert groups == other.state_dict()["param_groups"]
    assert groups[0]["param_names"] == names

    renamed = optim.SGD([(name.upper(), param) for name, param in zip(names, params, strict=True)])
    renamed.load_state_dict({"state": {}, "param_groups": groups})
    assert renamed.param_groups[0]["param_names"] == names
    with pytest.raises(ValueError, match="Some param names are missing: got 1 for 2 params"):
        optim.SGD([("first", params[0]), params[1]])
    with pytest.raises(ValueError, match="cannot add param group without names"):
        optimizer.add_param_group({"params": [mc.ones(2).requires_grad_()]})
    with pytest.raises(ValueError, match="cannot add param group with names"):
        optim.SGD([{"params": params[:1]}, {"params": [("second", params[1])]}])


def test_amsgrad_may_begin_late() -> None:
    params = ours()
    optimizer = optim.Adam(params)
    take_step(0, (optimizer, params))
    optimizer.param_groups[0]["amsgrad"] = True
    take_step(1, (optimizer, params))
    state = optimizer.state[params[0]]
    largest, last = (state[name].numpy_copy() for name in ("max_exp_avg_sq", "exp_avg_sq"))
    np.testing.assert_array_equal(largest, last)


def test_a_step_number_is_loaded_exactly_beside_a_half_precision_scalar() -> None:
    param = mc.tensor(1.0, dtype=mc.bfloat16).requires_grad_()
    optimizer = optim.Adam([param])
    state = {name: mc.zeros(()) for name in ("exp_avg", "exp_avg_sq")}
    state_dict = optimizer.state_dict() | {"state": {0: {"step": mc.tensor(257.0), **state}}}
    optimizer.load_state_dict(state_dict)
    assert optimizer.state[param]["step"] == 257  # 256 in bfloat16


def test_a_momentum_of_none_starts_afresh() -> None:
    params, others = ours(), theirs()
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.5)
    state = {index: {"momentum_buffer": None} for index in range(3)}  # of torch before 2.0
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    other = torch.optim.SGD(others, lr=0.1, momentum=0.9, dampening=0.5)
    take_step(0, (optimizer, params), (other, others))
    assert_same(params, others, 1e-12)


def test_load_state_dict_copies_and_casts() -> None:
    params = ours("float64")
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    set_grads(params, 0)
    optimizer.step()
    other_params = ours("float32")
    other = optim.SGD(other_params)
    other.load_state_dict(optimizer.state_dict())
    buffer = other.state[other_params[0]]["momentum_buffer"]
    assert buffer.dtype == np.float32
    before = buffer.numpy_copy()
    set_grads(params, 1)
    optimizer.step()
    np.testing.assert_array_equal(buffer.numpy_copy(), before)
    assert other.param_groups[0]["lr"] == 0.1


def test_load_state_dict_drops_what_the_groups_did_not_have() -> None:
    keys = []
    for library, params in ((optim, ours()), (torch.optim, theirs())):
        optimizer = library.SGD(params, lr=0.1)
        before = optimizer.state_dict()
        optimizer.param_groups[0]["initial_lr"] = 0.1  # as a schedule does
        optimizer.load_state_dict(before)
        keys.append(set(optimizer.param_groups[0]))
    assert keys[0] == keys[1] and "initial_lr" not in keys[0]


def test_load_state_dict_errors() -> None:
    params = ours()
    optimizer = optim.SGD(params, momentum=0.9)
    set_grads(params, 0)
    optimizer.step()
    state_dict = optimizer.state_dict()
    with pytest.raises(ValueError, match="different number of parameter groups: 1, this .* 2"):
        optim.SGD([{"params": params[:1]}, {"params": params[1:]}]).load_state_dict(state_dict)
    with pytest.raises(ValueError, match=r"doesn't match the size .*\[3\] parameters.*\[2\]"):
        optim.SGD(params[:2]).load_state_dict(state_dict)
    reordered = optim.SGD([params[1], params[0], params[2]])
    with pytest.raises(ValueError, match=r"'momentum_buffer' of parameter 0 .*\(5,\).*\(4, 3\)"):
        reordered.load_state_dict(state_dict)
    assert not reordered.state


def test_step_skips_missing_gradients_and_counts_versions() -> None:
    params = ours()
    optimizer = optim.Adam(params)
    before = [param.numpy_copy() for param in params]
    versions = [param.version.writes for param in params]
    set_grads(params, 0, skip=(1,))
    assert optimizer.step() is None
    unchanged = [np.array_equal(b, p.numpy_copy()) for b, p in zip(before, params, strict=True)]
    assert unchanged == [False, True, False]
    changed = [param.version.writes != old for param, old in zip(params, versions, strict=True)]
    assert changed == [True, False, True]
    assert params[1] not in optimizer.state


def test_a_step_between_forward_and_backward_is_noticed() -> None:
    weight = mc.tensor([2.0, 3.0], requires_grad=True)
    loss = (weight * weight).sum()
    weight.grad = mc.ones(2)
    optim.SGD([weight], lr=0.1).step()
    with pytest.raises(RuntimeError):
        loss.backward()


def test_closure_is_called_with_gradients_recorded() -> None:
    weight = mc.tensor([2.0], requires_grad=True)
    optimizer = optim.SGD([weight], lr=0.25)

    def closure() -> mc.Tensor:
        optimizer.zero_grad()
        loss = (weight * weight).sum()
        loss.backward()
        return loss

    with mc.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 4.0
    assert weight.item() == 1.0


def test_zero_grad() -> None:
    params = ours()
    optimizer = optim.SGD(params)
    set_grads(params, 0, skip=(1,))
    first = params[0].grad.array
    optimizer.zero_grad(set_to_none=False)
    assert params[0].grad.array is first and not first.any()
    assert params[1].grad is None
    optimizer.zero_grad()
    assert [param.grad for param in params] == [None] * 3


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("SGD", {"lr": -0.1}, "Invalid learning rate: -0.1"),
        ("SGD", {"lr": float("nan")}, "Invalid learning rate: nan"),
        ("SGD", {"momentum": -0.5}, "Invalid momentum value: -0.5"),
        ("SGD", {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        ("SGD", {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "got .* dampening 0.1"),
        ("Adam", {"lr": -1.0}, "Invalid learning rate: -1.0"),
        ("Adam", {"eps": -1.0}, "Invalid epsilon value: -1.0"),
        ("Adam", {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
        ("AdamW", {"betas": (0.9, -0.1)}, "Invalid beta parameter at index 1: -0.1"),
        ("AdamW", {"weight_decay": -1.0}, "Invalid weight_decay value: -1.0"),
        ("Adam", {"betas": (0.9, mc.tensor(0.99))}, "either both floats or both Tensors"),
        ("AdamW", {"betas": (mc.tensor(0.9), 0.99)}, "either both floats or both Tensors"),
        ("Adam", {"betas": (0, 0.99)}, "either both floats or both Tensors"),
        ("Adam", {"lr": mc.tensor(0.1), "foreach": True}, "lr as a Tensor is not supported"),
        (
            "Adam",
            {"betas": (mc.tensor(0.9), mc.tensor(0.99)), "foreach": True},
            r"betas\[0\] as a Tensor is not supported",
        ),
        ("RMSprop", {"alpha": -1.0}, "Invalid alpha value: -1.0"),
        ("RMSprop", {"momentum": -1.0}, "Invalid momentum value: -1.0"),
        ("RMSprop", {"lr": -1.0}, "Invalid learning rate: -1.0"),
    ],
)
def test_option_errors(name: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(optim, name)(ours(), **options)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_two_implementations_at_once(name: str) -> None:
    with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together"):
        getattr(optim, name)(ours(), fused=True, foreach=True)
    with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
        getattr(optim, name)(ours(), fused=True, differentiable=True)


def test_parameter_errors() -> None:
    params = ours()
    with pytest.raises(ValueError, match="empty parameter list"):
        optim.SGD([])
    with pytest.raises(TypeError, match="an iterable of Tensors or dicts, but got Tensor"):
        optim.SGD(params[0])
    with pytest.raises(TypeError, match="can only optimize Tensors.* is ndarray"):
        optim.SGD([params[0], np.zeros(3)])
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        optim.SGD([params[0] * 2])
    with pytest.raises(ValueError, match=r"more than one parameter group.*\(4, 3\)"):
        optim.SGD([{"params": params}, {"params": params[0]}])
    with pytest.raises(TypeError, match="ordered collection"):
        optim.SGD([{"params": set(params)}])
    optimizer = optim.SGD(params[:1])
    with pytest.raises(TypeError, match="param_group must be a dict, but got list"):
        optimizer.add_param_group(params[1:])


@pytest.mark.parametrize("name", NAMES)
def test_repr_lists_the_groups(name: str) -> None:
    expected = repr(getattr(torch.optim, name)(theirs(), lr=0.25))
    assert repr(getattr(optim, name)(ours(), lr=0.25)) == expected


def test_repr_of_several_groups() -> None:
    def groups(lib: Any) -> list[dict[str, Any]]:
        return [{"params": [lib.zeros(2)]}, {"params": [lib.zeros(3)], "lr": 0.5}]

    assert repr(optim.SGD(groups(mc), lr=0.25)) == repr(torch.optim.SGD(groups(torch), lr=0.25))


@pytest.mark.parametrize(
    ("name", "options"), [("SGD", {"momentum": 0.9}), ("AdamW", {}), ("RMSprop", {})]
)
def test_half_copies_are_written_with_the_weights(name: str, options: dict) -> None:
    params = ours("float32")
    copies = [half_copy(params[0], mc.bfloat16), None, half_copy(params[2], mc.float16)]
    optimizer = getattr(optim, name)(params, lr=0.1, **options)
    before = [param.numpy_copy() for param in params]
    for step in range(2):
        set_grads(params, step)
        optimizer.step()
    for param, half, old in zip(params, copies, before, strict=True):
        assert (param.numpy_copy() != old).all()
        assert kept_half_copy(param) is half  # and is held to be up to date
        if half is not None:
            expected = mc.Tensor.of(param.array.astype(half.dtype)).numpy_copy()
            np.testing.assert_array_equal(mc.Tensor.of(half).numpy_copy(), expected)


def test_an_outdated_half_copy_is_left_alone() -> None:
    params = ours("float32")
    copied = half_copy(params[0], mc.bfloat16)
    with mc.no_grad():
        params[0].zero_()
    set_grads(params, 0)
    optim.SGD(params, lr=0.1).step()
    assert kept_half_copy(params[0]) is None
    assert (mc.Tensor.of(copied).numpy_copy() != 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_scaled_gradients(name: str) -> None:
    params, others = ours("float32"), ours("float32")
    optimizer, other = (getattr(optim, name)(each, lr=0.1) for each in (params, others))
    counts_all = name in ("Adam", "AdamW", "RMSprop")  # their kernels count a step that is left out

    def scalar(value: float) -> object:
        return mc.tensor(value, dtype=mc.float32).array

    for step, overflow in enumerate([0, 1, 0]):
        set_grads(params, step)
        set_grads(others, step)
        for param in params:
            param.grad = param.grad * 8.0
        before = [param.numpy_copy() for param in params]
        optimizer.apply_gradients((scalar(0.125), scalar(overflow)))
        if not overflow:
            other.step()
        for param, old in zip(params, before, strict=True):
            assert np.array_equal(param.numpy_copy(), old) == bool(overflow)
        if not counts_all or not step:
            for param, expected in zip(params, others, strict=True):
                np.testing.assert_array_equal(param.numpy_copy(), expected.numpy_copy())
    if name != "SGD":
        assert optimizer.state[params[0]]["step"] == (3 if counts_all else 2)


@pytest.mark.without_numbers
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": "0.1"}, "lr must be a number, got '0.1'"),
        ({"lr": None}, "lr must be a number, got None"),
        ({"weight_decay": "0.1"}, "weight_decay value must be a number, got '0.1'"),
    ],
)
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_what_is_no_number_is_named(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        getattr(optim, name)([mc.ones(2, requires_grad=True)], **options)
