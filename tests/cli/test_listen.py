"""pathpatch listen: the reference receiver, spoken to by independent senders."""

import hashlib
import hmac
import json
import os
import secrets
import socket
import subprocess

import pytest
import zmq
from notify_peers import PATIENCE, PROGRAM, Listen, dump, new_name, notify, sun_path

STRANGER = 4321


@pytest.fixture
def name():
    return new_name()


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(secrets.token_bytes(31) + b"x")
    path.chmod(0o600)
    return path


def message(kind="complete", seq=1, **changes):
    fields = {"v": 1, "type": kind, "run": secrets.token_hex(16), "seq": seq}
    if kind != "start":
        fields.update(files=3, patched=2)
    if kind in ("complete", "failed"):
        fields["status"] = 0
    return {**fields, **changes}


def lines_of(sock):
    return sock.makefile("rb")


@pytest.mark.parametrize("pad", [False, True])
def test_a_run(name, pad):
    run = secrets.token_hex(16)
    kinds = ["start", "progress", "complete"]
    sent = [message(kind, seq, run=run) for seq, kind in enumerate(kinds, 5)]
    with Listen("@" + name + (",pad" if pad else ""), name, "--once", pad=pad) as app:
        with app.connect(name, pad) as sock:
            sock.sendall(b"".join(map(dump, sent)))
            assert json.loads(lines_of(sock).readline()) == {"v": 1, "ack": 7, "run": run}
            assert sock.recv(1) == b""
        status, lines, errors = app.finish()
    assert (status, errors) == (0, "")
    assert [json.loads(line) for line in lines] == sent


def test_what_comes_twice_is_acked_twice_and_printed_once(name):
    first, second = message("failed", status=3), message("complete")
    with Listen("@" + name, name) as app:
        for sent in first, first, second, first:
            with app.connect(name) as sock:
                sock.sendall(dump(sent))
                assert json.loads(lines_of(sock).readline())["run"] == sent["run"]
        app.process.terminate()
        _, lines, _ = app.finish()
    assert [json.loads(line) for line in lines] == [first, second]


@pytest.mark.parametrize(
    "changes,err", [({"v": 2}, "version"), ({"type": "else"}, "bad"), ({"status": -1}, "bad")]
)
def test_nack(name, changes, err):
    sent = message(**changes)
    with Listen("@" + name, name) as app, app.connect(name) as sock:
        sock.sendall(dump(sent))
        answer = json.loads(lines_of(sock).readline())
    assert answer == {"v": 1, "nack": 1, "run": sent["run"], "err": err}


@pytest.mark.parametrize(
    "data",
    [b"x\n", b"\n", b"\0\n", b"x" * 4097, b"{}\n", dump(message(run="x")), b"\x1b[2J\n"],
    ids=["word", "empty", "nul", "long", "object", "run", "escape"],
)
def test_nonsense_is_refused_and_nobody_else_suffers(name, data):
    with Listen("@" + name, name, "--once") as app:
        silent = [app.connect(name) for _ in range(20)]
        with app.connect(name) as sock:
            sock.sendall(data)
            assert sock.recv(1) == b""
        assert notify("@" + name).returncode == 0
        status, lines, errors = app.finish()
        for sock in silent:
            sock.close()
    assert status == 0 and len(lines) == 1
    assert "refused" in errors and "\x1b" not in errors


def test_other_user_is_refused(name):
    send = ["/usr/bin/socat", "-t", "60", "-", f"ABSTRACT-CONNECT:{name}"]
    options = {"input": dump(message()), "capture_output": True, "timeout": PATIENCE}
    with Listen("@" + name, name, "--once") as app:
        done = subprocess.run(send, user=STRANGER, cwd="/", **options)
        assert b"ack" not in done.stdout
        assert notify("@" + name).returncode == 0
        status, lines, errors = app.finish()
    assert status == 0 and len(lines) == 1
    assert str(STRANGER) in errors
    with Listen("@" + name, name, "--once", "--peer-uid", STRANGER) as app:
        done = subprocess.run(send, user=STRANGER, cwd="/", **options)
        assert b"ack" in done.stdout
        assert app.finish()[0] == 0


class Sender:
    """The patcher's side of the token."""

    def __init__(self, sock, name, key):
        self.key, self.sock, self.reader = key, sock, lines_of(sock)
        cn = secrets.token_hex(32).encode()
        hello = {"v": 1, "type": "hello", "auth": "hmac-sha256", "cn": cn.decode()}
        sock.sendall(dump(hello))
        sn, proof = self.reader.readline().split()
        assert proof == self.mac(b"PP1-S\n" + name.encode() + b"\n" + cn + b"\n" + sn)
        self.session = name.encode() + b"\n" + cn + sn + b"\n"

    def mac(self, text):
        return hmac.new(self.key, text, hashlib.sha256).hexdigest().encode()

    def line(self, sent):
        text = dump(sent).rstrip(b"\n")
        return text + b" " + self.mac(b"PP1-C\n" + self.session + text) + b"\n"

    def answer(self, sent):
        text, proof = self.reader.readline().rstrip(b"\n").rsplit(b" ", 1)
        digest = hashlib.sha256(dump(sent).rstrip(b"\n")).hexdigest().encode()
        assert proof == self.mac(b"PP1-A\n" + self.session + digest + b"\n" + text)
        return json.loads(text)


def test_token(name, token_file):
    start, last = message("start"), message(seq=2)
    with Listen("@" + name, name, "--once", "--token-file", token_file) as app:
        with app.connect(name) as sock:
            sender = Sender(sock, name, token_file.read_bytes())
            sock.sendall(sender.line(start) + sender.line(last))
            assert sender.answer(last) == {"v": 1, "ack": 2, "run": last["run"]}
        status, lines, errors = app.finish()
    assert (status, errors) == (0, "")
    assert [json.loads(line) for line in lines] == [start, last]


def test_wrong_proofs(name, token_file):
    sent = message()
    with Listen("@" + name, name, "--once", "--token-file", token_file) as app:
        with app.connect(name) as sock:
            sock.sendall(dump(sent))
            assert sock.recv(1) == b""
        with app.connect(name) as sock:
            sender = Sender(sock, name, token_file.read_bytes())
            sock.sendall(dump(sent))
            assert sock.recv(1) == b""
        with app.connect(name) as sock:
            sender = Sender(sock, name, token_file.read_bytes())
            replayed = sender.line(sent)
            sock.sendall(replayed.replace(b'"patched": 2', b'"patched": 3'))
            assert sock.recv(1) == b""
        with app.connect(name) as sock:
            sender = Sender(sock, name, token_file.read_bytes())
            sock.sendall(replayed)
            assert sock.recv(1) == b""
        assert notify("@" + name, "--token-file", token_file).returncode == 0
        status, lines, errors = app.finish()
    assert status == 0 and len(lines) == 1
    assert errors.count("refused") == 4


def test_zmq(name):
    sock = zmq.Context.instance().socket(zmq.REQ)
    sock.setsockopt(zmq.RCVTIMEO, PATIENCE * 1000)
    with Listen("zmq:@" + name, name) as app:
        sock.connect("ipc://@" + name)
        for payload in b"green_flag", b"\x1b[2J\n\xff", b"x" * 4096:
            sock.send(payload)
            assert sock.recv() == b"ACK"
        app.process.terminate()
        _, lines, errors = app.finish()
    sock.close(linger=0)
    assert errors == ""
    assert lines == ["green_flag", "\\x1b[2J\\n\\xff", "x" * 4096]


def test_zmq_once(name):
    sock = zmq.Context.instance().socket(zmq.REQ)
    sock.setsockopt(zmq.RCVTIMEO, PATIENCE * 1000)
    with Listen("zmq:@" + name, name, "--once") as app:
        sock.connect("ipc://@" + name)
        sock.send(b"red_flag")
        assert sock.recv() == b"ACK"
        assert app.finish() == (0, ["red_flag"], "")
    sock.close(linger=0)


def test_systemd_notify(name):
    """It waits for its barrier, which the receiver has to let go of."""
    env = {**os.environ, "NOTIFY_SOCKET": "@" + name}
    with Listen("sd:@" + name, name) as app:
        for words in ["--status=half way"], ["--ready", "--status=all done"]:
            subprocess.run(["systemd-notify", *words], env=env, check=True, timeout=PATIENCE)
        app.process.terminate()
        _, lines, errors = app.finish()
    assert errors == "" and len(lines) == 2
    assert lines[0].startswith("STATUS=half way")
    assert "READY=1" in lines[-1]


def test_datagrams_of_others_are_refused(name):
    send = ["/usr/bin/socat", "-u", "-", f"ABSTRACT-SENDTO:{name}"]
    options = {"input": b"READY=1", "check": True, "timeout": PATIENCE}
    with Listen("sd:@" + name, name, "--once") as app:
        subprocess.run(send, user=STRANGER, cwd="/", **options)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x" * 5000, sun_path(name))
        subprocess.run(send, **options)
        status, lines, errors = app.finish()
    assert (status, lines) == (0, ["READY=1"])
    assert str(STRANGER) in errors and errors.count("refused") == 2


def test_name_that_is_taken(name):
    with Listen("@" + name, name) as app:
        done = subprocess.run(
            [PROGRAM, "listen", "@" + name], capture_output=True, text=True
        )
    assert done.returncode == 3 and name in done.stderr


def test_output_that_fails_is_not_acked(name):
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            [PROGRAM, "listen", "@" + name], stdout=full, stderr=subprocess.PIPE, text=True
        )
        done = notify("@" + name, "--notify-timeout", 2)
        _, errors = process.communicate(timeout=PATIENCE)
    assert done.returncode == 75
    assert process.returncode == 3 and "standard output" in errors


@pytest.mark.parametrize("words,status", [([], 2), (["@x", "y"], 2), (["x"], 78), (["@x", "--z"], 2)])
def test_usage(words, status):
    done = subprocess.run([PROGRAM, "listen", *words], capture_output=True)
    assert done.returncode == status
