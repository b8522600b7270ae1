"""Runs of a program that are cut off, or fail, at one system call: which calls there are, and which of
them a test takes.

A test takes a sample, the same each time. With PATHPATCH_POINTS=all it takes every one, which may
take hours: PATHPATCH_POINTS=all ctest --test-dir build/dev -R kill."""

import errno
import os
import random
import re
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

WRITERS = (
    "write,pwrite64,writev,pwritev,ftruncate,fallocate,mkdir,mkdirat,open,openat,link,linkat,"
    "symlink,symlinkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,fsync,fdatasync,syncfs,"
    "utimensat,fchmod,fchmodat,fchown,fchownat,fsetxattr"
)
ALL = os.environ.get("PATHPATCH_POINTS") == "all"
MEMORY = Path("/dev/shm")


def ended_by(name):
    """The exit status of what a signal ended, or of a shell that waited for it."""
    number = getattr(signal, f"SIG{name}")
    return -number, 128 + number


KILLED = ended_by("KILL")

# A shell's background jobs ignore it, and so would all that a test runs.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def folder_in_memory(tmp_path):
    """Where there is such a folder: hundreds of runs sync all that they write."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="pathpatch-test-", dir=MEMORY) as name:
        yield Path(name)


def tracing(log):
    return ["strace", "-f", "-o", log, "-e", f"trace={WRITERS}"]


def injecting(fault, point):
    call, when, _ = point
    # The kernel stops the program at this call alone: half the time. Signals are lost that way.
    quick = [] if fault.startswith("signal=") else ["--seccomp-bpf"]
    return [
        "strace", "-f", *quick, "-o", "/dev/null",
        "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={when}",
    ]  # fmt: skip


def points_of(log):
    """(system call, how manieth of its name, its line) of a run that nobody disturbs. strace counts for
    every thread and process alone, and so a fault meets the first that gets so far."""
    counts, points = {}, {}
    for line in Path(log).read_text(errors="replace").splitlines():
        call = re.match(r"(\d+) +(\w+)\(", line)
        if call:
            counts[call.groups()] = counts.get(call.groups(), 0) + 1
            point = call[2], counts[call.groups()]
            points.setdefault(point, (*point, line))
    return list(points.values())


def writes(point):
    return not point[0].startswith("open") or "O_CREAT" in point[2]


def spread(points, count):
    """Some of them, spread over the run."""
    if len(points) <= count:
        return points
    step = len(points) / count
    spot = random.Random(len(points))
    return [points[int((i + spot.random()) * step)] for i in range(count)]


def chosen(points, count):
    """Some of them, or all."""
    return points if ALL else spread(points, count)


def tells_cause(line, fault, point):
    """Of the ledger SQLite may tell what came of opening it once more, only to read."""
    return os.strerror(getattr(errno, fault)) in line or (
        "ledger.db" in point[2] and "may we write there?" in line
    )


def tell(capsys, text):
    with capsys.disabled():
        print(f"\n{text}", end=" ")


def build_preload(folder, name):
    """A library to be preloaded, from tests/tools/preload."""
    source = Path(__file__).resolve().parents[1] / "tools/preload" / f"{name}.c"
    library = folder / f"{name}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


def preloading(library):
    return ["env", f"LD_PRELOAD={library}", "ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0"]
