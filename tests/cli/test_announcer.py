"""apply, restore and the hook tell an app how they go, as bootstrap does (test_bootstrap_app.py)."""

import gzip
import json

import pytest
from notify_peers import App, ack, answering, nack, new_name, notify, spooled
from trees import SETS, STATE, TEXT, apply, run, text, write

DONE, FINDINGS, REFUSED, FAILURE, UNDELIVERED, ADDRESS = 0, 1, 2, 3, 75, 78
SHORT = "--notify-timeout=0.2"
LONG = "--notify-timeout=60"


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "root/etc/a.conf", TEXT)
    write(tmp_path / "root/etc/b.conf", b"nothing\n")
    return tmp_path / "root"


@pytest.fixture
def name():
    return new_name()


def acking(message):
    return ack(message) if message["type"] in ("complete", "failed") else None


def heard(app):
    messages = [json.loads(line) for line in app.lines]
    assert len({m["run"] for m in messages}) == 1
    numbers = [m["seq"] for m in messages]
    assert numbers == sorted(set(numbers))
    return messages


def test_apply_and_restore_tell(root, name):
    with App(name, answering(acking)) as app:
        apply(root, f"--notify=@{name}", LONG)
    start, *progress, end = heard(app)
    assert start["type"] == "start" and {m["type"] for m in progress} <= {"progress"}
    assert (end["type"], end["status"], end["files"], end["patched"]) == ("complete", DONE, 2, 1)
    with App(name, answering(acking)) as app:
        run("restore", root, root, f"--notify=@{name}", LONG)
    assert (heard(app)[-1]["type"], heard(app)[-1]["status"]) == ("complete", DONE)
    assert (root / "etc/a.conf").read_bytes() == TEXT
    assert spooled(root / STATE) == []


def test_files_that_are_left_are_told(root, name):
    write(root / "bad.gz", gzip.compress(TEXT * 9)[:-9])
    with App(name, answering(acking)) as app:
        apply(root, f"--notify=@{name}", LONG, status=FINDINGS)
    assert (heard(app)[-1]["type"], heard(app)[-1]["status"]) == ("complete", FINDINGS)


def test_refused_values_are_told(root, name):
    with App(name, answering(acking)) as app:
        apply(root, "--set=TERMUX__HOME=x", f"--notify=@{name}", LONG, status=REFUSED)
    assert (heard(app)[-1]["type"], heard(app)[-1]["status"]) == ("failed", REFUSED)
    assert (root / "etc/a.conf").read_bytes() == TEXT


def test_nobody_listens(root, name):
    """75 only where all else went well; the spool keeps both, and the lock is free by then."""
    done = apply(root, f"--notify=@{name}", SHORT, status=UNDELIVERED)
    assert b"--resend" in done.stderr
    assert (root / "etc/a.conf").read_bytes() != TEXT
    write(root / "bad.gz", gzip.compress(TEXT * 9)[:-9])
    apply(root, f"--notify=@{name}", SHORT, status=FINDINGS)
    assert len(spooled(root / STATE)) == 2
    with App(name, answering(acking)) as app:
        for _ in range(2):
            assert notify(f"@{name}", "--resend", f"--state={root / STATE}").returncode == DONE
    assert [json.loads(line)["status"] for line in app.lines] == [DONE, FINDINGS]


def test_the_lock_is_free_when_the_end_is_told(root, name):
    seen = []

    def look(message):
        # It comes once more where both take longer than one try.
        if message["type"] == "complete" and not seen:
            seen.append(run("status", root).returncode)
            seen.append(apply(root).returncode)
        return acking(message)

    with App(name, answering(look)):
        apply(root, f"--notify=@{name}", LONG)
    assert seen == [DONE, DONE]


@pytest.mark.parametrize("command", ["apply", "restore"])
def test_an_answer_that_comes_late(root, name, command):
    """What was given up is closed: an app that takes one at a time comes to the next."""
    apply(root)
    with App(name, answering(lambda message: acking(message) if app.connections > 1 else None)) as app:
        run(command, root, *(SETS if command == "apply" else []), root, f"--notify=@{name}", LONG)
    assert app.connections == 2


def test_an_address_that_is_none(root):
    apply(root, "--notify=nowhere", status=ADDRESS)
    assert (root / "etc/a.conf").read_bytes() == TEXT


def test_a_dry_run_tells_nobody(root, name):
    with App(name, answering(acking)) as app:
        apply(root, "--dry-run", f"--notify=@{name}")
    assert app.connections == 0 and not (root / STATE).exists()


def test_a_receiver_that_refuses(root, name):
    with App(name, answering(lambda m: nack(m, "bad") if m["type"] == "complete" else None)):
        apply(root, f"--notify=@{name}", LONG, status=UNDELIVERED)
    assert len(spooled(root / STATE)) == 1


def test_only_commands_that_change_something_take_an_address(root):
    for command in ("scan", "status", "verify"):
        assert b"--notify: no such option" in run(command, root, "--notify=@x", status=REFUSED).stderr
    assert text("TERMUX__HOME") in (root / "etc/a.conf").read_bytes()
