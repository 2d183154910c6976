"""What all CUDA kernels share: compiling, launching, memory layouts, sums by channel."""
