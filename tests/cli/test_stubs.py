"""Zips behind a stub: self-extracting ones, and the modules of Java that jmod makes."""

import io
import subprocess
import tarfile
import zipfile

import pytest
from patching import PLACEHOLDER, TEXT, patched, run

STUB = b"unpack me, below " + PLACEHOLDER + b"/share\n"


@pytest.fixture(scope="module")
def jmods(tmp_path_factory):
    """A module with nothing to be patched, and one with a placeholder in its configuration."""
    folder = tmp_path_factory.mktemp("jmods")
    (folder / "src" / "p").mkdir(parents=True)
    (folder / "src" / "module-info.java").write_text("module m { exports p; }")
    (folder / "src" / "p" / "C.java").write_text("package p; public class C {}")
    sources = [folder / "src" / "module-info.java", folder / "src" / "p" / "C.java"]
    subprocess.run(["javac", "-d", folder / "classes", *sources], check=True)
    made = {}
    for name, text in (("plain", b"nothing\n" * 50), ("holder", TEXT)):
        conf = folder / name
        conf.mkdir()
        (conf / "m.conf").write_bytes(text)
        out = folder / f"{name}.jmod"
        words = ["create", "--class-path", folder / "classes", "--config", conf, out]
        subprocess.run(["jmod", *words], check=True)
        made[name] = out.read_bytes()
        assert made[name][:6] == b"JM\1\0PK"
    return made


def in_tar(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_jmod_without_placeholder(jmods, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "m.jmod").write_bytes(jmods["plain"])
    (root / "m.tar").write_bytes(in_tar("m.jmod", jmods["plain"]))
    done = run("scan", root)
    assert done.stderr == "" and "2 files, 0 with placeholders" in done.stdout


def test_jmod_is_left(jmods, tmp_path):
    """java.base holds the hashes of other modules: none is changed."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "m.jmod").write_bytes(jmods["holder"])
    for command in ("scan", "apply"):
        done = run(command, root)
        assert done.returncode == 1
        assert done.stderr.startswith("pathpatch: m.jmod: left as it is: a module of Java")
    assert (root / "m.jmod").read_bytes() == jmods["holder"]
    assert subprocess.run(["jmod", "describe", root / "m.jmod"]).returncode == 0


def self_extracting(adjusted):
    """With offsets from the start of the file, or as two files that were put together."""
    out = io.BytesIO(STUB)
    with zipfile.ZipFile(out, "a" if adjusted else "w") as archive:
        archive.writestr("deflated", TEXT * 20, zipfile.ZIP_DEFLATED)
        archive.writestr("stored", TEXT)
    return out.getvalue() if adjusted else STUB + out.getvalue()


@pytest.mark.parametrize("adjusted", [False, True])
def test_self_extracting(adjusted, tmp_path):
    root = tmp_path / "root"
    path = root / "x"
    root.mkdir()
    shipped = self_extracting(adjusted)
    path.write_bytes(shipped)
    done = run("apply", root)
    assert done.returncode == 0, done.stderr
    after = path.read_bytes()
    assert after.startswith(patched(STUB))
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        assert archive.testzip() is None
        assert archive.read("deflated") == patched(TEXT * 20)
        assert archive.read("stored") == patched(TEXT)
    # It tells a stub that offsets do not know of by a 1.
    done = subprocess.run(["unzip", "-tqq", path], capture_output=True, text=True)
    assert done.returncode == (0 if adjusted else 1), done.stdout + done.stderr
    assert run("verify", root).returncode == 0
    assert run("restore", root).returncode == 0
    assert path.read_bytes() == shipped


@pytest.mark.parametrize("comment_len", [5, 1024])
def test_commented(comment_len, tmp_path):
    path = tmp_path / "root" / "x"
    path.parent.mkdir()
    comment = b"c" * comment_len
    path.write_bytes(self_extracting(True)[:-2] + comment_len.to_bytes(2, "little") + comment)
    done = run("apply", tmp_path / "root")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(path) as archive:
        assert archive.comment == comment and archive.testzip() is None
        assert archive.read("stored") == patched(TEXT)


def test_long_comment(tmp_path):
    """It is looked behind only where a placeholder can be seen: then the zip is left."""
    path = tmp_path / "root" / "x"
    path.parent.mkdir()
    content = self_extracting(True)[:-2] + (5000).to_bytes(2, "little") + bytes(5000)
    path.write_bytes(content)
    assert run("apply", tmp_path / "root").returncode == 1
    assert path.read_bytes() == content
