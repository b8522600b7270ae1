"""The receivers for people who write apps, against the real sender and against strangers."""

import json
import os
import secrets
import socket
import subprocess
import sys

import pytest
from bootstrap_trees import Device, sample, write_zip
from notify_peers import PATIENCE, SOURCE, dump, new_name, notify, spooled, sun_path, wait_for_name

DELIVERED, UNDELIVERED, PEER = 0, 75, 77
STRANGER = 4321
RECEIVERS = SOURCE / "fixtures" / "receivers"
ANDROID = SOURCE / "tests" / "tools" / "android"
JSON_JAR = "/usr/share/java/com.android.json.jar"
JVM = "/usr/lib/jvm/default-java"


@pytest.fixture(scope="session")
def java(tmp_path_factory):
    """The class for Android, built against the few classes it uses; their native half is Android's."""
    classes = tmp_path_factory.mktemp("classes")
    sources = [RECEIVERS / "PathpatchReceiver.java", *ANDROID.rglob("*.java")]
    subprocess.run(
        ["javac", "-Xlint:all", "-Werror", "--release", "8", "-Xlint:-options", "-cp", JSON_JAR]
        + ["-d", classes, *sources],
        check=True,
    )
    libraries = f"/usr/lib/{os.uname().machine}-linux-gnu/android"
    subprocess.run(
        ["gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{JVM}/include"]
        + [f"-I{JVM}/include/linux", ANDROID / "android_net.c", "-o", classes / "libandroid_net.so"]
        + [f"{libraries}/libcutils.so.0", f"-Wl,-rpath,{libraries}"],
        check=True,
    )
    return ["java", f"-Djava.library.path={classes}", "-cp", f"{classes}:{JSON_JAR}", "Receive"]


class Receiver:
    """A receiver that has bound its name."""

    def __init__(self, command, name):
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_for_name(name, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def finish(self):
        """Waits for its end; gives (status, messages)."""
        out, errors = self.process.communicate(timeout=PATIENCE)
        assert "Exception" not in errors and "Traceback" not in errors, errors
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def name():
    return new_name()


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(secrets.token_hex(32).encode() + b"\n")
    path.chmod(0o600)
    return path


@pytest.fixture(params=["python", "java"])
def receive(request):
    """Starts a receiver that does all of the protocol."""
    command = request.getfixturevalue("java") if request.param == "java" else None

    def start(name, token_file="", spool=""):
        if command:
            return Receiver([*command, name, token_file, spool], name)
        words = [sys.executable, RECEIVERS / "receiver.py", name]
        words += ["--token-file", token_file] if token_file else []
        return Receiver(words + (["--spool", spool] if spool else []), name)

    return start


@pytest.fixture(params=["python", "java", "shell"])
def any_receive(request):
    if request.param == "shell":
        return lambda name: Receiver([RECEIVERS / "receiver.sh", name], name)
    command = request.getfixturevalue("java") if request.param == "java" else None
    if command:
        return lambda name: Receiver([*command, name, "", ""], name)
    return lambda name: Receiver([sys.executable, RECEIVERS / "receiver.py", name], name)


def message(**changes):
    run = secrets.token_hex(16)
    return {"v": 1, "type": "complete", "run": run, "seq": 1, "status": 0} | changes


def exchange(sock, value):
    sock.sendall(dump(value))
    with sock.makefile("rb") as reader:
        return json.loads(reader.readline())


def connect(name):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(sun_path(name))
    sock.settimeout(PATIENCE)
    return sock


def test_a_message(any_receive, name, tmp_path):
    with any_receive(name) as receiver:
        done = notify("@" + name, "--state", tmp_path / "state")
        assert (done.returncode, done.stderr) == (DELIVERED, "")
        status, (received,) = receiver.finish()
    assert status == 0
    assert received["type"] == "complete"
    assert spooled(tmp_path / "state") == []


def test_a_bootstrap(any_receive, name, tmp_path):
    archive = write_zip(tmp_path / "a.zip", sample())
    with any_receive(name) as receiver:
        Device(tmp_path).bootstrap(archive, f"--notify=@{name}", "--notify-timeout=60")
        status, messages = receiver.finish()
    assert status == 0
    assert messages[0]["type"] == "start"
    assert [m["type"] for m in messages[1:-1]] == ["progress"] * (len(messages) - 2)
    assert messages[-1]["type"] == "complete"
    assert len({m["run"] for m in messages}) == 1


def test_a_failure(receive, name):
    with receive(name) as receiver:
        done = notify("@" + name, "--type", "failed", "--status", 9)
        assert done.returncode == DELIVERED, done.stderr
        status, (received,) = receiver.finish()
    assert (status, received["type"], received["status"]) == (9, "failed", 9)


def test_a_token(receive, name, token_file, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(secrets.token_hex(32).encode())
    other.chmod(0o600)
    with receive(name, token_file) as receiver:
        assert notify("@" + name, "--token-file", other).returncode == PEER
        done = notify("@" + name, "--token-file", token_file)
        assert (done.returncode, done.stderr) == (DELIVERED, "")
        status, (received,) = receiver.finish()
    assert (status, received["type"]) == (0, "complete")


def test_no_token_where_one_is_asked_for(receive, name, token_file):
    with receive(name, token_file), connect(name) as sock:
        sock.sendall(dump(message()) * 2)
        # The answer to a hello that is none: nothing.
        assert sock.recv(1) == b""


def test_what_comes_twice_is_acknowledged_twice_and_told_once(receive, name):
    first = message(type="failed", status=4)
    with receive(name) as receiver:
        # The receiver ends with the first ack, so both are on their way before it reads.
        with connect(name) as sock, sock.makefile("rb") as reader:
            sock.sendall(dump(first | {"type": "progress"}) + dump(first))
            assert json.loads(reader.readline()) == {"v": 1, "ack": 1, "run": first["run"]}
        status, told = receiver.finish()
    assert status == 4
    assert [m["type"] for m in told] == ["progress", "failed"]


def test_another_version(receive, name):
    other = message(v=2)
    with receive(name) as receiver:
        with connect(name) as sock:
            reply = exchange(sock, other)
        assert reply == {"v": 1, "nack": 1, "run": other["run"], "err": "version"}
        assert notify("@" + name).returncode == DELIVERED
        _, told = receiver.finish()
    assert [m["v"] for m in told] == [1]


def test_the_spool_is_read_first(receive, name, tmp_path):
    state = tmp_path / "state"
    for kind in ("complete", "failed"):
        done = notify("@" + name, "--state", state, "--type", kind, "--notify-timeout", 0.05)
        assert done.returncode == UNDELIVERED
    runs = {json.loads(path.read_text())["run"] for path in spooled(state)}
    with receive(name, spool=state / "spool") as receiver:
        assert notify("@" + name).returncode == DELIVERED
        status, told = receiver.finish()
    assert status == 0
    assert {m["run"] for m in told[:2]} == runs and len(told) == 3
    assert spooled(state) == []


@pytest.mark.parametrize("data", [b"x" * 5000, b"nonsense\n", b"{}\n", b'{"v":1}\n', b"\xff\n"])
def test_nonsense_ends_one_connection(receive, name, data):
    with receive(name) as receiver, connect(name) as silent:
        with connect(name) as sock:
            try:
                sock.sendall(data)
                assert sock.recv(1) == b""
            except ConnectionResetError:
                pass  # it did not read all of it
        assert notify("@" + name).returncode == DELIVERED
        silent.close()
        _, told = receiver.finish()
    assert [m["type"] for m in told] == ["complete"]


def test_another_user_is_not_listened_to(receive, name):
    send = (
        "import socket, sys\n"
        "sock = socket.socket(socket.AF_UNIX)\n"
        "sock.connect(bytes.fromhex(sys.argv[1]))\n"
        "try:\n"
        "    sock.sendall(sys.argv[2].encode() + b'\\n')\n"
        "    print(sock.recv(4096))\n"
        "except (BrokenPipeError, ConnectionResetError):\n"
        "    print(b'')\n"
    )
    with receive(name) as receiver:
        done = subprocess.run(
            [sys.executable, "-c", send, sun_path(name).hex(), json.dumps(message(status=3))],
            stdout=subprocess.PIPE,
            text=True,
            user=STRANGER,
            cwd="/",
            check=True,
        )
        assert done.stdout == "b''\n"
        assert notify("@" + name).returncode == DELIVERED
        status, told = receiver.finish()
    assert (status, len(told)) == (0, 1)
