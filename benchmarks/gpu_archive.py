"""The folder in which ``gpu_suite.py`` keeps what it measures: at most eight files, always complete.

    results.json   every number, and how each part ended
    log.txt        what the parts printed
    README.md      the tables
    tiles.json     the fastest tiles, if they were measured
    running.json   the numbers of the part that runs now, which its program rewrites as it goes
    running.log    what that part has printed so far

A file is written under another name and then renamed, so a killed run leaves the old one or the new
one. The last two files move into the first two when their part ends, or when the folder is opened
after the suite was killed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from common import replace_text

RUNNING, KILLED = "running", "cut off: the suite was killed"
FILES = ("results.json", "log.txt", "README.md", "tiles.json", "running.json", "running.log")
LOG_CHARACTERS = 256 << 10  # of each part's log, its end


class Archive:
    """The numbers and the log of a run of the suite.

    Args:
        folder: where it is kept, or will be.

    Attributes:
        gpu: the card's name, as a folder may be called.
        dry_run: whether no GPU had a part in it.
        parts: how each part went: its ``status``, ``seconds`` and the ``last_line`` it printed.
        results: the JSON of each part that measured something.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running_json, self.running_log = folder / "running.json", folder / "running.log"
        self._path, self._log = folder / "results.json", folder / "log.txt"
        content = read_json(self._path)
        self.gpu: str = content.get("gpu", "")
        self.dry_run: bool = content.get("dry_run", False)
        self.parts: dict[str, dict[str, Any]] = content.get("parts", {})
        self.results: dict[str, dict[str, Any]] = content.get("results", {})
        self._killed: list[str] = []
        for part, record in self.parts.items():
            if record["status"] == RUNNING:
                self._killed.append(part)
                record |= {"status": KILLED, "last_line": last_line(read(self.running_log))}
                result = read_json(self.running_json)
                self.results |= {part: result} if result else {}

    @classmethod
    def start(cls, folder: Path, gpu: str, dry_run: bool = False) -> Archive:
        """An empty archive, in place of one that may be there."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
        self = cls(folder)
        self.gpu, self.dry_run = gpu, dry_run
        self.write(self._path)
        return self

    def recover(self) -> None:
        """Finish the part during which an earlier run was killed, and clear away its drafts."""
        for path in self.folder.glob("*.tmp"):
            path.unlink()
        for part in self._killed:
            self.finish(part, KILLED)

    def begin(self, part: str) -> None:
        """Note that a part runs now."""
        self.running_json.unlink(missing_ok=True)
        self.running_log.write_text("")
        self.parts[part] = {"status": RUNNING}
        self.write(self._path)

    def finish(self, part: str, status: str, seconds: float | None = None) -> None:
        """Take over what a part has measured and printed, and how it ended."""
        log = read(self.running_log)
        with self._log.open("a") as file:
            file.write(f"\n######## {part}: {status}\n{log[-LOG_CHARACTERS:]}")
        result = read_json(self.running_json)
        if result:
            self.results[part] = result
        elif part in self.results:
            status += "; the numbers are those of an earlier run"
        self.parts[part] = {"status": status, "seconds": seconds, "last_line": last_line(log)}
        self.write(self._path)
        self.running_json.unlink(missing_ok=True)
        self.running_log.unlink(missing_ok=True)

    def skip(self, part: str, reason: str) -> None:
        """Note why a part was not run; the numbers of an earlier run stay."""
        if part not in self.results:
            self.parts[part] = {"status": f"skipped: {reason}"}
            self.write(self._path)

    def write(self, path: Path) -> None:
        """Write all numbers, and how the parts went, to a file."""
        content = {"gpu": self.gpu, "dry_run": self.dry_run}
        content |= {"parts": self.parts, "results": self.results}
        replace_text(path, json.dumps(content, indent=1) + "\n")


def read(path: Path) -> str:
    """The text of a file, empty if it is not there."""
    return path.read_text(errors="replace") if path.exists() else ""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, empty if it is not there."""
    return json.loads(read(path) or "{}")


def last_line(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return lines[-1].strip("= ") if lines else ""
