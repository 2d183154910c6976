"""A training run that can be stopped at any time and resumed with the same results."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import os
import platform
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from .. import io, random
from .meters import ClassificationMeter
from .progress import duration


class Run:
    """The folder of a run: ``metrics.json``, ``last.ckpt`` and ``best.ckpt``, written atomically.

    Args:
        folder: the folder, which must exist.
        settings: plain values; ``resume`` raises if they differ.
        may_differ: names of settings that may differ, as they do not change the result.
        best_by: the number in an epoch's row by which the best epoch is chosen; higher is better.
        parts: everything with a state: ``net``, optimizer, schedule, meter, … with ``state_dict``
            and ``load_state_dict``.

    Attributes:
        epoch, batch: epochs done, and batches done in the current one.
        seconds: time spent in the current epoch's training steps.
        metrics: ``settings``, ``versions``, ``epochs`` (one dict each) and ``best``.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        settings: dict[str, Any],
        may_differ: Collection[str] = (),
        best_by: str = "val_accuracy",
        **parts: Any,
    ) -> None:
        self.folder = Path(folder)
        self.may_differ = may_differ
        self.best_by = best_by
        self.parts = parts
        self.epoch = self.batch = 0
        self.seconds = 0.0
        self.metrics: dict[str, Any] = {
            "settings": settings,
            "versions": versions(),
            "best": None,
            "epochs": [],
        }

    def save(self) -> None:
        """Writes ``last.ckpt``: the states of all parts and the random generator, and progress."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state["random"] = random.default_generator.get_state()
        state["run"] = {
            "epoch": self.epoch,
            "batch": self.batch,
            "seconds": self.seconds,
            "metrics": self.metrics,
        }
        io.save(state, self.folder / "last.ckpt")

    def resume(self) -> None:
        """Restores the state that ``save`` wrote.

        Raises:
            FileNotFoundError: if there is no ``last.ckpt``.
            ValueError: if it is damaged, or its run had other settings.
        """
        path = self.folder / "last.ckpt"
        if not path.exists():
            raise FileNotFoundError(f"there is no run to go on with: {path} does not exist")
        state = io.load(path)
        if not isinstance(state, dict) or "run" not in state:
            raise ValueError(f"{path} must be the checkpoint of a run, got another checkpoint")
        position = state.pop("run")
        self._check_settings(position["metrics"]["settings"])
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        random.default_generator.set_state(state["random"])
        self.epoch, self.batch = position["epoch"], position["batch"]
        self.seconds = position["seconds"]
        self.metrics["best"] = position["metrics"]["best"]
        self.metrics["epochs"] = position["metrics"]["epochs"]

    def finish_epoch(
        self, meter: ClassificationMeter, validation: dict[str, Any], learning_rate: float
    ) -> dict[str, Any]:
        """Adds an epoch's row to the metrics, resets ``meter``, and writes all files.

        Args:
            meter: loss and accuracy of the epoch's training steps.
            validation: results of the validation as plain values: ``val_loss``,
                ``val_accuracy``, …
            learning_rate: at the end of the epoch.

        Returns:
            The row in ``metrics["epochs"]``; ``metrics["best"]`` has the same keys.
        """
        train_loss, train_accuracy = meter.compute()
        row = {
            "epoch": self.epoch + 1,
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            **validation,
            "seconds": self.seconds,
            "images_per_second": meter.samples / max(self.seconds, 1e-9),
            "learning_rate": learning_rate,
        }
        meter.reset()
        self.epoch, self.batch, self.seconds = self.epoch + 1, 0, 0.0
        self.metrics["epochs"].append(row)
        best = self.metrics["best"]
        if best is None or row[self.best_by] > best[self.best_by]:
            self.metrics["best"] = row
            io.save(
                {"net": self.parts["net"].state_dict(), **row},
                self.folder / "best.ckpt",
            )
        write_json(self.metrics, self.folder / "metrics.json")
        self.save()
        return row

    def _check_settings(self, saved: dict[str, Any]) -> None:
        now = self.metrics["settings"]
        different = [
            f"{name} was {saved.get(name)}, now {now.get(name)}"
            for name in dict.fromkeys([*saved, *now])
            if name not in self.may_differ and saved.get(name) != now.get(name)
        ]
        if different:
            raise ValueError(
                f"to go on with the run in {self.folder}, its settings must be the same: "
                + "; ".join(different)
            )


def set_aside(folder: str | os.PathLike[str]) -> Path | None:
    """Renames a folder that holds a run, so that a new run does not overwrite it.

    Returns:
        The new name: ``folder-1``, or the first number that is not in use; None if there was no run.
    """
    folder = Path(folder)
    if not (folder / "last.ckpt").exists():
        return None
    numbered = (folder.with_name(f"{folder.name}-{n}") for n in itertools.count(1))
    name = next(name for name in numbered if not name.exists())
    return folder.rename(name)


def prepare_folder(folder: str | os.PathLike[str], resume: bool) -> None:
    """Makes the folder of a run. If it holds an earlier run that is not resumed, renames that first.

    Args:
        folder: where the run writes its results.
        resume: whether to go on with a run in ``folder``.
    """
    if not resume and (earlier := set_aside(folder)):
        print(f"kept the earlier run in {folder} as {earlier}")
    Path(folder).mkdir(parents=True, exist_ok=True)


def describe(row: dict[str, Any], epochs: int) -> str:
    """A row of ``Run.metrics["epochs"]`` as a line of text, with the time left for all ``epochs``."""
    iou = f", mean IoU {row['val_mean_iou']:.3f}" if "val_mean_iou" in row else ""
    return (
        f"training {row['train_loss']:.3f} {100 * row['train_accuracy']:.1f} %  "
        f"validation {row['val_loss']:.3f} {100 * row['val_accuracy']:.1f} %{iou}  "
        f"{duration(row['seconds'])}, {row['images_per_second']:.0f} images/s, "
        f"{duration((epochs - row['epoch']) * row['seconds'])} to go"
    )


def versions() -> dict[str, str]:
    """Versions of the software that a result depends on, and the machine."""
    try:
        own = importlib.metadata.version("minicnn")
    except importlib.metadata.PackageNotFoundError:  # run from a source folder
        own = "not installed"
    return {
        "minicnn": own,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def write_json(content: Any, path: str | os.PathLike[str]) -> None:
    """Writes ``content`` atomically: at any moment the file is the old one or the new one."""
    temporary = Path(f"{os.fspath(path)}.tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)
