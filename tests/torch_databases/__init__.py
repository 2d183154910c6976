"""PyTorch's own test databases, run on minicnn.

The torch package carries the databases that its own tests are made from: OpInfo (samples, reference
inputs and error inputs of every operation), ModuleInfo and OptimizerInfo. Whatever minicnn has under
torch's name is called with their arguments in both libraries, and must agree: values, dtypes,
gradients for a random cotangent, what became of the inputs, errors, and silence where torch is
silent. An operation that minicnn gains is tested from then on.

On a GPU, minicnn computes there and torch still on the CPU. Integers are tried where torch's GPU
operations take them, and errors about numbers, such as an index out of bounds, are not expected.

``values.py`` carries arguments and results across, ``call.py`` runs one call in one library,
``judge.py`` compares two, ``operations.py``, ``modules.py`` and ``optimizers.py`` make the calls from
the databases, and ``deviations.py`` lists what differs.
"""

import torch
from torch.testing._internal import common_utils  # the databases import it

from .call import seed_all

# Before every sample; torch's own also asks for the GPU's random numbers, which takes longer.
common_utils.set_rng_seed = seed_all
# It forbids to set torch's switches from then on, which other tests do.
torch.backends.flags_frozen.__globals__["__allow_nonbracketed_mutation_flag"] = True
