"""Where the time goes: ``profile`` measures each operation, ``record_function`` a block of code.

::

    with minicnn.profiler.profile() as prof:
        with minicnn.profiler.record_function("load"):
            images, labels = next(batches)
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
    print(prof.table(row_limit=10))
    prof.export_chrome_trace("trace.json")  # for chrome://tracing or ui.perfetto.dev

profile.py records the events, work.py counts their work, report.py makes tables and traces of them.
"""

from .profile import Event, profile, record_function
from .report import EventSummary, tensorboard_trace_handler
from .schedule import ProfilerAction, ProfilerActivity, schedule

__all__ = [
    "Event",
    "EventSummary",
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "record_function",
    "schedule",
    "tensorboard_trace_handler",
]
