"""A training step as a CUDA graph does what the step itself does, call by call."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import cuda_graph, nn, optim
from minicnn.ops.half_copy import half_copy

STEPS = 7

OPTIMIZERS = {
    "SGD": lambda params: optim.SGD(params, lr=0.5, momentum=0.9, dampening=0.1),
    "SGD plain": lambda params: optim.SGD(params, lr=0.5, weight_decay=0.01),
    "Adam": lambda params: optim.Adam(params, lr=0.05),
    "RMSprop": lambda params: optim.RMSprop(params, lr=0.01, momentum=0.5, centered=True),
}


@pytest.fixture(autouse=True)
def gpu(request):
    needed = request.function is not test_without_a_gpu
    if needed and request.config.getoption("device") == "cpu":
        pytest.skip("needs --device cuda or --device cuda-emulated")


class Net(nn.Module):
    """Dropout, a layer of weights, an activation."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(mc.randn(6, 5))
        self.bias = nn.Parameter(mc.zeros(5))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return F.relu((self.dropout(x).unsqueeze(2) * self.weight).sum(1) + self.bias)


class Training:
    """A network, its optimizer with a schedule, and a step of both as a function of a batch."""

    def __init__(self, optimizer=OPTIMIZERS["SGD"]):
        mc.manual_seed(1)
        self.net = Net()
        self.optimizer = optimizer(self.net.parameters())
        self.schedule = optim.lr_scheduler.StepLR(self.optimizer, 1, gamma=0.9)

    def step(self, x, target):
        self.optimizer.zero_grad()
        logits = self.net(x)
        loss = F.cross_entropy(logits, target)
        loss.backward()
        self.optimizer.step()
        return {"loss": loss, "logits": logits}

    def run(self, step, batches):
        """The results of a step for each batch, and the weights and the state at the end."""
        results = []
        for batch in batches:
            out = step(*batch)
            results += [out["loss"].numpy_copy(), out["logits"].numpy_copy()]
            self.schedule.step()
        state = self.optimizer.state_dict()["state"]
        results += [p.numpy_copy() for p in self.net.parameters()]
        for values in state.values():
            results += [v if isinstance(v, int) else v.numpy_copy() for v in values.values()]
        return results


def batches(sizes=(4,) * STEPS, device=None):
    rng = np.random.default_rng(0)
    return [
        (
            mc.tensor(rng.standard_normal((size, 6)).astype(np.float32), device=device),
            mc.tensor(rng.integers(0, 5, size), device=device),
        )
        for size in sizes
    ]


def assert_all_equal(results, expected):
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("device", ["cpu", "cuda"], ids="batches on {}".format)
def test_every_call_is_one_step(optimizer, device):
    """Losses, masks of dropout, learning rates, weights and states are those of plain steps."""
    plain = Training(optimizer)
    expected = plain.run(plain.step, batches())
    training = Training(optimizer)
    results = training.run(mc.cuda.graph(training.step), batches(device=device))
    assert_all_equal(results, expected)


@pytest.mark.emulated_only
def test_python_runs_three_times_and_nothing_is_fetched():
    from cupy import emulation

    training, calls = Training(), []

    def counted(x, target):
        calls.append(1)
        return training.step(x, target)

    step = mc.cuda.graph(counted)
    given = batches()
    fetched = emulation.copies_to_host
    for batch in given:
        step(*batch)
    assert len(calls) == 3
    assert emulation.copies_to_host == fetched


def convolutional(precision):
    """A step of a small AlexNet, and what it trains; float16 overflows in the first steps."""
    mc.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(), nn.Dropout(), nn.Linear(16 * 9, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 4),
    )  # fmt: skip
    optimizer = optim.AdamW(net.parameters(), lr=1e-2)
    half = precision != mc.float32
    autocast = mc.autocast(dtype=precision if half else None, enabled=half)
    scaler = mc.amp.GradScaler(init_scale=2.0**23, enabled=precision == mc.float16)

    def step(images, target):
        optimizer.zero_grad()
        with autocast:
            loss = F.cross_entropy(net(images), target)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss

    return step, net, scaler


@pytest.mark.parametrize("precision", [mc.float32, mc.bfloat16, mc.float16], ids=str)
def test_a_convolutional_network(precision):
    def run(graphed):
        step, net, scaler = convolutional(precision)
        step = mc.cuda.graph(step) if graphed else step
        rng = np.random.default_rng(0)
        results = []
        for _ in range(6):
            images = mc.tensor(rng.standard_normal((2, 3, 33, 33)).astype(np.float32))
            results.append(step(images, mc.tensor(rng.integers(0, 4, 2))).numpy_copy())
            results.append(scaler.get_scale())
        return results + [p.numpy_copy() for p in net.parameters()]

    results, expected = run(graphed=True), run(graphed=False)
    assert_all_equal(results, expected)
    assert np.isfinite(results[0]) and len(set(map(float, results[:12:2]))) == 6
    if precision == mc.float16:
        assert expected[11] < 2.0**23  # it did overflow


def test_a_loss_scale_loaded_after_the_capture():
    """As from a checkpoint: replays use it, and count on from its steps without overflow."""
    step, _, scaler = convolutional(mc.float16)
    step = mc.cuda.graph(step)
    batch = mc.zeros(2, 3, 33, 33), mc.tensor([0, 1])
    for _ in range(4):
        step(*batch)
    state = scaler.state_dict()
    assert state["scale"] == scaler.get_scale() and state["_growth_tracker"] <= 4
    scaler.load_state_dict({**state, "scale": 2.0**10, "_growth_tracker": 1998})
    step(*batch)
    assert scaler.get_scale() == 2.0**10
    step(*batch)
    assert scaler.get_scale() == 2.0**11 and scaler.state_dict()["_growth_tracker"] == 0


def test_results_are_overwritten_by_the_next_call():
    training = Training()
    step = mc.cuda.graph(training.step)
    results = [step(*batch) for batch in batches()]
    assert all(result is results[2] for result in results[3:])


def test_other_shapes_run_without_the_graph():
    sizes = (4, 4, 4, 4, 3, 4, 3, 4)
    plain = Training()
    expected = plain.run(plain.step, batches(sizes))
    training = Training()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = training.run(mc.cuda.graph(training.step), batches(sizes))
    assert_all_equal(results, expected)
    (warning,) = caught  # once for the shape
    assert str(warning.message) == (
        "a graph was made for arguments float32 of shape (4, 6), int64 of shape (4,); a call with "
        "float32 of shape (3, 6), int64 of shape (3,) runs without it"
    )
    assert warning.filename == __file__


def test_gradients_from_before_are_not_added_to():
    """Left by evaluation in between, say; ``zero_grad`` is part of the step."""
    plain = Training()
    expected = plain.run(plain.step, batches())
    training = Training()
    step = mc.cuda.graph(training.step)

    def step_after_others(*batch):
        training.net.eval()
        F.cross_entropy(training.net(batch[0]), batch[1]).backward()
        training.net.train()
        return step(*batch)

    assert_all_equal(training.run(step_after_others, batches()), expected)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_half_copies_go_with_the_weights(optimizer):
    """Also when evaluation uses them in between, or weights are changed."""

    def half_copy_step(training):
        def step(x, target):
            weights = training.net.weight
            low = mc.Tensor.of(half_copy(weights, mc.bfloat16))
            out = training.step(x, target)
            return {**out, "logits": low * 1}

        return step

    def run(training, step):
        results = []
        for index, batch in enumerate(batches()):
            results.append(step(*batch)["logits"].numpy_copy())
            copy = half_copy(training.net.weight, mc.bfloat16)
            results.append(mc.Tensor.of(copy).numpy_copy())
            if index == 4:
                with mc.no_grad():
                    training.net.weight.mul_(0.5)
        return results

    plain = Training(optimizer)
    expected = run(plain, half_copy_step(plain))
    training = Training(optimizer)
    assert_all_equal(run(training, mc.cuda.graph(half_copy_step(training))), expected)


def test_images_keep_their_memory_layout():
    seen = []

    def step(x):
        seen.append(x.array.strides)
        return x * 2

    graph = mc.cuda.graph(step)
    rng = np.random.default_rng(0)
    for _ in range(4):
        rows = rng.standard_normal((2, 4, 5, 3)).astype(np.float32)
        image = rows.transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(graph(mc.from_numpy(image)).numpy_copy(), image * 2)
    assert seen[-1] == (240, 4, 60, 12)


@pytest.mark.parametrize(
    "fetch",
    [lambda x: x.sum().item(), lambda x: x.cpu(), lambda x: x + mc.tensor([1.0] * 6), repr],
    ids=["item", "cpu", "host data", "repr"],
)
def test_what_cannot_be_captured_is_named(fetch):
    training = Training()

    def step(x, target):
        fetch(x)
        return training.step(x, target)

    graph, given = mc.cuda.graph(step), batches()
    for batch in given[:2]:
        graph(*batch)
    before = [p.numpy_copy() for p in training.net.parameters()]
    state = mc.random.cuda_generator.get_state()
    with pytest.raises(RuntimeError, match="cannot be captured as a CUDA graph: .*item\\(\\)"):
        graph(*given[2])
    # nothing has happened, and all else still works
    assert_all_equal([p.numpy_copy() for p in training.net.parameters()], before)
    assert (mc.random.cuda_generator.get_state() == state).all()
    training.step(*(tensor.to("cuda") for tensor in given[2]))


def test_arguments_are_tensors():
    step = mc.cuda.graph(lambda x, scale: x * scale)
    with pytest.raises(TypeError, match="a graph takes tensors.* got float as argument 1"):
        step(mc.ones(3), 2.0)


def test_without_a_gpu(monkeypatch):
    monkeypatch.setattr(cuda_graph, "cuda_is_available", lambda: False)
    with pytest.raises(RuntimeError, match="cuda.graph needs device 'cuda', and no GPU was found"):
        mc.cuda.graph(lambda x: x)
