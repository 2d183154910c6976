"""Functions made from functions, under the names of ``torch.func``.

Derivatives of a function (``grad``, ``vjp``, ``jacrev`` ...), the function of a whole batch
(``vmap``), and modules as functions of their parameters.
"""

from ..nn.utils.stateless import functional_call
from .batched import vmap
from .derivatives import grad, grad_and_value, hessian, jacfwd, jacrev, vjp
from .ensemble import stack_module_state

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "stack_module_state",
    "vjp",
    "vmap",
]
