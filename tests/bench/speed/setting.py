"""What the rows share: the programs, the size, the corpus, and folders to work in."""

import functools
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import corpus

JOBS = 2


@dataclass
class Setting:
    program: Path
    tools: Path  # where floor and hostile are
    folder: Path
    size: str
    rounds: int
    tables: list = field(default_factory=list)  # (title, lines) beside the table of rows
    plot: str = ""  # SVG

    @property
    def full(self):
        return self.size == "full"

    @functools.cached_property
    def corpus(self):
        return corpus.build(self.size, self.folder)

    def scratch(self):
        return tempfile.TemporaryDirectory(dir=self.folder, prefix="scratch-")

    def pathpatch(self, command, root, *words, jobs=JOBS):
        return [self.program, command, f"--root={root}", f"--state={root}/state", f"--jobs={jobs}", *words]

    def on_corpus(self, command, *words, **options):
        return self.pathpatch(command, self.corpus.folder, *words, **options)

    def patching(self, *words):
        return self.on_corpus("apply", "--quiet", corpus.SET, *words)


def environment():
    """None of the variables that give values."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("TERMUX", "DPKG"))}
