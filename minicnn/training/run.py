"""A training run that can be stopped at any time and resumed with the same results."""

from __future__ import annotations

import json
import math
import os
import platform
import warnings
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from .. import io, random
from ..data import DataLoader
from ..data.problems import problems_of
from ..io.atomic import replacing
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..version import __version__
from .description import NetworkDescription
from .epoch_log import EpochLog, check_tensorboard
from .folder import set_aside
from .meters import ClassificationMeter
from .pictures import NamedPictures, names_of
from .progress import duration
from .ranks import check_same, is_first, share
from .saver import Saver

FORMAT = 4  # of last.ckpt; the third one had the state of another random generator


class Run:
    """The folder of a run: ``metrics.json``, ``last.ckpt`` and ``best.ckpt``, written atomically.

    A script opens the run, lets it :meth:`split` the pictures, builds everything and calls
    :meth:`start`. Until then nothing is written or moved.

    Args:
        folder: the folder, which must exist.
        settings: plain values, ``epochs`` among them. To resume a run they must be equal. If
            ``tensorboard`` is true, the numbers of each epoch are written for it, too.
        may_differ: names of settings that need not be equal, as they do not change the result.
        best_by: the number in an epoch's row by which the best epoch is chosen; higher is better.
        resume: whether to go on with the run in ``folder``.

    Where several processes train together, each has a run, and the first one writes.

    Attributes:
        parts: everything with a state, from :meth:`start`: ``net``, ``optimizer``, ``schedule``, …
        epoch, batch: epochs done, and batches of the loader done in the current one.
        seconds: time that the training in the current epoch has taken.
        waited: seconds of these in which it waited for the loader.
        saver: writes the checkpoints.
        metrics: ``best``, ``epochs`` (one dict each), ``versions``, ``settings``, and ``network`` if
            it was described.

    Raises:
        FileNotFoundError: if there is no ``last.ckpt`` to resume.
        ValueError: if it is damaged, comes from an earlier version, or its settings differ.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        settings: dict[str, Any],
        may_differ: Collection[str] = (),
        best_by: str = "val_accuracy",
        resume: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.may_differ = may_differ
        self.best_by = best_by
        self.parts: dict[str, Any] = {}
        self.loaders: Sequence[DataLoader] = ()
        self.saver = Saver()
        self.epoch = self.batch = 0
        self.seconds = self.waited = 0.0
        self.metrics: dict[str, Any] = {
            "best": None,
            "epochs": [],
            "versions": versions(),
            "settings": {},
        }
        self._saved_at: tuple[int, int] | None = None
        self._names: np.ndarray | None = None  # of the pictures, as JSON
        self._log: EpochLog | None = None
        if settings.get("tensorboard"):
            check_tensorboard()
        self._resumed = self._read() if resume else None
        if self._resumed and settings.get("epochs") is None:
            settings["epochs"] = self._resumed["run"]["metrics"]["settings"]["epochs"]
        self.record(**settings)

    @property
    def epochs(self) -> int:
        """Epochs of the whole run."""
        return self.metrics["settings"]["epochs"]

    @property
    def is_saved(self) -> bool:
        """Whether ``last.ckpt`` has all that was done."""
        return self._saved_at == (self.epoch, self.batch)

    @property
    def was_saved(self) -> bool:
        """Whether ``last.ckpt`` is of this run."""
        return self._saved_at is not None

    @property
    def left_out(self) -> str:
        """How many broken pictures the loaders have left out, and broken parts the datasets, in words."""
        pictures = sum(len(loader.skipped) for loader in self.loaders)
        found = {id(x): x for loader in self.loaders for x in problems_of(loader.dataset)}
        words = f"{pictures} broken picture{'' if pictures == 1 else 's'} left out"
        parts = sum(map(len, found.values()))
        return (
            f"{words}, {parts} broken part{'' if parts == 1 else 's'} of the data"
            if parts
            else words
        )

    def record(self, **settings: Any) -> None:
        """Adds settings; those of a resumed run must be equal, unless they may differ.

        Raises:
            ValueError: names the settings that are not, with both values.
        """
        self.metrics["settings"].update(settings)
        if self._resumed is None:
            return
        saved = self._resumed["run"]["metrics"]["settings"]
        different = [
            f"{name} was {saved.get(name)}, now {value}"
            for name, value in settings.items()
            if name not in self.may_differ and saved.get(name) != value
        ]
        if different:
            raise ValueError(
                f"to go on with the run in {self.folder}, its settings must be the same: "
                + "; ".join(different)
            )

    def describe_network(self, network: NetworkDescription) -> None:
        """Records what network is trained, so that :func:`read_run` can tell it."""
        self.metrics["network"] = network.as_plain()

    def split(self, train: Any, val: Any) -> tuple[Any, Any]:
        """Records which pictures are trained on and which validate; a resumed run keeps its own.

        Otherwise a picture that was deleted, renamed or added could change the split, and the run
        would train on pictures that it validates with. Pictures that are gone since the run began
        are left out, and new ones are not used, because a new name may be an old picture.

        Args:
            train, val: the datasets, or subsets of one dataset, that a new run uses.

        Returns:
            Both; on resuming, with the pictures of the run.

        Raises:
            ValueError: if one of them has no picture left, or a picture is in both.
        """
        settings = self.metrics["settings"]
        if self._resumed is None:
            parts = {"train": train, "val": val}
            names = {k: names_of(part, self.folder) for k, part in parts.items()}
            if both := set(names["train"]).intersection(names["val"]):
                raise ValueError(
                    f"{len(both)} pictures are in both the training and the validation set, the "
                    f"first being {min(both)}"
                )
            settings["pictures"], self._names = names, _packed(names)
            return train, val
        names = settings["pictures"] = self._resumed["run"]["metrics"]["settings"]["pictures"]
        self._names = _packed(names)
        now = {*names_of(train, self.folder), *names_of(val, self.folder)}
        new = len(now - {*names["train"], *names["val"]})
        train = NamedPictures(names["train"], train, self.folder)
        val = NamedPictures(names["val"], val, self.folder)
        for part, title in ((train, "training"), (val, "validation")):
            if len(part.gone) == len(part):
                raise ValueError(f"all {len(part)} {title} pictures of the run are gone")
        gone = len(train.gone) + len(val.gone)
        if gone or new:
            print(
                f"the run keeps its pictures: {gone} of them are gone and left out, {new} others "
                "are not used"
            )
        return train, val

    def start(self, loaders: Sequence[DataLoader] = (), **parts: Any) -> None:
        """Sets an earlier run in the folder aside, or restores the state of the resumed one.

        Args:
            loaders: their seeds, and the samples that they left out, are part of the state. Their
                epochs are set, so that the seeds decide all that they draw.
            parts: everything with ``state_dict`` and ``load_state_dict``. If the number of epochs
                has changed, the part ``schedule`` is not restored, but does as many steps as the
                run did: the rest of the run has the learning rates of a run of that length. Only a
                ``ReduceLROnPlateau`` is restored even then.

        Raises:
            ValueError: if the saved state does not fit the parts, or more epochs are done.
            OSError: if a file cannot be moved or written.
        """
        self.loaders, self.parts = loaders, parts
        check_same(self._origin())
        if self._resumed is None:
            if is_first() and (earlier := set_aside(self.folder)):
                print(f"kept the earlier run in {self.folder} as {earlier}")
            self._set_epochs()
            self._write_metrics()
            self.save()
        else:
            self._resume()
        if self.metrics["settings"].get("tensorboard") and is_first():
            self._log = EpochLog(self.folder, self.epoch + 1)
        share(parts["net"], loaders)

    def _resume(self) -> None:
        assert self._resumed is not None
        state, self._resumed = self._resumed, None  # which is large
        try:
            self._restore(state)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.folder / 'last.ckpt'} does not fit this run: {type(error).__name__} {error}"
            ) from error

    def _restore(self, state: dict[str, Any]) -> None:
        position = state["run"]
        self.epoch, self.batch = self._saved_at = position["epoch"], position["batch"]
        self.seconds, self.waited = position["seconds"], position.get("waited", 0.0)
        planned = position["metrics"]["settings"]["epochs"]
        done = self.epoch + (self.batch > 0)
        if self.epochs < done:
            raise ValueError(
                f"--epochs must be at least {done}, which the run in {self.folder} has "
                f"{'begun' if self.batch else 'done'}, got {self.epochs}"
            )
        schedule = self.parts.get("schedule") if self.epochs != planned else None
        if isinstance(schedule, ReduceLROnPlateau):  # whatever the number of epochs
            schedule = None
        fresh = schedule.get_last_lr() if schedule else []
        for name, part in self.parts.items():
            if part is not schedule:
                part.load_state_dict(state[name])
        if schedule:
            before = state["schedule"]["_last_lr"][0]
            advance(schedule, fresh, _steps_of(state["schedule"]))
            print(
                f"now {self.epochs} epochs instead of {planned}: the learning rate goes on as in a "
                f"run of {self.epochs}, at {schedule.get_last_lr()[0]:.1e} (it was {before:.1e})"
            )
        for loader, saved in zip(self.loaders, position["loaders"], strict=True):
            loader.seed = saved["seed"]
            loader.skipped.update(saved["skipped"])
        for generator, saved in zip(random.generators, state["random"], strict=True):
            generator.set_state(saved)
        self._set_epochs()
        self.metrics["best"] = position["metrics"]["best"]
        self.metrics["epochs"] = position["metrics"]["epochs"]

    def _origin(self) -> dict[str, Any]:
        """What decides the course of the run, small enough to be compared."""
        found = {k: v for k, v in self.metrics["settings"].items() if k != "pictures"}
        if self._names is not None:
            found["names of pictures"] = f"checksum {zlib.crc32(self._names.tobytes())}"
        if self._resumed is not None:
            run = self._resumed["run"]
            found["last.ckpt"] = (
                f"{run['epoch']} epochs, {run['batch']} batches, {run['seconds']} s"
            )
        return found

    def _set_epochs(self) -> None:
        for loader in self.loaders:
            loader.set_epoch(self.epoch)

    def save(self) -> None:
        """Writes ``last.ckpt``: the states of all parts and the random generator, and progress."""
        # before the state of the generator that draws a seed when it is first asked for
        loaders = [{"seed": x.seed, "skipped": x.skipped} for x in self.loaders]
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state["random"] = [generator.get_state() for generator in random.generators]
        settings = {k: v for k, v in self.metrics["settings"].items() if k != "pictures"}
        state["run"] = {
            "format": FORMAT,
            "epoch": self.epoch,
            "batch": self.batch,
            "seconds": self.seconds,
            "waited": self.waited,
            "metrics": {**self.metrics, "settings": settings},
            "pictures": self._names,
            "loaders": loaders,
        }
        if is_first():
            self.saver.save(state, self.folder / "last.ckpt")
        self._saved_at = self.epoch, self.batch

    def _rank(self, row: dict[str, Any]) -> tuple[float, float]:
        """What is larger for a better epoch: of two equal ones, for the one with the smaller loss."""
        numbers = row[self.best_by], -row.get("val_loss", math.nan)
        score, loss = (-math.inf if math.isnan(number) else number for number in numbers)
        return score, loss

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
            "seconds_waited": self.waited,
            "images_per_second": meter.samples / max(self.seconds, 1e-9),
            "learning_rate": learning_rate,
        }
        meter.reset()
        self.epoch, self.batch, self.seconds, self.waited = self.epoch + 1, 0, 0.0, 0.0
        self.metrics["epochs"].append(row)
        best = self.metrics["best"]
        if best is None or self._rank(row) > self._rank(best):
            self.metrics["best"] = row
            if is_first():
                best_net = {"net": self.parts["net"].state_dict(), **row}
                self.saver.save(best_net, self.folder / "best.ckpt")
        self._write_metrics()
        if self._log is not None:
            self._log.add(row)  # before the save: what a killed run wrote is written over
        self.save()
        return row

    def _write_metrics(self) -> None:
        if is_first():
            write_json(self.metrics, self.folder / "metrics.json")

    def _read(self) -> dict[str, Any]:
        path = self.folder / "last.ckpt"
        if not path.exists():
            raise FileNotFoundError(f"there is no run to go on with: {path} does not exist")
        state = io.load(path)
        run = state.get("run") if isinstance(state, dict) else None
        if not isinstance(run, dict):
            raise ValueError(  # noqa: TRY004  it is the file that is wrong
                f"{path} must be the checkpoint of a run, got another checkpoint"
            )
        if run.get("format") != FORMAT:
            raise ValueError(
                f"{path} is of an earlier version, whose random numbers or pictures cannot be continued: "
                "start a new run; its weights can be loaded"
            )
        if run["pictures"] is not None:
            run["metrics"]["settings"]["pictures"] = json.loads(run["pictures"].tobytes())
        return state


def advance(schedule: Any, first: Sequence[float], steps: int) -> None:
    """Lets a new schedule do ``steps`` steps, whatever learning rates its optimizer has now.

    Args:
        schedule: of :mod:`minicnn.optim.lr_scheduler`, before its first step.
        first: the learning rate of each group when the schedule was made.
        steps: how many.
    """
    for group, lr in zip(schedule.optimizer.param_groups, first, strict=True):
        group["lr"] = lr
    with warnings.catch_warnings():  # of steps before the optimizer's first one
        warnings.simplefilter("ignore")
        for _ in range(steps):
            schedule.step()


def _steps_of(state: dict[str, Any]) -> int:
    """How many steps a schedule has done; all schedules of a ``ChainedScheduler`` did as many."""
    return state["last_epoch"] if "last_epoch" in state else _steps_of(state["_schedulers"][0])


def describe(row: dict[str, Any], epochs: int) -> str:
    """A row of ``Run.metrics["epochs"]`` as a line of text, with the time left for all ``epochs``."""
    iou = f", mean IoU {row['val_mean_iou']:.3f}" if "val_mean_iou" in row else ""
    return (
        f"training {row['train_loss']:.3f} {100 * row['train_accuracy']:.1f} %  "
        f"validation {row['val_loss']:.3f} {100 * row['val_accuracy']:.1f} %{iou}  "
        f"{duration(row['seconds'])}, {row['images_per_second']:.0f} images/s, "
        f"waited {100 * row['seconds_waited'] / max(row['seconds'], 1e-9):.0f} %, "
        f"{duration((epochs - row['epoch']) * row['seconds'])} to go"
    )


def versions() -> dict[str, str]:
    """Versions of the software that a result depends on, and the machine."""
    return {
        "minicnn": __version__,  # of this code: pip's record of a clone is as old as its installation
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def _packed(names: dict[str, list[str]]) -> np.ndarray:
    """Names of pictures as an array of bytes, which takes little time to save, even of a million."""
    return np.frombuffer(json.dumps(names).encode(), np.uint8)


def write_json(content: Any, path: Path) -> None:
    """Writes ``content`` atomically; numbers that JSON does not have (NaN, infinity) become null."""
    text = json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode())


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
