"""What becomes of a token in memory, and who could listen in."""

import os
import re
import secrets
import subprocess

import pytest
from notify_peers import PROGRAM, SOURCE, App, Token, new_name

LEN = 32  # what the shim looks for


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("remains") / "remains.so"
    source = SOURCE / "tests/tools/preload/remains.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, source], check=True)
    return path


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(secrets.token_hex(LEN))
    path.chmod(0o600)
    return path


def remains(library, token_file, *words):
    """How often the token is found in the program's memory when it ends."""
    done = subprocess.run(
        [PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "LD_PRELOAD": str(library), "REMAINS_OF": str(token_file)},
    )
    return done.returncode, int(re.search(r"^remains: (\d+)$", done.stderr, re.M)[1])


@pytest.mark.parametrize("there", [True, False], ids=["told", "not there"])
def test_the_token_is_wiped(there, library, token_file):
    name = new_name()
    words = ("notify", "@" + name, "--token-file", token_file, "--notify-timeout=0.2")
    if there:
        with App(name, Token(token_file.read_bytes(), name).serve):
            assert remains(library, token_file, *words[:-1]) == (0, 0)
    else:
        assert remains(library, token_file, *words) == (75, 0)


def test_what_is_not_wiped_is_found(library, token_file):
    status, count = remains(library, token_file, "scan", token_file.read_text()[:LEN])
    assert status == 1 and count > 0


def test_who_could_listen_in_can_trace(token_file, tmp_path):
    """Whoever may look into a connection of this user may look into the process: it holds the same bytes, and
    the token as well. So a connection that is encrypted would keep nothing from them."""
    name, log = new_name(), tmp_path / "log"
    with App(name, Token(token_file.read_bytes(), name).serve):
        subprocess.run(
            ["strace", "-f", "-s", "9999", "-e", "trace=read,sendto", "-o", log]
            + [PROGRAM, "notify", "@" + name, "--token-file", token_file],
            check=True,
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
        )
    seen = log.read_text()
    assert token_file.read_text() in seen
    assert r"\"type\":\"complete\"" in seen
