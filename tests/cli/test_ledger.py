"""A ledger that is lost, damaged, newer than the program, or open in somebody else's program: it is said
what is wrong and what to do, no file suffers, and apply goes on. SQLite in Python is the oracle."""

import os
import random
import shutil
import sqlite3
import subprocess
import threading

import pytest
from faults import ALL, chosen, injecting
from shipped_trees import VALUES, copy_tree, write_oddities
from trees import BUILD, SETS, STATE, TEXT, apply, patched, run, write


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return root


def fill(root):
    write_oddities(root)
    for i in range(150):
        write(root / f"many/{i % 7}/file-{i}", b"%d" % i + TEXT)


def contents(root):
    return {
        path: os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in root.rglob("*")
        if (path.is_symlink() or path.is_file()) and "pathpatch" not in path.parts
    }


def is_damaged(done):
    return done.returncode == 3 and b" is damaged: " in done.stderr and b"apply starts a new one" in done.stderr


def run_any(command, root, *words):
    paths = [root] if command in ("apply", "restore") else []
    done = subprocess.run(
        [BUILD / "pathpatch", command, f"--root={root}", *SETS, *words, *paths],
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    assert done.returncode in (0, 1, 3), (done.returncode, done.stderr)
    return done


# ---- damaged ----


def scatter(data, spot):
    for _ in range(spot.choice((1, 10, 200))):
        data[spot.randrange(len(data))] = spot.randrange(256)


def cut(data, spot):
    del data[spot.randrange(len(data)) :]


def blot(data, spot):
    """A page of it."""
    at = spot.randrange(len(data) // 4096) * 4096
    data[at : at + 4096] = spot.randbytes(4096)


@pytest.mark.parametrize("damage", [scatter, cut, blot])
def test_damage(root, tmp_path, damage):
    """Whatever stands in the ledger, a file is as it was patched or as it was shipped."""
    fill(root)
    shipped = contents(root)
    apply(root)
    now = contents(root)
    sound = (root / STATE / "ledger.db").read_bytes()
    told = 0
    for seed in range(60 if ALL else 5):
        spot = random.Random(f"{damage.__name__} {seed}")
        tree = tmp_path / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(root, tree, symlinks=True)
        data = bytearray(sound)
        damage(data, spot)
        (tree / STATE / "ledger.db").write_bytes(data)
        run_any("status", tree)
        told += is_damaged(run_any("verify", tree))
        restored = run_any("restore", tree)
        for path, content in contents(tree).items():
            path = root / path.relative_to(tree)
            assert content in (shipped[path], now[path]), (seed, path, restored.stderr)
        again = [run_any("apply", tree) for _ in range(2)]
        assert again[1].returncode == 0, (seed, [each.stderr for each in again])
        assert {root / path.relative_to(tree): content for path, content in contents(tree).items()} == now
        assert run_any("verify", tree).returncode in (0, 1), seed
    assert told > 0


def test_damage_is_found_by_the_next_run_that_patches(root):
    """A run that meets it ends; the one after it starts anew and keeps what was there."""
    fill(root)
    apply(root)
    ledger = root / STATE / "ledger.db"
    data = bytearray(ledger.read_bytes())
    for at in range(8192, len(data), 4096):
        data[at : at + 64] = bytes(64)
    ledger.write_bytes(data)
    assert is_damaged(run("verify", root, status=3))
    write(root / "new", TEXT)
    for words in (["restore", root], ["verify"], ["status"]):
        assert is_damaged(run(words[0], root, *words[1:], status=3))
    assert b"is damaged" in apply(root).stderr
    assert (root / "new").read_bytes() == patched(TEXT)
    assert ledger.with_name("ledger.db.damaged").read_bytes()[:8192] == data[:8192]
    assert b"is damaged" not in run_any("verify", root).stderr


# The leak checker cannot work while strace does.
NO_LEAKS = {"ASAN_OPTIONS": "detect_leaks=0"}


@pytest.mark.parametrize("log", [False, True])
def test_disk_that_cannot_be_read(root, tmp_path, log):
    """That is no damage: the run stops, and once the disk can be read again nothing is lost."""
    fill(root)
    if log:
        apply(root, "--jobs=1", status=None, environment=NO_LEAKS,
              prefix=injecting("signal=KILL", ("pwrite64", 150, "")))  # fmt: skip
        assert (root / STATE / "ledger.db-wal").stat().st_size > 0
    else:
        apply(root)
        write(root / "new", TEXT)
    tree, told = tmp_path / "tree", tmp_path / "log"
    traced = ["strace", "-f", "-o", told, "-e", "trace=pread64"]
    traced += [word for name in ("", "-wal") for word in ("-P", tree / STATE / f"ledger.db{name}")]
    copy_tree(root, tree)
    # Of what the killed run began a copy has other inodes: that is left, and told.
    apply(tree, status=int(log), prefix=traced, environment=NO_LEAKS)
    apply(tree)
    calm = contents(tree)
    stopped = 0
    for point in chosen(range(1, told.read_text().count("pread64(") + 1), 12):
        copy_tree(root, tree)
        fault = "-e", f"inject=pread64:error=EIO:when={point}+"
        done = apply(tree, status=None, prefix=[*traced, *fault], environment=NO_LEAKS)
        assert done.returncode in (0, int(log), 3), done.stderr
        if done.returncode == 3:
            assert b"ledger.db: " in done.stderr and b"Input/output error" in done.stderr
            stopped += 1
        assert b"damaged" not in done.stderr
        assert not (tree / STATE / "ledger.db.damaged").exists()
        apply(tree, status=None)
        apply(tree)
        assert contents(tree) == calm
        run("verify", tree)
    assert stopped > 6


# ---- lost ----


def test_lost_log(root):
    """Of a run that was killed: what was not yet in the ledger is found in the files."""
    fill(root)
    before = contents(root)
    run_any_under = [*map(str, injecting("signal=KILL", ("pwrite64", 150, "")))]
    subprocess.run(
        [*run_any_under, BUILD / "pathpatch", "apply", f"--root={root}", *SETS, "--jobs=1", root],
        stdin=subprocess.DEVNULL, capture_output=True,
        env={**os.environ, **NO_LEAKS},
    )  # fmt: skip
    log = root / STATE / "ledger.db-wal"
    assert log.stat().st_size > 0
    log.unlink()
    run_any("apply", root)
    assert apply(root).returncode == 0
    for path, content in before.items():
        if path.parent.parent.name == "many":
            assert path.read_bytes() == patched(content)


@pytest.mark.parametrize("lost", ["ledger.db", "."])
def test_lost_ledger(root, lost):
    """The ledger, or all of the state with the values and the bytes as shipped."""
    write(root / "plain", TEXT)
    write(root / "later", TEXT)
    apply(root, root / "plain")
    if lost == ".":
        shutil.rmtree(root / STATE)
    else:
        (root / STATE / lost).unlink()
    assert b"there is no ledger" in run("verify", root).stderr
    assert apply(root).stderr == b""
    assert (root / "later").read_bytes() == (root / "plain").read_bytes() == patched(TEXT)
    assert b"1 file as patched" in run("verify", root).stdout
    # What the lost one knew is found by its values.
    was = [f"--was={name}={value}" for name, value in VALUES.items()]
    new = [f"--set={name}={value.replace('/10/', '/11/')}" for name, value in VALUES.items()]
    run("apply", root, *new, *was, "--revalue", root)
    assert (root / "plain").read_bytes() == patched(TEXT).replace(b"/10/", b"/11/")
    assert (root / "later").read_bytes() == patched(TEXT).replace(b"/10/", b"/11/")


# ---- newer ----


def test_newer_ledger(root):
    write(root / "plain", TEXT)
    apply(root)
    with sqlite3.connect(root / STATE / "ledger.db") as ledger:
        ledger.execute("PRAGMA user_version = 99")
    ledger.close()
    write(root / "later", TEXT)
    before = (root / STATE / "ledger.db").read_bytes()
    for words in (["apply", *SETS, root], ["restore", root], ["verify"], ["status"]):
        done = run(words[0], root, *words[1:], status=3)
        assert b"written by a newer version (schema 99" in done.stderr and b"use that version" in done.stderr
    assert (root / "later").read_bytes() == TEXT
    assert (root / STATE / "ledger.db").read_bytes() == before


# ---- open elsewhere ----


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"])
def test_open_in_another_program(root, begin):
    write(root / "plain", TEXT)
    apply(root)
    other = sqlite3.connect(root / STATE / "ledger.db", isolation_level=None, check_same_thread=False)
    other.execute(begin)
    other.execute("SELECT count(*) FROM file").fetchone()
    done = run("verify", root, status=3)
    assert b"another program has the ledger" in done.stderr and b"close it and run again" in done.stderr
    # One that comes to its end is waited for.
    threading.Timer(0.5, other.close).start()
    assert b"1 file as patched" in run("verify", root).stdout
