"""Rank 1 fails in the way that the first argument names, while the others wait for it."""

import datetime
import os
import signal
import sys
import time

import minicnn as mc
import minicnn.distributed as dist

dist.init_process_group(timeout=datetime.timedelta(seconds=3))
x = mc.ones(1000)
dist.all_reduce(x)
print("begun", flush=True)
way = sys.argv[1]
if dist.get_rank() == 1:
    if way == "raises":
        raise KeyError("in the middle")
    if way == "exits":
        sys.exit(3)
    if way == "hangs":
        time.sleep(100)
    if way == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "does something else":
        dist.broadcast(x)
dist.all_reduce(x)
time.sleep(100)
