"""The loop around a training step, where pictures are broken and losses are not finite."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import minicnn as mc
from minicnn import data, nn, optim, training

pytestmark = [pytest.mark.cpu_only, pytest.mark.filterwarnings("ignore:.*left out")]


class Samples(data.Dataset):
    """Sample i is (i, i, i) and its class i % 2; some are broken."""

    def __init__(self, count: int, broken: set[int]) -> None:
        self.count, self.broken = count, broken

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[mc.Tensor, int]:
        if index in self.broken:
            raise data.SkipSample(f"{index} is broken")
        return mc.full((3,), float(index)), index % 2


class Trained:
    """A run in ``folder`` that resumes if it can, and what its steps were given."""

    def __init__(
        self,
        folder: Path,
        samples: Samples,
        epochs: int = 1,
        net: nn.Module | None = None,
        lr: float = 0.01,
        spoil: Callable[[int, mc.Tensor], mc.Tensor] = lambda number, loss: loss,
        stopped: bool = False,
        schedule_of: Callable[..., Any] = optim.lr_scheduler.PolynomialLR,
    ) -> None:
        mc.manual_seed(0)
        resume = (folder / "last.ckpt").exists()
        self.run = training.Run(folder, {"epochs": epochs}, training.MAY_DIFFER, resume=resume)
        self.loader = data.DataLoader(samples, batch_size=2)
        self.validation = data.DataLoader(samples, batch_size=2)
        self.net = net or nn.Linear(3, 2)
        self.optimizer = optim.SGD(self.net.parameters(), lr=lr)
        self.schedule = schedule_of(self.optimizer, epochs * len(self.loader))
        self.batches: list[list[float]] = []
        self.rates: list[float] = []
        self.spoil, self.stopped = spoil, stopped
        self.run.start(
            (self.loader, self.validation),
            net=self.net,
            optimizer=self.optimizer,
            schedule=self.schedule,
            meter=training.ClassificationMeter(),
        )
        training.fit(self.run, self.loader, self.step, self.validate)

    def step(self, inputs: mc.Tensor, labels: mc.Tensor) -> tuple[mc.Tensor, ...]:
        self.batches.append(inputs[:, 0].tolist())
        self.rates.append(self.optimizer.param_groups[0]["lr"])
        logits = self.net(inputs)
        loss = self.spoil(len(self.batches), nn.functional.cross_entropy(logits, labels))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        takes_loss = isinstance(self.schedule, optim.lr_scheduler.ReduceLROnPlateau)
        self.schedule.step(*([loss.item()] if takes_loss else []))
        return loss, logits, labels

    def validate(self) -> dict:
        if self.stopped:
            raise KeyboardInterrupt
        return training.validate_classifier(self.validation, self.net, nn.functional.cross_entropy)


def test_a_batch_that_is_wholly_broken_does_not_shift_a_resumed_epoch(tmp_path):
    steps = []

    class Stopping(Samples):
        """Ctrl-C while sample 8 is loaded."""

        def __getitem__(self, index: int) -> tuple[mc.Tensor, int]:
            if index == 8 and not steps:
                steps.append("stopped")
                raise KeyboardInterrupt
            return super().__getitem__(index)

    samples = Stopping(10, broken={0, 1, 4, 5})
    with pytest.raises(KeyboardInterrupt):
        Trained(tmp_path, samples)
    resumed = Trained(tmp_path, samples)
    assert resumed.batches == [[8, 9]]
    assert len(resumed.loader.skipped) == len(resumed.validation.skipped) == 4
    assert resumed.run.metrics["best"]["val_pictures"] == 6


def test_broken_samples_stay_counted_when_a_run_is_resumed(tmp_path):
    samples = Samples(10, broken={2, 7})
    Trained(tmp_path, samples)
    samples.broken = set()
    resumed = Trained(tmp_path, samples)
    assert resumed.batches == [] and set(resumed.loader.skipped) == {2, 7}
    assert resumed.run.metrics["best"]["val_pictures"] == 8


def test_nothing_to_train_on(tmp_path):
    with pytest.raises(data.BrokenPicture, match="none of the training pictures can be read"):
        Trained(tmp_path, Samples(4, broken={0, 1, 2, 3}))


def test_a_batch_of_one_is_left_out_where_batch_norm_needs_two(tmp_path, capsys):
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    trained = Trained(tmp_path / "a", Samples(6, broken={3}), net=net)
    assert trained.batches == [[0, 1], [4, 5]]
    assert "left out a batch of one sample: batch norm needs two" in capsys.readouterr().out
    assert Trained(tmp_path / "b", Samples(6, broken={3})).batches == [[0, 1], [2], [4, 5]]
    with pytest.raises(data.BrokenPicture, match="no batch of training pictures has two that can"):
        Trained(tmp_path / "c", Samples(4, broken={0, 1, 3}), net=net)


@pytest.fixture(autouse=True)
def folders(tmp_path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()


def test_a_training_that_diverged_is_stopped_and_told(tmp_path):
    def spoil(number: int, loss: mc.Tensor) -> mc.Tensor:
        return loss * math.nan if number == 5 else loss

    with pytest.raises(ValueError, match=r"the loss is nan in epoch 2, step 2.*learning rate"):
        Trained(tmp_path, Samples(6, set()), epochs=3, spoil=spoil)
    saved = mc.load(tmp_path / "last.ckpt")  # from before
    assert saved["run"]["epoch"] == 1 and saved["net"]["weight"].isfinite().all()
    assert Trained(tmp_path, Samples(6, set()), epochs=3).run.epoch == 3


def test_a_loss_of_nan_with_sound_weights_is_a_warning(tmp_path, capsys):
    def spoil(number: int, loss: mc.Tensor) -> mc.Tensor:
        return loss * 0 + mc.tensor(math.nan) if number == 2 else loss

    Trained(tmp_path, Samples(6, set()), spoil=spoil)
    line = "warning: the loss is nan in epoch 1, step 2; the weights are still finite\n"
    assert capsys.readouterr().out.count(line) == 1

    def not_json(name: str) -> None:
        pytest.fail(f"{name} is not JSON")

    written = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=not_json)
    assert written["epochs"][0]["train_loss"] is None


def test_more_epochs_follow_the_schedule_of_a_longer_run(tmp_path, capsys):
    samples = Samples(6, set())
    whole = Trained(tmp_path / "a", samples, epochs=4)
    first = Trained(tmp_path / "b", samples, epochs=2)
    assert first.rates == pytest.approx([0.01 * left / 6 for left in (6, 5, 4, 3, 2, 1)])
    capsys.readouterr()
    rest = Trained(tmp_path / "b", samples, epochs=4)
    assert rest.rates == pytest.approx(whole.rates[6:])
    assert "now 4 epochs instead of 2" in capsys.readouterr().out
    assert rest.run.metrics["settings"]["epochs"] == 4
    assert [row["epoch"] for row in rest.run.metrics["epochs"]] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="--epochs must be at least 4, which .* has done, got 3"):
        Trained(tmp_path / "b", samples, epochs=3)


def chained(optimizer: optim.Optimizer, steps: int) -> optim.lr_scheduler.ChainedScheduler:
    rise = optim.lr_scheduler.LinearLR(optimizer, total_iters=2)
    return optim.lr_scheduler.ChainedScheduler(
        [rise, optim.lr_scheduler.PolynomialLR(optimizer, steps)]
    )


def by_loss(optimizer: optim.Optimizer, steps: int) -> optim.lr_scheduler.ReduceLROnPlateau:
    return optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)


@pytest.mark.parametrize("schedule_of", [chained, by_loss])
def test_more_epochs_with_other_schedules(tmp_path, schedule_of):
    samples = Samples(6, set())
    whole = Trained(tmp_path / "a", samples, epochs=4, schedule_of=schedule_of)
    Trained(tmp_path / "b", samples, epochs=2, schedule_of=schedule_of)
    rest = Trained(tmp_path / "b", samples, epochs=4, schedule_of=schedule_of)
    assert rest.rates == pytest.approx(whole.rates[6:])
    assert len(set(whole.rates)) > 2


def test_fewer_epochs_than_planned_and_than_begun(tmp_path):
    samples = Samples(6, set())
    with pytest.raises(KeyboardInterrupt):
        Trained(tmp_path / "a", samples, epochs=3, stopped=True)
    assert Trained(tmp_path / "a", samples, epochs=1).run.epoch == 1
