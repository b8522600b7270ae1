"""Runs pathpatch over a root of its own: what the tests of content share."""

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
sys.path.insert(0, str(SOURCE / "fixtures"))
from generator import termux  # noqa: E402

VALUES = termux.user_values(10)
PLACEHOLDER = termux.padded("TERMUX__PREFIX")
VALUE = termux.padded("TERMUX__PREFIX", VALUES["TERMUX__PREFIX"])
# It compresses, is longer than a block of a tar, and begins and ends with a placeholder.
TEXT = PLACEHOLDER + b"/bin\n" + b"a line of the text\n" * 200 + b"last: " + PLACEHOLDER


def patched(content):
    """The oracle: what is to stand for plain bytes."""
    return termux.patched(content, VALUES)


def command_line(command, root, *words):
    """A command over a whole root. The state folder is in there, so no two tests meet."""
    if command == "lint":
        return [BUILD / "pathpatch", command, *words, root]
    paths = [] if command in ("verify", "status") else [root]
    values = [f"--set={name}={value}" for name, value in VALUES.items()]
    return [BUILD / "pathpatch", command, f"--root={root}", *values, *words, *paths]


def run(command, root, *words):
    return subprocess.run(
        command_line(command, root, *words), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def tool(*words, content=b"", folder=None):
    """What a tool writes to its output when it gets the content."""
    return subprocess.run(words, input=content, capture_output=True, check=True, cwd=folder).stdout
