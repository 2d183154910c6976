"""mypy with the plugin refuses ``Any`` as the return type of public functions, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.cpu_only, pytest.mark.slow]  # slow: mypy reads the standard library first
pytest.importorskip("mypy", reason="mypy is not installed")

PLUGIN = Path(__file__).parent / "mypy_plugin.py"

# mypy is to complain about the lines that end with "# no", and about no other
FILE = """
import typing
from typing import Any, overload
from typing import Any as Whatever

Array = Any

def function() -> Any: ...  # no
def optional() -> None | Any: ...  # no
def renamed() -> Whatever: ...  # no
def qualified() -> typing.Any: ...  # no
def several(
    x: Any,
) -> Any: ...  # no

def alias() -> Array: ...
def argument(x: Any) -> int: ...
def inside() -> list[Any]: ...
def untyped(): ...
def _private() -> Any: ...

def around() -> int:
    def closure() -> Any: ...
    return 1

if typing.TYPE_CHECKING:
    async def branch() -> Any: ...  # no
else:
    def other() -> Any: ...

class Class:
    def __call__(self) -> Any: ...
    def method(self) -> Any: ...  # no
    @property
    def value(self) -> Any: ...  # no
    @overload
    def get(self, x: int) -> Any: ...  # no
    @overload
    def get(self, x: str) -> str: ...
    def get(self, x: Any) -> Any: ...  # no
"""


@pytest.fixture
def mypy(tmp_path):
    """Runs mypy on ``minicnn/file.py`` and ``other/file.py``, which both hold the text above."""
    for package in ("minicnn", "other"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "file.py").write_text(FILE)
    (tmp_path / "mypy.ini").write_text(
        f"[mypy]\nplugins = {PLUGIN}\npackages = minicnn, other\ndisable_error_code = empty-body\n"
    )

    def run():
        command = [sys.executable, "-m", "mypy"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_the_lines(mypy):
    refused = [i for i, line in enumerate(FILE.splitlines(), start=1) if line.endswith("# no")]
    for cache in ("cold", "warm"):
        done = mypy()
        found = re.findall(
            r"^(.*):(\d+): error: public functions do not return Any", done.stdout, re.MULTILINE
        )
        assert done.returncode == 1, done.stderr
        assert done.stdout.count("error:") == len(found), done.stdout
        assert sorted(int(line) for _, line in found) == refused, cache
        assert {file for file, _ in found} == {str(Path("minicnn/file.py"))}
