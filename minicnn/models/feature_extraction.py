"""A network that returns what layers inside it compute, as torchvision's ``feature_extraction``.

torchvision traces the network and rewrites it; here hooks note what its modules return. So only the
outputs of modules can be asked for, not those of functions and operators (``flatten``, ``add``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import nn
from ..tensor import Tensor

__all__ = ["create_feature_extractor", "get_graph_node_names"]

Nodes = Sequence[str] | Mapping[str, str]


class _Enough(Exception):
    """All outputs that were asked for are there."""


class FeatureExtractor(nn.Module):
    """See :func:`create_feature_extractor`. Its parameters and modules are the network's own."""

    def __init__(self, model: nn.Module, train: dict[str, str], evaluation: dict[str, str]) -> None:
        super().__init__()
        self._modules, self._parameters = model._modules, model._parameters
        self._buffers = model._buffers
        self._non_persistent_buffers = model._non_persistent_buffers
        # Past __setattr__, which would register the network as one more module.
        self.__dict__.update(model=model, nodes={True: train, False: evaluation})
        self.training = model.training

    def train(self, mode: bool = True) -> FeatureExtractor:
        self.model.train(mode)
        self.training = mode
        return self

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        nodes = self.nodes[self.training]
        calls: dict[str, int] = {}
        found: dict[str, Tensor] = {}

        def note(name: str, output: Any) -> None:
            count = calls[name] = calls.get(name, -1) + 1
            found[f"{name}_{count}" if count else name] = output
            if nodes.keys() <= found.keys():
                raise _Enough

        modules = {name: module for name, module in self.model.named_modules() if name}
        handles = [
            module.register_forward_hook(lambda _, __, output, name=name: note(name, output))
            for name, module in modules.items()
            if any(_is_call_of(node, name) for node in nodes)
        ]
        try:
            self.model(*args, **kwargs)
        except _Enough:
            pass
        finally:
            for handle in handles:
                handle.remove()
        missing = [node for node in nodes if node not in found]
        if missing:
            raise ValueError(f"no module was called of the name {', '.join(missing)}")
        return {nodes[node]: output for node, output in found.items() if node in nodes}


def create_feature_extractor(
    model: nn.Module,
    return_nodes: Nodes | None = None,
    train_return_nodes: Nodes | None = None,
    eval_return_nodes: Nodes | None = None,
) -> FeatureExtractor:
    """A network that returns the outputs of modules inside ``model``, and stops after the last.

    Args:
        model: a network; the new one shares its parameters.
        return_nodes: names of modules, such as ``"layer4"`` or ``"layer1.0.relu"``, or a dict from
            these to names of the outputs. A module that is called again and again has ``"_1"``,
            ``"_2"`` … after its name in its second, third … call.
        train_return_nodes, eval_return_nodes: instead of ``return_nodes``, separate ones for
            training and evaluation.

    Returns:
        A module that returns a dict of the outputs, in the order in which they are computed.

    Raises:
        ValueError: for a name that is none of a module, or unless either ``return_nodes`` or both
            others are given.

    As ``torchvision.models.feature_extraction.create_feature_extractor``, for modules only.
    """
    separate = (train_return_nodes is not None) + (eval_return_nodes is not None)
    if (return_nodes is None) != (separate == 2) or separate == 1:
        raise ValueError(
            "create_feature_extractor expects either return_nodes or both train_return_nodes and "
            "eval_return_nodes"
        )
    train = _with_names(model, return_nodes if train_return_nodes is None else train_return_nodes)
    evaluation = _with_names(
        model, return_nodes if eval_return_nodes is None else eval_return_nodes
    )
    return FeatureExtractor(model, train, evaluation)


def get_graph_node_names(model: nn.Module) -> tuple[list[str], list[str]]:
    """The names of a network's layers, in the order of their registration, for training and for
    evaluation.

    torchvision traces the network, so that its lists also have functions, operators and repeated
    calls, and are in the order of the calls.
    """
    leaves = [name for name, module in model.named_modules() if name and not module._modules]
    return leaves, list(leaves)


def _with_names(model: nn.Module, nodes: Nodes | None) -> dict[str, str]:
    assert nodes is not None  # either it or its replacement was given
    named = nodes if isinstance(nodes, Mapping) else {name: name for name in nodes}
    modules = [name for name, _ in model.named_modules() if name]
    for node in named:
        if not any(_is_call_of(node, name) for name in modules):
            raise ValueError(
                f"node {node!r} must be a module of the network: {', '.join(modules)}"[:2000]
            )
    return {str(node): str(new_name) for node, new_name in named.items()}


def _is_call_of(node: str, module: str) -> bool:
    """Whether a node is a call of a module: its name, perhaps with ``_`` and a number."""
    rest = node.removeprefix(module) if node.startswith(module) else "?"
    return rest == "" or (rest[0] == "_" and rest[1:].isdecimal())
