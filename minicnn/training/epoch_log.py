"""The numbers of each epoch for TensorBoard."""

from __future__ import annotations

import importlib.util
import os
import time
from typing import Any

__all__ = ["EpochLog", "check_tensorboard"]

_QUANTITIES = ("loss", "accuracy", "mean_iou")  # in training, in validation, or in both


def check_tensorboard() -> None:
    """Raises a ValueError if what writes for TensorBoard is not installed."""
    if importlib.util.find_spec("tensorboardX") is None:
        raise ValueError(
            "--tensorboard needs tensorboardX, which is not installed: pip install tensorboardX"
        )


class EpochLog:
    """Writes rows of ``Run.metrics["epochs"]`` to a file in the run's folder.

    Args:
        folder: of the run.
        first: the first epoch that will be added. TensorBoard then forgets the points from there on:
            a run that was killed before it saved an epoch writes it twice.
    """

    def __init__(self, folder: str | os.PathLike[str], first: int) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog

        # not a SummaryWriter, whose thread may still have to write when the program is killed
        prefix = os.path.join(folder, "events")
        self._writer = EventsWriter(prefix, f".from-epoch-{first}")
        self._write(first, session_log=SessionLog(status=SessionLog.START))

    def add(self, row: dict[str, Any]) -> None:
        """Writes the scalars of an epoch's row."""
        from tensorboardX.summary import scalar

        scalars = {
            f"{quantity}/{part}": row[f"{key}_{quantity}"]
            for quantity in _QUANTITIES
            for key, part in (("train", "training"), ("val", "validation"))
            if f"{key}_{quantity}" in row
        }
        scalars["run/learning_rate"] = row["learning_rate"]
        scalars["run/images_per_second"] = row["images_per_second"]
        scalars["run/waited"] = row["seconds_waited"] / max(row["seconds"], 1e-9)  # a share
        for name, value in scalars.items():
            self._write(row["epoch"], summary=scalar(name, value))
        self._writer.flush()

    def _write(self, epoch: int, **content: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._writer.write_event(Event(wall_time=time.time(), step=epoch, **content))
