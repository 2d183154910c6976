"""Rank 1 fails in the way that the first argument names, while the others wait for it.

The second one is the backend, MPI's when left out. NCCL's works on GPUs.
"""

import datetime
import os
import signal
import sys
import time

import minicnn as mc
import minicnn.distributed as dist

way, backend = (*sys.argv[1:], "mpi")[:2]
dist.init_process_group(backend, timeout=datetime.timedelta(seconds=3))
x = mc.ones(1000, device="cuda" if backend == "nccl" else "cpu")
dist.all_reduce(x)
if way == "hangs in a graph":
    step = mc.cuda.graph(lambda x: dist.all_reduce(x))
    for _ in range(4):
        step(x)
print("begun", flush=True)
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
