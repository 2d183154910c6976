"""The functions of ``jit`` return what they are given, in every form that scripts write."""

import pytest

import minicnn as mc
from minicnn import jit, nn

pytestmark = pytest.mark.cpu_only


def test_networks_and_functions_stay_what_they_are():
    net = nn.Linear(2, 3)
    assert jit.script(net) is jit.trace(net, mc.rand(1, 2)) is net
    assert not jit.is_scripting() and not jit.is_tracing()


def test_decorators():
    @mc.compile
    @jit.script_method
    @jit.ignore
    @jit.ignore(drop=True)
    @jit.unused
    @jit.export
    @mc.compile(dynamic=True)
    def double(x):
        return 2 * x

    assert double(4) == 8
    size: jit.Final[int] = 3
    assert size == jit.annotate(int, 3)


def test_a_network_may_be_derived_from_a_script_module():
    class Half(jit.ScriptModule):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 3)

        @jit.script_method
        def forward(self, x):
            return self.linear(x) / 2

    assert nn.Sequential(Half())(mc.ones(1, 2)).shape == (1, 3)
    assert not isinstance(nn.Linear(2, 3), jit.ScriptModule)


def test_programs_are_neither_saved_nor_loaded(tmp_path):
    with pytest.raises(RuntimeError, match=r"jit.save needs a compiled program.*state_dict"):
        jit.save(nn.Linear(2, 3), tmp_path / "net.pt")
    with pytest.raises(RuntimeError, match=r"jit.load reads programs in TorchScript.*'net.pt'"):
        jit.load("net.pt")
