"""A script in torch's usual idiom, as tutorials have it."""

import os
import sys

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler


def main():
    rank, world_size = int(os.environ["LOCAL_RANK"]), int(os.environ["WORLD_SIZE"])
    if dist.is_available() and not dist.is_initialized():
        dist.init_process_group("gloo", init_method="env://", rank=rank, world_size=world_size)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 3))
    net = DDP(net)
    dataset = TensorDataset(torch.randn(43, 6), torch.randint(0, 3, (43,)))
    sampler = DistributedSampler(dataset)
    workers = int(sys.argv[1])
    loader = DataLoader(dataset, batch_size=5, sampler=sampler, num_workers=workers)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        total = torch.zeros(2)
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            total += torch.tensor([loss.item() * len(x), len(x)])
        dist.all_reduce(total, op=dist.ReduceOp.SUM)
        if rank == 0:
            print(f"epoch {epoch}: loss {total[0] / total[1]:.4f} of {total[1]:.0f}", flush=True)
    if rank == 0:
        torch.save(net.module.state_dict(), os.devnull)
        print(next(iter(net.state_dict())), dist.get_backend(), dist.get_world_size(), flush=True)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
