"""Cut apply, its moves to new values and restore off at the system calls that write, or let the calls
fail; run them again, and compare with a run that nobody disturbed: tree, ledger, leftovers."""

import errno
import os
import re
import signal
import subprocess

import pytest
from faults import (
    ALL,
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
from shipped_trees import (
    LONG_VALUES,
    PROGRAM,
    VALUES,
    copy_tree,
    describe,
    describe_state,
    differences,
    environment,
    padded,
    run,
    set_times,
    sets,
    write,
    write_oddities,
)

APPLY = ["apply", *sets(VALUES)]
# What ran before, and the run that is disturbed.
SCENARIOS = {
    "apply": ([], APPLY),
    "apply --replace": ([], [*APPLY, "--replace"]),
    "new values": ([APPLY], ["apply", *sets(LONG_VALUES), "--revalue"]),
    "restore": ([APPLY], ["restore"]),
}


class Scene:
    """A root with its state inside, before a run and after an undisturbed one."""

    def __init__(self, folder, name):
        before, self.words = SCENARIOS[name]
        self.start, self.tree = folder / "start", folder / "tree"
        self.log = folder / "log"
        self.start.mkdir()
        write_oddities(self.start)
        self.first = describe(self.start, skip=["state"])
        for words in before:
            self.run(self.start, words)
        if before and "--revalue" in self.words:
            # Edited since: its older values are looked for.
            with open(self.start / "odd/plain", "ab") as plain:
                plain.write(padded("TERMUX__HOME", VALUES))
        set_times(self.start)
        self.old = describe(self.start, skip=["state"])
        copy_tree(self.start, self.tree)
        self.run(self.tree, self.words, under=tracing(self.log))
        self.calm = self.told()
        self.points = points_of(self.log)

    def run(self, root, words, status=0, under=()):
        return run(
            words[0], f"--root={root}", f"--state={root}/state", "--jobs=1", *words[1:], root,
            status=status, under=under,
        )  # fmt: skip

    def told(self):
        tree = describe(self.tree, skip=["state"])
        state = sorted(path.name for path in (self.tree / "state").iterdir())
        return tree, describe_state(self.tree / "state"), state

    def disturb(self, fault, point):
        copy_tree(self.start, self.tree)
        done = self.run(self.tree, self.words, status=None, under=injecting(fault, point))
        where = f"{fault} at {point[2]}: {done.returncode} {done.stderr}"
        self.check_whole(where)
        return done, where

    def check_whole(self, where):
        """What is replaced is old or new; in place a text may be new before the next one is."""
        for name, told in describe(self.tree, skip=["state"]).items():
            if "/.pp-" in name or name not in self.old:
                continue
            old, new = self.old[name][3], self.calm[0][name][3]
            in_place = self.calm[0][name][5] == self.old[name][5] and "." not in name
            assert told[3] in (old, new) or in_place, f"{name}: {where}"

    def end(self, where):
        again = self.run(self.tree, self.words, status=None)
        where += f" then {again.returncode} {again.stdout} {again.stderr}"
        assert again.returncode == 0, where
        now = self.told()
        assert differences(self.calm[0], now[0]) == {}, where
        assert now[1:] == self.calm[1:], where


@pytest.fixture
def folder(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.mark.parametrize("name", SCENARIOS)
def test_kill(folder, name, capsys):
    scene = Scene(folder, name)
    points = [point for point in scene.points if writes(point)]
    assert len(points) > 40
    taken = chosen(points, 16)
    for point in taken:
        done, where = scene.disturb("signal=KILL", point)
        assert done.returncode in KILLED, where
        scene.end(where)
    tell(capsys, f"{name}: killed at {len(taken)} of {len(points)} calls")


@pytest.mark.parametrize("signal", ["INT", "TERM"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_signal(folder, name, signal):
    """It ends at once, as a user expects. What was begun waits for the next run."""
    scene = Scene(folder, name)
    for point in chosen([point for point in scene.points if writes(point)], 4):
        done, where = scene.disturb(f"signal={signal}", point)
        assert done.returncode in ended_by(signal), where
        scene.end(where)


def names_a_file(line):
    """The folder at the top of the tree, and the tree itself, have names without a slash."""
    return "/" in line or line.startswith(("pathpatch: odd: ", "pathpatch: .: ")) or " the standard output: " in line


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "EROFS", "EMFILE", "EINTR"])
@pytest.mark.parametrize("name", SCENARIOS if ALL else ["apply"])
def test_error(folder, name, fault, capsys):
    scene = Scene(folder, name)
    points = [point for point in scene.points if fault == "EMFILE" or writes(point)]
    taken = chosen(points, 12)
    silent, unclear = 0, []
    for point in taken:
        done, where = scene.disturb(f"error={fault}", point)
        if done.returncode == 0:
            silent += 1
        else:
            assert done.returncode in (1, 3), where
            blamed = [line for line in done.stderr.splitlines() if tells_cause(line, fault, point)]
            if not blamed or not all(map(names_a_file, blamed)):
                unclear.append(where)
        scene.end(where)
    assert not unclear, "\n".join(unclear)
    tell(capsys, f"{name}, {fault}: at {len(taken)} of {len(points)} calls, {silent} of no consequence")


@pytest.mark.parametrize("name", SCENARIOS)
def test_short_writes(folder, name):
    scene = Scene(folder, name)
    preload = preloading(build_preload(folder, "short_writes"))
    copy_tree(scene.start, scene.tree)
    done = scene.run(scene.tree, scene.words, under=preload)
    now = scene.told()
    assert differences(scene.calm[0], now[0]) == {}, done.stderr
    assert now[1:] == scene.calm[1:]


def test_two_runs_at_once(folder):
    scene = Scene(folder, "apply")
    copy_tree(scene.start, scene.tree)
    words = [PROGRAM, *APPLY, f"--root={scene.tree}", f"--state={scene.tree}/state", scene.tree]
    both = [
        subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
        for _ in range(2)
    ]
    told = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert differences(scene.calm[0], scene.told()[0]) == {}


@pytest.mark.parametrize("end", ["goes on", "goes on as an orphan", "is killed as an orphan"])
def test_run_beside_one_that_is_stopped(folder, end):
    """It has the lock and may go on at any time, even when whoever began it is gone: the other one waits,
    says for whom and what to do, and ends what the first one began."""
    scene = Scene(folder, "apply")
    copy_tree(scene.start, scene.tree)
    words = [PROGRAM, *APPLY, f"--root={scene.tree}", f"--state={scene.tree}/state", "--jobs=1", scene.tree]
    point = next(p for p in scene.points if p[0] == "pwrite64" and "odd" not in p[2])
    stopped = subprocess.Popen(
        [*map(str, injecting("signal=STOP", point)), *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
    lock = scene.tree / "state/lock"
    while not (lock.exists() and lock.read_text().strip()):
        assert stopped.poll() is None
    pid = int(lock.read_text())
    beside = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment()
    )
    said = beside.stderr.readline()
    assert f"process {pid}" in said and "should it hang, end it" in said
    if "orphan" in end:
        stopped.kill()
        stopped.wait()
    os.kill(pid, signal.SIGKILL if "killed" in end else signal.SIGCONT)
    assert beside.wait() == 0
    stopped.wait()
    assert differences(scene.calm[0], scene.told()[0]) == {}


def test_disk_that_fails_while_the_ledger_is_made_ready(folder):
    """One thread waits for the disk, another fills the ledger: what that did does not count then."""
    for i in range(20):
        write(folder / f"root/{i}", b"%d " % i + padded("TERMUX__PREFIX"))
    words = ["apply", f"--root={folder}/root", f"--state={folder}/state", "--jobs=2", *sets(VALUES)]
    failing = ["strace", "-f", "-o", "/dev/null", "-e", "trace=syncfs", "-e", "inject=syncfs:error=EIO"]
    done = run(*words, folder / "root", status=3, under=failing)
    assert os.strerror(errno.EIO) in done.stderr
    rows, _, under_way, *_ = describe_state(folder / "state")
    assert (rows, under_way[0]) == ([], 20)
    run(*words, folder / "root")
    rows, _, under_way, *_ = describe_state(folder / "state")
    assert (len(rows), under_way[0]) == (20, 0)


SYNCS = "fsync,fdatasync,syncfs,sync,sync_file_range,msync"


def cost(folder, count):
    """Syncs, bytes written below the root, and bytes written to the state."""
    root, state = folder / f"root{count}", folder / f"state{count}"
    for i in range(count):
        write(root / f"{i % 50}/{i}", b"%d " % i + padded("TERMUX__PREFIX") + b"\n" * 4000)
    log = folder / f"log{count}"
    run("apply", f"--root={root}", f"--state={state}", *sets(VALUES), root,
        under=["strace", "-f", "-y", "-o", log, "-e", f"trace=write,pwrite64,writev,pwritev,{SYNCS}"])  # fmt: skip
    assert (root / "1/1").read_bytes() == b"1 " + padded("TERMUX__PREFIX", VALUES) + b"\n" * 4000
    syncs, written = 0, {root: 0, state: 0}
    pending = {}
    for line in log.read_text().splitlines():
        thread, rest = line.split(None, 1)
        if rest.endswith("<unfinished ...>"):
            pending[thread] = rest
            continue
        if rest.startswith("<... "):
            rest = pending.pop(thread) + rest
        call = re.match(r"(\w+)\((?:\d+<([^>]*)>)?.*\) += (\d+)$", rest)
        if call and call[1] in SYNCS.split(","):
            syncs += 1
        for place in written:
            if call and "write" in call[1] and call[2].startswith(f"{place}/"):
                written[place] += int(call[3])
    return syncs, written[root], written[state]


def test_what_many_files_cost(folder, capsys):
    """Syncs do not grow with the files, and of the files no more than the places is written."""
    few, many = cost(folder, 20), cost(folder, 2000)
    assert many[0] == few[0] > 0
    assert many[1] == 2000 * len(padded("TERMUX__PREFIX"))
    tell(
        capsys,
        f"2000 patched files: {many[0]} syncs, {many[1]} bytes written in place, {many[2]} to the ledger",
    )
