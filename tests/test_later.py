"""Names whose files are read when they are first used."""

import ast
import importlib
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import minicnn as mc

MODULES = ["minicnn", "minicnn.amp", "minicnn.nn", "minicnn.nn.functional", "minicnn.optim"]


def fresh(code):
    """What a new process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_import_reads_no_rare_files():
    loaded = fresh("import sys, minicnn; print(*sys.modules)")
    rare = {"io", "cuda", "profiler", "nn.transformer", "nn.utils", "ops.ctc", "optim.lbfgs"}
    assert not {f"minicnn.{name}" for name in rare}.intersection(loaded)


@pytest.mark.parametrize("name", MODULES)
def test_all_names_are_found_and_listed(name):
    module = importlib.import_module(name)
    for attribute in module.__all__:
        assert getattr(module, attribute) is getattr(module, attribute)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("name", MODULES)
def test_type_checkers_see_what_is_found(name):
    module = importlib.import_module(name)
    tree = ast.parse(Path(module.__file__).read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [alias for block in blocks for node in block.body for alias in node.names]
    assert imports
    for alias in imports:
        assert hasattr(module, alias.asname or alias.name), alias.name


def test_a_function_stands_where_its_module_has_the_same_name():
    code = (
        "import minicnn.nn.summary, minicnn.io; from minicnn import nn; print(callable(nn.summary))"
    )
    assert fresh(code) == ["True"]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'minicnn.nn' has no attribute 'Convolution'"):
        _ = mc.nn.Convolution


def test_functions_are_pickled_by_their_public_names():
    """A module that keeps one is saved whole, and goes to the processes of a loader."""
    for library in (mc, mc.nn.functional, mc.nn.init, mc.special, mc.linalg):
        functions = (getattr(library, name) for name in dir(library) if name[0] != "_")
        for function in filter(inspect.isfunction, functions):
            assert pickle.loads(pickle.dumps(function)) is function
