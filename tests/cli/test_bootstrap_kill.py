"""Cut a bootstrap off at every system call that writes, or let the call fail, and run it again: before
that the destination is as it was or whole, after that it is whole, and nothing else is left."""

import gzip
import re
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest
from bootstrap_trees import STATE, USR, Device, File, Folder, Link, describe, write_zip
from notify_peers import new_name

DONE, REFUSED, UNDELIVERED = 0, 2, 75
WRITERS = (
    "write,pwrite64,writev,pwritev,ftruncate,fallocate,mkdir,mkdirat,open,openat,link,linkat,"
    "symlink,symlinkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,fsync,fdatasync,syncfs,"
    "utimensat,fchmod,fchmodat"
)
SCENARIOS = {
    "fresh": [],
    "replace": ["--replace-dest"],
    "told": ["--replace-dest", f"--notify=@{new_name()}", "--notify-timeout=0.001"],
}
ENTRIES = {
    "etc": Folder(0o750),
    "etc/a.conf": File(b"a " + USR),
    "share/a.gz": File(gzip.compress(USR * 9, mtime=1)),
    "share/b": File(b"b"),
    "bin/link": Link(USR.decode() + "/etc/a.conf"),
}


MEMORY = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path):
    """In memory where there is such a folder: hundreds of runs sync all that they write."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="pathpatch-test-", dir=MEMORY) as name:
        yield Path(name)


class Bench:
    """A device, an archive, and what an undisturbed run makes of it."""

    def __init__(self, folder, scenario):
        self.device = Device(folder)
        self.scenario = scenario
        self.words = SCENARIOS[scenario]
        self.status = UNDELIVERED if scenario == "told" else DONE
        self.archive = write_zip(folder / "new.zip", ENTRIES)
        self.log = folder / "log"
        self.old = None
        if "--replace-dest" in self.words:
            self.device.bootstrap(write_zip(folder / "old.zip", {"old": File(b"old " + USR)}))
            shutil.copytree(self.device.dest, folder / "old")
            self.old_folder = folder / "old"
            self.old = self.tree()
        self.reset()
        self.points = self.find_points()
        self.new = self.tree()

    def reset(self):
        self.device.remove()
        if self.old is not None:
            shutil.copytree(self.old_folder, self.device.dest)

    def tree(self):
        """Files and rows, or None when there is no destination."""
        dest = self.device.dest
        if not dest.exists():
            return None
        ledger = sqlite3.connect(f"file:{dest / STATE / 'ledger.db'}?mode=ro", uri=True)
        rows = ledger.execute(
            "SELECT path, file.name, kind, size, shipped, current, value_set, hits FROM file "
            "JOIN folder ON folder.id = folder ORDER BY 1, 2"
        ).fetchall()
        sets = ledger.execute("SELECT * FROM value ORDER BY 1, 2").fetchall()
        ledger.close()
        pristine = dest / STATE / "pristine"
        kept = {p.name: p.read_bytes() for p in pristine.iterdir()} if pristine.exists() else {}
        recorded = [(dest / STATE / name).read_text() for name in ("values", "environment")]
        return describe(dest, told={"etc"}), rows, sets, kept, recorded

    def run(self, *under):
        words = self.device.words(self.archive, "--jobs=1", *self.words)
        return subprocess.run(
            [*map(str, under), *self.device.command(*words)],
            capture_output=True,
            text=True,
            # Leaks are not looked for below another tracer.
            env={**self.device.environment, "ASAN_OPTIONS": "detect_leaks=0"},
        )

    def find_points(self):
        """(system call, how manieth of its name) of a run that nobody disturbs."""
        done = self.run("strace", "-o", self.log, "-e", f"trace={WRITERS}")
        assert done.returncode == self.status, done.stderr
        counts, points = {}, []
        for line in self.log.read_text().splitlines():
            call = re.match(r"(\w+)\(", line)
            if call:
                counts[call[1]] = counts.get(call[1], 0) + 1
                if not call[1].startswith("open") or "O_CREAT" in line:
                    points.append((call[1], counts[call[1]], line))
        return points

    def disturb(self, fault, point):
        call, when, line = point
        self.reset()
        inject = f"inject={call}:{fault}:when={when}"
        done = self.run("strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
        where = f"{fault} at {line}: {done.returncode} {done.stdout} {done.stderr}"
        before = self.tree()
        if before is None:
            # Only between two renames is the old tree elsewhere.
            assert self.old is None or (self.device.work / "old").exists(), where
        else:
            assert before in (self.old, self.new), where
        again = self.run()
        where += f" then {again.returncode} {again.stdout} {again.stderr}"
        whole_before = self.scenario == "fresh" and before is not None
        assert again.returncode == (REFUSED if whole_before else self.status), where
        assert self.tree() == self.new, where
        if self.scenario != "told":
            assert self.device.beside() == ["usr"], where
        return done


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_kill_at_every_call(folder, scenario, capsys):
    bench = Bench(folder, scenario)
    assert len(bench.points) > 60
    for point in bench.points:
        assert bench.disturb("signal=KILL", point).returncode in (-9, 137), point
    with capsys.disabled():
        print(f"\n{scenario}: killed at {len(bench.points)} calls", end=" ")


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
def test_error_at_every_call(folder, fault, capsys):
    bench = Bench(folder, "replace")
    for point in bench.points:
        bench.disturb(f"error={fault}", point)
    with capsys.disabled():
        print(f"\n{fault}: injected at {len(bench.points)} calls", end=" ")
