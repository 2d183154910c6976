"""What the CPU kernels share: threads, blocks that fit the cache, and the layout of memory."""
