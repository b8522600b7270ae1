"""Hostile files: not a byte of them changes, each is named with the reason, the rest is patched."""

import gzip
import json
import os
import re
import tarfile
import zipfile

import pytest
from hostile import CASES, archive, flipped, stored, tar, zip_stub
from patching import TEXT, patched, run


@pytest.mark.parametrize("name", sorted(CASES))
def test_left(name, tmp_path):
    make, member, words = CASES[name]
    hostile = tmp_path / "root" / name
    sound = tmp_path / "root" / "zz-sound.txt"
    hostile.parent.mkdir()
    hostile.write_bytes(make())
    sound.write_bytes(TEXT)
    before = hostile.read_bytes(), os.stat(hostile)

    looked = run("scan", tmp_path / "root")
    done = run("apply", tmp_path / "root")

    assert done.returncode == 1, done.stdout + done.stderr
    if name != "package.deb":  # scan has nothing against packages
        assert (looked.returncode, looked.stderr) == (1, done.stderr)
    lines = [line for line in done.stderr.splitlines() if name in line]
    assert len(lines) == 1, done.stderr
    place = name + "!" * bool(member) + member
    assert re.fullmatch(rf"pathpatch: {re.escape(place)}: .*({words}).*", lines[0])
    after = os.stat(hostile)
    assert hostile.read_bytes() == before[0]
    for field in ("st_ino", "st_mtime_ns", "st_mode", "st_size"):
        assert getattr(after, field) == getattr(before[1], field)
    assert sound.read_bytes() == patched(TEXT)
    assert "1 patched" in done.stdout and "1 could not be" in done.stdout


@pytest.mark.parametrize("pack", ["zip", "tar"])
def test_sound_members_are_patched(pack, tmp_path):
    """Of an archive only the damaged members are left; each is named."""
    damaged = flipped(gzip.compress(TEXT), -8)
    members = (
        ("a", TEXT),
        ("b.gz", damaged),
        ("c/d.gz", gzip.compress(TEXT)),
        ("e", b"LZIP" + TEXT),
        ("f.xz", CASES["needs-memory.xz"][0]()),
        ("g.lzma", CASES["known-length.lzma"][0]()),
        ("h.gz", CASES["dictzip.gz"][0]()),
        ("i.cpio", CASES["sums.cpio"][0]()),
        ("j.zip", zip_stub()),
    )
    path = tmp_path / "root" / "it"
    path.parent.mkdir()
    path.write_bytes(archive(*members) if pack == "zip" else tar(*members))

    done = run("apply", tmp_path / "root")

    assert done.returncode == 1
    lines = sorted(done.stderr.splitlines())
    named = ("b.gz", "e", "f.xz", "g.lzma", "h.gz", "i.cpio", "j.zip")
    assert len(lines) == len(named)
    for name, line in zip(named, lines):
        assert line.startswith(f"pathpatch: it!{name}: ")
    if pack == "zip":
        with zipfile.ZipFile(path) as made:
            assert made.testzip() is None
            contents = {name: made.read(name) for name in made.namelist()}
    else:
        with tarfile.open(path) as made:
            contents = {info.name: made.extractfile(info).read() for info in made}
    assert list(contents) == [name for name, _ in members]
    assert contents["a"] == patched(TEXT)
    assert gzip.decompress(contents["c/d.gz"]) == patched(TEXT)
    for name, content in members:
        assert name not in named or contents[name] == content


@pytest.mark.parametrize("command", ["apply", "scan", "lint"])
def test_no_decode(command, tmp_path):
    """What is not opened is not written to either, since its sums would be wrong; it is counted, alike
    by all who look."""
    closed = {
        "packed": gzip.compress(TEXT),
        "nothing-in-it": gzip.compress(b"x"),
        "stored": stored(("a", TEXT)),
        "tar": tar(("a", TEXT)),
    }
    folder = tmp_path / "root"
    folder.mkdir()
    for name, content in closed.items():
        (folder / name).write_bytes(content)
    (folder / "plain").write_bytes(TEXT)
    done = run(command, folder, "--no-decode")
    assert (done.returncode, done.stderr) == (0, "")
    assert ", 4 not opened, " in done.stdout.splitlines()[-1]
    assert {name: (folder / name).read_bytes() for name in closed} == closed
    if command == "apply":
        assert (folder / "plain").read_bytes() == patched(TEXT)
        assert "1 patched" in done.stdout and "0 executables left" in done.stdout
    summary = json.loads(run(command, folder, "--no-decode", "--json").stdout.splitlines()[-1])
    assert (summary["type"], summary["closed"]) == ("summary", 4)
    assert "not opened" not in run(command, folder).stdout


def test_one_line_for_a_signed_archive(tmp_path):
    path = tmp_path / "root" / "signed.jar"
    path.parent.mkdir()
    members = [(f"member{i}", TEXT) for i in range(20)]
    path.write_bytes(archive(("META-INF/A.SF", b"x"), *members))
    done = run("apply", tmp_path / "root")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
