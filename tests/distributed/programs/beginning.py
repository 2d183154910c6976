"""What ranks do before a training: they share cores and workers, and make sure to begin alike."""

import os

import pytest

import minicnn as mc
from minicnn import data, distributed, nn, training
from minicnn.training import ranks

del os.environ["OMP_NUM_THREADS"]  # as a user starts it
ranks.begin("cpu")
rank, size = distributed.get_rank(), distributed.get_world_size()
cores = len(os.sched_getaffinity(0))
assert mc.get_num_threads() == max(1, cores // size)

done = []
with training.first_rank_first():
    done.append(rank)
assert ranks.summed(done[0]) == size * (size - 1) / 2

mc.manual_seed(rank)
net = nn.Linear(2, 2)
loader = data.DataLoader(data.TensorDataset(mc.arange(10)), 4, shuffle=True, num_workers=3)
ranks.share(net, [loader])
first = net.weight.detach().clone()
distributed.broadcast(first)
assert net.weight.tolist() == first.tolist()
assert loader.num_workers == -(-3 // size)
loader.set_epoch(0)
seen = [0.0] * 10
for (numbers,) in loader:
    for number in numbers.tolist():
        seen[number] += 1
assert ranks.summed(seen).tolist() == [1] * 10

ranks.check_same({"lr": 0.1, "data": ["a"]})
with pytest.raises(ValueError, match=r"must have the same lr: rank 0 on .* has 0, rank 1 on .* 1"):
    ranks.check_same({"lr": min(rank, 1)})
with pytest.raises(
    ValueError, match=r"same last.ckpt: rank 0 on .* has None, rank 1 on .* has 3 e"
):
    ranks.check_same({"last.ckpt": "3 epochs"} if rank == 1 else {})

one = data.DataLoader(data.TensorDataset(mc.arange(10)), 4)
one.skipped[rank] = f"broken on {rank}"
if rank == 0:
    with pytest.warns(UserWarning, match="rank 1 left out sample 1: broken on 1"):
        ranks.share_skipped([one])
else:
    ranks.share_skipped([one])
assert one.skipped == {rank: f"broken on {rank}" for rank in range(size)}

os.write(1, b"checked\n")  # print() is the first rank's alone
