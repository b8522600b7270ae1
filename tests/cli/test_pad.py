"""pathpatch pad: plain default paths in trees become padded placeholders. Packages are in
tests/hook/test_maintainer.py."""

import bz2
import gzip
import json
import lzma
import os
import subprocess

import pytest
from debs import deb, members
from patching import BUILD, PLACEHOLDER, tool
from generator import termux

PREFIX = termux.PREFIX.encode()
HOME = b"/data/data/com.termux/files/home"
LONG_AGO = 1_500_000_000_123_456_789


def pad(*words, status=0):
    done = subprocess.run([BUILD / "pathpatch", "pad", *words], capture_output=True)
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def stat_of(path):
    st = os.lstat(path)
    return st.st_mtime_ns, st.st_mode, st.st_uid, st.st_gid


def snapshot(tree):
    return {path: (stat_of(path), path.is_symlink() or path.is_dir() or path.read_bytes()) for path in tree.rglob("*")}


PADDED_HOME = termux.padded("TERMUX__HOME")
TEXTS = [
    (b"x=" + PREFIX + b"/lib:" + HOME + b".\n", b"x=" + PLACEHOLDER + b"/lib:" + PADDED_HOME + b".\n"),
    (PREFIX, PLACEHOLDER),
    (PLACEHOLDER + b"/x", PLACEHOLDER + b"/x"),
    # Padding that was cut, down to a doubled slash, and padding that ends where a path begins.
    (PLACEHOLDER[:-1] + b"x", PLACEHOLDER + b"/x"),
    (PREFIX + b"//x", PLACEHOLDER + b"/x"),
    (PLACEHOLDER[:-1] + HOME, PLACEHOLDER + PADDED_HOME),
    (PLACEHOLDER + b"///x", PLACEHOLDER + b"///x"),
    (b"/data/data/com.termux.x11/x /data/data/com.termux-x", b"/data/data/com.termux.x11/x /data/data/com.termux-x"),
    (PREFIX + b"/bind", PLACEHOLDER + b"/bind"),
    (PREFIX + b"\xe2\x80\x9d", PLACEHOLDER + b"\xe2\x80\x9d"),
    # Not text.
    (PREFIX + b"\0", PREFIX + b"\0"),
    (b"#!" + PREFIX + b"/bin/sh\n", b"#!" + PREFIX + b"/bin/sh\n"),
    (b"%PDF-1.4\n" + PREFIX, b"%PDF-1.4\n" + PREFIX),
]
CODINGS = {
    "plain": (lambda data: data, lambda data: data),
    "gzip": (gzip.compress, gzip.decompress),
    "bzip2": (bz2.compress, bz2.decompress),
    "xz": (lzma.compress, lzma.decompress),
    "zstd": (
        lambda data: tool("zstd", "-q", "-c", content=data),
        lambda data: tool("zstd", "-d", "-q", "-c", content=data),
    ),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_texts(tree, coding):
    encode, decode = CODINGS[coding]
    for number, (text, _) in enumerate(TEXTS):
        (tree / str(number)).write_bytes(encode(text))
    pad(tree)
    for number, (text, wanted) in enumerate(TEXTS):
        # Compressed, a script is an example in a doc folder.
        if coding == "plain" or not text.startswith(b"#!"):
            assert decode((tree / str(number)).read_bytes()) == wanted, text


def test_what_a_build_set_stays(tree):
    (tree / "sub").mkdir()
    (tree / "sub/a").write_bytes(PREFIX)
    (tree / "sub/a").chmod(0o640)
    (tree / "sub/a.gz").write_bytes(gzip.compress(PREFIX * 100))
    os.link(tree / "sub/a", tree / "b")
    os.link(tree / "sub/a", tree / "c")
    (tree / "link").symlink_to(termux.PREFIX + "/lib")
    (tree / "relative").symlink_to("sub/a")
    (tree / "program").write_bytes(PREFIX)
    (tree / "program").chmod(0o755)
    for path in [*tree.rglob("*"), tree]:
        os.utime(path, ns=(LONG_AGO, LONG_AGO), follow_symlinks=False)
    before = {path: stat_of(path) for path in [*tree.rglob("*"), tree]}
    pad(tree)
    assert {path: stat_of(path) for path in [*tree.rglob("*"), tree]} == before
    assert (tree / "sub/a").read_bytes() == PLACEHOLDER
    assert len({os.stat(tree / name).st_ino for name in ("sub/a", "b", "c")}) == 1
    assert os.readlink(tree / "link") == PLACEHOLDER.decode() + "/lib"
    assert os.readlink(tree / "relative") == "sub/a"
    assert (tree / "program").read_bytes() == PREFIX
    after = snapshot(tree)
    pad(tree)
    assert snapshot(tree) == after


def test_report(tree):
    (tree / "text").write_bytes(PREFIX + b"\n" + HOME)
    (tree / "binary").write_bytes(b"\0" + PREFIX)
    (tree / "damaged.gz").write_bytes(gzip.compress(PREFIX)[:-9])
    place = str(tree)
    done = pad("--dry-run", tree, status=1)
    assert (tree / "text").read_bytes().startswith(PREFIX + b"\n")
    assert f"{place}/text: 2 placeholders\n" in done.stdout.decode()
    done = pad(tree, status=1)
    lines = done.stdout.decode().splitlines()
    assert lines[:2] == [
        f"{place}/text: 2 placeholders",
        f"{place}/binary:1: error PP001: a default path without its padding: TERMUX__PREFIX",
    ]
    assert lines[-1].startswith("3 files, 1 padded (2 paths), 1 could not be, 1 finding left")
    assert f"pathpatch: {place}/damaged.gz: gzip: " in done.stderr.decode()
    objects = [json.loads(line) for line in pad("--json", tree, status=1).stdout.splitlines()]
    assert [(o["type"], o["path"].split("/")[-1]) for o in objects[:-1]] == [
        ("file", "damaged.gz"),
        ("findings", "binary"),
    ]
    assert objects[-1]["patched"] == 0


def test_an_error_is_told_once(tree):
    done = pad(tree / "none", status=1)
    assert done.stderr.decode() == f"pathpatch: {tree}/none: cannot look at it: No such file or directory\n"
    assert done.stdout.startswith(b"0 files, 0 padded (0 paths), 1 could not be, 0 findings left")
    # What pad says nothing of is said by lint: a container is not its concern.
    (tree / "x.deb").write_bytes(deb({"./bad.gz": gzip.compress(PREFIX)[:-9], "./x.lz4": b"\x04\x22\x4d\x18", "./x": PREFIX}))
    done = pad(tree, status=1)
    assert done.stderr.decode().count("bad.gz") == 1 and "lz4" not in done.stderr.decode()
    told = [line.split(": ")[1] for line in done.stdout.decode().splitlines()[1:-1]]
    assert told == ["warning PP016", "error PP014"] and "x.deb!x.lz4: " in done.stdout.decode()


def test_the_control_files_of_a_build_stay(tree):
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/conffiles").write_bytes(PREFIX + b"/etc/x\n")
    pad(tree)
    assert (tree / "DEBIAN/conffiles").read_bytes() == PREFIX + b"/etc/x\n"
    done = subprocess.run([BUILD / "pathpatch", "lint", tree], capture_output=True)
    assert done.returncode == 0 and done.stdout.startswith(b"0 files")


def test_a_package_keeps_its_form(tree):
    content = gzip.compress(PREFIX + b"\n" * 5000)
    files = {"./": None, "./x": PREFIX, "./x.gz": content, "./l": termux.PREFIX, "./broken.gz": content[:-9]}
    package = deb(files, ".zst", {"./postinst": b"#!/bin/sh\nls " + PREFIX})
    (tree / "x.deb").write_bytes(package)
    os.utime(tree / "x.deb", ns=(LONG_AGO, LONG_AGO))
    done = pad(tree, status=1)
    assert b"x.deb!broken.gz: gzip: " in done.stderr
    padded = (tree / "x.deb").read_bytes()
    assert os.stat(tree / "x.deb").st_mtime_ns == LONG_AGO
    assert members(padded, "control") == members(package, "control")
    found = {name: (header, content) for name, header, content in members(padded, "data")}
    assert found["./x"][1] == PLACEHOLDER and found["./l"][0][-1] == PLACEHOLDER.decode()
    assert gzip.decompress(found["./x.gz"][1]).rstrip() == PLACEHOLDER
    assert found["./broken.gz"][1] == files["./broken.gz"]
