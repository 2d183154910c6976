"""What the CPU kernels run on: threads, blocks that fit the cache, and the layout of memory."""
