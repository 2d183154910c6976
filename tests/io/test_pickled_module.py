"""Whole modules in torch's files: refused, or filled in without running anything."""

from __future__ import annotations

import io
import pickle
import sys
import types
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn

# torch's layers with the arguments to make one, and the shape of an input.
LAYERS: dict[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "Conv2d": ((4, 6, 3), (2, 4, 5, 5)),
    "ConvTranspose2d": ((4, 6, 3), (2, 4, 5, 5)),
    "Linear": ((5, 3), (2, 5)),
    "BatchNorm2d": ((4,), (2, 4, 5, 5)),
    "GroupNorm": ((2, 4), (2, 4, 5, 5)),
    "LayerNorm": ((5,), (2, 4, 5)),
    "MaxPool2d": ((2,), (2, 4, 6, 6)),
    "AvgPool2d": ((2,), (2, 4, 6, 6)),
    "AdaptiveAvgPool2d": ((2,), (2, 4, 6, 6)),
    "LocalResponseNorm": ((2,), (2, 4, 5, 5)),
    "Dropout": ((), (2, 5)),
    "Flatten": ((), (2, 4, 3)),
    "Unflatten": ((1, (2, 2)), (2, 4, 3)),
    "Upsample": ((None, 2), (2, 4, 3, 3)),
    "Softmax": ((1,), (2, 5)),
    **{
        name: ((), (2, 5))
        for name in (
            "ReLU", "LeakyReLU", "ELU", "GELU", "SiLU", "Sigmoid", "Tanh", "Softplus", "Hardswish",
        )
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def on_the_cpu() -> None:
    """Also on a run for a GPU: test_location.py is about devices."""
    mc.set_default_device(None)


class Block(nn.Module):
    """A class that the program has defined; nothing of it may run while a file is read."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.act = nn.ReLU()
        self.register_buffer("scale", mc.full((1,), 2.0), persistent=False)
        self.shape = (1, [2, {"a": 3.0}])

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return x + self.act(self.conv(x)) * self.scale


class Net(nn.Module):
    class Head(nn.Linear):
        pass

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(2), Block(2))
        self.blocks[1].conv.weight = self.blocks[0].conv.weight
        self.head = self.Head(2, 3)

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return self.head(self.blocks(x).mean(dim=(2, 3)))


class Loud(nn.Linear):
    """Says what is called."""

    called: ClassVar[list[str]] = []

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        cls.called.append("__new__")
        return super().__new__(cls)

    def __init__(self) -> None:
        self.called.append("__init__")
        super().__init__(2, 2)

    def __setstate__(self, state: Any) -> None:
        self.called.append("__setstate__")

    def __setattr__(self, name: str, value: Any) -> None:
        self.called.append("__setattr__")
        super().__setattr__(name, value)


def torch_bytes(value: Any, stream: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=not stream)
    return file.getvalue()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_torch_s_layers_become_ours(name: str, stream: bool) -> None:
    arguments, shape = LAYERS[name]
    theirs = getattr(torch.nn, name)(*arguments).eval()
    loaded = mc.load(io.BytesIO(torch_bytes(theirs, stream)), weights_only=False)
    assert type(loaded) is getattr(nn, name)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    np.testing.assert_allclose(
        loaded(mc.tensor(x)).detach().numpy(),
        theirs(torch.from_numpy(x)).detach().numpy(),
        atol=1e-5,
    )
    assert repr(loaded)
    assert loaded.training is False


def test_a_network_of_torch_trains_on() -> None:
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Linear(4 * 16, 2),
    )  # fmt: skip
    ours = mc.load(io.BytesIO(torch_bytes(theirs)), weights_only=False)
    x = np.random.default_rng(0).normal(size=(5, 3, 6, 6)).astype(np.float32)
    theirs(torch.from_numpy(x)).sum().backward()
    ours(mc.tensor(x)).sum().backward()
    for a, b in zip(ours.parameters(), theirs.parameters()):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        ours[1].running_mean.numpy(), theirs[1].running_mean.numpy(), atol=1e-6
    )
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_a_module_of_ours_there_and_back(tmp_path: Path) -> None:
    net = Net()
    mc.save({"net": net, "epoch": 3}, tmp_path / "x.pth")
    loaded = mc.load(tmp_path / "x.pth", weights_only=False)["net"]
    assert type(loaded) is Net and type(loaded.head) is Net.Head
    x = mc.randn(2, 2, 4, 4)
    np.testing.assert_array_equal(loaded(x).detach().numpy(), net(x).detach().numpy())
    assert loaded.blocks[1].conv.weight is loaded.blocks[0].conv.weight
    assert loaded.blocks[0].shape == (1, [2, {"a": 3.0}])
    assert list(loaded.state_dict()) == list(net.state_dict())  # "scale" is not persistent
    assert [m.training for m in loaded.modules()] == [True] * len(list(net.modules()))


def test_a_ported_script_reads_its_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file names a class of the script's; in the script it is now one of ours."""
    script = types.ModuleType("old_script")
    monkeypatch.setitem(sys.modules, "old_script", script)
    theirs = type("Small", (torch.nn.Module,), {"__module__": "old_script"})
    script.Small = theirs  # type: ignore[attr-defined]
    module = theirs()
    module.fc = torch.nn.Linear(2, 2)
    content = torch_bytes(module)
    with pytest.raises(ValueError, match=r"names 'old_script\.Small', which is no nn\.Module"):
        mc.load(io.BytesIO(content), weights_only=False)
    script.Small = type("Small", (nn.Module,), {"__module__": "old_script"})  # type: ignore[attr-defined]
    loaded = mc.load(io.BytesIO(content), weights_only=False)
    np.testing.assert_array_equal(
        loaded.fc.weight.detach().numpy(), module.fc.weight.detach().numpy()
    )


def test_weights_only_refuses_modules_and_says_what_to_do(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "theirs.pth")
    mc.save(Net(), tmp_path / "ours.pth")
    for name, cls in (
        ("theirs", "torch.nn.modules.linear.Linear"),
        ("ours", "test_pickled_module.Net"),
    ):
        with pytest.raises(
            ValueError, match=f"{name}.pth'.*{cls}.*state_dict.*weights_only=False"
        ) as e:
            mc.load(tmp_path / f"{name}.pth")
        assert "\n" not in str(e.value)


def test_nothing_of_a_class_is_called(tmp_path: Path) -> None:
    mc.save(Loud(), tmp_path / "x.pth")
    Loud.called.clear()
    loaded = mc.load(tmp_path / "x.pth", weights_only=False)
    assert type(loaded) is Loud and Loud.called == []


def test_nothing_is_imported(tmp_path: Path) -> None:
    """A module that is there to be imported stays unimported; so does a lazy attribute."""
    (tmp_path / "trap_module.py").write_text("raise SystemExit('imported')\n")
    sys.path.insert(0, str(tmp_path))
    lazy = types.ModuleType("lazy_module")
    lazy.__getattr__ = lambda name: pytest.fail("looked up")  # type: ignore[method-assign]
    sys.modules["lazy_module"] = lazy
    try:
        for name in ("trap_module\nNet", "lazy_module\nNet", "os\nsystem", "minicnn\nTensor",
                     "minicnn.nn\nModule.__init__", "builtins\neval", "torch.nn.modules.fold\nsys",
                     "torch.nn.modules.linear\nfunctional"):  # fmt: skip
            with pytest.raises(ValueError, match=r"names .*, which is no nn\.Module"):
                mc.load(io.BytesIO(zip_of(f"c{name}\n)\x81}}b.".encode())), weights_only=False)
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["lazy_module"]
    assert "trap_module" not in sys.modules


def zip_of(pickled: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    return file.getvalue()


LINEAR = b"cminicnn.nn.linear\nLinear\n"


@pytest.mark.parametrize(
    "pickled",
    [
        LINEAR + b")R.",  # a call
        LINEAR + b"K\x01K\x02\x86\x81.",  # with arguments
        LINEAR + b")\x81Nb.",  # attributes that are none
        LINEAR + b")\x81}K\x01K\x02sb.",  # an attribute with a number for a name
        LINEAR + b")\x81}X\x0b\0\0\0_parametersNsb.",
        LINEAR + b")\x81}X\x0b\0\0\0_parameters}X\1\0\0\0aK\1ssb.",
        LINEAR + b")\x81}X\x08\0\0\0_modules}X\1\0\0\0aK\1ssb.",
        LINEAR + b")\x81}X\x08\0\0\0_modules}K\1Nssb.",
        LINEAR + b")\x81}X\x0e\0\0\0_forward_hooks}K\1K\1ssb.",
        LINEAR + b")\x81}X\x17\0\0\0_non_persistent_buffersK\1sb.",
        LINEAR + b"}b.",  # the class itself gets attributes
        LINEAR + b"0})\x81.",
        b"}q\0" + LINEAR + b")\x81h\0s.",  # as a key
        b"ccollections\nOrderedDict\n)\x81.",
    ],
)  # fmt: skip
def test_hostile_modules(pickled: bytes) -> None:
    with pytest.raises(ValueError, match="cannot read the open file") as failure:
        mc.load(io.BytesIO(zip_of(pickled)), weights_only=False)
    assert "\n" not in str(failure.value)


def test_modules_with_hooks(tmp_path: Path) -> None:
    net = nn.Linear(2, 2)
    net.register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="a Linear with hooks cannot be saved"):
        mc.save(net, tmp_path / "x.pth")


def test_own_checkpoints_hold_no_modules(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"cannot save net: .*got Linear; .*state_dict\(\)"):
        mc.save({"net": nn.Linear(2, 2)}, tmp_path / "x.ckpt")


def test_pickles_of_other_programs_stay_refused() -> None:
    with pytest.raises(ValueError, match="a pickle, but not one of torch"):
        mc.load(io.BytesIO(pickle.dumps({"a": 1})), weights_only=False)
