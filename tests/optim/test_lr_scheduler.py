"""Every schedule's learning rates over 50 steps, against torch.optim.lr_scheduler."""

from __future__ import annotations

import copy
import json
import math
import warnings

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import optim
from minicnn.optim import lr_scheduler

STEPS = 50
RATES = (0.1, 0.02)

SCHEDULES = [
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 1, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [3, 17, 17, 40], "gamma": 0.3}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 12}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 0.95 if epoch % 2 else 1.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.001}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 6}),
    (
        "CyclicLR",
        {"base_lr": [0.01, 0.02], "max_lr": 0.1, "step_size_up": 5, "step_size_down": 8,
         "mode": "triangular2", "base_momentum": 0.7, "max_momentum": 0.95},
    ),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "mode": "exp_range", "gamma": 0.97},
    ),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "cycle_momentum": False,
         "scale_fn": lambda x: 1 / x, "scale_mode": "cycle"},
    ),
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.95**epoch}),
    ("LambdaLR", {"lr_lambda": [lambda epoch: 1 / (epoch + 1), lambda epoch: 1 + epoch]}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.01, "end_factor": 0.5, "total_iters": 20}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 30}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 49, "power": 0.9}),
    ("CosineAnnealingLR", {"T_max": 50}),
    ("CosineAnnealingLR", {"T_max": 12, "eta_min": 0.001}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 51}),
    ("OneCycleLR", {"max_lr": [0.5, 0.2], "epochs": 3, "steps_per_epoch": 20, "pct_start": 0.4}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 50, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 60, "three_phase": True}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 60, "pct_start": 0.0, "div_factor": 5.0}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 60, "cycle_momentum": False}),
    (
        "OneCycleLR",
        {"max_lr": 0.5, "total_steps": 60, "base_momentum": 0.5, "max_momentum": [0.9, 0.8],
         "final_div_factor": 10.0},
    ),
]  # fmt: skip


def two_groups(package: object, name: str = "SGD", **options: object) -> object:
    make = mc.zeros if package is optim else torch.zeros
    groups = [{"params": [make(2, requires_grad=True)], "lr": lr} for lr in RATES]
    return getattr(package, name)(groups, lr=1.0, **options)


def run(optimizer: object, scheduler: object, steps: int, metrics: object = None) -> list:
    """Learning rates and momenta of the groups before each step, as the optimizer sees them."""
    seen = []
    for step in range(steps):
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            momentum = group["betas"][0] if "betas" in group else group["momentum"]
            seen.append((group["lr"], momentum))
        optimizer.step()
        scheduler.step(*([] if metrics is None else [metrics[step]]))
    return seen


@pytest.mark.parametrize("optimizer_name", ["SGD", "AdamW"])
@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_schedule(name: str, options: dict, optimizer_name: str) -> None:
    optimizer = two_groups(optim, optimizer_name)
    other = two_groups(torch.optim, optimizer_name)
    seen = run(optimizer, getattr(lr_scheduler, name)(optimizer, **options), STEPS)
    expected = run(other, getattr(torch.optim.lr_scheduler, name)(other, **options), STEPS)
    assert seen == expected


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("StepLR", {"step_size": 2}),
        ("CosineAnnealingLR", {"T_max": 4}),
        ("ReduceLROnPlateau", {"patience": 1}),
        ("OneCycleLR", {"max_lr": 0.5, "total_steps": 7}),
    ],
)
def test_a_tensor_stays_the_learning_rate(name: str, options: dict) -> None:
    lr = mc.tensor(0.1)
    optimizer, other = two_groups(optim), two_groups(torch.optim)
    optimizer.param_groups[0]["lr"] = lr
    other.param_groups[0]["lr"] = torch.tensor(0.1)
    scheduler = getattr(lr_scheduler, name)(optimizer, **options)
    expected = getattr(torch.optim.lr_scheduler, name)(other, **options)
    for _ in range(5):
        for each, schedule in (optimizer, scheduler), (other, expected):
            each.step()
            schedule.step(*([1.0] if "patience" in options else []))
        assert list(map(float, scheduler.get_last_lr())) == list(map(float, expected.get_last_lr()))
        assert lr.item() == other.param_groups[0]["lr"].item()
        assert scheduler.get_last_lr()[0] is not lr
    assert optimizer.param_groups[0]["lr"] is lr


@pytest.mark.parametrize(
    ("warmup", "total", "min_lr"), [(10, 50, 0.0), (1, 50, 0.005), (0, 60, 0.0), (7, 80, 1e-3)]
)
def test_cosine_with_warmup(warmup: int, total: int, min_lr: float) -> None:
    optimizer, other = two_groups(optim), two_groups(torch.optim)
    scheduler = lr_scheduler.CosineWithWarmup(optimizer, warmup, total, min_lr=min_lr)
    rise = torch.optim.lr_scheduler.LinearLR(other, 1 / (warmup + 1), 1.0, total_iters=warmup)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(other, total - warmup, min_lr)
    both = torch.optim.lr_scheduler.SequentialLR(other, [rise, fall], [warmup])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = run(other, both, STEPS)
    np.testing.assert_allclose(run(optimizer, scheduler, STEPS), expected, rtol=1e-11, atol=1e-15)


def test_cosine_with_warmup_stays_at_the_end() -> None:
    optimizer = two_groups(optim)
    scheduler = lr_scheduler.CosineWithWarmup(optimizer, 2, 10, min_lr=0.001)
    run(optimizer, scheduler, 25)
    assert scheduler.get_last_lr() == [0.001, 0.001]
    for warmup, total in (-1, 5), (5, 5):
        with pytest.raises(ValueError, match=f"warmup_steps {warmup} and total_steps {total}"):
            lr_scheduler.CosineWithWarmup(optimizer, warmup, total)


METRICS = np.random.default_rng(0).standard_normal(STEPS).cumsum().tolist()
FALLING = [math.exp(-step / 10) if step < 30 else 0.05 for step in range(STEPS)]


@pytest.mark.parametrize("metrics", [METRICS, FALLING])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"patience": 2, "factor": 0.5},
        {"patience": 0, "mode": "max", "factor": 0.7},
        {"patience": 1, "threshold": 0.3, "threshold_mode": "abs"},
        {"patience": 1, "threshold": 0.3, "threshold_mode": "abs", "mode": "max"},
        {"patience": 1, "threshold": 0.2, "mode": "max"},
        {"patience": 1, "cooldown": 3, "factor": 0.5},
        {"patience": 0, "min_lr": [0.01, 0.001]},
        {"patience": 0, "min_lr": 0.005},
        {"patience": 0, "eps": 1e-3},
    ],
)
def test_reduce_on_plateau(options: dict, metrics: list[float]) -> None:
    optimizer, other = two_groups(optim), two_groups(torch.optim)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    expected = torch.optim.lr_scheduler.ReduceLROnPlateau(other, **options)
    np.testing.assert_allclose(
        run(optimizer, scheduler, STEPS, metrics), run(other, expected, STEPS, metrics), rtol=1e-12
    )


def test_reduce_on_plateau_takes_a_tensor() -> None:
    scheduler = lr_scheduler.ReduceLROnPlateau(two_groups(optim), patience=0)
    for _ in range(2):
        scheduler.step(mc.tensor(1.0))
    assert scheduler.get_last_lr() == pytest.approx([0.01, 0.002])


def test_two_schedules_on_one_optimizer_multiply() -> None:
    def rates(package: object, schedules: object) -> list:
        optimizer = two_groups(package)
        warmup = schedules.LinearLR(optimizer, 0.1, total_iters=5)
        drops = schedules.StepLR(optimizer, 8)
        seen = []
        for _ in range(20):
            optimizer.step()
            warmup.step()
            drops.step()
            seen.append(drops.get_last_lr())
        return seen

    np.testing.assert_allclose(
        rates(optim, lr_scheduler), rates(torch.optim, torch.optim.lr_scheduler), rtol=1e-12
    )


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_last_epoch_continues_a_loaded_optimizer(name: str, options: dict) -> None:
    def rates(package: object, schedules: object) -> list:
        first = two_groups(package)
        run(first, getattr(schedules, name)(first, **options), 10)
        second = two_groups(package)
        second.load_state_dict(first.state_dict())
        return run(second, getattr(schedules, name)(second, **options, last_epoch=9), 10)

    np.testing.assert_allclose(
        rates(optim, lr_scheduler), rates(torch.optim, torch.optim.lr_scheduler), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [*SCHEDULES, ("CosineWithWarmup", {"warmup_steps": 5, "total_steps": 40})],
)
def test_state_dict_continues_exactly(name: str, options: dict) -> None:
    def new() -> tuple:
        optimizer = two_groups(optim)
        return optimizer, getattr(lr_scheduler, name)(optimizer, **options)

    whole = run(*new(), STEPS)
    optimizer, scheduler = new()
    first = run(optimizer, scheduler, 20)
    resumed, resumed_scheduler = new()
    resumed.load_state_dict(optimizer.state_dict())
    resumed_scheduler.load_state_dict(scheduler.state_dict())
    assert first + run(resumed, resumed_scheduler, STEPS - 20) == whole


def test_plateau_state_dict_is_plain() -> None:
    optimizer = two_groups(optim)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=1)
    run(optimizer, scheduler, 13, METRICS)
    state = json.loads(json.dumps(scheduler.state_dict()))
    again = lr_scheduler.ReduceLROnPlateau(two_groups(optim))
    again.load_state_dict(state)
    assert again.state_dict() == scheduler.state_dict()


def test_lambda_state_dict_keeps_the_attributes_of_objects() -> None:
    class Decay:
        def __init__(self, rate: float) -> None:
            self.rate = rate

        def __call__(self, epoch: int) -> float:
            return self.rate**epoch

    scheduler = lr_scheduler.LambdaLR(two_groups(optim), [Decay(0.5), lambda epoch: 1.0])
    assert scheduler.state_dict()["lr_lambdas"] == [{"rate": 0.5}, None]
    other = lr_scheduler.LambdaLR(two_groups(optim), [Decay(0.9), lambda epoch: 1.0])
    other.load_state_dict(scheduler.state_dict())
    other.optimizer.step()
    other.step()
    assert other.get_last_lr() == [0.05, 0.02]


def test_warns_when_stepped_before_the_optimizer() -> None:
    optimizer = two_groups(optim)
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    optimizer = two_groups(optim)
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
        scheduler.step()


def test_no_warning_for_an_optimizer_with_its_own_step() -> None:
    class Own(optim.Optimizer):
        def step(self, closure: object = None) -> None:
            pass

    optimizer = Own([mc.zeros(2, requires_grad=True)], {"lr": 0.1})
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(
    ("error", "message", "name", "options"),
    [
        (ValueError, r"start_factor in \(0, 1\], got 0", "LinearLR", {"start_factor": 0}),
        (ValueError, r"end_factor in \[0, 1\], got 1.5", "LinearLR", {"end_factor": 1.5}),
        (ValueError, "either total_steps or both", "OneCycleLR", {"max_lr": 1.0, "epochs": 3}),
        (
            ValueError,
            "positive integer total_steps, but got 0",
            "OneCycleLR",
            {"max_lr": 1.0, "total_steps": 0},
        ),
        (
            ValueError,
            "pct_start between 0 and 1, got 1.5",
            "OneCycleLR",
            {"max_lr": 1.0, "total_steps": 9, "pct_start": 1.5},
        ),
        (
            ValueError,
            "'cos' or 'linear', got 'sin'",
            "OneCycleLR",
            {"max_lr": 1.0, "total_steps": 9, "anneal_strategy": "sin"},
        ),
        (
            ValueError,
            "expected 2 values for max_lr, got 3",
            "OneCycleLR",
            {"max_lr": [1.0, 2.0, 3.0], "total_steps": 9},
        ),
        (ValueError, "expected 2 values for lr_lambda, got 1", "LambdaLR", {"lr_lambda": [abs]}),
        (ValueError, "factor < 1, got 1.0", "ReduceLROnPlateau", {"factor": 1.0}),
        (ValueError, "'min' or 'max', got 'mean'", "ReduceLROnPlateau", {"mode": "mean"}),
        (ValueError, "'rel' or 'abs', got 'x'", "ReduceLROnPlateau", {"threshold_mode": "x"}),
        (KeyError, "'initial_lr' is not specified", "StepLR", {"step_size": 3, "last_epoch": 4}),
    ],
)
def test_errors(error: type[Exception], message: str, name: str, options: dict) -> None:
    with pytest.raises(error, match=message):
        getattr(lr_scheduler, name)(two_groups(optim), **options)


def test_one_cycle_ends_and_needs_momentum() -> None:
    optimizer = two_groups(optim)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=5)
    with pytest.raises(ValueError, match="step 6 times.* total steps is 5"):
        run(optimizer, scheduler, 10)

    class Plain(optim.Optimizer):
        def update(self, group: dict, params: list) -> None:
            pass

    plain = Plain([mc.zeros(2, requires_grad=True)], {"lr": 0.1})
    with pytest.raises(ValueError, match="must support momentum or beta1.*got Plain"):
        lr_scheduler.OneCycleLR(plain, 0.1, total_steps=5)


def test_needs_an_optimizer() -> None:
    with pytest.raises(TypeError, match="int is not an Optimizer"):
        lr_scheduler.StepLR(3, 2)


@pytest.mark.parametrize(
    ("name", "options"), [*SCHEDULES, ("ReduceLROnPlateau", {"patience": 1, "factor": 0.3})]
)
@pytest.mark.parametrize("first", [optim, torch.optim])
def test_a_schedule_goes_on_in_the_other_framework(first: object, name: str, options: dict) -> None:
    def steps(optimizer: object, scheduler: object, count: int) -> list:
        metrics = [1.0] * count if name == "ReduceLROnPlateau" else None
        return run(optimizer, scheduler, count, metrics)

    def begin(package: object) -> tuple:
        optimizer = two_groups(package)
        return optimizer, getattr(package.lr_scheduler, name)(optimizer, **options)

    begun, continued = begin(first), begin(torch.optim if first is optim else optim)
    steps(*begun, 9)
    for before, after in zip(begun, continued, strict=True):
        after.load_state_dict(copy.deepcopy(before.state_dict()))
    assert steps(*continued, 12) == steps(*begun, 12)


COMBINED = [
    lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 9)], [5, 20]
    ),
    lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1), s.CosineAnnealingWarmRestarts(o, 4)], [6]),
    lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)]),
    lambda s, o: s.ChainedScheduler(
        [s.StepLR(o, 3), s.SequentialLR(o, [s.LinearLR(o), s.PolynomialLR(o, 9)], [7])], o
    ),
]


@pytest.mark.filterwarnings("ignore:The epoch parameter", "ignore:Detected call")
@pytest.mark.parametrize("make", COMBINED)
def test_combined_schedules(make: object) -> None:
    def begin(package: object) -> tuple:
        optimizer = two_groups(package)
        return optimizer, make(package.lr_scheduler, optimizer)

    begun, expected = begin(optim), begin(torch.optim)
    assert run(*begun, 30) == run(*expected, 30)
    assert begun[1].state_dict().keys() == expected[1].state_dict().keys()
    continued = begin(torch.optim)
    for before, after in zip(begun, continued, strict=True):
        after.load_state_dict(copy.deepcopy(before.state_dict()))
    assert run(*continued, 5) == run(*begun, 5)


@pytest.mark.parametrize(
    ("message", "make"),
    [
        ("at least one scheduler", lambda s, o: s.ChainedScheduler([])),
        ("one scheduler more", lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [1])),
        ("does not support", lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)])),
        ("same optimizer", lambda s, o: s.ChainedScheduler([s.StepLR(o, 1)], two_groups(optim))),
        ("positive integer T_0", lambda s, o: s.CosineAnnealingWarmRestarts(o, 0)),
        ("mode is invalid", lambda s, o: s.CyclicLR(o, 0.1, 1, mode="saw")),
        (r"factor in \[0, 1\]", lambda s, o: s.ConstantLR(o, 1.5)),
    ],
)
def test_errors_of_combined_and_cyclic_schedules(message: str, make: object) -> None:
    with pytest.raises(ValueError, match=message):
        make(lr_scheduler, two_groups(optim))


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_state_has_the_names_and_options_of_torch(name: str, options: dict) -> None:
    states = []
    for package in optim, torch.optim:
        states.append(getattr(package.lr_scheduler, name)(two_groups(package), **options))
    ours, theirs = (schedule.state_dict() for schedule in states)
    assert ours.keys() == theirs.keys()
    assert {k: v for k, v in ours.items() if k != "lr_lambdas"} == {
        k: v for k, v in theirs.items() if k != "lr_lambdas"
    }


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize(("name", "options"), [case for case in SCHEDULES if "Cycl" not in case[0]])
def test_step_to_an_epoch(name: str, options: dict) -> None:
    seen = []
    for package in optim, torch.optim:
        optimizer = two_groups(package)
        scheduler = getattr(package.lr_scheduler, name)(optimizer, **options)
        optimizer.step()
        for epoch in 3, 4, 11, 2, 17:
            scheduler.step(epoch)
            seen.append((package is optim, scheduler.last_epoch, scheduler.get_last_lr()))
    half = len(seen) // 2
    assert [each[1:] for each in seen[:half]] == [each[1:] for each in seen[half:]]


def test_warm_restarts_between_epochs() -> None:
    seen = []
    for package in optim, torch.optim:
        scheduler = package.lr_scheduler.CosineAnnealingWarmRestarts(two_groups(package), 2, 2)
        for batch in range(30):
            scheduler.step(batch / 4)
            seen.append(scheduler.get_last_lr())
    assert seen[:30] == seen[30:]


def test_warnings_of_old_habits() -> None:
    optimizer = two_groups(optim)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        scheduler.get_lr()
    with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step"):
        scheduler.step(2)
    assert scheduler.get_last_lr() == [0.025, 0.005]


def test_a_schedule_of_ones_own() -> None:
    """Written for torch: the old base class, ``get_lr`` from ``base_lrs``, ``step`` overridden."""

    def rates(package: object) -> list:
        class Warmup(package.lr_scheduler._LRScheduler):
            def __init__(self, optimizer: object, steps: int, after: object) -> None:
                self.steps, self.after = steps, after
                super().__init__(optimizer)

            def get_lr(self) -> list:
                return [lr * (self.last_epoch + 1) / self.steps for lr in self.base_lrs]

            def step(self, epoch: int | None = None) -> None:
                if self.last_epoch + 1 < self.steps:
                    super().step(epoch)
                else:
                    self.after.step()
                    self._last_lr = self.after.get_last_lr()

        optimizer = two_groups(package)
        scheduler = Warmup(optimizer, 4, package.lr_scheduler.StepLR(optimizer, 2))
        return run(optimizer, scheduler, 12)

    assert rates(optim) == rates(torch.optim)
