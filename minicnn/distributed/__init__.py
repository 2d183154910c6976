"""Many processes train one network together, in ``torch.distributed``'s terms, over MPI and NCCL.

Every process, a rank, runs the same program on its share of each batch, and
:class:`~minicnn.nn.parallel.DistributedDataParallel` averages their gradients. The program needs
mpi4py (the extra ``mpi``, which brings MPICH as well), and is started by MPI:

On one machine, a process for each core or GPU::

    mpiexec -n 4 python -m mpi4py train.py

On several machines that reach each other by ssh, with the same folders; ``hosts`` has a line such as
``node1:4`` (4 processes there) for each::

    mpiexec -f hosts -n 8 python -m mpi4py train.py

On a cluster with Slurm (``--mpi=pmix`` for Open MPI)::

    srun --mpi=pmi2 --nodes=2 --ntasks-per-node=4 python -m mpi4py train.py

With GPUs, one process has one of them: as many processes on each machine as it has GPUs. The program
calls ``init_process_group("nccl")``, and each process computes on the GPU of number LOCAL_RANK, which
is ``"cuda"`` from then on. Arrays there travel through NVIDIA's NCCL, those in host memory through
MPI. That needs CuPy and NCCL (the extra ``nccl``)::

    mpiexec -n 8 python -m mpi4py train.py
    mpiexec -f hosts -n 16 python -m mpi4py train.py       # hosts: node1:8 and node2:8
    srun --mpi=pmi2 --nodes=2 --ntasks-per-node=8 --gpus-per-node=8 python -m mpi4py train.py

NCCL looks for the fastest way between GPUs itself. NCCL_DEBUG=INFO in the environment shows it, and
NCCL_SOCKET_IFNAME=eth0 chooses a network. A step may be a CUDA graph (:func:`minicnn.cuda.graph`), if
all ranks capture it. NCCL adds in an order of its own, the same in every run on the same machines.

A script for PyTorch: ``mpiexec -n 4 python -m minicnn.torch train.py``. It finds RANK, WORLD_SIZE
and LOCAL_RANK in the environment. ``OMP_NUM_THREADS`` says how many threads each process has.

A :class:`~minicnn.data.DistributedSampler` says which samples are whose. Augmentation goes by a
sample's position in the epoch, whatever the number of ranks. Dropout draws from each rank's default
generator: ``manual_seed(seed + get_rank())``, after the network is made, gives each rank its own
masks, the same ones in every run.

A program without ``mpiexec`` is rank 0 of 1, and all of this works there. With ``-m mpi4py`` a process
that fails before :func:`init_process_group`, too, ends all; after it, an error that nobody catches
does so in any case, and says on which rank it was. A process that is killed takes the others with
it, and one that hangs is named when the others have waited for ``timeout``.

Nothing listens but what MPI and NCCL open, and what comes over the net is numbers, and JSON: no code.
"""

from .collectives import (
    all_gather,
    all_gather_into_tensor,
    all_reduce,
    all_to_all_single,
    barrier,
    broadcast,
    gather,
    irecv,
    isend,
    monitored_barrier,
    recv,
    reduce,
    reduce_scatter,
    reduce_scatter_tensor,
    scatter,
    send,
)
from .objects import all_gather_object, broadcast_object_list
from .process_group import (
    GroupMember,
    ProcessGroup,
    destroy_process_group,
    get_backend,
    get_global_rank,
    get_group_rank,
    get_process_group_ranks,
    get_rank,
    get_world_size,
    group,
    init_process_group,
    is_available,
    is_gloo_available,
    is_initialized,
    is_mpi_available,
    is_nccl_available,
    new_group,
)
from .reduce_op import ReduceOp
from .work import Work

__all__ = [
    "GroupMember",
    "ProcessGroup",
    "ReduceOp",
    "Work",
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_to_all_single",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "destroy_process_group",
    "gather",
    "get_backend",
    "get_global_rank",
    "get_group_rank",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_process_group",
    "irecv",
    "is_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "isend",
    "monitored_barrier",
    "new_group",
    "recv",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "send",
]
