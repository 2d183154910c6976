"""Channel shuffles (Zhang et al., "ShuffleNet", 2018) in a recorded graph.

A network writes one as several operations: the channels are reshaped to groups, groups and channels
change places, and the result, perhaps copied, is reshaped back. A plan copies the channels once.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..graph import Node, Value

__all__ = ["channel_shuffles"]


def channel_shuffles(nodes: Iterable[Node]) -> dict[Node, tuple[Value, int]]:
    """The nodes at which shuffles end, each with the value that is shuffled and the number of groups."""
    made_by: dict[Value, Node] = {}
    found = {}
    for node in nodes:
        made_by.update(dict.fromkeys(node.outputs, node))
        if node.name != "Reshape" or len(node.outputs[0].shape) != 4:
            continue
        swap = made_by.get(node.values[0])
        if swap is not None and swap.name == "To" and swap.outputs[0].dtype == swap.values[0].dtype:
            swap = made_by.get(swap.values[0])
        if swap is None or swap.name != "Permute" or swap.options["dims"] != (0, 2, 1, 3, 4):
            continue
        split = made_by.get(swap.values[0])
        if split is not None and split.name == "Reshape":
            x, out = split.values[0], node.outputs[0]
            N, groups, _, *size = split.outputs[0].shape
            if x.shape == out.shape == (N, x.shape[1], *size):
                found[node] = x, groups
    return found
