"""Why a name of torch's is not there, in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = ["explain"]

# What is outside this framework, as patterns of dotted names; they match the names below, too.
_OUTSIDE = {
    "no Fourier transforms": r"torch(\.Tensor|\.functional)?\.(fft|i?stft|\w+_window)",
    "no recurrent layers": (
        r"torch(\.nn(\.modules)?)?\.(quantized_)?(LSTM|GRU|RNN|PackedSequence|lstm|gru|rnn)\w*|torch\.nn\.utils\.rnn"
    ),
    "no complex numbers": (
        r"torch(\.Tensor)?\.(complex\w*|c(half|float|double)|view_as_(complex|real)|polar|angle|imag"
        r"|real|conj\w*|is_(complex|conj))"
    ),
    "no sparse tensors": (
        r"torch(\.optim|\.Tensor)?\.(sparse\w*|to_sparse\w*|Sparse\w+|coalesce|(s|hs|ds)mm)"
        r"|torch\.nn\.init\.sparse_?"
    ),
    "no quantised tensors": (
        r"torch(\.ao|\.nn|\.backends|vision\.models)?\.(quant\w+|qu?int\w+|qat|qscheme|q_\w+"
        r"|dequantize|fake_quantize\w+)|torch\.ao|torch\.per_(tensor|channel)_\w+"
    ),
    "no 3-d layers": (
        r"torch(\.nn(\.functional|\.modules(\.\w+)?)?)?\.\w*(3d|3D)(_with_indices)?|torchvision\.models\.video"
        r"|torchvision\.ops\.\w+3d\w*"
    ),
    "no compiler of Python: torch.jit returns what it is given, torch.compile plans inference on the CPU": (
        r"torch\.(jit|compiler|_dynamo|_inductor|fx|export|package|library|ops|classes)"
        r"|torch\.utils\.(cpp_extension|bundled_inputs|mobile_optimizer)"
    ),
    "no launcher: `mpiexec -n N python -m minicnn.torch SCRIPT` starts N ranks": (
        r"torch\.distributed\.(launch|run|elastic|launcher)"
    ),
    "data parallel training over MPI, and nothing else for several processes": (
        r"torch\.(distributed|nn\.parallel)"
    ),
    "torch.onnx.export, and nothing else of torch's exporter to ONNX": (
        r"torch\.(onnx|utils\.tensorboard\.\w*onnx)"
    ),
    "no derivatives in forward mode": r"torch\.(func|autograd)\.(jvp|linearize|forward_ad)",
    "no function transforms but derivatives and vmap": r"torch\.(func|autograd\.(functional|graph))",
    "no named, nested or masked tensors": r"torch\.(nested|masked|jagged|Tensor\.(names|rename|align_\w+))",
    "no networks for detection or video": (
        r"torchvision\.(models\.(detection|optical_flow)|io\.\w*[vV]ideo\w*)"
    ),
    "no deformable convolutions": r"torchvision\.ops\.(deform_conv\w*|DeformConv2d)",
    "no position-sensitive pooling of regions": r"torchvision\.ops\.(ps_roi_\w+|PSRoI\w+)",
    "no internals of torch's": r"torch\._\w+",
}


def explain(dotted: str, there: Iterable[str]) -> str:
    """One line about a name that is missing, such as ``"torch.nn.LSTM"``.

    Args:
        dotted: its name.
        there: names that its module has, of which the nearest is proposed.
    """
    for reason, pattern in _OUTSIDE.items():
        if re.match(rf"({pattern})(\.|$)", dotted):
            return f"{dotted}: minicnn has {reason}"
    module, _, name = dotted.rpartition(".")
    near = difflib.get_close_matches(name, there, 1) or [
        other for other in there if other.lower() == name.lower()
    ]
    hint = f"; the nearest is {module}.{near[0]}" if near else ""
    return f"{dotted}: minicnn has no such name{hint}"
