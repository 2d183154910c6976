"""Every operation of NCCL's backend, a training step and a captured one; nothing is compared."""

import datetime
import os

import minicnn as mc
import minicnn.distributed as dist
import minicnn.nn.functional as F
from minicnn import nn, optim
from minicnn.nn.parallel import DistributedDataParallel

dist.init_process_group("nccl", timeout=datetime.timedelta(seconds=30))
rank, size = dist.get_rank(), dist.get_world_size()
device = mc.device("cuda", mc.cuda.current_device())
assert device.index == int(os.environ.get("LOCAL_RANK", os.environ["MPI_LOCALRANKID"]))
mc.set_default_device("cuda")

for dtype in mc.float32, mc.float64, mc.float16, mc.bfloat16, mc.int64, mc.uint8, mc.bool:
    for x in (
        mc.ones(3, 4, dtype=dtype),
        mc.ones(4, 6, dtype=dtype)[:, ::2],
        mc.ones(0, dtype=dtype),
    ):
        assert x.device == device
        dist.all_reduce(x)
        dist.reduce(x, 1, dist.ReduceOp.MAX)
        dist.broadcast(x, 1)
        dist.all_gather([mc.zeros_like(x) for _ in range(size)], x)
        dist.reduce_scatter(x, [x.clone() for _ in range(size)])
        dist.gather(x, [mc.zeros_like(x) for _ in range(size)] if rank == 0 else None)
        dist.scatter(x, [mc.zeros_like(x) for _ in range(size)] if rank == 0 else None)
rows = mc.ones(size, 5)
dist.all_to_all_single(mc.zeros(size, 5), rows)
with mc.cuda.device(1 - rank):  # another GPU is the current one
    work = dist.all_reduce(rows, async_op=True)
    work.wait(timeout=10)
assert work.is_success()
works = [dist.isend(rows, 1 - rank), dist.irecv(mc.zeros(size, 5), 1 - rank)]
assert all(work.wait() for work in works)
dist.new_group([0, 1])

net = nn.Sequential(
    nn.Conv2d(3, 4, 3), nn.SyncBatchNorm(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)
)
net = DistributedDataParallel(net, bucket_cap_mb=0.001)
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
scaler = mc.amp.GradScaler()


def step(images, labels):
    optimizer.zero_grad()
    with mc.autocast("cuda", dtype=mc.float16):
        loss = F.cross_entropy(net(images), labels)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss


images, labels = mc.ones(2, 3, 6, 6), mc.zeros(2, dtype=mc.int64)
step(images, labels)
graphed = mc.cuda.graph(step)
for _ in range(5):
    graphed(images, labels)
mc.cuda.synchronize()
dist.barrier()
dist.destroy_process_group()
print("checked", flush=True)
