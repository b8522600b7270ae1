"""Peers for the tests of notify and listen: apps of every temper, written from the protocol alone."""

import hashlib
import hmac
import itertools
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
PROGRAM = BUILD / "pathpatch"
# Long enough for a loaded machine: it only ends what hangs.
PATIENCE = 120

_numbers = itertools.count()


def new_name():
    """A name that no other test uses, now or before."""
    return f"pathpatch-test-{os.getpid()}-{next(_numbers)}"


def notify(*args, **options):
    return subprocess.run(
        [PROGRAM, "notify", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        **options,
    )


def spooled(state):
    spool = state / "spool"
    return sorted(spool.iterdir()) if spool.exists() else []


def sun_path(name, pad=False):
    path = b"\0" + name.encode()
    return path.ljust(108, b"\0") if pad else path


def listener(name, pad=False, backlog=16):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(sun_path(name, pad))
    sock.listen(backlog)
    return sock


class App:
    """Serves connections one after the other with `serve(app, connection, reader)`."""

    def __init__(self, name, serve, pad=False, sock=None):
        self.name = name
        self.connections = 0
        self.lines = []
        self.error = None
        self._serve = serve
        self._sock = sock or listener(name, pad)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                connection, _ = self._sock.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rb") as reader:
                try:
                    self._serve(self, connection, reader)
                except OSError:
                    pass  # the patcher has gone
                except Exception as error:  # pylint: disable=broad-except
                    self.error = error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self.error:
            raise self.error


def ack(message, **changes):
    return {"v": 1, "ack": message["seq"], "run": message["run"], **changes}


def nack(message, err):
    return {"v": 1, "nack": message["seq"], "run": message["run"], "err": err}


def dump(value):
    return json.dumps(value).encode() + b"\n"


def answering(reply):
    """An app that answers every line with what `reply(message)` gives: an object, bytes or None."""

    def serve(app, connection, reader):
        for line in reader:
            app.lines.append(line)
            answer = reply(json.loads(line))
            if answer is not None:
                connection.sendall(answer if isinstance(answer, bytes) else dump(answer))

    return serve


class Token:
    """The app's side of the token: what it sends can be bent by `bend_proof` and `bend_answer`."""

    def __init__(self, key, name, bend_proof=None, bend_answer=None):
        self.key = key
        self.name = name.encode()
        self.nonces = []
        self._bend_proof = bend_proof or (lambda line: line)
        self._bend_answer = bend_answer or (lambda line: line)

    def mac(self, text):
        return hmac.new(self.key, text, hashlib.sha256).hexdigest().encode()

    def serve(self, app, connection, reader):
        first = reader.readline()
        if not first:
            return
        hello = json.loads(first)
        assert {**hello, "cn": ""} == {"v": 1, "type": "hello", "auth": "hmac-sha256", "cn": ""}
        cn, sn = hello["cn"].encode(), secrets.token_hex(32).encode()
        assert len(cn) == 64 and cn not in self.nonces
        self.nonces.append(cn)
        proof = self.mac(b"PP1-S\n" + self.name + b"\n" + cn + b"\n" + sn)
        connection.sendall(self._bend_proof(sn + b" " + proof) + b"\n")
        for line in reader:
            assert len(line) <= 4096
            text, mac = line.rstrip(b"\n").rsplit(b" ", 1)
            session = self.name + b"\n" + cn + sn + b"\n"
            assert mac == self.mac(b"PP1-C\n" + session + text)
            app.lines.append(text)
            message = json.loads(text)
            if message["type"] in ("complete", "failed"):
                answer = dump(ack(message)).rstrip(b"\n")
                digest = hashlib.sha256(text).hexdigest().encode()
                proof = self.mac(b"PP1-A\n" + session + digest + b"\n" + answer)
                connection.sendall(self._bend_answer(answer + b" " + proof) + b"\n")


SQUATTER = """
import socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
sock.bind(bytes.fromhex(sys.argv[1]))
sock.listen(16)
print("ready", flush=True)
sys.stdin.readline()
sock.setblocking(False)
got, connections = 0, 0
try:
    while True:
        connection, _ = sock.accept()
        connections += 1
        while data := connection.recv(4096):
            got += len(data)
except BlockingIOError:
    pass
print(connections, got)
"""


class Squatter:
    """A process of another user that has bound the name first. Says how many connections came, and
    how many bytes, when it is asked. Only root can start one."""

    def __init__(self, name, uid):
        self._process = subprocess.Popen(
            [sys.executable, "-c", SQUATTER, sun_path(name).hex()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=uid,
            cwd="/",
        )
        assert self._process.stdout.readline() == "ready\n"

    def counts(self):
        out, _ = self._process.communicate("\n", timeout=PATIENCE)
        return tuple(map(int, out.split()))


def is_served(name):
    """Is the abstract name bound, and, where it is a stream socket, listened on?"""
    stream, listening = "0001", 0x10000
    with open("/proc/net/unix") as sockets:
        for line in sockets:
            # Num, RefCount, Protocol, Flags, Type, St, Inode, Path
            fields = line.split()
            if fields[7:] == ["@" + name]:
                return fields[4] != stream or bool(int(fields[3], 16) & listening)
    return False


def wait_for_name(name, process, pad=False):
    while not is_served(name + ("@" * (107 - len(name)) if pad else "")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


class Listen:
    """`pathpatch listen`, ready to be spoken to."""

    def __init__(self, address, name, *args, pad=False, **options):
        self.process = subprocess.Popen(
            [PROGRAM, "listen", address, *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        wait_for_name(name, self.process, pad)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def finish(self):
        """Waits for its end; gives (status, lines, messages)."""
        out, messages = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out.splitlines(), messages

    def connect(self, name, pad=False):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # With a timeout, connect(2) would not wait for a place in the backlog.
        sock.connect(sun_path(name, pad))
        sock.settimeout(PATIENCE)
        return sock
