from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import signal
import sys
import time

import numpy as np
import pytest

import minicnn as mc
from minicnn import data, nn, optim, training
from minicnn.data.problems import Problems


def update(meter: training.ClassificationMeter, loss: float, predicted: list, target: list) -> None:
    logits = mc.tensor(np.eye(2, dtype=np.float32)[predicted])
    meter.update(mc.tensor(loss), logits, mc.tensor(target))


def test_meter_weighs_batches_by_their_size():
    meter = training.ClassificationMeter()
    update(meter, 1.0, predicted=[0, 1, 1], target=[0, 1, 0])
    update(meter, 3.0, predicted=[0], target=[0])
    loss, accuracy = meter.compute()
    assert (loss, accuracy) == (1.5, 0.75)
    assert str(meter) == "loss 1.500  accuracy 75.0 %"


def test_meter_goes_on_from_its_state():
    first, second = training.ClassificationMeter(), training.ClassificationMeter()
    update(first, 0.3, predicted=[0, 1], target=[0, 0])
    second.load_state_dict(first.state_dict())
    for meter in (first, second):
        update(meter, 0.1, predicted=[1], target=[1])
    assert first.compute() == second.compute()


def test_meter_is_nan_before_the_first_sample_and_after_reset():
    meter = training.ClassificationMeter()
    update(meter, 0.3, predicted=[0], target=[0])
    meter.reset()
    assert all(map(math.isnan, meter.compute()))


def test_confusion_matrix_has_true_classes_as_rows():
    matrix = training.confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 2, 1, 2]), 3)
    assert matrix.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 1]]


def watch_steps(watch: training.PlateauWatch, losses: list[float], right: bool) -> list[str | None]:
    """What is said at each of these losses, when all answers are right, or every second one."""
    logits, target = mc.tensor([[0.0, 1.0], [0.0, 1.0]]), mc.tensor([1, 1 if right else 0])
    return [watch.update(mc.tensor(loss), logits, target) for loss in losses]


def test_plateau_warns_after_each_window_of_guesses():
    watch = training.PlateauWatch(2, window=3)
    said = watch_steps(watch, [math.log(2)] * 6, right=False)
    assert [text is not None for text in said] == [False, False, True] * 2
    assert "0.6931" in said[2] and "50.0 %" in said[2] and "Kaiming-normal" in said[2]


NOT_GUESSED = [(0.67, False), (0.71, False), (math.log(2), True), (math.nan, False)]


@pytest.mark.parametrize(("loss", "right"), NOT_GUESSED)
def test_plateau_is_silent_at_another_loss_or_when_most_answers_are_right(loss, right):
    watch = training.PlateauWatch(2, window=2)
    assert watch_steps(watch, [loss] * 4, right) == [None] * 4


def test_plateau_is_where_the_number_of_classes_says():
    logits, target = mc.zeros(10, 10), mc.arange(10)
    assert training.PlateauWatch(10, 1).update(mc.tensor(math.log(10)), logits, target)
    assert not training.PlateauWatch(10, 1).update(mc.tensor(math.log(2)), logits, target)


def lines_of(progress_total: int, steps: list[int], done: int = 0) -> list[str]:
    out = io.StringIO()
    with training.Progress("epoch 1/2", progress_total, done=done, file=out) as progress:
        for step in steps:
            progress.update(step, lambda: "loss 0.5")
    return out.getvalue().splitlines()


def test_a_log_file_gets_a_line_each_tenth():
    lines = lines_of(100, [5] * 20)
    assert len(lines) == 10
    assert lines[0].startswith("epoch 1/2  10%  loss 0.5") and lines[-1].endswith("0 s left")


def test_steps_larger_than_a_tenth_get_one_line_each():
    assert len(lines_of(10, [4, 4, 2])) == 3
    assert len(lines_of(100, [70, 10, 20])) == 3


def test_progress_goes_on_in_mid_epoch():
    lines = lines_of(100, [10, 10], done=80)
    assert [line[:14] for line in lines] == ["epoch 1/2  90%", "epoch 1/2 100%"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1:00 min"), (200, "3:20 min"), (3900, "1:05 h")]
)
def test_duration(seconds, text):
    assert training.duration(seconds) == text


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_for_the_end_of_a_step():
    before, done = signal.getsignal(signal.SIGINT), []
    with training.StopRequest() as stop:
        with pytest.raises(KeyboardInterrupt), stop.step:
            ctrl_c()
            done.append("the whole step")
        assert done and not stop.in_step
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_waits_for_nothing():
    with training.StopRequest() as stop, pytest.raises(KeyboardInterrupt), stop.step:
        ctrl_c()
        ctrl_c()
        pytest.fail("nobody interrupted this")
    assert stop.in_step


ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.mark.parametrize("number", ENDS)
def test_a_scheduler_may_send_its_signal_twice(number):
    """``timeout`` does, and both a shell and the kernel send SIGHUP when a terminal closes."""
    before, done = signal.getsignal(number), []
    with training.StopRequest() as stop:
        with pytest.raises(KeyboardInterrupt), stop.step:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            done.append("the whole step")
        os.kill(os.getpid(), number)
        done.append("the checkpoint")
    assert done == ["the whole step", "the checkpoint"]
    assert signal.getsignal(number) is before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_nohup_is_respected():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with training.StopRequest():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("closed", ["a pipe without a reader", "from the beginning"])
def test_a_step_ends_although_nobody_reads_that_it_is_the_last(monkeypatch, closed):
    """Ctrl-C ends the ``tee`` of ``2>&1 | tee log``, too."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stderr", pipe if closed.startswith("a") else None)
        with training.StopRequest() as stop:
            with pytest.raises(KeyboardInterrupt), stop.step:
                ctrl_c()
            assert not stop.in_step


def test_between_steps_ctrl_c_waits_for_nothing():
    with training.StopRequest() as stop:
        with stop.step:
            pass
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
            pytest.fail("nobody interrupted this")


class Freed:
    def __del__(self):
        ctrl_c()


@pytest.mark.parametrize("in_step", [False, True])
def test_ctrl_c_is_not_lost_where_memory_is_freed(in_step):
    """Python ignores errors in a ``__del__``."""
    with training.StopRequest() as stop, pytest.raises(KeyboardInterrupt):
        with stop.step if in_step else contextlib.nullcontext():
            Freed()
            time.sleep(0.2)
            assert in_step and stop.requested
        pytest.fail("nobody interrupted this")


def new_run(folder, resume: bool = False, **settings) -> training.Run:
    settings.setdefault("epochs", 3)
    run = training.Run(folder, settings, ("workers", "epochs"), resume=resume)
    net = nn.Linear(3, 2)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    meter = training.ClassificationMeter()
    run.start(net=net, optimizer=optimizer, meter=meter)
    return run


def train(run: training.Run, steps: int) -> None:
    """Steps on random inputs, so that the random numbers count as well."""
    for _ in range(steps):
        logits, target = run.parts["net"](mc.randn(4, 3)), mc.tensor([0, 1, 0, 1])
        loss = nn.functional.cross_entropy(logits, target)
        run.parts["optimizer"].zero_grad()
        loss.backward()
        run.parts["optimizer"].step()
        run.parts["meter"].update(loss, logits, target)
        run.batch += 1


def finish(run: training.Run, right: int) -> dict:
    run.seconds = 1.0
    validation = {"val_loss": 0.5, "val_accuracy": (right + 2) / 8}
    return run.finish_epoch(run.parts["meter"], validation, 0.1)


def test_a_resumed_run_ends_as_an_uninterrupted_one(tmp_path):
    run = new_run(tmp_path)
    train(run, 3)
    finish(run, right=3)
    train(run, 2)
    run.save()
    middle = (tmp_path / "last.ckpt").read_bytes()
    train(run, 2)
    row = finish(run, right=2)

    (tmp_path / "last.ckpt").write_bytes(middle)
    mc.manual_seed(1234)
    resumed = new_run(tmp_path, resume=True)
    assert (resumed.epoch, resumed.batch) == (1, 2)
    train(resumed, 2)
    assert finish(resumed, right=2) == row
    assert resumed.metrics["epochs"] == run.metrics["epochs"]
    for part in ("net", "optimizer"):
        states = [str(r.parts[part].state_dict()) for r in (run, resumed)]
        assert states[0] == states[1]


def test_the_best_epoch_is_kept(tmp_path):
    run = new_run(tmp_path)
    for right in (1, 4, 2):
        train(run, 1)
        finish(run, right)
    assert [row["val_accuracy"] for row in run.metrics["epochs"]] == [0.375, 0.75, 0.5]
    assert run.metrics["best"]["epoch"] == 2 == mc.load(tmp_path / "best.ckpt")["epoch"]


def test_of_equal_epochs_the_one_with_the_smaller_loss_is_the_best(tmp_path):
    run = new_run(tmp_path)
    for loss in (math.nan, 0.3, 0.4):
        train(run, 1)
        run.finish_epoch(run.parts["meter"], {"val_loss": loss, "val_accuracy": 0.9}, 0.1)
    assert run.metrics["best"]["epoch"] == 2


def test_other_settings_are_refused_unless_they_may_differ(tmp_path):
    new_run(tmp_path, seed=1, lr=0.1, workers=2)
    new_run(tmp_path, resume=True, seed=1, lr=0.1, workers=0)
    with pytest.raises(
        ValueError, match="must be the same: seed was 1, now 2; lr was 0.1, now 0.2"
    ):
        new_run(tmp_path, resume=True, seed=2, lr=0.2, workers=2)


def test_nothing_to_resume(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run to go on with: .*last.ckpt"):
        new_run(tmp_path, resume=True)
    mc.save({"net": {}}, tmp_path / "last.ckpt")
    with pytest.raises(ValueError, match="last.ckpt must be the checkpoint of a run"):
        new_run(tmp_path, resume=True)
    mc.save({"run": {"epoch": 1}}, tmp_path / "last.ckpt")
    with pytest.raises(ValueError, match="last.ckpt is of an earlier version"):
        new_run(tmp_path, resume=True)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    new_run(tmp_path)
    run = training.Run(tmp_path, {}, resume=True)
    with pytest.raises(ValueError, match="last.ckpt does not fit this run: KeyError 'other'"):
        run.start(other=nn.Linear(3, 2))


def test_a_run_that_starts_sets_an_earlier_one_aside(tmp_path, capsys):
    folder = tmp_path / "run"
    (folder / "pictures").mkdir(parents=True)
    for number in (1, 2, 3):
        new_run(folder, number=number)
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"kept the earlier run in {folder} as {folder}-{n}" for n in (1, 2)]
    for name, number in (("run-1", 1), ("run-2", 2), ("run", 3)):
        settings = mc.load(tmp_path / name / "last.ckpt")["run"]["metrics"]["settings"]
        assert settings["number"] == number
        assert (tmp_path / name / "metrics.json").exists()
    assert [path for path in tmp_path.rglob("pictures")] == [folder / "pictures"]


def test_a_run_that_does_not_start_moves_nothing(tmp_path):
    (tmp_path / "run").mkdir()
    new_run(tmp_path / "run")
    training.Run(tmp_path / "run", {"epochs": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def segmentation_scores(predicted: np.ndarray, classes: int) -> mc.Tensor:
    """Scores (N, classes, H, W) whose largest are at ``predicted``."""
    return mc.tensor(np.eye(classes, dtype=np.float32)[predicted].transpose(0, 3, 1, 2))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_segmentation_meter_against_its_definition(dtype):
    rng = np.random.default_rng(0)
    classes, meter = 21, training.SegmentationMeter(21)
    truths, predictions = [], []
    for _ in range(3):
        truth = rng.choice([*range(classes - 2), 255], (2, 9, 7)).astype(dtype)
        predicted = rng.integers(0, classes - 1, truth.shape)
        predicted[:, ::2] = np.where(truth[:, ::2] == 255, 0, truth[:, ::2])
        meter.update(segmentation_scores(predicted, classes), mc.tensor(truth))
        truths.append(truth.ravel())
        predictions.append(predicted.ravel())
    truth, predicted = np.concatenate(truths), np.concatenate(predictions)
    kept = truth != 255
    truth, predicted = truth[kept], predicted[kept]

    for a in range(classes):
        for b in range(classes):
            assert meter.confusion()[a, b] == ((truth == a) & (predicted == b)).sum()
    expected = []
    for label in range(classes):
        union = ((truth == label) | (predicted == label)).sum()
        both = ((truth == label) & (predicted == label)).sum()
        expected.append(both / union if union else math.nan)
    np.testing.assert_allclose(meter.iou(), expected)
    assert math.isnan(expected[20]) and expected[19] == 0  # in neither; predicted alone
    accuracy, mean_iou = meter.compute()
    assert accuracy == pytest.approx((truth == predicted).mean())
    assert mean_iou == pytest.approx(np.mean(expected[:20]))


def test_segmentation_meter_before_any_pixel_and_after_reset():
    meter = training.SegmentationMeter(3)
    assert all(math.isnan(value) for value in meter.compute())
    void = mc.full((1, 2, 2), 255, dtype=mc.int64)
    meter.update(mc.zeros(1, 3, 2, 2), void)
    assert all(math.isnan(value) for value in meter.compute())
    meter.update(mc.zeros(1, 3, 2, 2), mc.zeros(1, 2, 2, dtype=mc.int64))
    assert meter.compute() == (1.0, 1.0)
    meter.reset()
    assert meter.confusion().sum() == 0


def test_segmentation_meter_with_another_void_label():
    meter = training.SegmentationMeter(2, ignore_index=-1)
    meter.update(mc.zeros(1, 2, 1, 3), mc.tensor([[[0, 1, -1]]]))
    assert meter.confusion().tolist() == [[1, 0], [1, 0]]
    assert meter.iou().tolist() == [0.5, 0.0]


class Interrupted(data.TensorDataset):
    """Raises KeyboardInterrupt for its sample ``at``, counted from 1."""

    def __init__(self, *tensors: mc.Tensor, at: int) -> None:
        super().__init__(*tensors)
        self.at = at

    def __getitem__(self, index: int) -> tuple[mc.Tensor, ...]:
        self.at -= 1
        if self.at == 0:
            raise KeyboardInterrupt
        return super().__getitem__(index)


def fit(folder, stop_at: int | None = None, loading: int = 0, validating: int = 0) -> None:
    """Two epochs of three steps on random inputs.

    Ctrl-C comes in step ``stop_at`` of this call, or at a sample to train on or to validate with.
    """
    resume = (folder / "last.ckpt").exists()
    run = training.Run(folder, {"epochs": 2}, resume=resume)
    mc.manual_seed(0)
    tensors = (mc.randn(11, 3), mc.arange(11) % 2)
    loader = data.DataLoader(Interrupted(*tensors, at=loading), batch_size=4, shuffle=True)
    loader_in_order = data.DataLoader(Interrupted(*tensors, at=validating), batch_size=4)
    net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = optim.lr_scheduler.PolynomialLR(optimizer, 6)
    meter = training.ClassificationMeter()
    parts = {"net": net, "optimizer": optimizer, "schedule": schedule, "meter": meter}
    run.start((loader, loader_in_order), **parts)
    steps = []

    def step(inputs, labels):
        assert net.training
        steps.append(len(labels))
        if len(steps) == stop_at:
            ctrl_c()
        logits = net(inputs)
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss, logits, labels

    def validate():
        assert not net.training
        return training.validate_classifier(loader_in_order, net, nn.functional.cross_entropy)

    training.fit(run, loader, step, validate)


@pytest.mark.numbers_decide
@pytest.mark.parametrize(
    "where",
    [{"stop_at": n} for n in (1, 3, 5, 6)]
    + [{"loading": n} for n in (1, 6, 20)]
    + [{"validating": n} for n in (1, 8, 22)],
)
def test_fit_stops_and_goes_on_as_if_nothing_had_happened(tmp_path, where):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, stopped):
        folder.mkdir()
    fit(whole)
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, **where)
    fit(stopped)
    rows = [
        mc.load(folder / "last.ckpt")["run"]["metrics"]["epochs"] for folder in (whole, stopped)
    ]
    for row in (*rows[0], *rows[1]):
        del row["seconds"], row["seconds_waited"], row["images_per_second"]
    assert rows[0] == rows[1] and [row["epoch"] for row in rows[0]] == [1, 2]
    nets = [mc.load(folder / "last.ckpt")["net"] for folder in (whole, stopped)]
    assert all(np.array_equal(nets[0][name].numpy(), nets[1][name].numpy()) for name in nets[0])


def test_validation_of_a_classifier_weighs_batches_by_their_size():
    logits = mc.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [0.0, 0.5], [1.0, 0.0]])
    labels = mc.tensor([0, 1, 1, 1, 0])
    loader = data.DataLoader(data.TensorDataset(logits, labels), batch_size=2)
    found = training.validate_classifier(loader, lambda x: x, nn.functional.cross_entropy)
    assert found["val_loss"] == pytest.approx(nn.functional.cross_entropy(logits, labels).item())
    assert (found["val_accuracy"], found["val_confusion"]) == (0.8, [[2, 0], [1, 2]])
    assert found["val_pictures"] == 5
    with pytest.raises(data.BrokenPicture, match="none of the validation pictures can be read"):
        training.validate_classifier([], lambda x: x, nn.functional.cross_entropy)


def test_validation_leaves_out_ignored_labels_and_refuses_those_of_no_class():
    logits = mc.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [0.0, 0.5], [1.0, 0.0]])
    labels = mc.tensor([0, -100, -100, -100, 1])
    criterion = nn.functional.cross_entropy

    def validate(labels, criterion=criterion, **options):
        loader = data.DataLoader(data.TensorDataset(logits, labels), batch_size=2)
        return training.validate_classifier(loader, lambda x: x, criterion, **options)

    found = validate(labels)
    assert found["val_loss"] == pytest.approx(criterion(logits, labels).item())
    assert (found["val_accuracy"], found["val_confusion"]) == (0.5, [[1, 0], [1, 0]])
    assert found["val_pictures"] == 2
    for label in (-1, 2):
        message = rf"labels must be from 0 to 1, or -100 to be left out, got {label}$"
        with pytest.raises(ValueError, match=message):
            validate(mc.tensor([0, 1, label, 0, 1]), lambda logits, labels: logits.mean())
    own = functools.partial(criterion, ignore_index=-1)
    assert validate(mc.tensor([0, -1, -1, 0, 1]), own, ignore_index=-1)["val_pictures"] == 3
    with pytest.raises(ValueError, match="some labels must be other than -100, got no others"):
        validate(mc.full((5,), -100))


def test_no_confusion_matrix_of_a_thousand_classes():
    loader = [(mc.zeros(2, 1000), mc.tensor([0, 1]))]
    found = training.validate_classifier(loader, lambda x: x, nn.functional.cross_entropy)
    assert found["val_accuracy"] == 0.5
    assert "val_confusion" not in found


def test_meter_counts_the_pixels_of_masks():
    meter = training.ClassificationMeter(ignore_index=255)
    target = mc.tensor([[[0, 1], [1, 255]], [[255, 255], [1, 1]]])  # 2 x 2 x 2
    scores = mc.zeros(2, 2, 2, 2)
    scores[:, 1] = 1.0  # class 1 everywhere
    meter.update(mc.tensor(0.5), scores, target)
    assert meter.compute() == (0.5, 4 / 5) and meter.samples == 2


def test_best_by_another_number(tmp_path):
    net, meter = nn.Linear(3, 2), training.ClassificationMeter()
    run = training.Run(tmp_path, {}, best_by="val_mean_iou")
    run.start(net=net, meter=meter)
    for accuracy, iou in ((0.9, math.nan), (0.9, 0.2), (0.8, 0.4)):
        validation = {"val_loss": 1.0, "val_accuracy": accuracy, "val_mean_iou": iou}
        row = run.finish_epoch(meter, validation, 0.1)
    assert run.metrics["best"]["epoch"] == 3
    assert "mean IoU 0.400" in training.describe(row, 3)


def test_what_was_left_out_is_counted(tmp_path):
    train, val = (data.DataLoader(data.Subset(data.Dataset(), [0, 1])) for _ in range(2))
    run = training.Run(tmp_path, {})
    run.loaders = (train, val)
    assert run.left_out == "0 broken pictures left out"
    val.skipped[3] = "b.jpg: is empty"
    assert run.left_out == "1 broken picture left out"
    train.skipped[3] = "a.jpg: is empty"
    train.dataset.dataset.problems = val.dataset.dataset.problems = Problems()  # of one scan
    assert run.left_out == "2 broken pictures left out"
    train.dataset.dataset.problems.note("a.tar", "is cut off")
    assert run.left_out == "2 broken pictures left out, 1 broken part of the data"
