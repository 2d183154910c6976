"""Kernels that use many instructions, against NumPy."""

import math

import numpy as np
import pytest

from cuda_emulator.support import BF16, F16, MODES, from_bits, load, to_bits

pytestmark = MODES


@pytest.fixture(scope="module")
def module():
    return load("stress.cu", "half_elements<0>", "half_elements<1>")


def test_math_functions(module, checked):
    n = 301
    x = np.linspace(-6, 6, n).astype(np.float32)
    y = np.empty((n, 16), np.float32)
    module.get("math_functions")((3,), (128,), (x, y, np.int32(n)), checked=checked)
    v = x.astype(np.float64)
    size = np.abs(v)
    table = np.array([1, 2.5, -3, 4, 0.125, 7])
    expected = np.stack(
        [
            np.exp(v),
            np.log(size + 1e-3),
            np.tanh(v),
            np.vectorize(math.erf)(v),
            size**1.7,
            np.sin((x * np.float32(3)).astype(np.float64)),
            np.sqrt(size),
            1 / (1 + np.exp(-v)),
            np.log1p(size),
            np.expm1(v),
            np.trunc(v * 4 + np.copysign(0.5, v)),
            np.floor(v * 4),
            1 / np.sqrt(size + 0.1),
            v / 3.3,
            np.fmod(x, np.float32(0.7)),
            table[np.arange(n) * 7 % 6] + np.copysign(2, v) + 0.5,
        ],
        axis=1,
    )
    error = np.abs(y - expected) / (np.abs(expected) + 1e-3)
    assert error.max() < 1e-4


def test_double_functions(module, checked):
    n = 301
    x = np.linspace(-6, 6.1, n)
    y = np.empty((n, 12))
    module.get("double_functions")((3,), (128,), (x, y, np.int32(n)), checked=checked)
    size = np.abs(x)
    expected = [
        np.exp(x),
        np.log(size + 1e-3),
        np.tanh(x),
        np.vectorize(math.erf)(x),
        size**1.7,
        x**3,
        np.sin(x * 3),
        np.sqrt(size),
        np.log1p(size),
        np.expm1(x),
        1 / x,
        np.floor(x * 4) + np.fmod(x, 0.7),
    ]
    np.testing.assert_allclose(y, np.stack(expected, axis=1), rtol=1e-13, atol=1e-14)


def test_divisions(module, checked):
    rng = np.random.default_rng(0)
    n = 200
    a = rng.integers(-(1 << 62), 1 << 62, n) >> rng.integers(0, 50, n)
    b = rng.integers(1, 1 << 30, n) * rng.choice([-1, 1], n)
    y = np.empty((n, 4), np.int64)
    module.get("divisions")((2,), (128,), (a, b, y, np.int32(n)), checked=checked)
    for row, p, q in zip(y.tolist(), map(int, a), map(int, b)):
        quotient = abs(p) // abs(q) * (1 if (p < 0) == (q < 0) else -1)
        low = (p & 0xFFFFFFFF ^ 0x80000000) - 0x80000000
        narrow = abs(low) // abs(q) * (1 if (low < 0) == (q < 0) else -1)
        unsigned = (p % (1 << 64)) // (q % (1 << 32))
        assert row[:2] == [quotient, p - quotient * q]
        assert row[2] % (1 << 64) == unsigned
        assert row[3] == narrow


def philox(counter, key):
    """Philox4x32-10 of one counter."""
    c = list(counter)
    k = list(key)
    for _ in range(10):
        product0 = 0xD2511F53 * c[0]
        product1 = 0xCD9E8D57 * c[2]
        c = [
            product1 >> 32 ^ c[1] ^ k[0],
            product1 & 0xFFFFFFFF,
            product0 >> 32 ^ c[3] ^ k[1],
            product0 & 0xFFFFFFFF,
        ]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def test_random_bits(module, checked):
    n = 1000
    out = np.empty((n, 4), np.uint32)
    seed = 0x123456789ABCDEF
    module.get("random_bits")((8,), (128,), (out, np.int32(n), np.uint64(seed)), checked=checked)
    key = (seed & 0xFFFFFFFF, seed >> 32)
    expected = [philox((i, 0, 0, 0), key) for i in range(n)]
    np.testing.assert_array_equal(out, np.array(expected, np.uint32))


def local_switch(v, i, scale, table):
    results = [
        1.5,
        math.sqrt(v),
        v // 3,
        v % 5,
        v * (v % 17) - 3,
        math.exp(-(v & 3)),
        v * 1234567891,
        scale * table[i % 3],
    ]
    return results[v & 7] + v * ((v >> 2) % 17) - 3


def test_local_switch(module, checked):
    n = 500
    x = np.random.default_rng(0).integers(1, 10000, n).astype(np.int32)
    table = np.array([1, 2, 3], np.float32)
    y = np.empty(n)
    settings = np.zeros(1, [("n", "i4"), ("scale", "f4"), ("table", "u8")])
    settings["n"] = n
    settings["scale"] = 2.5
    settings["table"] = table.ctypes.data
    module.get("local_switch")(
        (4,),
        (128,),
        (x, y, settings[0]),
        checked=checked,
        reachable=[(table.ctypes.data, table.nbytes)],
    )
    expected = [local_switch(v, i, 2.5, table) for i, v in enumerate(map(int, x))]
    np.testing.assert_allclose(y, expected)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_reduce_max(module, checked, seed):
    x = np.random.default_rng(0).random(5000).astype(np.float32)
    out = np.zeros(2, np.uint32)
    position = np.zeros(1, np.int32)
    module.get("reduce_max")(
        (1,), (256,), (x, out, position, np.int32(5000)), seed=seed, checked=checked
    )
    assert position[0] == x.argmax()
    assert out[0] ^ 0x80000000 == x.max().view(np.uint32)
    assert out[1] == 32


@pytest.mark.parametrize("kind", [BF16, F16], ids=["bf16", "f16"])
def test_half_elements(module, checked, kind):
    x = np.random.default_rng(0).standard_normal(800)
    bits = to_bits(x, kind)
    result = np.empty_like(bits)
    module.get(f"half_elements<{kind}>")(
        (1,), (128,), (bits, result, np.int32(800)), checked=checked
    )
    expected = from_bits(bits, kind)
    expected[0::2] = expected[0::2] * 1.5 + 1
    expected[1::2] = np.maximum(expected[1::2], 0)
    np.testing.assert_array_equal(result, to_bits(expected, kind))


def rotate(low, high, count, left):
    both = high << 32 | low
    shifted = both << count >> 32 if left else both >> count
    return shifted & 0xFFFFFFFF


def reverse(value, bits):
    return int(f"{value:0{bits}b}"[::-1], 2)


def test_bit_tricks(module, checked):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 1 << 32, 32).astype(np.uint32)
    x[:3] = 0, 1, 0xFFFFFFFF
    wide = rng.integers(0, 1 << 63, 32).astype(np.uint64)
    wide[:3] = 0, 1, 0xFFFFFFFFFFFFFFFF
    y = np.empty((32, 12), np.uint32)
    module.get("bit_tricks")((1,), (32,), (x, y, wide), checked=checked)
    for i, (v, w) in enumerate(zip(map(int, x), map(int, wide))):
        inverse = v ^ 0xFFFFFFFF
        bytes_of_both = (v | inverse << 32).to_bytes(8, "little")
        picked = bytes(bytes_of_both[k] for k in (0, 4, 1, 5))
        expected = [
            v.bit_count(),
            32 - v.bit_length(),
            reverse(v, 32),
            (v & -v).bit_length(),
            int.from_bytes(picked, "little"),
            rotate(v, inverse, i, True),
            rotate(v, inverse, i, False),
            w.bit_count(),
            64 - w.bit_length(),
            reverse(w, 64) >> 32,
            v * 0x9E3779B9 >> 32,
            w * w >> 64 & 0xFFFFFFFF,
        ]
        assert y[i].tolist() == expected, (v, w)


def test_device_variables_outlive_a_launch(module, checked):
    x = np.zeros(32, np.uint32)
    y = np.empty((32, 12), np.uint32)
    wide = np.zeros(32, np.uint64)
    counts = []
    for _ in range(2):
        module.get("bit_tricks")((1,), (32,), (x, y, wide), checked=checked)
        count = np.empty(1, np.int32)
        module.get("read_launches")((1,), (1,), (count,), checked=checked)
        counts.append(count[0])
    assert counts[1] == counts[0] + 1
