"""What may go wrong on the way from a ``.cu`` text to a finished launch."""


class CompileError(RuntimeError):
    """NVRTC refused the source; the message is its log."""


class UnsupportedPtx(NotImplementedError):
    """The PTX uses something that the emulator does not know."""


class KernelError(RuntimeError):
    """A kernel could not be compiled for the CPU, launched, or went wrong."""
