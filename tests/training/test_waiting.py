"""The share of time in which a training waits for its data."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import minicnn as mc
from minicnn import data, nn, optim, training
from minicnn.training.waiting import Waiting

pytestmark = pytest.mark.cpu_only


def test_only_the_waiting_counts():
    def slow():
        for number in range(3):
            time.sleep(0.02)
            yield number

    waiting = Waiting(slow(), seconds=1.0)
    start = time.perf_counter()
    for _ in waiting:
        time.sleep(0.05)
    whole = time.perf_counter() - start
    assert 1.06 <= waiting.seconds <= 1 + whole - 0.15


def test_an_error_counts_as_well():
    waiting = Waiting(time.sleep(0.02) or 1 / zero for zero in (0,))
    with pytest.raises(ZeroDivisionError):
        next(waiting)
    assert waiting.seconds >= 0.02


class Slow(data.Dataset):
    """Eight samples, each of which takes 10 ms to load, and Ctrl-C at one of them."""

    def __init__(self, interrupted: int | None = None) -> None:
        self.interrupted = interrupted

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[mc.Tensor, int]:
        time.sleep(0.01)
        if index == self.interrupted:
            raise KeyboardInterrupt
        return mc.full((3,), float(index)), index % 2


def trained(folder: Path, samples: Slow, resume: bool = False) -> training.Run:
    folder.mkdir(exist_ok=True)
    run = training.Run(folder, {"epochs": 1}, resume=resume)
    loader = data.DataLoader(samples, batch_size=2)
    net = nn.Linear(3, 2)
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.PolynomialLR(optimizer, 4)
    run.start((loader,), net=net, schedule=schedule, meter=training.ClassificationMeter())

    def step(inputs: mc.Tensor, labels: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor, mc.Tensor]:
        time.sleep(0.02)  # as long as the loading of a batch
        scores = net(inputs)
        return nn.functional.cross_entropy(scores, labels), scores, labels

    training.fit(run, loader, step, lambda: {"val_loss": 1.0, "val_accuracy": 0.5})
    return run


def test_a_training_tells_its_share(tmp_path, capsys):
    (row,) = trained(tmp_path, Slow()).metrics["epochs"]
    assert 0.08 <= row["seconds_waited"] <= row["seconds"] - 0.08
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5  # four steps and the epoch
    share = 100 * row["seconds_waited"] / row["seconds"]
    assert f" images/s, waited {share:.0f} %, 0 s to go" in lines[-1]
    assert f"  waited {share:.0f} %  " in lines[-2]  # after the last step


def test_a_resumed_epoch_adds_up(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, Slow(interrupted=6))
    saved = mc.load(tmp_path / "last.ckpt")["run"]
    assert 0.06 <= saved["waited"] <= saved["seconds"] - 0.06
    (row,) = trained(tmp_path, Slow(), resume=True).metrics["epochs"]
    assert saved["waited"] + 0.02 <= row["seconds_waited"] <= row["seconds"] - 0.08


def test_a_checkpoint_that_does_not_know_of_it(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, Slow(interrupted=6))
    saved = mc.load(tmp_path / "last.ckpt")
    del saved["run"]["waited"]
    mc.save(saved, tmp_path / "last.ckpt")
    (row,) = trained(tmp_path, Slow(), resume=True).metrics["epochs"]
    assert 0.02 <= row["seconds_waited"] < row["seconds"]
