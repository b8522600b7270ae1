"""Root at work in a tree that belongs to somebody else: it becomes that user, and neither a folder that
turns into a symlink nor anything else leads it out of there. The kernel and setpriv(1) are the oracle:
what that user may not do does not happen. Only root can run these tests."""

import os
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest
from trees import BUILD, SETS, STATE, TEXT, VALUES, apply, padded, patched, run, text, write

USER, GROUP = 14711, 14712
ADM = 4


@pytest.fixture
def place(tmp_path):
    """A folder that every user can reach."""
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        if folder.stat().st_uid == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path


def give(path, user=USER, group=GROUP):
    for each in (path, *path.rglob("*")):
        os.chown(each, user, group, follow_symlinks=False)


def fill(root):
    write(root / "a/plain", TEXT)
    write(root / "a/packed.gz", zipped(TEXT))
    os.link(write(root / "a/linked", TEXT), root / "a/link")
    os.symlink(padded("TERMUX__PREFIX").decode() + "/etc", root / "a/symlink")


def zipped(content):
    return subprocess.run(["gzip", "-9n"], input=content, capture_output=True, check=True).stdout


@pytest.fixture
def tree(place):
    """All of it is the user's."""
    root = place / "tree"
    fill(root)
    give(root)
    return root


def owners(root):
    return {(path.lstat().st_uid, path.lstat().st_gid) for path in (root, *root.rglob("*"))}


def test_becomes_the_owner(tree):
    theirs = write(tree / "a/of-root", TEXT, 0o600)
    of_adm = write(tree / "a/of-adm", TEXT, 0o640)
    os.chown(of_adm, 0, ADM)
    done = apply(tree, status=1, prefix=("setpriv", f"--groups={ADM}"))
    assert f"belongs to user {USER}: going on as that user".encode() in done.stderr
    # Neither root's rights nor its groups are left.
    for left in (theirs, of_adm):
        assert f"a/{left.name}: cannot open: Permission denied".encode() in done.stderr
        assert left.read_bytes() == TEXT
        left.unlink()
    assert (tree / "a/plain").read_bytes() == patched(TEXT)
    assert (tree / "a/link").read_bytes() == patched(TEXT)
    assert (tree / "a/link").samefile(tree / "a/linked")
    assert owners(tree) == {(USER, GROUP)}
    # Root and the user are one to the ledger.
    for prefix in ((), ("setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups")):
        assert b"5 files as patched, 0 not" in run("verify", tree, prefix=prefix).stdout
        assert b"5 files patched" in run("status", tree, prefix=prefix).stdout
    run("restore", tree, tree)
    assert (tree / "a/plain").read_bytes() == TEXT
    assert owners(tree) == {(USER, GROUP)}


def test_the_group_is_that_of_the_user(place):
    """A folder may have been given a group that its owner is not in."""
    tree = place / "tree"
    fill(tree)
    nobody = 65534
    give(tree, nobody, ADM)
    tree.chmod(0o2777)
    left = write(tree / "of-adm", TEXT, 0o640)
    os.chown(left, 0, ADM)
    assert b"of-adm: cannot open: Permission denied" in apply(tree, status=1).stderr
    assert left.read_bytes() == TEXT
    assert (tree / STATE / "ledger.db").stat().st_uid == nobody


def app(place):
    """A root of root, with the folder of an app in it."""
    root = place / "device"
    folder = root / "data/data/com.termux"
    fill(folder / "files/usr")
    give(folder)
    return root, folder


def test_folder_of_an_app_below_a_root_of_root(place):
    root, folder = app(place)
    done = apply(root, folder)
    assert f"belongs to user {USER}: going on as that user".encode() in done.stderr
    assert (folder / "files/usr/a/plain").read_bytes() == patched(TEXT)
    assert owners(folder) == {(USER, GROUP)}
    assert run("verify", root).stdout.startswith(b"5 files as patched")


@pytest.mark.parametrize("where", ["files/usr/var", "files"])
def test_state_is_not_made_where_a_symlink_leads(place, where):
    """The folder above the state, or one further up, is a symlink to a place of root's."""
    root, folder = app(place)
    victim = place / "victim"
    victim.mkdir()
    (victim / "lib").mkdir()
    before = sorted(victim.rglob("*")), victim.stat().st_mtime_ns
    way = folder / where
    shutil.rmtree(way, ignore_errors=True)
    os.symlink(victim, way)
    os.chown(way, USER, GROUP, follow_symlinks=False)
    write(root / "plain", TEXT)
    done = apply(root, root / "plain", status=3)
    assert b"Permission denied" in done.stderr
    assert (sorted(victim.rglob("*")), victim.stat().st_mtime_ns) == before
    assert (root / "plain").read_bytes() == TEXT


def test_state_that_root_once_made(place):
    root, folder = app(place)
    write(root / STATE / "values", b"")
    (root / STATE).chmod(0o700)
    done = apply(root, folder, status=2)
    assert f"belongs to user 0, not to user {USER}".encode() in done.stderr
    assert b"chown" in done.stderr
    assert (folder / "files/usr/a/plain").read_bytes() == TEXT


def test_owner_who_cannot_reach_the_root(place):
    closed = place / "closed"
    tree = closed / "tree"
    fill(tree)
    give(tree)
    closed.chmod(0o700)
    done = apply(tree, status=2)
    assert f"{tree} belongs to user {USER}, who cannot reach it".encode() in done.stderr
    assert (tree / "a/plain").read_bytes() == TEXT


@pytest.mark.parametrize(
    "words, message",
    [
        (["--bounding-set=-setuid,-setgid"], b"root cannot become that user here: Operation not permitted"),
        (["--securebits=+no_setuid_fixup"], b"root would keep its capabilities"),
    ],
)
def test_root_that_cannot_become_somebody(tree, words, message):
    done = apply(tree, status=2, prefix=["setpriv", *words])
    assert message in done.stderr and b"run as that user" in done.stderr
    assert (tree / "a/plain").read_bytes() == TEXT
    assert not (tree / STATE).exists()


def test_bootstrap_into_the_folder_of_an_app(place):
    root = place / "device"
    dest = root / VALUES["TERMUX__PREFIX"].lstrip("/")
    dest.parent.mkdir(parents=True)
    give(root / "data/user/10/com.termux")
    # Only root can read it.
    archive = place / "bootstrap.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("etc/plain", TEXT)
        made.writestr("bin/tool", b"#!/bin/sh\n")
    archive.chmod(0o600)
    done = subprocess.run(
        [BUILD / "pathpatch", "bootstrap", f"--root={root}", *SETS, "--then=id -u; id -G", archive, dest],
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"belongs to user {USER}: going on as that user".encode() in done.stderr
    assert b"\n%d\n%d\n" % (USER, GROUP) in done.stdout
    assert (dest / "etc/plain").read_bytes() == patched(TEXT)
    assert owners(dest.parent) == {(USER, GROUP)}
    assert not list(dest.parent.glob("*.pathpatch*"))


def test_root_stays_root_in_its_own(place):
    root = place / "tree"
    fill(root)
    theirs = write(root / "home/user/plain", text("TERMUX__HOME"))
    give(root / "home/user")
    done = apply(root)
    assert b"belongs to user" not in done.stderr
    assert theirs.read_bytes() == patched(text("TERMUX__HOME"))
    assert (theirs.stat().st_uid, (root / "a/plain").stat().st_uid) == (USER, 0)
    assert stat.S_IMODE((root / STATE).stat().st_mode) == 0o700
