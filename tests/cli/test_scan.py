"""pathpatch scan: every placeholder, where it is, and nothing written."""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import re
import subprocess
import tarfile
import zipfile

import pytest
from debs import CODERS, deb
from trees import TEXT, VALUES, apply, describe, files_of, objects, padded, run, text, write

# Offsets in TEXT.
FIRST = TEXT.index(padded("TERMUX__PREFIX"))
SECOND = TEXT.index(padded("TERMUX__HOME"))


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def lines_of(done):
    return done.stdout.decode().splitlines()[:-1]


def tar_of(**members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def zip_of(**members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_plain_file(root):
    write(root / "a/file", TEXT)
    write(root / "b/nothing", b"nothing")
    done = run("scan", root, root)
    assert lines_of(done) == [
        f"a/file:{FIRST}: TERMUX__PREFIX",
        f"a/file:{SECOND}: TERMUX__HOME",
    ]
    assert b"2 files, 1 with placeholders (2 placeholders)" in done.stdout


def test_nothing_found_is_no_failure(root):
    write(root / "file", b"nothing")
    assert lines_of(run("scan", root, root)) == []


def test_values_make_no_difference(root):
    write(root / "file", TEXT)
    plain = lines_of(run("scan", root, root))
    assert lines_of(run("scan", root, root, f"--set=TERMUX__HOME={VALUES['TERMUX__HOME']}")) == plain
    apply(root)
    write(root / "file", TEXT)
    assert lines_of(run("scan", root, root, "--set=TERMUX__HOME=/other")) == plain


def test_every_encoding(root):
    for encoding, name in (("utf-16-le", "utf-16le"), ("utf-32-le", "utf-32le")):
        write(root / "file", b"..." + padded("TERMUX__HOME").decode().encode(encoding))
        assert lines_of(run("scan", root, root)) == [f"file:3: TERMUX__HOME ({name})"]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed(root, compress):
    write(root / "file", compress(TEXT))
    assert lines_of(run("scan", root, root)) == [
        f"file:{FIRST}: TERMUX__PREFIX",
        f"file:{SECOND}: TERMUX__HOME",
    ]
    assert lines_of(run("scan", root, root, "--no-decode")) == []


def test_members(root):
    inner = zip_of(**{"b.properties": TEXT})
    write(root / "x.tar.gz", gzip.compress(tar_of(**{"dir/a": TEXT, "y.jar": inner})))
    done = run("scan", root, root)
    assert lines_of(done) == [
        f"x.tar.gz!dir/a:{FIRST}: TERMUX__PREFIX",
        f"x.tar.gz!dir/a:{SECOND}: TERMUX__HOME",
        f"x.tar.gz!y.jar!b.properties:{FIRST}: TERMUX__PREFIX",
        f"x.tar.gz!y.jar!b.properties:{SECOND}: TERMUX__HOME",
    ]
    hits = files_of(run("scan", root, root, "--json"))["x.tar.gz"]["hits"]
    assert hits[-1] == {
        "offset": SECOND,
        "placeholder": "TERMUX__HOME",
        "encoding": "bytes",
        "member": "y.jar!b.properties",
    }


def test_deb(root):
    (root / "d/DEBIAN").mkdir(parents=True)
    (root / "d/DEBIAN/control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@localhost>\n"
        "Description: x\n"
    )
    write(root / "d/usr/file", TEXT)
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", "d", "x.deb"], cwd=root, check=True)
    assert lines_of(run("scan", root, root / "x.deb")) == [
        f"x.deb!data.tar.xz!./usr/file:{FIRST}: TERMUX__PREFIX",
        f"x.deb!data.tar.xz!./usr/file:{SECOND}: TERMUX__HOME",
    ]


def test_symlink_targets(root):
    os.symlink(padded("TERMUX__PREFIX").decode() + "/x", root / "link")
    assert lines_of(run("scan", root, root)) == ["link:0: TERMUX__PREFIX"]


def test_executables_are_listed_with_the_reason(root):
    write(root / "script", b"#!/bin/sh\n" + TEXT, 0o755)
    assert lines_of(run("scan", root, root)) == [
        f"script:{FIRST + 10}: TERMUX__PREFIX [left: a script]",
        f"script:{SECOND + 10}: TERMUX__HOME [left: a script]",
    ]
    assert lines_of(run("scan", root, root, "--executables=all"))[0].endswith("TERMUX__PREFIX")


def test_damage_is_told_and_the_rest_found(root):
    write(root / "a.gz", gzip.compress(TEXT)[:-4])
    write(root / "b", TEXT)
    done = run("scan", root, root, status=1)
    assert lines_of(done) == [f"b:{FIRST}: TERMUX__PREFIX", f"b:{SECOND}: TERMUX__HOME"]
    assert b"pathpatch: a.gz: " in done.stderr


def test_nothing_is_written(root):
    write(root / "a", TEXT)
    write(root / "b.gz", gzip.compress(TEXT))
    before = describe(root)
    run("scan", root, root)
    assert describe(root) == before
    assert not (root / "data").exists()


def test_json_has_the_fields_of_apply(root):
    write(root / "file", TEXT)
    scanned = objects(run("scan", root, root, "--json"))
    applied = objects(apply(root, "--json"))
    for one, other in zip(scanned, applied):
        assert set(one) == set(other)
    assert (scanned[0]["outcome"], scanned[-1]["command"]) == ("found", "scan")
    assert scanned[0]["hits"] == applied[0]["hits"]


def test_jobs_make_no_difference(root):
    for i in range(400):
        write(root / f"{i % 7}/{i}", text("TERMUX__HOME") * (i % 50))
    outputs = {str(lines_of(run("scan", root, root, f"--jobs={jobs}"))) for jobs in (1, 2, 8)}
    assert len(outputs) == 1


def test_what_was_found_before_an_archive_could_not_be_read(root, tmp_path):
    """A disk that fails in the middle of a large archive: what its first members hold is told, and that
    the rest is not known."""
    noise = random.Random(1)
    with zipfile.ZipFile(root / "it.zip", "w", zipfile.ZIP_STORED) as archive:
        for i in range(8):
            archive.writestr(f"text {i}", TEXT)
            archive.writestr(f"noise {i}", noise.randbytes(1 << 20))
        bad = archive.getinfo("noise 5").header_offset + (1 << 19)
    log = tmp_path / "log"
    # The leak checker cannot work while strace does.
    words = ["env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-o", log, "-e", "trace=pread64"]
    run("scan", root, root, "--jobs=1", prefix=words)
    reads = [re.fullmatch(r"(\d+) +pread64\(.*, (\d+), (\d+)\) += \d+", line) for line in log.read_text().splitlines()]
    reads = [read for read in reads if read]
    (at, *_) = [i for i, read in enumerate(reads) if int(read[3]) <= bad < int(read[3]) + int(read[2])]
    when = sum(read[1] == reads[at][1] for read in reads[: at + 1])
    words += ["-e", f"inject=pread64:error=EIO:when={when}"]
    done = run("scan", root, root, "--jobs=1", "--json", status=1, prefix=words)
    told = files_of(done)["it.zip"]
    assert told["outcome"] == "unreadable" and "Input/output error" in told["error"]
    assert [hit["member"] for hit in told["hits"]] == [f"text {i}" for i in range(6) for _ in "12"]


def test_quiet(root):
    write(root / "file", TEXT)
    assert run("scan", root, root, "--quiet").stdout == b""


def test_own_table(root, tmp_path):
    table = tmp_path / "table.ini"
    table.write_text(
        "[table]\nname = own\nstate = /opt/s\nadmindir = /opt/d\n[OWN]\ndefault = /opt/own\nlength = 30\n"
    )
    write(root / "file", TEXT + b"/opt/own".ljust(30, b"/"))
    assert lines_of(run("scan", root, root, f"--table={table}")) == [f"file:{len(TEXT)}: OWN"]


def test_errors_are_json_too(root):
    done = run("scan", root, "--json", status=2)
    assert json.loads(done.stdout)["type"] == "error"
    assert b"usage: pathpatch scan" in run("scan", root, "--help").stdout


def test_standard_input(root):
    content = gzip.compress(tar_of(a=TEXT))
    done = run("scan", root, "-", stdin=content)
    assert lines_of(done) == [f"-!a:{FIRST}: TERMUX__PREFIX", f"-!a:{SECOND}: TERMUX__HOME"]
    (told, summary) = objects(run("scan", root, "--json", "-", stdin=content))
    assert (told["path"], [hit["offset"] for hit in told["hits"]]) == ("-", [FIRST, SECOND])
    assert (summary["files"], summary["patched"], summary["hits"]) == (1, 1, 2)
    assert run("scan", root, "-", stdin=b"nothing").stdout.startswith(b"1 file, 0 with")
    assert b"gzip" in run("scan", root, "-", stdin=content[:-9], status=1).stderr


@pytest.mark.parametrize("suffix", CODERS)
def test_packages(root, suffix):
    files = {"./a": TEXT, "./b.gz": gzip.compress(TEXT), "./c.jar": zip_of(d=TEXT), "./e": padded("TERMUX__HOME").decode()}
    write(root / "x.deb", deb(files, suffix, {"./postinst": TEXT}))
    places = [line.split(" ")[0] for line in lines_of(run("scan", root, root))]
    control, data = f"x.deb!control.tar{suffix}!", f"x.deb!data.tar{suffix}!"
    assert len(places) == 9 and places[:2] == [f"{control}./postinst:{FIRST}:", f"{control}./postinst:{SECOND}:"]
    for name in ("./a", "./b.gz", "./c.jar!d"):
        assert f"{data}{name}:{FIRST}:" in places and f"{data}{name}:{SECOND}:" in places
