"""Pickles that call code, or are damaged, or of a tensor with parts to put in."""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any

import numpy as np


class Call:
    """Pickles into a call of ``function`` with ``arguments``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


TEXT = b"X\x01\x00\x00\x00x"  # pushes "x"
STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n("


def tensor(offset: bytes = b"K\0", size: bytes = b"K\2\x85", stride: bytes = b"K\1\x85",
           count: bytes = b"K\2") -> bytes:  # fmt: skip
    """A pickle of {"x": tensor} with parts to put in; its storage "0" is of two floats."""
    identity = STORAGE + count + b"tQ"
    return b"\x80\x02}" + TEXT + TENSOR + identity + offset + size + stride + b"\x89NtRs."


def long(number: int) -> bytes:
    return b"\x8a\x09" + number.to_bytes(9, "little", signed=True)


CODE = {
    "os.system": pickle.dumps(Call(os.system, "touch canary"), 2),
    "in a dict": pickle.dumps({"weight": Call(os.system, "touch canary")}, 2),
    "posix.system": b"cposix\nsystem\nX\x06\x00\x00\x00canary\x85R.",
    "nt.system": b"cnt\nsystem\nX\x06\x00\x00\x00canary\x85R.",
    "builtins.eval": b"cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
    "python 2's eval": b"c__builtin__\neval\nX\x01\x00\x00\x001\x85R.",
    "builtins.exec": b"cbuiltins\nexec\nX\x01\x00\x00\x001\x85R.",
    "subprocess": b"csubprocess\ncall\nX\x01\x00\x00\x00x\x85R.",
    "by the stack": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x06canary\x85R.",
    "dotted name": b"\x80\x04\x8c\x0ctorch._utils\x8c\x1b_rebuild_tensor.__globals__\x93.",
    "getattr": b"cbuiltins\ngetattr\n(ctorch\nSize\nX\x01\x00\x00\x00xtR.",
    "dict lookup": b"ccollections\nOrderedDict.__init__.__globals__\n.",
    "a module": b"ctorch.nn.modules.linear\nLinear\n)\x81.",
    "importlib": b"cimportlib\nimport_module\nX\x02\x00\x00\x00os\x85R.",
    "torch.load": b"ctorch.serialization\nload\nX\x01\x00\x00\x00x\x85R.",
    "NumPy": pickle.dumps(np.ones(3), 2),
    "a name with the name's end": b"ccollections\nOrderedDict\x00\n.",
    "INST": b"(X\x06\x00\x00\x00canaryios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nX\x06\x00\x00\x00canaryo.",
    "OBJ of ours": b"(ccollections\nOrderedDict\no.",
    "NEWOBJ": b"ccollections\nOrderedDict\n)\x81.",
    "NEWOBJ_EX": b"\x80\x04ccollections\nOrderedDict\n)}\x92.",
    "EXT1": b"\x82\x01.",
    "EXT2": b"\x83\x01\x00.",
    "EXT4": b"\x84\x01\x00\x00\x00.",
    "BYTEARRAY8": b"\x80\x05\x96" + struct.pack("<Q", 2) + b"ab.",
    "NEXT_BUFFER": b"\x80\x05\x97.",
    "call of a string": TEXT + b")R.",
    "call of a dict": b"})R.",
    "call of a tensor": tensor()[:-2] + b")R.",
    "call of a result": b"ccollections\nOrderedDict\n)R)R.",
}
DAMAGED = {
    "no stop": b"\x80\x02}",
    "stop at once": b".",
    "two results": b"}}.",
    "unknown instruction": b"\x80\x02\xff.",
    "pop of nothing": b"0.",
    "tuple without a mark": b"t.",
    "setitem on a list": b"]" + TEXT + b"Ns.",
    "odd setitems": b"}(" + TEXT + b"u.",
    "append to a dict": b"}Na.",
    "key of a list": b"}]Ns.",
    "key of a dict": b"}}Ns.",
    "key of a deep tuple": b"})" + b"\x85" * 100_000 + b"Ns.",
    "member of a deep tuple": b"\x80\x04\x8f()" + b"\x85" * 100_000 + b"\x90.",
    "persistent deep tuple": b")" + b"\x85" * 100_000 + b"Q.",
    "persistent list of lists": b"]2a" * 3 + b"Q.",
    "absent memo": b"h\x05.",
    "enormous memo": b"}r\xff\xff\xff\xff0g99999999999999999999\n.",
    "negative memo": b"g-1\n.",
    "build on a dict": b"}}b.",
    "build on nothing": b"}b.",
    "name of a number": b"\x80\x04K\x01K\x02\x93.",
    "arguments that are none": b"ccollections\nOrderedDict\nNR.",
    "arguments of a list": b"ccollections\nOrderedDict\n]R.",
    "pairs of threes": b"ccollections\nOrderedDict\n](NNNtaN\x86R.",
    "pairs of text": b"ccollections\nOrderedDict\n" + TEXT + b"\x85R.",
    "call of a dtype": b"ctorch\nFloatStorage\n)R.",
    "size of text": b"ctorch\nSize\n" + TEXT + b"\x85R.",
    "negative size": b"ctorch\nSize\n(J\xff\xff\xff\xfft\x85R.",
    "text of 4 GiB": b"X\xff\xff\xff\xffabc.",
    "text of 2**60": b"\x80\x04\x8d" + struct.pack("<Q", 2**60) + b"abc.",
    "bytes of 2**63": b"\x80\x04\x8e" + struct.pack("<Q", 2**63) + b"abc.",
    "negative bytes": b"T\xff\xff\xff\xffabc.",
    "long of 2 GiB": b"\x8b\xff\xff\xff\x7fabc.",
    "digits of a number": b"I" + b"9" * 10_000 + b"\n.",
    "not Unicode": b"X\x02\x00\x00\x00\xff\xfe.",
    "frame without end": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N",
    "tensor without a storage": b"}" + TEXT + TENSOR + b"NK\0))NNtRs.",
    "tensor without arguments": b"}" + TEXT + TENSOR + b"tRs.",
    "storage of None": b"}NQ.",
    "storage without a dtype": b"(X\x07\x00\x00\x00storageNX\x01\x00\x00\x000NK\2tQ.",
    "storage by a list": STORAGE.replace(b"X\x01\x00\x00\x000", b"]") + b"K\2tQ.",
    "storage of text many": tensor(count=TEXT),
    "storage of negative size": tensor(count=long(-1)),
    "storage beyond the file": tensor(count=long(2**40)),
    "storage beyond the memory": tensor(count=long(2**63)),
    "offset beyond the storage": tensor(offset=b"K\1"),
    "negative offset": tensor(offset=long(-1)),
    "huge offset": tensor(offset=long(2**62)),
    "size beyond the storage": tensor(size=b"K\3\x85"),
    "negative length": tensor(size=long(-2) + b"\x85"),
    "huge length": tensor(size=long(2**62) + b"\x85"),
    "huge length and none": tensor(size=long(2**62) + b"K\0\x86", stride=b"K\1K\1\x86"),
    "huge length, stride 0": tensor(size=long(2**62) + b"\x85", stride=b"K\0\x85"),
    "length beyond 64 bits": tensor(size=long(2**66) + b"\x85", stride=b"K\0\x85"),
    "negative stride": tensor(stride=long(-1) + b"\x85"),
    "huge stride": tensor(stride=long(2**62) + b"\x85"),
    "huge stride of one": tensor(size=b"K\1\x85", stride=long(2**66) + b"\x85"),
    "a stride too many": tensor(stride=b"K\1K\1\x86"),
    "size of a number": tensor(size=b"K\2"),
    "size of lists": tensor(size=b"]\x85"),
    "size of text ": tensor(size=TEXT),
    "65 dimensions": tensor(size=b"(" + b"K\1" * 65 + b"t", stride=b"(" + b"K\1" * 65 + b"t"),
    "offset of None": tensor(offset=b"N"),
}  # fmt: skip

FLOAT = b"ctorch\nFloatStorage\n"
