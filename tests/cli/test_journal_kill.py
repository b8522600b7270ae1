"""Cut the journal off at system calls that write, run it again, and compare with a run that nobody
disturbed: files, folders, links, times, the ledger, shipped bytes. With PATHPATCH_POINTS=all at every one."""

import hashlib
import os
import re
import shutil
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest
from faults import KILLED, chosen, folder_in_memory, injecting, points_of, tell, tracing, writes

DRIVER = Path(os.environ["PATHPATCH_BUILD"]) / "journal_driver"
SHIPPED_TIME = 981173106_123456789
ALPHA = b"/opt/alpha".ljust(24, b"/")
BETA = b"/opt/beta".ljust(24, b"/")


@pytest.fixture
def tmp_path(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


def build_tree(root):
    """Every way to write: in place (with hard links), replaced for want of a name, symlink,
    content of another length; and neighbours that stay as they are."""
    for folder in ("a/b", "c", "d"):
        (root / folder).mkdir(parents=True)
    (root / "a/plain").write_bytes(b"x " + ALPHA + b" y " + BETA + b" z" + ALPHA)
    (root / "a/b/link").write_bytes(b"k " + ALPHA + b"\n")
    os.link(root / "a/b/link", root / "c/link")
    (root / "c/outer").write_bytes(b"o " + BETA + b"\n")
    os.link(root / "c/outer", root / "d/unknown-to-the-run")
    (root / "c/mode").write_bytes(BETA)
    (root / "c/mode").chmod(0o6640)
    os.setxattr(root / "c/mode", "user.note", b"kept")
    os.symlink(os.fsdecode(ALPHA) + "etc", root / "c/symlink")
    (root / "d/swapped").write_bytes(b"s " + ALPHA + b" t\n")
    os.link(root / "d/swapped", root / "a/swapped")
    (root / "d/alone").write_bytes(b"nothing in here\n")
    (root / "LIST").write_text(
        "plain a/plain\nplain a/b/link c/link\nplain c/outer\nplain c/mode\n"
        "symlink c/symlink\nswap d/swapped a/swapped\n"
    )
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, ns=(SHIPPED_TIME, SHIPPED_TIME), follow_symlinks=False)


def describe(root):
    """All that must be equal. The root's own mtime says that there is a state folder by now."""
    names = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.split("/")[0] == "state":
            continue
        st = path.lstat()
        kind = stat.S_IFMT(st.st_mode)
        if stat.S_ISLNK(st.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(st.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            content = None
        group = [
            str(other.relative_to(root))
            for other in sorted(root.rglob("*"))
            if other.lstat().st_ino == st.st_ino
        ]
        xattrs = [] if kind == stat.S_IFLNK else os.listxattr(path)
        names[name] = (kind, st.st_mode, st.st_mtime_ns, content, group, xattrs)
    return names


def describe_state(root):
    ledger = sqlite3.connect(f"file:{root}/state/ledger.db?mode=ro", uri=True)
    rows = ledger.execute(
        "SELECT folder.path, file.name, package.name, kind, size, mtime, mtime_ns, shipped, "
        "current, (SELECT group_concat(value.name || '=' || value, ' ') FROM value "
        "WHERE value.value_set = file.value_set), members FROM file "
        "JOIN folder ON folder.id = file.folder JOIN package ON package.id = file.package "
        "ORDER BY 1, 2"
    ).fetchall()
    left = [
        ledger.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("intent", "temporary", "folder_time", "sweep")
    ]
    ledger.close()
    pristine = root / "state/pristine"
    kept = sorted(p.name for p in pristine.iterdir()) if pristine.exists() else []
    for name in kept:
        assert hashlib.sha256((pristine / name).read_bytes()).hexdigest() == name
    return rows, left, kept, (root / "state/values").read_text()


def run(root, *words, env=None, under=()):
    return subprocess.run(
        [*under, DRIVER, words[0], root, *words[1:]],
        # The leak checker cannot work while strace does.
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0", **(env or {})},
        capture_output=True,
        text=True,
    )


def check(result):
    assert result.returncode == 0, result.stderr
    assert "left" not in result.stdout
    return result


def copy_tree(source, target):
    """cp keeps hard links and every time stamp."""
    if target.exists():
        shutil.rmtree(target)
    subprocess.run(["cp", "-a", source, target], check=True)


SCENARIOS = {
    "apply": ([], ["apply"], {}),
    "apply-replace": ([], ["apply"], {"DRIVER_REPLACE": "1"}),
    "apply-each": ([], ["apply"], {"DRIVER_EACH": "1"}),
    "revalue": (["apply"], ["revalue", "/mnt/q"], {}),
    "restore": (["apply"], ["restore"], {}),
}


def prepare(tmp_path, scenario):
    before, command, env = SCENARIOS[scenario]
    start = tmp_path / "start"
    start.mkdir()
    build_tree(start)
    if before:
        check(run(start, *before))
    calm = tmp_path / "calm"
    copy_tree(start, calm)
    check(run(calm, *command, env=env))
    return start, calm, command, env


def find_points(start, tree, command, env, log):
    """Of a run that nobody disturbs."""
    copy_tree(start, tree)
    check(run(tree, *command, env=env, under=tracing(log)))
    return points_of(log)


def disturb(start, calm, command, env, tree, fault, point):
    copy_tree(start, tree)
    result = run(tree, *command, env=env, under=injecting(fault, point))
    again = run(tree, *command, env=env)
    where = f"{fault} at {point[2]}: {result.stdout} {result.stderr} then {again.stdout}"
    assert again.returncode == 0, where + again.stderr
    assert "left" not in again.stdout, where
    assert describe(tree) == calm[0], where
    assert describe_state(tree) == calm[1], where
    assert run(tree, "pending").stdout == "clean\n", where
    return result


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_kill(tmp_path, scenario, capsys):
    start, calm, command, env = prepare(tmp_path, scenario)
    calm = describe(calm), describe_state(calm)
    points = find_points(start, tmp_path / "tree", command, env, tmp_path / "log")
    points = chosen([point for point in points if writes(point)], 25)
    for point in points:
        result = disturb(start, calm, command, env, tmp_path / "tree", "signal=KILL", point)
        assert result.returncode in KILLED, point
    tell(capsys, f"{scenario}: killed at {len(points)} calls")


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "EROFS", "EMFILE", "EINTR"])
def test_error(tmp_path, fault, capsys):
    start, calm, command, env = prepare(tmp_path, "apply")
    calm = describe(calm), describe_state(calm)
    points = find_points(start, tmp_path / "tree", command, env, tmp_path / "log")
    points = chosen([point for point in points if fault == "EMFILE" or writes(point)], 25)
    for point in points:
        disturb(start, calm, command, env, tmp_path / "tree", f"error={fault}", point)
    tell(capsys, f"{fault}: injected at {len(points)} calls")


def on_disk(path, dirty):
    return not any(other == path or other.startswith(path + "/") for other in dirty)


def is_tree(path, tree):
    return path.startswith(f"{tree}/") and not path.startswith(f"{tree}/state")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_runs_ahead_of_the_disk(tmp_path, scenario):
    """What a power cut takes away: the ledger is on the disk before the tree is written by it, and
    the tree before the ledger says so."""
    start, _, command, env = prepare(tmp_path, scenario)
    tree, log = tmp_path / "tree", tmp_path / "log"
    copy_tree(start, tree)
    check(run(tree, *command, env=env, under=["strace", "-f", "-y", "-o", log]))
    wal, pristine = f"{tree}/state/ledger.db-wal", f"{tree}/state/pristine"
    dirty, committed, renamed = set(), 0, 0
    for line in log.read_text().splitlines():
        call = re.match(r"\d+ +(\w+)\((.*)\) += \d+", line)
        if not call:
            continue
        name, words = call[1], call[2]
        paths = re.findall(r"<([^>]*)>", words)
        if name in ("write", "pwrite64") and paths:
            if is_tree(paths[0], tree) and "/.pp-" not in paths[0]:
                assert on_disk(wal, dirty), line
            if paths[0] == wal:
                assert on_disk(pristine, dirty), line
                assert not any(is_tree(path, tree) for path in dirty), line
                committed += 1
            dirty.add(paths[0])
        elif name == "renameat" and is_tree(paths[0] + "/", tree):
            temporary = f"{paths[0]}/{words.split(chr(34))[1]}"
            assert on_disk(wal, dirty) and on_disk(temporary, dirty), line
            dirty.add(paths[0] + "/")
            renamed += 1
        elif name in ("fsync", "fdatasync"):
            dirty -= {paths[0], paths[0] + "/"}
        elif name == "syncfs":
            dirty.clear()
    assert committed > 0 and renamed > 0
    assert not [path for path in dirty - {f"{tree}/state/lock"} if path.startswith(f"{tree}/")]


def test_two_runs_at_once(tmp_path):
    start, calm, command, _ = prepare(tmp_path, "apply")
    both = [subprocess.Popen([DRIVER, *command, start]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert describe(start) == describe(calm)
    assert describe_state(start) == describe_state(calm)


def test_undisturbed_run_is_what_it_should_be(tmp_path):
    start, calm, _, _ = prepare(tmp_path, "apply")
    alpha = b"/srv/alpha".ljust(24, b"/")
    beta = b"/b".ljust(24, b"/")
    assert (calm / "a/plain").read_bytes() == b"x " + alpha + b" y " + beta + b" z" + alpha
    assert (calm / "c/outer").read_bytes() == b"o " + beta + b"\n"
    assert (calm / "d/unknown-to-the-run").read_bytes() == b"o " + BETA + b"\n"
    assert (calm / "d/swapped").read_bytes() == b"s " + alpha + b" t\nswapped\n"
    assert os.readlink(calm / "c/symlink") == os.fsdecode(alpha) + "etc"
    assert (calm / "c/link").stat().st_ino == (calm / "a/b/link").stat().st_ino
    assert (calm / "a/swapped").stat().st_ino == (calm / "d/swapped").stat().st_ino
    before, after = describe(start), describe(calm)
    assert before.keys() == after.keys()
    for name in before:
        assert before[name][:3] == after[name][:3], name
    check(run(calm, "restore"))
    after = describe(calm)
    for name in before:
        assert before[name][:4] == after[name][:4], name
    assert describe_state(calm)[0] == []


def test_syncs_do_not_grow_with_files(tmp_path):
    counts = []
    for files in (3, 300):
        tree = tmp_path / str(files)
        tree.mkdir()
        for i in range(files):
            (tree / f"plain{i}").write_bytes(BETA)
            (tree / f"swap{i}").write_bytes(b"%d " % i + BETA)
        (tree / "LIST").write_text(
            "".join(f"plain plain{i}\nswap swap{i}\n" for i in range(files))
        )
        log = tmp_path / f"log{files}"
        check(run(tree, "apply",
                  under=["strace", "-f", "-o", log, "-e", "trace=fsync,fdatasync,syncfs"]))  # fmt: skip
        counts.append(len(re.findall(r"sync", log.read_text())))
    assert counts[0] == counts[1]
