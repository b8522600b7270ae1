"""pathpatch notify against real apps, and against peers that mean no good."""

import ctypes
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import threading
import time

import pytest
import zmq
from notify_peers import (
    PATIENCE,
    PROGRAM,
    App,
    Squatter,
    Token,
    ack,
    answering,
    dump,
    listener,
    nack,
    new_name,
    notify,
    spooled,
    sun_path,
)

DELIVERED, USAGE, UNDELIVERED, PEER, ADDRESS = 0, 2, 75, 77, 78
# The overflow uid: what an unmapped user looks like.
NOBODY = 65534
STRANGER = 4321


@pytest.fixture
def name():
    return new_name()


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(secrets.token_hex(32).encode() + b"\n")
    path.chmod(0o600)
    return path


def key_of(token_file):
    return token_file.read_bytes().rstrip(b"\n")


def check_kept(state, done, status, types=("complete",)):
    """Not delivered, and nothing is lost."""
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("pathpatch: "), done.stderr
    kept = spooled(state)
    assert [json.loads(path.read_bytes())["type"] for path in kept] == list(types)
    for path in kept:
        assert path.name == json.loads(path.read_bytes())["run"] + ".json"


# Apps that work.


@pytest.mark.parametrize("pad", [False, True])
def test_plain_socket(name, state, pad):
    with App(name, answering(ack), pad=pad) as app:
        done = notify("@" + name + (",pad" if pad else ""), "--state", state)
    assert (done.returncode, done.stderr) == (DELIVERED, "")
    assert spooled(state) == []
    assert app.connections == 1
    (line,) = app.lines
    assert line.isascii() and len(line) <= 4096
    message = json.loads(line)
    assert re.fullmatch("[0-9a-f]{32}", message["run"])
    assert {**message, "run": "", "seq": 0} == {
        "v": 1,
        "type": "complete",
        "run": "",
        "seq": 0,
        "status": 0,
        "files": 0,
        "patched": 0,
    }


def test_failed(name):
    with App(name, answering(ack)) as app:
        assert notify("@" + name, "--type", "failed", "--status", 9).returncode == DELIVERED
    message = json.loads(app.lines[0])
    assert (message["type"], message["status"]) == ("failed", 9)


@pytest.mark.parametrize("bound_pad", [False, True])
def test_the_other_length_is_another_address(name, state, bound_pad):
    with App(name, answering(ack), pad=bound_pad) as app:
        address = "@" + name + ("" if bound_pad else ",pad")
        done = notify(address, "--state", state, "--notify-timeout", 0.3)
    check_kept(state, done, UNDELIVERED)
    assert app.connections == 0


def test_longest_name(name):
    name = name.ljust(106, "x")
    with App(name, answering(ack)) as app:
        assert notify("@" + name).returncode == DELIVERED
    assert app.connections == 1


def test_android_local_server_socket(name):
    """The code under Android's LocalServerSocket."""
    cutils = ctypes.CDLL("/usr/lib/%s-linux-gnu/android/libcutils.so.0" % os.uname().machine)
    abstract = 0
    fd = cutils.socket_local_server(name.encode(), abstract, socket.SOCK_STREAM)
    assert fd >= 0
    with App(name, answering(ack), sock=socket.socket(fileno=fd)) as app:
        assert notify("@" + name).returncode == DELIVERED
    assert app.connections == 1


def test_socat(name, tmp_path):
    script = tmp_path / "app"
    script.write_text(
        "#!/bin/sh\n"
        "read -r line\n"
        "printf '%s\\n' \"$line\" >$LOG\n"
        "run=$(printf %s \"$line\" | sed 's/.*\"run\":\"\\([0-9a-f]*\\)\".*/\\1/')\n"
        "seq=$(printf %s \"$line\" | sed 's/.*\"seq\":\\([0-9]*\\).*/\\1/')\n"
        'printf \'{"run":"%s","ack":%s,"v":1}\\n\' "$run" "$seq"\n'
    )
    script.chmod(0o755)
    # unix-tightsocklen is the exact length, socat's default.
    app = subprocess.Popen(
        ["socat", f"ABSTRACT-LISTEN:{name}", f"EXEC:{script}"],
        env={**os.environ, "LOG": str(tmp_path / "log")},
    )
    done = notify("@" + name, "--notify-timeout", 60)
    assert done.returncode == DELIVERED, done.stderr
    assert app.wait(PATIENCE) == 0
    assert json.loads((tmp_path / "log").read_text())["type"] == "complete"


def test_sd_notify(name, state):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(sun_path(name))
        done = notify("sd:@" + name, "--state", state)
        assert done.returncode == DELIVERED
        assert "unauthenticated" in done.stderr
        complete = dict(line.split("=", 1) for line in sock.recv(4096).decode().splitlines())
        env = {**os.environ, "NOTIFY_SOCKET": "@" + name}
        done = notify("NOTIFY_SOCKET", "--type", "failed", "--status", 5, env=env)
        assert done.returncode == DELIVERED
        failed = dict(line.split("=", 1) for line in sock.recv(4096).decode().splitlines())
    assert spooled(state) == []
    assert set(complete) == {"READY", "STATUS", "X_PATHPATCH_RUN"}
    assert complete["READY"] == "1"
    assert re.fullmatch("[0-9a-f]{32}", complete["X_PATHPATCH_RUN"])
    assert set(failed) == {"STATUS", "ERRNO", "X_PATHPATCH_RUN"}
    assert failed["ERRNO"] == "5"


def test_sd_notify_at_a_path(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(os.fspath(tmp_path / "notify"))
        env = {**os.environ, "NOTIFY_SOCKET": os.fspath(tmp_path / "notify")}
        assert notify("NOTIFY_SOCKET", env=env).returncode == DELIVERED
        assert sock.recv(4096).startswith(b"READY=1\n")


def test_sd_notify_without_receiver(name, state):
    done = notify("sd:@" + name, "--state", state, "--notify-timeout", 0.3)
    check_kept(state, done, UNDELIVERED)


def zmq_rep(name, replies):
    """Answers one request after the other; gives what was asked."""
    sock = zmq.Context.instance().socket(zmq.REP)
    sock.setsockopt(zmq.RCVTIMEO, PATIENCE * 1000)
    sock.bind("ipc://@" + name)
    asked = []

    def serve():
        for reply in replies:
            asked.append(sock.recv_multipart())
            sock.send_multipart(reply if isinstance(reply, list) else [reply])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    def finish():
        thread.join(PATIENCE)
        assert not thread.is_alive()
        sock.close(linger=PATIENCE * 1000)
        return asked

    return finish


def test_zmq(name, state):
    finish = zmq_rep(name, [b"ACK"])
    done = notify("zmq:@" + name, "--state", state)
    assert (done.returncode, done.stderr) == (DELIVERED, "")
    assert finish() == [[b"green_flag"]]
    assert spooled(state) == []


@pytest.mark.parametrize("length", [1, 255, 256, 4095])
def test_zmq_payload_and_expected_reply(name, length):
    finish = zmq_rep(name, [b"y" * length])
    payload, expect = "x" * length, "y" * length
    done = notify("zmq:@" + name, "--payload", payload, "--expect", expect)
    assert done.returncode == DELIVERED, done.stderr
    assert finish() == [[payload.encode()]]


@pytest.mark.parametrize(
    "reply",
    [b"NO", b"", b"ACK ", b"ACKACK", [b"ACK", b"more"], pytest.param(b"x" * 10000, id="long")],
)
def test_zmq_other_reply(name, state, reply):
    finish = zmq_rep(name, [reply])
    check_kept(state, notify("zmq:@" + name, "--state", state), UNDELIVERED)
    finish()


def test_zmq_socket_of_another_type(name, state):
    sock = zmq.Context.instance().socket(zmq.PULL)
    sock.bind("ipc://@" + name)
    done = notify("zmq:@" + name, "--state", state, "--notify-timeout", 1)
    check_kept(state, done, UNDELIVERED)
    assert sock.poll(0) == 0
    sock.close()


def test_zmq_green_flag_is_never_sent_for_a_failure(name, state):
    with App(name, lambda app, connection, reader: app.lines.append(reader.read(1))) as app:
        done = notify("zmq:@" + name, "--state", state, "--type", "failed")
    check_kept(state, done, UNDELIVERED, ["failed"])
    assert app.lines == []


# The token.


@pytest.mark.parametrize("pad", [False, True])
def test_token(name, state, token_file, pad):
    token = Token(key_of(token_file), name)
    with App(name, token.serve, pad=pad) as app:
        for _ in range(2):
            address = "@" + name + (",pad" if pad else "")
            done = notify(address, "--state", state, "--token-file", token_file)
            assert (done.returncode, done.stderr) == (DELIVERED, "")
    assert [json.loads(line)["type"] for line in app.lines] == ["complete", "complete"]
    assert spooled(state) == []


def test_token_by_descriptor(name, token_file):
    with App(name, Token(key_of(token_file), name).serve) as app, open(token_file, "rb") as file:
        done = notify("@" + name, "--token-fd", file.fileno(), pass_fds=[file.fileno()])
    assert done.returncode == DELIVERED, done.stderr
    assert len(app.lines) == 1


def test_token_takes_the_place_of_the_uid(name, token_file, tmp_path):
    """A listening socket made by another user, and served by who has the token."""
    sock = listener_of(STRANGER, name)
    with App(name, Token(key_of(token_file), name).serve, sock=sock) as app:
        assert notify("@" + name).returncode == PEER
        assert notify("@" + name, "--token-file", token_file).returncode == DELIVERED
    assert len(app.lines) == 1


def listener_of(uid, name):
    """SO_PEERCRED tells who called listen(2)."""
    made = []

    def make():
        # The raw system call changes this thread alone.
        libc = ctypes.CDLL(None, use_errno=True)
        setresuid = {"x86_64": 117, "aarch64": 147}[os.uname().machine]
        assert libc.syscall(setresuid, uid, uid, uid) == 0
        made.append(listener(name))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


def flip(line):
    return line[:-1] + (b"0" if line[-1:] != b"0" else b"1")


@pytest.mark.parametrize(
    "bend",
    [
        flip,
        lambda line: line.upper(),
        lambda line: line.split()[0],
        lambda line: line + b"0",
        lambda line: line.replace(b" ", b"  "),
        lambda line: b"0" * 64 + line[64:],
        lambda line: b"",
        lambda line: b'{"v":1,"ack":1}',
    ],
)
def test_wrong_proof(name, state, token_file, bend):
    token = Token(key_of(token_file), name, bend_proof=bend)
    with App(name, token.serve) as app:
        done = notify("@" + name, "--state", state, "--token-file", token_file)
    check_kept(state, done, PEER)
    assert app.lines == [] and app.connections == 1


def test_other_token(name, state, token_file):
    with App(name, Token(b"x" * 32, name).serve) as app:
        done = notify("@" + name, "--state", state, "--token-file", token_file)
    check_kept(state, done, PEER)
    assert app.lines == []


@pytest.mark.parametrize("bend", [flip, lambda line: line.rsplit(b" ", 1)[0]])
def test_wrong_proof_of_an_ack(name, state, token_file, bend):
    token = Token(key_of(token_file), name, bend_answer=bend)
    with App(name, token.serve):
        done = notify("@" + name, "--state", state, "--token-file", token_file)
    check_kept(state, done, PEER)


def test_echo_with_token(name, state, token_file):
    def echo(app, connection, reader):
        for line in reader:
            connection.sendall(line)

    with App(name, echo):
        done = notify("@" + name, "--state", state, "--token-file", token_file)
    check_kept(state, done, PEER)


def test_replay(name, state, token_file):
    """What a right app said once is worth nothing the next time."""
    said = []

    def note(line):
        said.append(line + b"\n")
        return line

    with App(name, Token(key_of(token_file), name, note, note).serve):
        done = notify("@" + name, "--token-file", token_file)
        assert done.returncode == DELIVERED

    def replay(app, connection, reader):
        for line, answer in zip(reader, said):
            app.lines.append(line)
            connection.sendall(answer)

    other = new_name()
    with App(other, replay) as app:
        done = notify("@" + other, "--state", state, "--token-file", token_file)
    check_kept(state, done, PEER)
    assert len(app.lines) == 1 and b"hello" in app.lines[0]


def test_app_that_knows_no_token(name, state, token_file):
    with App(name, lambda app, connection, reader: app.lines.append(reader.readline())) as app:
        done = notify(
            "@" + name, "--state", state, "--token-file", token_file, "--notify-timeout", 0.3
        )
    check_kept(state, done, UNDELIVERED)
    assert all(b"hello" in line for line in app.lines)


# Who may be spoken to.


@pytest.mark.parametrize("form", ["@", "zmq:@"])
def test_other_user_gets_nothing(name, state, form):
    squatter = Squatter(name, STRANGER)
    done = notify(form + name, "--state", state, "--peer-uid", STRANGER + 1)
    connections, got = squatter.counts()
    check_kept(state, done, PEER)
    assert (connections, got) == (1, 0)


def test_other_user_that_is_allowed(name):
    sock = listener_of(STRANGER, name)
    with App(name, answering(ack), sock=sock) as app:
        done = notify("@" + name, "--peer-uid", 1, "--peer-uid", STRANGER)
    assert done.returncode == DELIVERED, done.stderr
    assert len(app.lines) == 1


def test_overflow_uid_proves_nothing(name, state):
    squatter = Squatter(name, NOBODY)
    done = notify("@" + name, "--state", state, "--peer-uid", NOBODY)
    connections, got = squatter.counts()
    check_kept(state, done, PEER)
    assert (connections, got) == (1, 0)


# Senders in places of their own. Names belong to the network, not to the folder or the user.


def test_sender_in_a_chroot(name, tmp_path):
    root = tmp_path / "root"
    listed = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
    for path in [str(PROGRAM), *re.findall(r"(/\S+) \(0x", listed)]:
        copy = root / path.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    with App(name, answering(ack)) as app:
        done = subprocess.run(
            ["chroot", root, PROGRAM, "notify", "@" + name, "--state", "/state"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert (done.returncode, done.stderr) == (DELIVERED, "")
    assert len(app.lines) == 1


def test_sender_in_a_user_namespace(name, state, token_file):
    """There every user from outside is the overflow uid, which proves nothing; a token does."""
    inside = ["unshare", "--user", PROGRAM, "notify", "@" + name]
    options = {"stderr": subprocess.PIPE, "text": True, "timeout": PATIENCE}
    with App(name, Token(key_of(token_file), name).serve) as app:
        done = subprocess.run(inside, **options)
        assert done.returncode == PEER, done.stderr
        assert (app.lines, app.error) == ([], None)
        with open(token_file, "rb") as file:
            token = ["--token-fd", str(file.fileno())]
            done = subprocess.run([*inside, *token], pass_fds=[file.fileno()], **options)
    assert (done.returncode, done.stderr) == (DELIVERED, "")
    assert len(app.lines) == 1


# Peers that hold things up. Each test ends because notify does.


def test_never_accepts(name, state):
    with listener(name):
        done = notify("@" + name, "--state", state, "--notify-timeout", 0.5)
    check_kept(state, done, UNDELIVERED)


def test_full_backlog(name, state):
    with listener(name, backlog=0) as sock, socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(sun_path(name))
        done = notify("@" + name, "--state", state, "--notify-timeout", 0.5)
        check_kept(state, done, UNDELIVERED)
        assert "does not accept" in done.stderr
        sock.accept()


def test_backlog_that_gets_free(name, state):
    sock = listener(name, backlog=0)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(sun_path(name))
    timer = threading.Timer(0.3, lambda: apps.append(App(name, answering(ack), sock=sock)))
    apps = []
    timer.start()
    waiting.close()
    assert notify("@" + name, "--notify-timeout", 60).returncode == DELIVERED
    timer.join()
    with apps[0] as app:
        pass
    assert len(app.lines) == 1


@pytest.mark.parametrize("extra", [[], ["token"]])
def test_never_reads(name, state, token_file, extra):
    gone = threading.Event()
    options = ["--token-file", token_file] if extra else []
    with App(name, lambda app, connection, reader: gone.wait(PATIENCE)):
        done = notify("@" + name, "--state", state, "--notify-timeout", 1.5, *options)
        gone.set()
    check_kept(state, done, UNDELIVERED)


@pytest.mark.parametrize("form", ["@", "zmq:@"])
def test_drips(name, state, form):
    first = b"{" if form == "@" else b"\xff"

    def drip(app, connection, reader):
        connection.sendall(first)
        while True:
            time.sleep(0.05)
            connection.sendall(b" " if form == "@" else b"\0")

    with App(name, drip):
        done = notify(form + name, "--state", state, "--notify-timeout", 1)
    check_kept(state, done, UNDELIVERED)


@pytest.mark.parametrize("form", ["@", "zmq:@"])
@pytest.mark.parametrize("byte", [b"x", b"\n", b"\0", b"\xff"])
def test_floods(name, state, form, byte):
    def flood(app, connection, reader):
        while True:
            connection.sendall(byte * 65536)

    with App(name, flood):
        done = notify(form + name, "--state", state, "--notify-timeout", 1)
    check_kept(state, done, UNDELIVERED)


def test_floods_with_acks_of_earlier_messages(name, state):
    def flood(app, connection, reader):
        message = json.loads(reader.readline())
        while True:
            connection.sendall(dump(ack(message, ack=0)) * 100)

    with App(name, flood):
        done = notify("@" + name, "--state", state, "--notify-timeout", 1)
    check_kept(state, done, UNDELIVERED)


@pytest.mark.parametrize("form", ["@", "zmq:@"])
def test_hangs_up(name, state, form):
    with App(name, lambda app, connection, reader: None) as app:
        done = notify(form + name, "--state", state, "--notify-timeout", 1)
    check_kept(state, done, UNDELIVERED)
    assert app.connections > 1


# Peers that answer something else.


@pytest.mark.parametrize(
    "reply",
    [
        lambda message: message,
        lambda message: b"ACK\n",
        lambda message: b"\n",
        lambda message: b"\0\n",
        lambda message: ack(message, run="0" * 32),
        lambda message: ack(message, run=message["run"].upper() + "x"),
        lambda message: ack(message, ack=message["seq"] + 1),
        lambda message: ack(message, ack=str(message["seq"])),
        lambda message: ack(message, v=2),
        lambda message: {"v": 1, "ack": message["seq"]},
        lambda message: dump(ack(message)).replace(b"{", b"{" + b" " * 4096),
        lambda message: nack(message, "bad"),
        lambda message: nack(message, "version"),
        lambda message: nack(message, "else"),
    ],
)
def test_no_ack(name, state, reply):
    with App(name, answering(reply)) as app:
        done = notify("@" + name, "--state", state, "--notify-timeout", 60)
    check_kept(state, done, UNDELIVERED)
    assert app.connections == 1


def test_ack_of_an_earlier_message_is_skipped(name):
    both = lambda message: dump(ack(message, ack=0)) + dump(ack(message))
    with App(name, answering(both)):
        assert notify("@" + name).returncode == DELIVERED


def test_ack_in_pieces_and_in_another_order(name):
    def serve(app, connection, reader):
        message = json.loads(reader.readline())
        text = '{ "run" : "%s", "more": [1], "ack" : %d, "v" : 1 }\n'
        for byte in (text % (message["run"], message["seq"])).encode():
            connection.sendall(bytes([byte]))

    with App(name, serve):
        assert notify("@" + name, "--notify-timeout", 60).returncode == DELIVERED


def test_busy_until_the_deadline(name, state):
    with App(name, answering(lambda message: nack(message, "busy"))) as app:
        done = notify("@" + name, "--state", state, "--notify-timeout", 1)
    check_kept(state, done, UNDELIVERED)
    assert app.connections > 1


def test_busy_for_a_while(name, state):
    times = []

    def reply(message):
        times.append(message)
        return nack(message, "busy") if len(times) < 3 else ack(message)

    with App(name, answering(reply)) as app:
        done = notify("@" + name, "--state", state, "--notify-timeout", 60)
    assert done.returncode == DELIVERED
    assert len(app.lines) == 3 and len(set(app.lines)) == 1
    assert spooled(state) == []


# Nothing is lost.


def test_app_comes_a_second_late(name, state):
    process = threading.Thread(target=lambda: results.append(notify(*words)))
    words = ["@" + name, "--state", state, "--notify-timeout", 60]
    results = []
    process.start()
    time.sleep(1)
    with App(name, answering(ack)) as app:
        process.join(PATIENCE)
    assert results[0].returncode == DELIVERED
    assert len(app.lines) == 1
    assert spooled(state) == []


def test_absent_then_sent_again_once(name, state):
    words = ["@" + name, "--state", state, "--notify-timeout", 0.2]
    check_kept(state, notify(*words), UNDELIVERED)
    (kept,) = spooled(state)
    text = kept.read_bytes()
    assert (state / "spool").stat().st_mode & 0o7777 == 0o700
    done = notify(*words, "--resend")
    assert done.returncode == UNDELIVERED
    assert spooled(state) == [kept] and kept.read_bytes() == text
    with App(name, answering(ack)) as app:
        done = notify(*words[:3], "--resend")
        assert (done.returncode, done.stdout) == (DELIVERED, "1 delivered\n")
        done = notify(*words[:3], "--resend")
        assert (done.returncode, done.stdout) == (DELIVERED, "0 delivered\n")
    assert app.lines == [text]
    assert spooled(state) == []


def test_send_again_in_order_past_what_the_app_refuses(name, state):
    words = ["@" + name, "--state", state, "--notify-timeout", 0.05, "--type", "failed"]
    for status in 30, 10, 20:
        assert notify(*words, "--status", status).returncode == UNDELIVERED
    refuse_first = lambda m: nack(m, "bad") if m["status"] == 30 else ack(m)
    with App(name, answering(refuse_first)) as app:
        done = notify("@" + name, "--state", state, "--resend")
    assert (done.returncode, done.stdout) == (UNDELIVERED, "2 delivered\n")
    assert [json.loads(line)["status"] for line in app.lines] == [30, 10, 20]
    assert [json.loads(path.read_bytes())["status"] for path in spooled(state)] == [30]


def test_damaged_message_in_the_spool(name, state):
    assert notify("@" + name, "--state", state, "--notify-timeout", 0.1).returncode == UNDELIVERED
    damaged = state / "spool" / ("0" * 32 + ".json")
    damaged.write_text('{"v":1')
    with App(name, answering(ack)) as app:
        done = notify("@" + name, "--state", state, "--resend")
    assert done.returncode == 3 and damaged.name in done.stderr
    assert len(app.lines) == 1
    assert spooled(state) == [damaged]


def test_spool_that_is_open_to_others(name, state):
    (state / "spool").mkdir(parents=True)
    (state / "spool").chmod(0o755)
    with App(name, answering(ack)) as app:
        done = notify("@" + name, "--state", state)
    assert done.returncode == USAGE and "chmod 700" in done.stderr
    assert app.connections == 0


def test_kept_before_it_is_sent(name, state):
    seen = []

    def serve(app, connection, reader):
        reader.readline()
        seen.extend(path.name for path in spooled(state))

    with App(name, serve):
        notify("@" + name, "--state", state, "--notify-timeout", 1)
    assert len(seen) >= 1 and re.fullmatch(r"[0-9a-f]{32}\.json", seen[0])


def test_spool_where_the_table_says(name, tmp_path):
    """Used when the folder is there; not made for the sake of a message."""
    words = ["@" + name, "--root", tmp_path, "--notify-timeout", 0.1]
    done = notify(*words)
    assert done.returncode == UNDELIVERED and "no spool" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert notify(*words, "--resend").returncode == USAGE
    state = tmp_path / "data/data/com.termux/files/usr/var/lib/pathpatch"
    state.mkdir(parents=True, mode=0o700)
    check_kept(state, notify(*words), UNDELIVERED)
    with App(name, answering(ack)):
        assert notify(*words[:3], "--resend").stdout == "1 delivered\n"
    assert spooled(state) == []


# What is printed.


def test_json(name, state):
    with App(name, answering(ack)):
        done = notify("@" + name, "--state", state, "--json")
    assert json.loads(done.stdout).items() >= {"type": "summary", "command": "notify", "delivered": 1}.items()
    done = notify("@" + name, "--state", state, "--json", "--notify-timeout", 0.1)
    summary, error = map(json.loads, done.stdout.splitlines())
    assert summary["delivered"] == 0
    assert error["type"] == "error" and done.stderr.strip().endswith(error["error"])


def test_quiet(name, state):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(sun_path(name))
        done = notify("sd:@" + name, "--state", state, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (DELIVERED, "", "")


def test_dry_run_tells_nobody(name, state):
    with App(name, answering(ack)) as app:
        assert notify("@" + name, "--state", state, "--dry-run").returncode == 0
    assert app.connections == 0 and not state.exists()
    assert notify("name", "--dry-run").returncode == ADDRESS


# Words that are refused.


@pytest.mark.parametrize(
    "address", ["houston", "", "@", "@,pad", "@" + "x" * 107, "sd:houston", "zmq:@", "sd:@x,pad"]
)
def test_bad_address(address):
    assert notify(address).returncode == ADDRESS


def test_no_notify_socket():
    env = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
    assert notify("NOTIFY_SOCKET", env=env).returncode == ADDRESS


@pytest.mark.parametrize("length,mode", [(31, 0o600), (5000, 0o600), (32, 0o640), (32, 0o644)])
def test_bad_token(name, tmp_path, length, mode):
    path = tmp_path / "token"
    path.write_bytes(b"k" * length)
    path.chmod(mode)
    with App(name, answering(ack)) as app:
        assert notify("@" + name, "--token-file", path).returncode == ADDRESS
        assert notify("@" + name, "--token-file", tmp_path / "absent").returncode == ADDRESS
        assert notify("@" + name, "--token-fd", 77).returncode == ADDRESS
    assert app.connections == 0


def test_token_of_another_user(name, token_file):
    os.chown(token_file, STRANGER, STRANGER)
    assert notify("@" + name, "--token-file", token_file).returncode == ADDRESS


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["@x", "@y"],
        ["@x", "--type", "start"],
        ["@x", "--status", "3"],
        ["@x", "--type", "failed", "--status", "0"],
        ["@x", "--type", "failed", "--status", "256"],
        ["@x", "--notify-timeout", "0"],
        ["@x", "--notify-timeout", "nan"],
        ["@x", "--notify-timeout", "5s"],
        ["@x", "--peer-uid", "root"],
        ["@x", "--peer-uid", "-1"],
        ["@x", "--peer-uid", "4294967295"],
        ["@x", "--payload", "x"],
        ["sd:@x", "--expect", "x"],
        ["sd:@x", "--peer-uid", "1"],
        ["@x", "--token-fd", "x"],
        ["@x", "--resend"],
        ["@x", "--else"],
    ],
)
def test_usage(words):
    done = notify(*words)
    assert done.returncode == USAGE, done.stderr
    assert done.stderr != ""


def test_token_for_zmq(name, token_file):
    assert notify("zmq:@" + name, "--token-file", token_file).returncode == USAGE
