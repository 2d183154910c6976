"""Rank 1 fails in the way that the first argument names, while the others wait for it.

The second one is the backend, MPI's when left out. NCCL's works on GPUs.
"""

import datetime
import os
import re
import signal
import sys
import time

import minicnn as mc
import minicnn.distributed as dist
from minicnn import launch

way, backend = (*sys.argv[1:], "mpi")[:2]
if way == "raises early" and launch.environment()["RANK"] == "1":
    raise KeyError("at the beginning")
dist.init_process_group(backend, timeout=datetime.timedelta(seconds=3))
x = mc.ones(1000, device="cuda" if backend == "nccl" else "cpu")
dist.all_reduce(x)
if way == "hangs in a graph":
    step = mc.cuda.graph(lambda x: dist.all_reduce(x))
    for _ in range(4):
        step(x)
with open("/proc/self/maps") as maps:
    print(f"begun {set(re.findall('/dev/shm/[a-z_0-9]+', maps.read()))}", flush=True)
if dist.get_rank() == 1:
    if way == "raises":
        raise KeyError("in the middle")
    if way == "exits":
        sys.exit(3)
    if way.startswith("hangs"):
        time.sleep(100)
    if way == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "does something else":
        dist.broadcast(x)
if way == "hangs in a graph":
    step(x)
dist.all_reduce(x)
time.sleep(100)
