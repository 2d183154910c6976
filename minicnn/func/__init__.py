"""Modules as functions of their parameters, under the name of ``torch.func``."""

from .nn.utils.stateless import functional_call

__all__ = ["functional_call"]
