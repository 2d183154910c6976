"""The loop around a training step: epochs, progress, Ctrl-C, validation, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np

from .. import nn
from ..autograd import no_grad
from ..data import BrokenPicture, DataLoader
from ..distributed import ReduceOp
from ..dtypes import float64
from ..ops.choice import where
from ..tensor import Tensor
from .divergence import DivergenceWatch
from .interrupt import StopRequest
from .meters import confusion_matrix
from .plateau import PlateauWatch
from .progress import Progress
from .ranks import SharedSteps, share_skipped, summed
from .run import Run, describe
from .waiting import Waiting

__all__ = ["fit", "validate_classifier"]

_SHOWN_CLASSES = 100  # of which a confusion matrix is kept


def fit(
    run: Run,
    loader: DataLoader,
    step: Callable[..., tuple[Tensor, Tensor, Tensor]],
    validate: Callable[[], dict[str, Any]],
    watch: PlateauWatch | None = None,
) -> None:
    """Trains from the position of ``run`` to its last epoch, saving after each.

    On Ctrl-C, and after an error between two steps (such as a full disk), it saves and raises. A
    batch that broken pictures shrink to one is left out if the network has batch norm, which needs
    two.

    Args:
        run: started, with the parts ``net``, ``schedule`` and ``meter``, a
            :class:`ClassificationMeter`.
        loader: of the training samples, in batches.
        step: called with the items of a batch, trains on them and returns the mean loss, the
            scores (N, classes, …) and the labels (N, …) for the meter. Where several processes
            train together, it gets this one's share, which may be empty (N = 0), and calls
            :func:`~minicnn.training.backward`.
        validate: called after each epoch, returns ``val_loss``, ``val_accuracy``, … for the epoch's
            row in the metrics.
        watch: gets the results of each step; its warnings are printed.

    Raises:
        KeyboardInterrupt: after Ctrl-C, when the step is done. It interrupts all else at once.
        BrokenPicture: if none of the training pictures can be read, or none that batch norm can take.
        ValueError: if the weights are NaN or infinite; ``last.ckpt`` stays as it was before.
    """
    net, schedule, meter = (run.parts[name] for name in ("net", "schedule", "meter"))
    finite = DivergenceWatch(net)
    with StopRequest() as stop, run.saver.in_background(net):
        seed = run.metrics["settings"].get("seed", 0)
        steps = SharedSteps(net, seed, stop, meter.ignore_index)
        try:
            while run.epoch < run.epochs:
                title = f"epoch {run.epoch + 1}/{run.epochs}"
                net.train()
                _train_epoch(run, title, loader, step, watch, finite, stop, steps)
                net.eval()
                with no_grad():
                    results = validate()
                share_skipped(run.loaders)
                with stop.step:
                    warning = finite.judge(results["val_loss"], f"the validation of {title}")
                    row = run.finish_epoch(meter, results, schedule.get_last_lr()[0])
                if warning:
                    print(f"warning: {warning}")
                print(f"{title}  {describe(row, run.epochs)}", flush=True)
                steps.stop_if_asked()
        except BaseException:
            if not stop.in_step and not run.is_saved:
                run.save()
            raise
        finally:
            steps.close()


def _train_epoch(
    run: Run,
    title: str,
    loader: DataLoader,
    step: Callable[..., tuple[Tensor, Tensor, Tensor]],
    watch: PlateauWatch | None,
    finite: DivergenceWatch,
    stop: StopRequest,
    steps: SharedSteps,
) -> None:
    """Trains on the batches that are left of the epoch."""
    net, schedule, meter = (run.parts[name] for name in ("net", "schedule", "meter"))
    batch_size = loader.batch_size or 1  # it has none with a batch_sampler
    total = len(loader) * batch_size if loader.drop_last else len(loader.dataset)
    needs_two = min(batch_size, len(loader.dataset)) > 1 and _has_batch_norm(net)
    left_out = False
    loader.set_epoch(run.epoch, start_batch=run.batch)

    def stats() -> str:
        rate, waited = schedule.get_last_lr()[0], 100 * run.waited / run.seconds
        return f"{meter}  lr {rate:.1e}  waited {waited:.0f} %"

    with Progress(title, total, meter.samples) as progress, closing(iter(loader)) as batches:
        seconds = run.seconds
        waiting = Waiting(batches, run.waited + progress.seconds)  # its workers have started
        for done, batch, count in steps.batches(loader, waiting, run.epoch):
            if needs_two and count == 1:
                progress.write("warning: left out a batch of one sample: batch norm needs two")
                left_out = True
                continue
            with stop.step:
                loss, scores, labels = step(*batch)
                loss = steps.mean(loss)
                meter.update(loss, scores, labels)
                run.batch = done
                run.seconds, run.waited = seconds + progress.seconds, waiting.seconds
                said = [finite.update(loss, f"epoch {run.epoch + 1}, step {run.batch}")]
                said += [watch.update(loss, scores, labels)] if watch else []
            progress.update(count, stats)
            for text in filter(None, said):
                progress.write(f"warning: {text}")
    if not meter.samples:
        raise BrokenPicture(
            "no batch of training pictures has two that can be read, which batch norm needs"
            if left_out
            else "none of the training pictures can be read"
        )
    with stop.step:
        warning = finite.check()
    if warning:
        print(f"warning: {warning}", flush=True)


def _has_batch_norm(net: nn.Module) -> bool:
    return any(
        isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.SyncBatchNorm)
        for module in net.modules()
    )


def validate_classifier(
    loader: DataLoader,
    predict: Callable[[Tensor], Tensor],
    criterion: Callable[..., Tensor],
    ignore_index: int = -100,
) -> dict[str, Any]:
    """Measures a classifier on a validation set.

    Args:
        loader: yields images and labels (N,).
        predict: called with images, returns logits (N, classes).
        criterion: called with logits and labels, returns their mean loss.
        ignore_index: label of samples that are left out, by the criterion, too.

    Returns:
        ``val_loss``, ``val_accuracy``, ``val_pictures`` (how many could be read and are not left out)
        and ``val_confusion``, a nested list (classes, classes), unless there are more than 100 classes.

    Raises:
        BrokenPicture: if the loader yields no batch.
        ValueError: if all samples are left out, or a label is no class.
    """
    loss: Tensor | float = 0.0
    truth, predicted, classes = [], [], 0
    for images, labels in loader:
        logits = predict(images)
        labels = labels.to(logits.device)
        counting = (labels != ignore_index).sum().to(float64)
        mean = criterion(logits, labels).to(float64)  # NaN if all are left out
        loss = where(counting > 0, mean * counting, 0.0) + loss
        truth.append(labels)
        predicted.append(logits.argmax(dim=1))  # fetched at the end: no batch waits for a GPU
        classes = logits.shape[1]
    classes = int(summed(classes, ReduceOp.MAX))  # a rank may have had no batch
    confusion = _confusion(_joined(truth), _joined(predicted), classes, ignore_index)
    count = confusion.sum()
    results = {
        "val_loss": float(summed(float(loss))) / int(count),
        "val_accuracy": float(confusion.trace() / count),
        "val_pictures": int(count),
    }
    if classes <= _SHOWN_CLASSES:  # of 1,000 classes each epoch would have a million numbers
        results["val_confusion"] = confusion.tolist()
    return results


def _confusion(
    truth: np.ndarray, predicted: np.ndarray, classes: int, ignore_index: int
) -> np.ndarray:
    """The confusion matrix of all ranks' samples, without those that are left out."""
    counts = truth != ignore_index
    labels = truth[counts]
    if len(wrong := labels[(labels < 0) | (labels >= classes)]):
        rule = f"labels must be from 0 to {classes - 1}, or {ignore_index} to be left out"
        raise ValueError(f"{rule}, got {wrong[0]}")
    confusion = summed(confusion_matrix(labels, predicted[counts], classes)).astype(np.int64)
    if not confusion.any():
        if summed(len(truth)):
            raise ValueError(f"some labels must be other than {ignore_index}, got no others")
        raise BrokenPicture("none of the validation pictures can be read")
    return confusion


def _joined(labels: list[Tensor]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *(each.cpu().numpy() for each in labels)])
