"""torch's profiler recipe: schedules, handlers and tables."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import minicnn as mc
from minicnn.profiler import (
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)

PLAN = {"wait": 1, "warmup": 1, "active": 2, "repeat": 2, "skip_first": 1}


def test_schedule_is_torchs() -> None:
    ours, theirs = schedule(**PLAN), torch.profiler.schedule(**PLAN)
    assert [ours(i).name for i in range(14)] == [theirs(i).name for i in range(14)]


@pytest.mark.cpu_only
def test_the_handler_gets_the_steps_that_torch_gives_it() -> None:
    def steps(m: object) -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        x = m.ones(2)  # type: ignore[attr-defined]

        def handler(prof: profile) -> None:
            count = next(e.count for e in prof.key_averages() if e.key == "step")
            seen.append((prof.step_num, count))

        profiler = m.profiler  # type: ignore[attr-defined]
        with profiler.profile(
            activities=[profiler.ProfilerActivity.CPU],
            schedule=profiler.schedule(**PLAN),
            on_trace_ready=handler,
        ) as prof:
            for _ in range(8):
                with profiler.record_function("step"):
                    x + x
                prof.step()
        return seen

    assert steps(mc) == steps(torch)


def test_tables_take_torchs_orders() -> None:
    options = {"activities": [ProfilerActivity.CPU], "record_shapes": True}
    with profile(**options) as prof, record_function("model_inference"):
        mc.ones(2) + mc.ones(2)
    averages = prof.key_averages(group_by_input_shape=True)
    for order in ("cpu_time_total", "self_cpu_memory_usage", "count", None):
        assert "model_inference" in averages.table(sort_by=order, row_limit=10)
    assert len(averages.table(row_limit=1)) < len(averages.table(row_limit=-1))
    assert averages.total_average().count == len(prof.events) == 2
    with pytest.raises(ValueError, match="sort_by must be one of"):
        averages.table(sort_by="colour")


def test_a_profile_that_is_not_enabled_records_nothing() -> None:
    with profile(False) as prof:
        mc.ones(2) + mc.ones(2)
    assert prof.events == []


def test_traces_are_written_into_a_folder(tmp_path: Path) -> None:
    with profile(on_trace_ready=tensorboard_trace_handler(tmp_path / "log", "me")):
        mc.ones(2) + mc.ones(2)
    (trace,) = (tmp_path / "log").glob("me.*.pt.trace.json")
    assert "Add" in trace.read_text()
