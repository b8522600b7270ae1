"""pathpatch verify and status: what the ledger says, and whether it is still so."""

import gzip
import os
import sqlite3

import pytest
from trees import SETS, STATE, TEXT, VALUES, apply, describe, objects, padded, patched, run, write


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def tree(root):
    write(root / "plain", TEXT)
    write(root / "packed.gz", gzip.compress(TEXT))
    write(root / "nothing", b"nothing")
    os.symlink(padded("TERMUX__HOME").decode(), root / "link")
    apply(root)


def states_of(done):
    return {each["path"]: each["outcome"] for each in objects(done) if each["type"] == "file"}


def test_all_as_patched(root):
    tree(root)
    done = run("verify", root)
    assert done.stdout == b"3 files as patched, 0 not\n"
    done = run("verify", root, "--json", "--verbose")
    assert states_of(done) == {"plain": "patched", "packed.gz": "patched", "link": "patched"}
    summary = objects(done)[-1]
    assert summary.pop("seconds") >= 0
    assert summary == {
        "type": "summary",
        "command": "verify",
        "files": 3,
        "dry_run": False,
        "patched": 3,
        "shipped": 0,
        "changed": 0,
        "gone": 0,
        "unreadable": 0,
        "findings": 0,
    }
    assert states_of(run("verify", root, "--json")) == {}


def test_what_cannot_be_looked_at_is_not_gone(root, tmp_path):
    """Few files may be open: the folder of one cannot be, for that time."""
    tree(root)
    deep = write(root / "deep/plain", TEXT)
    apply(root)
    log = tmp_path / "log"
    few = ["strace", "-f", "-o", log, "-e", "trace=openat", "-P", deep.parent, "-e", "inject=openat:error=EMFILE"]
    done = run("verify", root, prefix=few, environment={"ASAN_OPTIONS": "detect_leaks=0"}, status=1)
    assert "EMFILE" in log.read_text()
    assert b"deep/plain: could not be read: " in done.stdout and b"Too many open files" in done.stdout
    assert b"3 files as patched, 1 not" in done.stdout
    assert b"4 files as patched, 0 not" in run("verify", root).stdout


def test_every_state(root):
    tree(root)
    write(root / "plain", TEXT)
    write(root / "packed.gz", gzip.compress(b"other"))
    (root / "link").unlink()
    done = run("verify", root, "--json", status=1)
    assert states_of(done) == {"plain": "shipped", "packed.gz": "changed", "link": "gone"}
    done = run("verify", root, status=1)
    assert b"plain: holds its placeholders again; run: pathpatch apply " in done.stdout
    assert b"link: is gone" in done.stdout


def test_other_kinds_of_files(root):
    tree(root)
    (root / "plain").unlink()
    os.symlink(patched(TEXT)[:20], root / "plain")
    (root / "packed.gz").unlink()
    (root / "packed.gz").mkdir()
    (root / "link").unlink()
    os.mkfifo(root / "link")
    done = run("verify", root, "--json", status=1)
    assert states_of(done) == {"plain": "changed", "packed.gz": "changed", "link": "changed"}


def test_metadata_does_not_count(root):
    tree(root)
    (root / "plain").chmod(0o600)
    os.utime(root / "plain")
    run("verify", root)


def test_one_byte_counts(root):
    tree(root)
    with open(root / "plain", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    assert states_of(run("verify", root, "--json", status=1)) == {"plain": "changed"}


def test_odd_names(root):
    names = [b"\xff\xfe", b"new\nline", b'"']
    for name in names:
        write(root / os.fsdecode(name), TEXT)
    apply(root)
    done = run("verify", root, "--json", "--verbose")
    assert states_of(done) == {name: "patched" for name in ("\ufffd\ufffd", "new\nline", '"')}


def test_no_ledger(root):
    for command in ("verify", "status"):
        before = describe(root)
        done = run(command, root)
        assert b"no ledger" in done.stderr and b"pathpatch apply" in done.stderr
        assert b"0 files" in done.stdout
        done = run(command, root, "--json")
        assert objects(done)[-1]["type"] == "summary"
        assert b"no ledger" in done.stderr
        assert describe(root) == before and not (root / "data").exists()


def test_status(root):
    tree(root)
    done = run("status", root)
    lines = done.stdout.decode().splitlines()
    assert lines[: len(VALUES)] == [f"{name}={value}" for name, value in VALUES.items()]
    assert "3 files patched" in lines[-1] and STATE in lines[-1]
    listed = objects(run("status", root, "--json"))
    assert [each for each in listed if each["type"] == "value"] == [
        {"type": "value", "name": name, "value": value} for name, value in VALUES.items()
    ]
    assert [each["files"] for each in listed if each["type"] == "package"] == [3]
    assert (listed[-1]["type"], listed[-1]["files"]) == ("summary", 3)
    assert done.stderr == b""


def test_status_of_a_value_that_is_not_ascii(root):
    write(root / "file", TEXT)
    run("apply", root, root, "--any-bytes", "--set=TERMUX__HOME=/h\u00f6me")
    listed = objects(run("status", root, "--json"))
    assert {"type": "value", "name": "TERMUX__HOME", "value": "/h\u00f6me"} in listed


def state_of(root):
    """The files of the state folder. Whoever looks says so in the lock."""
    files = (path for path in (root / STATE).iterdir() if path.is_file() and path.name != "lock")
    return {path.name: path.read_bytes() for path in files}


def test_looking_writes_nothing(root):
    tree(root)
    before = state_of(root)
    run("verify", root)
    run("status", root)
    assert state_of(root) == before


def test_state_elsewhere(root, tmp_path):
    write(root / "plain", TEXT)
    state = f"--state={tmp_path / 'state'}"
    apply(root, state)
    assert b"1 file as patched" in run("verify", root, state).stdout
    assert b"no ledger" in run("verify", root).stderr


def test_a_run_that_was_killed(root):
    """It left an intent; who only looks does not end it."""
    tree(root)
    ledger = sqlite3.connect(root / STATE / "ledger.db")
    ledger.execute("INSERT INTO intent SELECT *, 0, 0, NULL, NULL FROM file LIMIT 1")
    ledger.commit()
    ledger.close()
    before = state_of(root)
    for words in (["verify"], ["status"], ["apply", "--dry-run", root]):
        done = run(words[0], root, *words[1:], status=3)
        assert b"recovery pending" in done.stderr and b"next apply" in done.stderr
    assert state_of(root) == before


def test_damaged_ledger(root):
    tree(root)
    (root / STATE / "ledger.db").write_bytes(b"no database at all" * 100)
    for command in ("verify", "status"):
        done = run(command, root, status=3)
        assert b"ledger.db is damaged" in done.stderr
    # Nothing is lost but the record: there is nothing left to patch.
    apply(root)
    assert (root / "plain").read_bytes() == patched(TEXT)


def test_words(root):
    for command in ("verify", "status"):
        assert f"usage: pathpatch {command}" in run(command, root, "--help").stdout.decode()
        assert b"takes no arguments" in run(command, root, "/tmp", status=2).stderr
        assert run(command, root, *SETS).returncode == 0
