"""Runs the programs that make, test and unpack compressed files."""

import subprocess


def run(*words, content=b"", folder=None):
    """What a program writes to its output. A failure is an exception with its words."""
    done = subprocess.run(words, input=content, capture_output=True, cwd=folder)
    assert done.returncode == 0, (words, done.stdout[-500:], done.stderr[-500:])
    return done.stdout
