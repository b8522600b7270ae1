"""Runs of a command each of which fails at one call into libc (tests/tools/preload/fail_call.c). Of the calls
that an undisturbed run makes those are taken that come by a place in the program which no other one came by, also
in the commands before it.

A test takes a sample, the same each time. With PATHPATCH_CALLS=all it takes all of those:
PATHPATCH_CALLS=all ctest --test-dir build/dev -R failing_calls."""

import errno
import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

from faults import build_preload, preloading, spread
from notify_peers import PATIENCE
from patching import BUILD
from shipped_trees import differences

PROGRAM = BUILD / "pathpatch"
ALL = os.environ.get("PATHPATCH_CALLS") == "all"
# What comes of the errors that calls fail with.
CAUSES = [os.strerror(number) for number in (errno.EIO, errno.ENOSPC, errno.ENOMEM, errno.EPERM, errno.EMFILE, errno.EAGAIN)]
# libarchive ends the program where it has no memory for a string.
ENDED = "Fatal Internal Error in libarchive: Out of memory"
CAUSES += ["out of memory", "not enough memory", ENDED]
SECONDS = re.compile(r'\d+\.\d+ s\b|"seconds":[\d.e-]+')


def describe(folder):
    """What is below it, but for the state, and what the next bootstrap removes."""
    seen = {}
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("state", "pathpatch", "usr.pathpatch")]
        for name in (*folders, *names):
            path = Path(at, name)
            mode = path.lstat().st_mode
            content = os.readlink(path) if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else b""
            seen[str(path.relative_to(folder))] = mode, content if len(content) < 200 else hashlib.sha256(content).hexdigest()
    return seen


# Gone at the end of the program.
_scratch = tempfile.TemporaryDirectory(prefix="pathpatch-test-")


@cache
def library():
    return build_preload(Path(_scratch.name), "fail_call")


# Places that calls of other commands have come by.
_seen = set()


def by_new_places(calls):
    """Of (number, name, place, ...), the innermost place first."""
    for number, name, *places in calls:
        new = {(name, *places[:1]), *places} - _seen
        _seen.update(new)
        if new:
            yield number, name, *places


class Command:
    """A command and the folder that it changes: it gets a fresh one for each run."""

    def __init__(self, folder, words, start=None, stdin=b"", environment=None, again=0, before=(), tries_again=None):
        self.words, self.stdin, self.start = list(map(str, words)), stdin, start
        self.before = before  # what runs the program
        # Of a command that goes on, with status 0, when it has told of a file: what comes back to that.
        self.tries_again = tries_again
        self.again = again  # its status where there is nothing left to do
        self.here = folder / "here"
        self.log = folder / "log"
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(environment or {})}
        self.preload = preloading(library())
        calm, lines = self.fail(None)
        self.status, self.told = calm.returncode, self.tell(calm)
        assert len(lines) > 10, calm
        self.calls = list(by_new_places(line.split()[1:] for line in lines if line.startswith("at ")))
        self.left = Counter(line for line in lines if line.startswith("left "))

    def fresh(self):
        shutil.rmtree(self.here, ignore_errors=True)
        if self.start is None:
            self.here.mkdir()
        else:
            subprocess.run(["cp", "-a", self.start, self.here], check=True)

    def run(self, under=(), words=None, **variables):
        return subprocess.run(
            [*self.before, *under, PROGRAM, *(words or self.words)],
            input=self.stdin,
            capture_output=True,
            env={**self.environment, **variables},
            timeout=PATIENCE,
        )

    def fail(self, number):
        """Lets a call fail; returns the run, and what the preloaded library told."""
        self.fresh()
        self.log.unlink(missing_ok=True)
        at = {} if number is None else {"FAIL_AT": number}
        done = self.run(self.preload, FAIL_LOG=str(self.log), **at)
        return done, self.log.read_text().splitlines()

    def tell(self, done):
        return SECONDS.sub("", done.stdout.decode(errors="replace")), describe(self.here)

    def check(self, call):
        """It says that it failed, or nothing came of it; and then it can be run again."""
        number, *where = call
        done, lines = self.fail(number)
        told = f"{' '.join(self.words)}\nFAIL_AT={number} {where}: {done.returncode} {done.stdout} {done.stderr}"
        assert done.returncode in (0, 1, 2, 3, 75, 77, 78), told
        left = Counter(line for line in lines if line.startswith("left ")) - self.left
        assert not left or ENDED.encode() in done.stderr, f"{left} after {told}"
        said, there = self.tell(done)
        if (done.returncode, said, there) != (self.status, *self.told):
            words = (done.stdout + done.stderr).decode(errors="replace")
            assert b"pathpatch: " in done.stderr or any(cause in words for cause in CAUSES), told
        told_of_it = self.tries_again and b"pathpatch: " in done.stderr
        assert done.returncode != 0 or there == self.told[1] or told_of_it, told
        if self.start is not None:
            again = self.run(words=self.tries_again)
            assert again.returncode in (self.status, self.again), f"{told} then {again}"
            other = differences(self.tell(again)[1], self.told[1])
            assert not other, f"{other} after {told} then {again}"

    def sweep(self, count):
        """Returns what did not go well, and how many runs there were."""
        taken = self.calls if ALL else spread(self.calls, count)
        wrong = []
        for call in taken:
            try:
                self.check(call)
            except AssertionError as error:
                wrong.append(str(error))
        return wrong, len(taken)
