"""PyTorch's peak of memory in a training step, by its own tracker on tensors without memory.

No GPU takes part: tensors of ``FakeTensorMode`` have shapes and dtypes alone, and are those of the CPU,
whose autocast keeps a little more or less than CUDA's. Workspaces of cuDNN and what the allocator
keeps for later are not counted, and neither is what ``torch.compile`` would save by fusing.
"""

from __future__ import annotations

from typing import Any

__all__ = ["tracked_peak_bytes"]

_STEPS = 2  # the second has the optimizer's state from the beginning


def tracked_peak_bytes(model: str, batch: int, precision: str) -> int:
    """Of weights, gradients, momenta, images and activations, for a step of ``gpu_train_step.py``."""
    import torch
    from gpu_train_step import HALVES, NUM_CLASSES, SGD_OPTIONS, image_size, loss_of, their_network
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.distributed._tools.mem_tracker import MemTracker

    half = getattr(torch, HALVES.get(precision, "bfloat16"))
    with FakeTensorMode():
        net = their_network(model).train()
        images = torch.randn(batch, 3, image_size(model), image_size(model))
        labels = torch.randint(NUM_CLASSES, (batch,))
        sgd = torch.optim.SGD(net.parameters(), **SGD_OPTIONS)
        tracker = MemTracker()
        tracker.track_external(net, sgd, images, labels)
        with tracker:
            for _ in range(_STEPS):
                sgd.zero_grad(set_to_none=True)
                with torch.autocast("cpu", half, enabled=precision in HALVES):
                    loss = loss_of(net(images), labels, torch.nn.functional.cross_entropy)
                loss.backward()
                sgd.step()
                tracker.reset_mod_stats()  # of single layers
    snapshot: dict[Any, dict[Any, int]] = tracker.get_tracker_snapshot("peak")
    return sum(numbers["Total"] for numbers in snapshot.values())
