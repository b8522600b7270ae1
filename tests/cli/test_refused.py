"""What the kernel refuses on some devices: hard links, writing to a part of the tree."""

import gzip
import os

import pytest
from faults import build_preload, preloading
from trees import STATE, TEXT, apply, padded, patched, run, write


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return root


def linked(root):
    write(root / "a/one", TEXT, 0o640)
    write(root / "a/one.gz", gzip.compress(TEXT, mtime=0))
    (root / "b").mkdir()
    os.link(root / "a/one", root / "b/two")
    os.link(root / "a/one.gz", root / "b/two.gz")


NO_LINKS = ["strace", "-f", "-o", "/dev/null", "-e", "trace=linkat", "-e", "inject=linkat:error=EPERM"]


def test_hard_links_are_refused(root):
    """As on Android. In place they stay as they are; what is replaced is a copy then, and that is said."""
    linked(root)
    done = apply(root, prefix=NO_LINKS, environment={"ASAN_OPTIONS": "detect_leaks=0"})
    assert b"b/two.gz: hard links are refused here" in done.stderr
    assert done.stderr.count(b"hard links are refused") == 1
    assert (root / "a/one").samefile(root / "b/two")
    assert gzip.decompress((root / "b/two.gz").read_bytes()) == patched(TEXT)
    assert not (root / "a/one.gz").samefile(root / "b/two.gz")
    one, two = (root / "a/one.gz").stat(), (root / "b/two.gz").stat()
    assert (one.st_mode, one.st_mtime_ns, one.st_uid) == (two.st_mode, two.st_mtime_ns, two.st_uid)
    assert b"4 files as patched, 0 not" in run("verify", root).stdout
    run("restore", root, root)
    assert gzip.decompress((root / "b/two.gz").read_bytes()) == TEXT
    assert (root / "a/one.gz").read_bytes() == (root / "b/two.gz").read_bytes()


def test_hard_links_are_refused_to_whoever_replaces(root):
    linked(root)
    done = apply(root, "--replace", prefix=NO_LINKS, environment={"ASAN_OPTIONS": "detect_leaks=0"})
    assert done.stderr.count(b"hard links are refused") == 2
    assert (root / "a/one").read_bytes() == (root / "b/two").read_bytes() == patched(TEXT)
    assert not list(root.rglob(".pp-*"))


def test_a_part_that_can_only_be_read(root, tmp_path):
    """Another file system, mounted somewhere in the tree: its files are told, the run goes on."""
    for folder in ("a", "read-only/deep", "z"):
        write(root / folder / "plain", TEXT)
        write(root / folder / "packed.gz", gzip.compress(TEXT, mtime=0))
        os.symlink(padded("TERMUX__HOME").decode(), root / folder / "link")
    preload = preloading(build_preload(tmp_path, "read_only"))
    for words in ([], ["--replace"], []):
        done = apply(root, *words, status=1, prefix=preload)
        lines = [line for line in done.stderr.decode().splitlines() if "read-only" in line]
        assert [line.split(": ")[1] for line in sorted(lines)] == [
            f"read-only/deep/{name}" for name in ("link", "packed.gz", "plain")
        ]
        assert all(line.endswith(": Read-only file system") for line in lines)
        assert (root / "read-only/deep/plain").read_bytes() == TEXT
        for folder in ("a", "z"):
            assert (root / folder / "plain").read_bytes() == patched(TEXT)
            assert os.readlink(root / folder / "link") == patched(padded("TERMUX__HOME")).decode()
    # Nothing hangs over the runs after it.
    assert b"6 files as patched, 0 not" in run("verify", root, prefix=preload).stdout
    apply(root)
    assert (root / "read-only/deep/plain").read_bytes() == patched(TEXT)
    assert not (root / STATE / "ledger.db-wal").exists()
