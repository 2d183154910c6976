"""The walk back through the graph: accumulation, freeing, broadcasting, hooks, higher derivatives."""

import gc
import weakref

import numpy as np
import pytest
import torch
from oracle import assert_same

import minicnn as mc
from minicnn.autograd import Function, grad, gradcheck, once_differentiable
from minicnn.devices import xp_of


def leaf(*values):
    return mc.tensor(values, dtype=mc.float64, requires_grad=True)


def test_gradients_accumulate_until_they_are_cleared():
    x = leaf(1.0, 2.0)
    for _ in range(2):
        (x * x).sum().backward()
    assert x.grad.tolist() == [4.0, 8.0]
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_accumulating_never_writes_into_the_gradient_of_another_tensor():
    x, y = leaf(1.0), leaf(2.0)
    (x + y).sum().backward()  # both get the very same incoming gradient
    (x * 3).sum().backward()
    assert (x.grad.item(), y.grad.item()) == (4.0, 1.0)


@pytest.mark.filterwarnings("ignore:Using backward")  # torch's of create_graph
def test_a_gradient_that_exists_is_added_to_in_place():
    def run(library):
        x = library.ones(3, requires_grad=True)
        buffer = library.zeros(5)
        x.grad = buffer[1:4]
        (x * 2).sum().backward()
        (x * 3).sum().backward()
        held = x.grad
        (x * x).sum().backward(create_graph=True)  # recorded, so into a new tensor
        return buffer.tolist(), x.grad.tolist(), held is x.grad

    assert run(mc) == run(torch)


def test_a_gradient_of_another_kind_is_refused():
    x = mc.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"shape \(3,\), got \(4,\)"):
        x.grad = mc.ones(4)
    with pytest.raises(RuntimeError, match="dtype float32, got float64"):
        x.grad = mc.ones(3, dtype=mc.float64)
    with pytest.raises(TypeError, match="tensor or None, got int"):
        x.grad = 1
    with pytest.raises(RuntimeError, match="its own grad"):
        x.grad = x
    x.grad = mc.zeros(1).expand(3)
    with pytest.raises(RuntimeError, match="shows elements more than once"):
        x.sum().backward()


def test_hooks_run_in_torchs_order():
    """Of two branches, the one recorded last comes first; ``retain_grad`` sees all hooks' work."""

    def run(library):
        seen = []

        def watch(name, tensor, factor):
            tensor.register_hook(lambda grad: seen.append((name, grad.tolist())))
            tensor.register_hook(lambda grad: grad * factor)

        x = library.tensor([1.0, 2.0], requires_grad=True)
        y, z = x * 2, x * 3
        y.retain_grad()
        watch("x", x, 10)
        watch("y", y, 100)
        watch("z", z, 1000)
        found = library.autograd.grad((y * z).sum(), [x, y], retain_graph=True)
        (y * z).sum().backward()
        return seen, y.grad.tolist(), x.grad.tolist(), [g.tolist() for g in found]

    assert run(mc) == run(torch)


def test_what_a_hook_returns_is_checked():
    for returned, error in ((lambda g: g[:1], RuntimeError), (lambda g: 3, TypeError)):
        x = leaf(1.0, 2.0)
        x.register_hook(returned)
        with pytest.raises(error, match="hook .* must return"):
            x.sum().backward()


def test_retain_grad_moves_with_the_tensor():
    def run(library):
        x = library.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        view = y[:1]
        y.retain_grad()
        view.retain_grad()
        y.mul_(3)
        view.add_(1)
        (y * y).sum().backward(retain_graph=True)
        return y.grad.tolist(), y.retains_grad, view.retains_grad, x.retains_grad

    assert run(mc) == run(torch)
    with pytest.raises(RuntimeError, match="retain_grad expects"):
        mc.ones(1).retain_grad()


def test_gradient_argument_is_not_written_to():
    x, seed = leaf(1.0, 2.0), mc.tensor([1.0, 1.0], dtype=mc.float64)
    y = x * 1
    (y + y).backward(seed)
    assert seed.tolist() == [1.0, 1.0] and x.grad.tolist() == [2.0, 2.0]
    x.grad.mul_(5.0)
    assert seed.tolist() == [1.0, 1.0]


def test_diamonds_and_tensors_used_many_times():
    def run(x, y):
        a = x * y
        b = a + x
        c = a * b
        return c + a + b * y, c.sum(0)

    rng = np.random.default_rng(0)
    assert_same(run, run, [rng.standard_normal((3, 4)), rng.standard_normal((4,))])


def test_a_long_chain_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(5000):
        y = y + 1.0
    y.backward(mc.tensor([1.0], dtype=mc.float64))
    assert x.grad.item() == 1.0


def test_second_backward_raises_unless_the_graph_is_kept():
    x = leaf(3.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12.0
    with pytest.raises(RuntimeError, match="a second time.*retain_graph=True"):
        y.backward()


def test_saved_arrays_are_freed_by_backward():
    x = leaf(1.0, 2.0)
    inner = x * 2
    watch = weakref.ref(inner)
    loss = (inner * inner).sum()
    del inner
    loss.backward()
    gc.collect()
    assert watch() is None


def test_a_graph_without_cycles_goes_away_by_reference_counting():
    x = leaf(1.0, 2.0)
    gc.disable()
    try:
        y = (x.exp() * 2).relu()
        watch = weakref.ref(y.grad_fn)
        del y
        assert watch() is None
    finally:
        gc.enable()


def test_backward_errors_state_the_rule_and_the_values():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"expects a scalar .* got shape \(2,\)"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match=r"shape \(2,\), got shape \(3,\)"):
        (x * 2).backward(mc.ones(3))
    with pytest.raises(RuntimeError, match="requires a gradient"):
        mc.ones(1).backward()
    with pytest.raises(RuntimeError, match="each of 2 tensors, got 1"):
        mc.autograd.backward([x * 2, x * 3], [mc.ones(2)])
    with pytest.raises(TypeError, match="tensor or None, got ndarray"):
        (x * 2).backward(np.ones(2))
    with pytest.raises(RuntimeError, match="only floating-point tensors .* got int64"):
        mc.tensor([1, 2], requires_grad=True)


def test_only_gradients_asked_for_are_computed():
    calls = []

    class Watched(Function):
        def forward(self, x, y):
            return x + y

        def backward(self, grad):
            calls.append(self.needs_input_grad)
            return grad, grad

    x, y = leaf(1.0), leaf(2.0)
    Watched.apply(x, y.detach()).sum().backward()
    grad(Watched.apply(x, y).sum(), [y])
    assert calls == [(True, False), (False, True)]


def test_grad_leaves_grad_alone_and_takes_inner_tensors():
    x = leaf(2.0)
    y = x * x
    z = (y * 3).sum()
    gy, gx = grad(z, [y, x])
    assert (gy.item(), gx.item(), x.grad) == (3.0, 12.0, None)


def test_grad_of_an_unused_input():
    x, y = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match=r"input 1 of shape \(1,\) was not used"):
        grad((x * 2).sum(), [x, y])
    assert grad((x * 2).sum(), [x, y], allow_unused=True)[1] is None
    zeros = grad((x * 2).sum(), [x, y], only_inputs=True, materialize_grads=True)[1]
    assert zeros.tolist() == [0.0]


def test_higher_derivatives():
    x = leaf(2.0)
    y = x**4
    for expected in (32.0, 48.0, 48.0, 24.0):
        (y,) = grad(y.sum(), x, create_graph=True)
        assert y.item() == pytest.approx(expected)


def test_backward_with_create_graph_gives_a_gradient_with_a_history():
    x = leaf(2.0)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.sum().backward()
    assert x.grad.item() == 12.0


def test_once_differentiable_raises_by_name():
    class Cube(Function):
        def forward(self, x):
            self.save_for_backward(x)
            return x**3

        @once_differentiable
        def backward(self, grad):
            (x,) = self.saved_tensors
            return grad * 3 * x * x

    x = leaf(2.0)
    (g,) = grad(Cube.apply(x).sum(), x, create_graph=True)
    assert g.item() == 12.0
    with pytest.raises(RuntimeError, match="Cube can be differentiated once, not twice"):
        g.sum().backward()


def test_a_function_in_torchs_static_form():
    class Scale(Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.factor, None

    x = leaf(1.0, 2.0)
    assert gradcheck(lambda x: Scale.apply(x, 3.0), x)


def test_gradcheck_finds_a_wrong_gradient():
    class Wrong(Function):
        def forward(self, x):
            return x * 2

        def backward(self, grad):
            return grad * 3

    with pytest.raises(RuntimeError, match="input 0 is wrong"):
        gradcheck(Wrong.apply, leaf(1.0))
    assert not gradcheck(Wrong.apply, leaf(1.0), raise_exception=False)
    with pytest.raises(ValueError, match="float64 inputs, got float32"):
        gradcheck(Wrong.apply, mc.ones(1, requires_grad=True))


def test_wrong_number_and_shape_of_gradients_are_named():
    class TooFew(Function):
        def forward(self, x, y):
            return x + y

        def backward(self, grad):
            return grad

    class Misshapen(Function):
        def forward(self, x):
            return x

        def backward(self, grad):
            return grad[:2]

    with pytest.raises(RuntimeError, match="TooFew.backward .* expected 2, got 1"):
        TooFew.apply(leaf(1.0), leaf(1.0)).sum().backward()
    with pytest.raises(RuntimeError, match=r"Misshapen.* \(2,\) for an input of shape \(3,\)"):
        Misshapen.apply(leaf(1.0, 2.0, 3.0)).sum().backward()


def test_hooks_see_and_replace_gradients():
    def run(library, make):
        seen = []
        x = make()
        y = x * 2
        x.register_hook(lambda g: seen.append(g.tolist()))
        handle = y.register_hook(lambda g: g * 10)
        y.register_hook(lambda g: seen.append(g.tolist()))
        (y * y).sum().backward()
        handle.remove()
        return seen, x.grad.tolist()

    ours = run(mc, lambda: leaf(1.0, 2.0))
    theirs = run(torch, lambda: torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True))
    assert ours == theirs


def test_hook_of_a_leaf_used_twice_sees_the_whole_gradient_once():
    x, seen = leaf(1.0), []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [5.0]
    with pytest.raises(RuntimeError, match="register_hook expects"):
        mc.ones(1).register_hook(print)


def test_a_hook_may_keep_the_gradient_it_sees():
    x, seen = leaf(1.0, 2.0), []
    x.register_hook(seen.append)
    (x * 2).sum().backward()
    x.grad.zero_()
    assert seen[0].tolist() == [2.0, 2.0]


def test_removing_a_hook_twice_leaves_others_alone():
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 2)
    handle.remove()
    x.register_hook(lambda g: g * 5)
    handle.remove()
    x.sum().backward()
    assert x.grad.item() == 5.0


def test_an_array_that_a_node_keeps_is_not_added_to():
    class Constant(Function):
        def forward(self, x):
            self.slope = mc.tensor(np.full(x.shape, 3.0))
            return x * 3

        def backward(self, grad):
            return self.slope

    x = leaf(1.0, 2.0)
    y = x * 1
    z = Constant.apply(y)
    (z + y).sum().backward(retain_graph=True)
    assert z.grad_fn.slope.tolist() == [3.0, 3.0]


class Adjoint(Function):
    """Its backward returns what a function makes of the gradient, as an array."""

    def forward(self, x, make):
        self.make = make
        return x * 1.0

    def backward(self, grad):
        return mc.Tensor.of(self.make(self, grad.array))


def test_a_view_of_all_of_a_new_array_becomes_the_gradient_without_a_copy():
    made = []

    def transposed(node, grad):
        made.append(grad.T.copy())
        return made[0].T

    x = mc.zeros(2, 3, requires_grad=True)
    x.data = mc.zeros(3, 2).T
    Adjoint.apply(x, make=transposed).sum().backward()
    assert x.grad.array.base is made[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda node, grad: grad[:],  # of the incoming gradient
        lambda node, grad: node.kept[:],  # of what the node keeps
        lambda node, grad: xp_of(grad).ones(8)[: grad.size],
    ],
    ids=["incoming", "kept", "part"],
)
def test_other_views_are_copied(make):
    seen = []

    def noted(node, grad):
        node.kept = xp_of(grad).ones(2)
        seen.append(make(node, grad))
        return seen[0]

    x = leaf(1.0, 2.0)
    Adjoint.apply(x, make=noted).sum().backward()
    assert not xp_of(x.array).may_share_memory(x.grad.array, seen[0])
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_view_that_repeats_a_number_is_not_added_to():
    def repeated(node, grad):
        xp = xp_of(grad)
        return xp.broadcast_to(xp.ones(2)[:1], (2,))

    x = leaf(1.0, 2.0)
    y = x * 1
    (Adjoint.apply(y, make=repeated) + Adjoint.apply(y, make=repeated)).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_nodes_without_saved_arrays_can_be_walked_again():
    def run(x):
        transposed = x.t()[0].reshape(3, 1)
        for _ in range(2):
            (transposed * 2).sum().backward()
        return x.grad.tolist()

    array = np.arange(6.0).reshape(3, 2)
    assert run(mc.tensor(array, requires_grad=True)) == run(torch.tensor(array, requires_grad=True))


def test_retain_grad():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.tolist() == [4.0, 8.0]


def test_indices_among_the_outputs_have_no_gradient():
    values, indices = leaf(1.0, 3.0, 2.0).max(0)
    assert values.requires_grad and not indices.requires_grad


def test_unused_outputs_count_as_zero():
    x = leaf(1.0, 2.0, 3.0)

    class Both(Function):
        def forward(self, x):
            return x * 2, x * 3

        def backward(self, a, b):
            return a * 2 + b * 3

    Both.apply(x)[1].sum().backward()
    assert x.grad.tolist() == [3.0, 3.0, 3.0]


def test_gradient_has_the_dtype_of_its_tensor():
    x = mc.ones(2, requires_grad=True)
    (x.double() * 2).sum().backward()
    assert x.grad.dtype == mc.float32
    seen, y = [], x * 2
    y.register_hook(lambda g: seen.append(g.dtype))
    y.backward(mc.ones(2, dtype=mc.float64))
    assert seen == [mc.float32]


class Keeping(Function):
    """The identity; keeps the gradients that it sees."""

    seen = []  # noqa: RUF012

    def forward(self, x):
        return x * 1

    def backward(self, grad):
        self.seen.append(grad)
        return grad


def test_a_gradient_that_an_operation_keeps_is_not_added_to():
    x = mc.tensor([1.0, 2.0], requires_grad=True)
    Keeping.seen.clear()
    (Keeping.apply(x * 2.0 * 1.0) + x * 3.0).sum().backward()
    (Keeping.apply(x * 2.0) * x).sum().backward()
    kept = [grad.numpy_copy() for grad in Keeping.seen]
    (x * 5.0).sum().backward()
    for grad_seen, before in zip(Keeping.seen, kept):
        np.testing.assert_array_equal(grad_seen.numpy_copy(), before)


def test_a_gradient_that_a_hook_keeps_is_not_added_to():
    seen = []
    x = mc.tensor([[1.0, 2.0]], requires_grad=True)
    y = x * 2.0
    z = y.reshape(2)
    z.register_hook(seen.append)
    out = (z * 3.0).sum() + (y * 5.0).sum()
    out.backward()
    np.testing.assert_array_equal(seen[0].numpy_copy(), [3.0, 3.0])
    np.testing.assert_array_equal(x.grad.numpy_copy(), [[16.0, 16.0]])


def test_a_gradient_that_grad_returns_is_not_added_to():
    x = mc.tensor([1.0, 2.0], requires_grad=True)
    y = x.reshape(2, 1)
    grad_y, grad_x = grad((x * 3.0).sum() + (y * y).sum(), [y, x])
    np.testing.assert_array_equal(grad_y.numpy_copy(), [[2.0], [4.0]])
    np.testing.assert_array_equal(grad_x.numpy_copy(), [5.0, 7.0])


def test_the_zeros_for_an_unused_output_are_not_added_to():
    seen = []

    class Pair(Function):
        def forward(self, x, y):
            return x * 1, y * 1

        def backward(self, grad_x, grad_y):
            seen.append(grad_y)
            return grad_x, grad_y

    x = mc.tensor([1.0, 2.0], requires_grad=True)
    used, _ = Pair.apply(mc.tensor([3.0, 4.0], requires_grad=True), x)
    (x * 3.0 + used).sum().backward()
    np.testing.assert_array_equal(seen[0].numpy_copy(), [0.0, 0.0])
    np.testing.assert_array_equal(x.grad.numpy_copy(), [3.0, 3.0])
