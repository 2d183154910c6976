"""The package has no circle of imports, and autograd loads nothing that stands above it."""

import subprocess
import sys
from pathlib import Path

import pytest
from source_imports import circle, import_graph

PACKAGE = Path(__file__).parent.parent / "minicnn"

# minicnn/__init__.py, which imports everything, is not run
AUTOGRAD_ALONE = """
import sys, types

package = types.ModuleType("minicnn")
package.__path__ = [sys.argv[1]]
sys.modules["minicnn"] = package

import minicnn.autograd

print(*sorted(name for name in sys.modules if name.partition(".")[0] == "minicnn"))
"""


def test_no_circle():
    graph = import_graph(PACKAGE)
    assert "minicnn.nn.functional" in graph["minicnn.nn.conv"]
    found = circle(graph)
    assert not found, " imports ".join(found)


def test_autograd_needs_few_modules():
    done = subprocess.run(
        [sys.executable, "-c", AUTOGRAD_ALONE, str(PACKAGE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules = done.stdout.split()
    assert "minicnn.tensor" in modules
    assert len(modules) <= 15, modules


TREE = {
    "__init__.py": "from .a import A\nfrom . import room",
    "a.py": "from .room.b import B\nimport numpy",
    "room/__init__.py": "LIMIT = 1\nfrom .b import B",
    "room/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..a import A",
    "room/c.py": "from .. import a\nfrom . import LIMIT",
}


@pytest.fixture
def graph_of(tmp_path):
    """Writes a toy package and reads its graph."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / "toy" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return import_graph(tmp_path / "toy")

    return write


def test_a_tree_without_a_circle(graph_of):
    graph = graph_of(TREE)
    assert graph == {
        "toy": {"toy.a", "toy.room"},
        "toy.a": {"toy.room.b"},
        "toy.room": {"toy.room.b"},
        "toy.room.b": set(),
        "toy.room.c": {"toy.a", "toy.room"},
    }
    assert circle(graph) == []


@pytest.mark.parametrize(
    "text",
    [
        "from ..a import A",
        "from .. import a",
        "import toy.a",
        "from toy import a as other",
        "def f():\n    class C:\n        from ..a import A",
        "if TYPE_CHECKING:\n    pass\nelse:\n    from ..a import A",
        "try:\n    pass\nfinally:\n    from ..a import A",
    ],
)
def test_a_circle_is_named(graph_of, text):
    found = circle(graph_of(TREE | {"room/b.py": text}))
    assert found[0] == found[-1]
    assert set(found) == {"toy.a", "toy.room.b"}


def test_a_name_from_the_package_is_its_init(graph_of):
    found = circle(graph_of(TREE | {"room/b.py": "from . import LIMIT"}))
    assert set(found) == {"toy.room", "toy.room.b"}
