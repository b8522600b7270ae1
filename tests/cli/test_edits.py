"""Somebody edits a file while the program is at work: between any two of its system calls the program is
stopped, the file is edited, and the program goes on. No edit may be lost. It takes a sample of the
calls; PATHPATCH_POINTS=all takes all of them."""

import gzip
import os
import re
import signal
import subprocess
import time

import pytest
from faults import chosen, folder_in_memory, points_of, tell
from shipped_trees import PROGRAM, VALUES, copy_tree, environment, padded, run, sets, write

CALLS = (
    "openat,close,read,pread64,write,pwrite64,fstat,newfstatat,renameat,linkat,unlinkat,utimensat,"
    "fchown,fchmod,fsync,fdatasync,syncfs,fgetxattr,flistxattr,ftruncate"
)
USR, HOME = padded("TERMUX__PREFIX"), padded("TERMUX__HOME")
SHIPPED = b"prefix=" + USR + b"\n" + b"a line of the text\n" * 300 + b"home=" + HOME + b"\nthe end\n"
STOP = re.compile(r"(\d+) +--- stopped by SIGSTOP ---")
OF_USER = b"written by the user, who will not do it again\n"


def values_in(text):
    for name in VALUES:
        text = text.replace(padded(name), padded(name, VALUES))
    return text


def shipped_in(text):
    for name in VALUES:
        text = text.replace(padded(name, VALUES), padded(name))
    return text


# ---- edits: each gives what stands in the file then ----


def append(path):
    with open(path, "ab") as file:
        file.write(OF_USER)
    return path.read_bytes()


def rewrite(path):
    """Other content in the same inode: shorter, and nothing is where it was."""
    path.write_bytes(OF_USER * 9)
    return OF_USER * 9


def slip_in(path):
    """Size and mtime stay as they were."""
    times = path.stat()
    content = path.read_bytes()
    with open(path, "r+b") as file:
        file.seek(len(content) // 2)
        file.write(OF_USER)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return path.read_bytes()


def replace(path):
    new = path.with_name("new")
    new.write_bytes(OF_USER + USR + b"\n")
    os.replace(new, path)
    return OF_USER + USR + b"\n"


EDITS = [append, rewrite, slip_in, replace]
APPLY = ["apply", *sets(VALUES)]
# What ran before, the run during which the file is edited, and which file.
SCENARIOS = {
    "apply": ([], APPLY, "text"),
    "apply --replace": ([], [*APPLY, "--replace"], "text"),
    "apply, compressed": ([], APPLY, "text.gz"),
    "restore": ([APPLY], ["restore"], "text"),
    "restore --replace": ([APPLY], ["restore", "--replace"], "text"),
    "restore, compressed": ([APPLY], ["restore"], "text.gz"),
}


class Scene:
    def __init__(self, folder, name):
        before, self.words, self.name = SCENARIOS[name]
        self.start, self.tree, self.log = folder / "start", folder / "tree", folder / "log"
        write(self.start / "text", SHIPPED)
        write(self.start / "text.gz", gzip.compress(SHIPPED, mtime=0))
        write(self.start / "other", SHIPPED)
        for words in before:
            self.run(self.start, words)
        copy_tree(self.start, self.tree)
        self.run(self.tree, self.words, ["strace", "-f", "-y", "-o", self.log, "-e", f"trace={CALLS}"])
        # strace counts the calls of the broker for themselves.
        lines = self.log.read_text(errors="replace").splitlines(keepends=True)
        self.log.write_text("".join(line for line in lines if line.split()[0] == lines[0].split()[0]))
        points = points_of(self.log)
        self.points = [point for i, point in enumerate(points) if i not in self.moment(points)]
        self.moment_count = len(points) - len(self.points)

    def command(self, root, words):
        return [words[0], f"--root={root}", f"--state={root}/state", "--jobs=1", *words[1:], root]

    def run(self, root, words, under=(), status=0):
        return run(*self.command(root, words), under=under, status=status)

    def moment(self, points):
        """The calls from the last look at the file to the one that writes: no program can look and write
        at once."""
        lines = [line for _, _, line in points]
        renames = [i for i, line in enumerate(lines) if "renameat(" in line and f'"{self.name}"' in line]
        if renames:
            look = [i for i in range(renames[0]) if f'"{self.name}"' in lines[i]][-1]
            return range(look, renames[0])
        path = re.escape(f"{self.tree}/{self.name}>")
        writes = [i for i, line in enumerate(lines) if re.search(f"pwrite64\\(\\d+<{path}", line)]
        look = [i for i in range(writes[0]) if re.search(f"pread64\\(\\d+<{path}", lines[i])][-1]
        return range(look, writes[-1])

    def edit_at(self, point, edit):
        """Returns what the user left, and what stands there when all is done."""
        call, when, _ = point
        copy_tree(self.start, self.tree)
        self.log.unlink(missing_ok=True)
        program = subprocess.Popen(
            ["strace", "-f", "-o", self.log, "-e", f"trace={call}", "-e",
             f"inject={call}:signal=STOP:when={when}", PROGRAM, *self.command(self.tree, self.words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment(),
        )  # fmt: skip
        edited = None
        resumed = 0
        while program.poll() is None:
            log = self.log.read_text(errors="replace") if self.log.exists() else ""
            stops = STOP.findall(log)
            if edited is None and log.split()[:1] in [[pid] for pid in stops]:
                edited = edit(self.tree / self.name)
            for pid in stops[resumed:]:
                os.kill(int(pid), signal.SIGCONT)
            resumed = len(stops)
            time.sleep(0.005)
        said = program.communicate()[0]
        assert edited is not None, said
        assert program.returncode in (0, 1), said
        return edited, (self.tree / self.name).read_bytes(), said


@pytest.fixture
def folder(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_edit_is_lost(folder, name, capsys):
    scene = Scene(folder, name)
    taken = chosen(scene.points, 12)
    for i, point in enumerate(taken):
        edit = EDITS[i % len(EDITS)]
        edited, found, said = scene.edit_at(point, edit)
        where = f"{edit.__name__} at {point[2]}\n{said}"
        # It was seen in time, or the file left: placeholders or values, and all that the user wrote.
        assert OF_USER in found, where
        assert found in (edited, values_in(edited), shipped_in(edited)), where
    tell(
        capsys,
        f"{name}: edited at {len(taken)} of {len(scene.points)} calls; {scene.moment_count} are "
        "the moment of writing",
    )
