"""The loop around a training step: epochs, progress, Ctrl-C, validation, checkpoints."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..data import BrokenPicture, DataLoader
from ..dtypes import float64
from ..tensor import Tensor
from .interrupt import StopRequest
from .meters import confusion_matrix
from .plateau import PlateauWatch
from .progress import Progress
from .run import Run, describe

__all__ = ["exit_stopped", "fit", "validate_classifier"]


def fit(
    run: Run,
    epochs: int,
    loader: DataLoader,
    step: Callable[..., tuple[Tensor, Tensor, Tensor]],
    validate: Callable[[], dict[str, Any]],
    watch: PlateauWatch | None = None,
) -> bool:
    """Trains from the position of ``run``, saving after each epoch and on Ctrl-C.

    Args:
        run: with the parts ``net``, ``schedule`` and ``meter``, a :class:`ClassificationMeter`.
        epochs: of the whole run.
        loader: of the training samples, in batches.
        step: called with the items of a batch, trains on them and returns the mean loss, the
            scores (N, classes, …) and the labels (N, …) for the meter.
        validate: called after each epoch, returns ``val_loss``, ``val_accuracy``, … for the epoch's
            row in the metrics.
        watch: gets the results of each step; its warnings are printed.

    Returns:
        Whether all epochs are done; False after Ctrl-C.
    """
    net, schedule, meter = (run.parts[name] for name in ("net", "schedule", "meter"))
    total = len(loader.dataset)
    if loader.drop_last:
        total = len(loader) * loader.batch_size
    with StopRequest() as stop:
        while run.epoch < epochs and not stop.requested:
            title = f"epoch {run.epoch + 1}/{epochs}"
            net.train()
            loader.set_epoch(run.epoch, start_batch=run.batch)
            with Progress(title, total, done=meter.samples) as progress:
                for batch in loader:
                    loss, scores, labels = step(*batch)
                    run.batch += 1
                    meter.update(loss, scores, labels)
                    progress.update(
                        len(labels), lambda: f"{meter}  lr {schedule.get_last_lr()[0]:.1e}"
                    )
                    if watch and (warning := watch.update(loss, scores, labels)):
                        progress.write(f"warning: {warning}")
                    if stop.requested:
                        break
            run.seconds += progress.seconds
            if stop.requested:
                run.save()
                break

            net.eval()
            with no_grad():
                results = validate()
            row = run.finish_epoch(meter, results, schedule.get_last_lr()[0])
            print(f"{title}  {describe(row, epochs)}", flush=True)
    return run.epoch >= epochs


def validate_classifier(
    loader: DataLoader, predict: Callable[[Tensor], Tensor], criterion: Callable[..., Tensor]
) -> dict[str, Any]:
    """Measures a classifier on a validation set.

    Args:
        loader: yields images and labels (N,).
        predict: called with images, returns logits (N, classes).
        criterion: called with logits and labels, returns their mean loss.

    Returns:
        ``val_loss``, ``val_accuracy`` and ``val_confusion``, a nested list (classes, classes).

    Raises:
        BrokenPicture: if the loader yields no batch.
    """
    loss: Tensor | float = 0.0
    truth, predicted, classes = [], [], 0
    for images, labels in loader:
        logits = predict(images)
        labels = labels.to(logits.device)
        loss = criterion(logits, labels).to(float64) * len(labels) + loss
        truth.append(labels.cpu().numpy())
        predicted.append(logits.argmax(dim=1).cpu().numpy())
        classes = logits.shape[1]
    if not truth:
        raise BrokenPicture("none of the validation pictures can be read")
    confusion = confusion_matrix(np.concatenate(truth), np.concatenate(predicted), classes)
    count = confusion.sum()
    return {
        "val_loss": float(loss) / int(count),
        "val_accuracy": float(confusion.trace() / count),
        "val_confusion": confusion.tolist(),
    }


def exit_stopped() -> None:
    """Prints the command that resumes the run, and exits with the status of Ctrl-C."""
    command = ["python", *(word for word in sys.argv if word != "--resume"), "--resume"]
    print(f"stopped and saved; to go on: {shlex.join(command)}")
    sys.exit(130)
