"""What the stand-in has beyond CuPy: settings, which tests may set, and counters."""

from __future__ import annotations

import os
from collections import Counter

# Whether every access of a kernel to memory is checked, and races are looked for.
checked = os.environ.get("CUDA_EMULATOR_CHECKED", "0") == "1"

# Order of blocks, warps and lanes; 0 is the natural one.
seed = int(os.environ.get("CUDA_EMULATOR_SEED", "0"))

# Compute capability of the pretended GPU: 80, 89 or 90.
arch = os.environ.get("CUDA_EMULATOR_ARCH", "80")

# Bytes of the pretended GPU's memory.
memory = 80 << 30

# How often numbers went from the device to the host, for which the host waits on a GPU.
copies_to_host = 0

# How often each kernel was launched, by (name, whether checked).
launches: Counter[tuple[str, bool]] = Counter()
