"""Making tensors, reading them, moving them; their dtypes, repr and exchange with other libraries."""

import copy
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from oracle import shares_memory

import minicnn as mc


def test_tensor_copies_and_from_numpy_shares():
    array = np.zeros(3, np.float32)
    assert not np.shares_memory(mc.tensor(array, device="cpu").array, array)
    assert np.shares_memory(mc.from_numpy(array).array, array)
    assert np.shares_memory(mc.as_tensor(array, device="cpu").array, array)
    with pytest.raises(TypeError, match="numpy.ndarray, got list"):
        mc.from_numpy([1.0])


@pytest.mark.parametrize(
    "data", [1, 2.5, True, [1, 2], [1.0, 2], [[True]], np.ones(2), np.float64(1), np.arange(3)]
)
def test_dtypes_are_those_of_torch(data):
    expected = str(torch.tensor(data).dtype).removeprefix("torch.")
    assert mc.tensor(data).dtype.name == expected


def test_factories():
    assert mc.zeros(2, 3).shape == mc.zeros((2, 3)).shape == (2, 3)
    assert mc.ones(2, dtype=mc.int64).tolist() == [1, 1]
    assert mc.full((2,), 7).dtype == mc.int64 and mc.full((2,), 7.0).dtype == mc.float32
    assert mc.arange(3).dtype == mc.int64 and mc.arange(0, 1, 0.5).tolist() == [0.0, 0.5]
    assert mc.linspace(0, 1, 3).tolist() == [0.0, 0.5, 1.0]
    assert mc.eye(2).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert mc.zeros_like(mc.ones(2, dtype=mc.float64)).dtype == mc.float64
    assert mc.randint(0, 5, (100,)).array.max() == 4
    assert sorted(mc.randperm(5).tolist()) == [0, 1, 2, 3, 4]


def test_factories_take_what_those_of_torch_do():
    for made in (mc.zeros(2, dtype=None), mc.eye(2, dtype=None), mc.linspace(0, 1, 3, dtype=None)):
        assert made.dtype == mc.float32
    assert mc.arange(np.int64(3)).dtype == mc.int64
    assert mc.randint(5, (2, 3)).shape == (2, 3)
    with pytest.raises(TypeError, match=r"tensor expects numbers, got \['a'\]"):
        mc.tensor(["a"])
    with pytest.raises(TypeError, match=r"array, got list: use minicnn.tensor"):
        mc.Tensor.of([1.0])


def test_like_factories_keep_the_memory_layout():
    x = mc.zeros(2, 4, 4, 3).permute(0, 3, 1, 2)
    assert mc.ones_like(x).array.strides == x.array.strides == x.clone().array.strides


def test_a_seed_gives_the_same_numbers_again():
    mc.manual_seed(3)
    first = mc.randn(4).tolist(), mc.rand(4).tolist()
    mc.manual_seed(3)
    assert first == (mc.randn(4).tolist(), mc.rand(4).tolist())


def test_reading_numbers():
    x = mc.tensor([[1.0, 2.0]])
    assert x.cpu().numpy().tolist() == [[1.0, 2.0]]
    assert float(x[0, 1]) == 2.0 and int(mc.tensor(3)) == 3
    assert [row.shape for row in x] == [(2,)] and len(x) == 1
    assert bool(mc.tensor(1)) and x.numel() == 2 and x.dim() == 2 and x.size(1) == 2
    with pytest.raises(RuntimeError, match=r"one element, got shape \(1, 2\)"):
        x.item()
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(x)
    with pytest.raises(RuntimeError, match="detach"):
        mc.ones(1, requires_grad=True).cpu().numpy()
    x = mc.ones(1, device="cpu")
    assert x.numpy() is x.array
    with pytest.raises(TypeError, match="0-d tensor"):
        len(mc.tensor(1))


@pytest.mark.cpu_only
def test_repr_is_readable():
    assert repr(mc.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(mc.ones(2, dtype=mc.float64, requires_grad=True)) == (
        "tensor([1., 1.], dtype=torch.float64, requires_grad=True)"
    )
    assert "grad_fn=<MulBackward0>" in repr(mc.ones(2, requires_grad=True) * 2)


def test_numbers_are_formatted_like_those_of_python():
    assert f"{mc.tensor(1.23456):.3f}" == "1.235" and f"{mc.tensor(3):>4}" == "   3"
    assert f"{mc.tensor([1.0], device='cpu')}" == "tensor([1.])"


def test_data_can_be_replaced():
    x = mc.ones(2, requires_grad=True)
    x.data = mc.zeros(3)
    assert x.tolist() == [0.0] * 3 and x.requires_grad and x.is_leaf


def test_to():
    x = mc.ones(2, requires_grad=True)
    here = x.device
    assert x.to(here, non_blocking=True) is x.to(mc.float32) is x.to(str(here)) is x
    on_cpu = mc.ones(2, device="cpu")
    assert on_cpu.cpu() is on_cpu.to("cpu") is on_cpu.to("cpu:0") is on_cpu
    assert x.to(mc.float64).dtype == mc.float64 and x.half().dtype == mc.float16
    assert x.to(mc.zeros(1, dtype=mc.float64)).dtype == mc.float64
    assert x.long().tolist() == [1, 1] and x.bool().dtype == bool
    x.to(mc.float64).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_devices():
    assert mc.ones(1, device="cpu").device == "cpu" and str(mc.device("cuda:1")) == "cuda:1"
    assert mc.device("cuda") == mc.device("cuda", 0) != mc.device("cpu")
    with pytest.raises(RuntimeError, match="'cpu', 'cuda' or 'cuda:INDEX', got 'tpu'"):
        mc.device("tpu")
    with pytest.raises(RuntimeError, match="one index"):
        mc.device("cuda:0", 1)
    with pytest.raises(RuntimeError, match="must not be negative, got -1"):
        mc.device("cuda", -1)
    assert isinstance(mc.ones(1, device="cpu").device, mc.device)
    assert mc.device(1) == mc.device(type="cuda", index=1) == "cuda:1"
    assert mc.device("cpu") != "tpu"
    for name in ("cpu", "cuda", "cuda:1"):
        assert repr(mc.device(name)) == repr(torch.device(name))
        assert str(mc.device(name)) == str(torch.device(name))
    if not mc.cuda.is_available():
        x = mc.ones(1)
        for move in (x.cuda, lambda: x.cuda(mc.device("cuda")), lambda: x.to(0)):
            with pytest.raises(RuntimeError, match="device 'cuda' needs"):
                move()


def test_default_device():
    device = mc.get_default_device()
    assert mc.device("cpu") == mc.from_numpy(np.ones(1)).device
    made = [mc.tensor([1.0]), mc.as_tensor(np.ones(1)), mc.zeros(1), mc.full((1,), 2), mc.eye(2)]
    made += [mc.arange(3), mc.linspace(0, 1, 3), mc.empty(1), mc.ones(1), mc.tensor(np.ones(1))]
    made += [mc.rand(1), mc.randn(1), mc.randint(3, (1,)), mc.randperm(3), mc.nn.Linear(1, 1).bias]
    assert {x.device for x in made} == {device}

    in_thread = []
    mc.set_default_device("cuda:1")
    try:
        assert mc.get_default_device() == "cuda:1"
        assert mc.zeros(1, device="cpu").device == "cpu"
        thread = threading.Thread(target=lambda: in_thread.append(mc.zeros(1).device))
        thread.start()
        thread.join()
    finally:
        mc.set_default_device(device)
    assert in_thread == [mc.device("cpu")]
    with pytest.raises(RuntimeError, match="'cpu', 'cuda' or 'cuda:INDEX', got 'tpu'"):
        mc.set_default_device("tpu")


@pytest.mark.cuda_only
def test_moving_keeps_the_order_in_memory():
    array = np.arange(120.0).reshape(2, 3, 4, 5).transpose(0, 3, 1, 2)
    for x in (
        array,
        array[:, ::2],
        np.broadcast_to(array[:1], array.shape),
        array[0, 0, 0, 0, ...],
    ):
        moved = mc.from_numpy(x).cuda()
        back = moved.cpu()
        np.testing.assert_array_equal(back.numpy(), x)
        assert moved.array.strides == back.array.strides == x.copy("K").strides


def test_copies_and_pickles():
    x = mc.ones(2, requires_grad=True)
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other.requires_grad and other.tolist() == x.tolist()
        assert not shares_memory(other, x)
    with pytest.raises(RuntimeError, match="detach"):
        copy.deepcopy(x * 2)


def test_exchange_without_copies():
    theirs = torch.arange(3.0)
    ours = mc.from_dlpack(theirs)
    ours[0] = 7.0
    assert theirs[0] == 7.0
    assert torch.from_dlpack(ours)[0] == 7.0
    assert np.asarray(ours).tolist() == [7.0, 1.0, 2.0]


def test_copy_and_fill():
    x = mc.zeros(2, 2)
    x.copy_(mc.tensor([1.0, 2.0], dtype=mc.float64))
    assert x.tolist() == [[1.0, 2.0], [1.0, 2.0]] and x.dtype == mc.float32
    assert x.fill_(3).sum().item() == 12.0 and x.zero_().sum().item() == 0.0


def test_import_is_silent_and_starts_nothing():
    code = (
        "import sys, threading; import minicnn; "
        "assert threading.active_count() == 1; "
        "assert not {'cupy', 'torch', 'matplotlib'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
