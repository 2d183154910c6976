"""Damages files at random, as disks, downloads and people do."""

from __future__ import annotations

import numpy as np

EXTREMES = [b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80", b"\x00" * 8]


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """A copy of ``data`` with one to four random damages, of which half are near its begin."""
    out = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        end = len(out) if rng.random() < 0.5 else min(len(out), 200)
        at = int(rng.integers(0, end + 1))
        length = int(rng.integers(1, 40))
        match rng.integers(0, 7):
            case 0:
                del out[at:]
            case 1:
                del out[at : at + length]
            case 2:
                out[at:at] = out[at : at + length]
            case 3:
                out[at : at + length] = rng.bytes(length)
            case 4:
                extreme = EXTREMES[rng.integers(len(EXTREMES))]
                out[at : at + len(extreme)] = extreme
            case _:
                if at < len(out):
                    out[at] ^= 1 << int(rng.integers(8))
    return bytes(out)
