"""Plans: what ``minicnn.compile`` makes of a network for inference on the CPU.

From the call to the loop:

==================  ================================================================================
compiled.py         ``compile``: which calls get a plan, and which run as they are written
guard.py            whether the network is still as it was when its plan was made
operations.py       the recorded graph as operations of the kinds that plans know
shuffles.py         where a network shuffles channels
simplify.py         batch norm into the convolution before it, ReLU and addition into its end
memory.py           which values lie within others (``cat`` in place), and which share memory
steps.py            an operation and its arrays as a call without arguments
choice.py           which of several steps is the fastest, by measuring
plan.py             all of this, and the loop that runs the calls
==================  ================================================================================
"""

from .compiled import compile

__all__ = ["compile"]
