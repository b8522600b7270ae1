"""Cut a bootstrap off at every system call that writes, or let the call fail, and run it again: before
that the destination is as it was or whole, after that it is whole, and nothing else is left."""

import gzip
import re
import shutil
import sqlite3
import subprocess

import pytest
from bootstrap_trees import STATE, USR, Device, File, Folder, Link, describe, write_zip
from faults import (
    KILLED,
    build_preload,
    chosen,
    ended_by,
    folder_in_memory,
    injecting,
    points_of,
    preloading,
    tell,
    tells_cause,
    tracing,
    writes,
)
from notify_peers import new_name

DONE, REFUSED, UNDELIVERED = 0, 2, 75
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
    **{f"lib/{i}": File(b"%d " % i + USR * i) for i in range(1, 6)},
}


@pytest.fixture
def folder(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


class Bench:
    """A device, an archive, and what an undisturbed run makes of it."""

    def __init__(self, folder, scenario, *words):
        self.device = Device(folder)
        self.scenario = scenario
        self.words = [*SCENARIOS[scenario], *words]
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
        self.calls = self.find_calls()
        self.points = [call for call in self.calls if writes(call)]
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
        words = self.device.words(self.archive, *self.words)
        return subprocess.run(
            [*map(str, under), *self.device.command(*words)],
            capture_output=True,
            text=True,
            # Leaks are not looked for below another tracer.
            env={**self.device.environment, "ASAN_OPTIONS": "detect_leaks=0"},
        )

    def find_calls(self):
        done = self.run(*tracing(self.log))
        assert done.returncode == self.status, done.stderr
        return points_of(self.log)

    def disturb(self, fault, point):
        self.reset()
        done = self.run(*injecting(fault, point))
        where = f"{fault} at {point[2]}: {done.returncode} {done.stdout} {done.stderr}"
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
    bench = Bench(folder, scenario, "--jobs=1")
    assert len(bench.points) > 60
    taken = chosen(bench.points, 40)
    for point in taken:
        assert bench.disturb("signal=KILL", point).returncode in KILLED, point
    tell(capsys, f"bootstrap, {scenario}: killed at {len(taken)} of {len(bench.points)} calls")


@pytest.mark.parametrize("scenario", ["fresh", "replace"])
def test_kill_with_workers(folder, scenario, capsys):
    """Which of them writes what differs from run to run: a run may not get to the call."""
    bench = Bench(folder, scenario)
    taken = chosen(bench.points, 16)
    killed = sum(bench.disturb("signal=KILL", point).returncode in KILLED for point in taken)
    assert killed > len(taken) // 2
    tell(capsys, f"bootstrap, {scenario}, with workers: killed in {killed} of {len(taken)} runs")


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_signal(folder, signal):
    """It ends at once; staging waits for the next run."""
    bench = Bench(folder, "fresh", "--jobs=1")
    for point in chosen(bench.points, 8):
        assert bench.disturb(f"signal={signal}", point).returncode in ended_by(signal), point


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "EROFS", "EMFILE", "EINTR"])
def test_error_at_every_call(folder, fault, capsys):
    bench = Bench(folder, "replace", "--jobs=1")
    points = bench.calls if fault == "EMFILE" else bench.points
    taken = chosen(points, 16)
    failed = 0
    for point in taken:
        done = bench.disturb(f"error={fault}", point)
        if done.returncode != bench.status:
            failed += 1
            told = [line for line in done.stderr.splitlines() if tells_cause(line, fault, point)]
            assert told and all(re.search("/|standard output", line) for line in told), (point, done.stderr)
    tell(capsys, f"bootstrap, {fault}: at {len(taken)} of {len(points)} calls, {failed} failed")


def test_short_writes(folder):
    bench = Bench(folder, "fresh")
    bench.reset()
    done = bench.run(*preloading(build_preload(folder, "short_writes")))
    assert done.returncode == bench.status, done.stderr
    assert bench.tree() == bench.new
