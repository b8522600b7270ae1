"""The app of a bootstrap: what it is told, what is kept when it is not there, what runs before."""

import json
import os
import socket
import subprocess

import pytest
from bootstrap_trees import DATA_DIR, PREFIX, STATE, USR, Device, File, sample, write_zip
from notify_peers import App, Squatter, Token, ack, answering, nack, new_name, notify, spooled

DONE, FINDINGS, REFUSED, FAILURE, UNDELIVERED, PEER, ADDRESS = 0, 1, 2, 3, 75, 77, 78
STRANGER = 4321
SHORT = "--notify-timeout=0.2"
LONG = "--notify-timeout=60"


@pytest.fixture
def device(tmp_path):
    return Device(tmp_path)


@pytest.fixture
def archive(tmp_path):
    return write_zip(tmp_path / "a.zip", sample())


@pytest.fixture
def broken(tmp_path):
    path = write_zip(tmp_path / "broken.zip", sample())
    path.write_bytes(path.read_bytes()[:-10])
    return path


@pytest.fixture
def name():
    return new_name()


def acking(message):
    return ack(message) if message["type"] in ("complete", "failed") else None


def messages(app):
    return [json.loads(line) for line in app.lines]


def kept(folder):
    return [json.loads(path.read_text()) for path in spooled(folder)]


def test_start_progress_complete(device, archive, name):
    with App(name, answering(acking)) as app:
        device.bootstrap(archive, f"--notify=@{name}", LONG)
    start, *progress, complete = messages(app)
    assert start["type"] == "start"
    assert {m["type"] for m in progress} == {"progress"}
    assert complete["type"] == "complete"
    assert (complete["status"], complete["files"], complete["patched"]) == (0, 14, 7)
    assert len({m["run"] for m in messages(app)}) == 1
    numbers = [m["seq"] for m in messages(app)]
    assert numbers == sorted(set(numbers))
    counts = [m["files"] for m in progress]
    assert counts == sorted(counts)
    assert spooled(device.dest / STATE) == [] and device.beside() == ["usr"]


def test_the_tree_is_there_when_complete_arrives(device, archive, name):
    seen = []

    def look(message):
        if message["type"] == "complete":
            seen.append((device.beside(), (device.dest / "etc/plain.conf").exists()))
        return acking(message)

    with App(name, answering(look)):
        device.bootstrap(archive, f"--notify=@{name}", LONG)
    assert seen == [(["usr", "usr.pathpatch"], True)]
    assert device.beside() == ["usr"]


def test_files_that_could_not_be_patched_are_told(device, tmp_path, name):
    import gzip

    whole = gzip.compress(USR * 100)
    archive = write_zip(tmp_path / "b.zip", {"a.gz": File(whole[:-9])})
    with App(name, answering(acking)) as app:
        device.bootstrap(archive, f"--notify=@{name}", LONG, status=FINDINGS)
    assert messages(app)[-1]["type"] == "complete" and messages(app)[-1]["status"] == FINDINGS


def test_nobody_listens_and_the_spool_keeps_it(device, archive, name):
    done = device.bootstrap(archive, f"--notify=@{name}", SHORT, status=UNDELIVERED)
    assert "nobody listens" in done.stderr and "--resend" in done.stderr
    (message,) = kept(device.dest / STATE)
    assert (message["type"], message["status"], message["patched"]) == ("complete", 0, 7)
    assert device.beside() == ["usr"]
    with App(name, answering(acking)) as app:
        for _ in range(2):
            assert notify(f"@{name}", "--resend", f"--state={device.dest / STATE}").returncode == DONE
    assert messages(app) == [message]


def test_an_app_that_is_late(device, archive, name):
    """It binds its name only when the tree is there."""
    process = subprocess.Popen(
        device.command(*device.words(archive, f"--notify=@{name}", LONG)),
        stdout=subprocess.DEVNULL,
        env=device.environment,
    )
    while not device.dest.exists():
        assert process.poll() is None
    with App(name, answering(acking)) as app:
        assert process.wait(60) == DONE
    assert messages(app)[-1]["type"] == "complete"
    assert spooled(device.dest / STATE) == []


def test_an_app_that_is_another_user(device, archive, name):
    squatter = Squatter(name, STRANGER)
    device.bootstrap(archive, f"--notify=@{name}", LONG, status=PEER)
    connections, received = squatter.counts()
    assert connections >= 1 and received == 0
    assert len(spooled(device.dest / STATE)) == 1


def test_an_app_that_says_no(device, archive, name):
    refuse = answering(lambda m: nack(m, "bad") if m["type"] == "complete" else None)
    with App(name, refuse):
        device.bootstrap(archive, f"--notify=@{name}", LONG, status=UNDELIVERED)
    assert len(spooled(device.dest / STATE)) == 1


def test_a_token(device, archive, name, tmp_path):
    (tmp_path / "token").write_bytes(b"k" * 40)
    (tmp_path / "token").chmod(0o600)
    token = Token(b"k" * 40, name)
    with App(name, token.serve) as app:
        device.bootstrap(archive, f"--notify=@{name}", LONG, f"--token-file={tmp_path / 'token'}")
    assert messages(app)[-1]["type"] == "complete"


def test_a_failure_is_told(device, broken, name):
    with App(name, answering(acking)) as app:
        device.bootstrap(broken, f"--notify=@{name}", LONG, status=FAILURE)
    assert (messages(app)[-1]["type"], messages(app)[-1]["status"]) == ("failed", FAILURE)
    device.check_untouched()


def test_refused_values_are_told(device, archive, name):
    with App(name, answering(acking)) as app:
        device.bootstrap(archive, f"--notify=@{name}", LONG, "--set=TERMUX__HOME=x", status=REFUSED)
    assert (messages(app)[-1]["type"], messages(app)[-1]["status"]) == ("failed", REFUSED)


def test_failures_that_nobody_heard_of_move_into_the_tree(device, archive, broken, name):
    device.bootstrap(broken, f"--notify=@{name}", SHORT, status=FAILURE)
    (failed,) = kept(device.work)
    assert (failed["type"], failed["status"]) == ("failed", FAILURE)
    assert device.work.stat().st_mode & 0o777 == 0o700
    # An address that nothing can be sent to.
    device.bootstrap(archive, f"--notify=@{name}", SHORT, status=UNDELIVERED)
    assert device.beside() == ["usr"]
    assert {m["type"] for m in kept(device.dest / STATE)} == {"failed", "complete"}
    assert failed in kept(device.dest / STATE)


def test_an_address_that_is_none(device, archive):
    device.bootstrap(archive, "--notify=nowhere", status=ADDRESS)
    device.check_untouched()


def test_sd_notify(device, archive, name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(b"\0" + name.encode())
        device.bootstrap(archive, f"--notify=sd:@{name}")
        sock.setblocking(False)
        datagrams = []
        while True:
            try:
                datagrams.append(sock.recv(65536).decode())
            except BlockingIOError:
                break
    assert "READY=1" in datagrams[-1].splitlines()
    assert not any("READY=1" in d.splitlines() for d in datagrams[:-1])


# ---- what runs before the app is told ----


def test_then_runs_in_the_tree_with_the_values(device, archive, name):
    command = 'echo "$TERMUX__PREFIX $(pwd)" >ran; test ! -t 0; cat'
    seen = []

    def look(message):
        if message["type"] == "complete":
            seen.append((device.dest / "ran").exists())
        return acking(message)

    with App(name, answering(look)) as app:
        device.bootstrap(archive, f"--notify=@{name}", LONG, f"--then={command}")
    assert (device.dest / "ran").read_text() == f"{PREFIX} {device.dest}\n"
    assert seen == [True]
    assert messages(app)[-1]["type"] == "complete" and spooled(device.dest / STATE) == []


def test_then_may_use_the_state(device, archive):
    """The lock is free by then."""
    program = device.command()[0]
    words = f"apply {device.dest} --root={device.root} --set=TERMUX_APP__DATA_DIR={DATA_DIR}"
    done = device.bootstrap(archive, f"--then={program} {words} >second")
    assert " 0 patched" in (device.dest / "second").read_text()
    assert done.returncode == DONE


def test_then_that_fails(device, archive, name):
    with App(name, answering(acking)) as app:
        done = device.bootstrap(archive, f"--notify=@{name}", LONG, "--then=exit 7", status=FAILURE)
    assert "status 7" in done.stderr and device.dest.exists()
    assert (messages(app)[-1]["type"], messages(app)[-1]["status"]) == ("failed", FAILURE)


def test_a_kill_while_then_runs_leaves_word_of_it(device, archive, name):
    process = subprocess.Popen(
        device.command(*device.words(archive, f"--notify=@{name}", "--then=echo >ran; exec sleep 600")),
        stdout=subprocess.DEVNULL,
        env=device.environment,
        start_new_session=True,
    )
    while not (device.dest / "ran").exists():
        assert process.poll() is None
    os.killpg(process.pid, 9)
    process.wait()
    (message,) = kept(device.dest / STATE)
    assert message["type"] == "failed"


def test_then_says_nothing_among_the_objects(device, archive):
    done = device.bootstrap(archive, "--json", "--then=echo hello")
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()][-1] == "summary"
    assert "hello" in done.stderr


# ---- two at once ----


def test_a_second_one_waits_and_finds_it_done(device, archive, tmp_path):
    """The first is fed by a pipe that stays open until the second waits."""
    reading, writing = os.pipe()
    content = archive.read_bytes()
    with subprocess.Popen(
        device.command(*device.words("-")), stdin=reading, stdout=subprocess.DEVNULL, env=device.environment
    ) as first:
        os.close(reading)
        os.write(writing, content[:100])
        while not (device.work / "lock").exists() or not (device.work / "lock").read_text():
            assert first.poll() is None
        with subprocess.Popen(
            device.command(*device.words(archive)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=device.environment,
        ) as second:
            assert f"process {first.pid}" in second.stderr.readline()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(content[100:])
            assert first.wait(60) == DONE
            assert second.wait(60) == REFUSED
            assert "there already" in second.stderr.read()
    assert device.beside() == ["usr"]
