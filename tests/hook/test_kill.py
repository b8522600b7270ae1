"""Cut the hook off at the system calls that write, in the middle of a whole `dpkg --install`, or let the
calls fail; let `dpkg --configure -a` end it, and compare with a run that nobody disturbed: files,
what the postinst saw, dpkg's database, the ledger, leftovers."""

import bz2
import errno
import gzip
import lzma
import os
import shlex
import shutil
import stat
import sys

import pytest
from conftest import BUILD, CHANGED, PREFIX, SHIPPED, SOURCE, VALUES, Entry, opted_in, packages, termux

sys.path.insert(0, str(SOURCE / "tests" / "cli"))
from faults import (  # noqa: E402
    ALL,
    build_preload,
    chosen,
    injecting,
    points_of,
    preloading,
    tell,
    tells_cause,
    tracing,
    writes,
)
from shipped_trees import describe, describe_state, differences, zipped  # noqa: E402

# Trying again mends them, so the hook fails. The others are the matter of one file.
TRANSIENT = ("ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EINTR")
LASTING = ("EIO", "EROFS")
SHARE = f"{PREFIX}/share/app"
CALLS_MAX = 9  # of the program, in one run of dpkg
QUERY_FAILED = ("dpkg-query: error: ", "pathpatch: dpkg-query failed")


def package(version="1", data=SHIPPED, **fields):
    """Every way to write a file: in place, replaced, with hard links, a symlink, a conffile. dpkg finds
    hard links different when another architecture has them too."""
    made = opted_in(version=version, data=data, **{"conffile": data, **fields})
    contents = {
        "plain": b"version " + version.encode() + b" " + data,
        "doc.gz": gzip.compress(data * 50, mtime=1),
        "doc.xz": lzma.compress(data * 50, preset=0),
        "doc.bz2": bz2.compress(data * 50),
        "doc.jar": zipped({"META/a": data, "b": data * 50}),
        f"only-{version}": data,
    }
    for name, content in contents.items():
        made.entries.append(Entry(f"{SHARE}/{name}", content=content))
    for name in () if fields else ("plain", "doc.gz"):
        made.entries.append(Entry(f"{SHARE}/z-{name}", content=contents[name], same_as=f"{SHARE}/{name}"))
    target = termux.padded("TERMUX__PREFIX").decode() + "/etc/app.conf"
    made.entries.append(Entry(f"{SHARE}/link", target=target))
    return made


def install(root):
    return package()


def upgrade(root):
    """With new values since: `dpkg prepare` puts the conffile back to what dpkg recorded."""
    root.install(package())
    home = VALUES["TERMUX__HOME"] + "/moved"
    root.pathpatch("apply", f"--set=TERMUX__HOME={home}", "--revalue", root.path / PREFIX)
    return package("2", CHANGED)


def other_architecture(root):
    """`dpkg prepare` puts all files back: they must be as shipped when dpkg compares them."""
    for architecture in ("i386", "arm64"):
        root.dpkg("--add-architecture", architecture)
    root.install(package(conffile=None, Architecture="i386", Multi_Arch="same"))
    return package(conffile=None, Architecture="arm64", Multi_Arch="same")


# What is there before; returns the package that is installed.
SCENARIOS = {"install": install, "upgrade": upgrade, "other architecture": other_architecture}


def lay_program(root, under):
    """The program in PATH; `under`: what its first, second... call runs below."""
    cases = "".join(
        f"{call}) exec {shlex.join(map(str, words))} '{BUILD}/pathpatch' \"$@\" --jobs=1 ;;\n"
        for call, words in under.items()
    )
    wrapper = root.folder / "bin/pathpatch"
    wrapper.write_text(
        f"#!/bin/sh\necho \"$*\" >>'{root.folder}/calls'\n"
        f"case $(wc -l <'{root.folder}/calls') in\n{cases}"
        f"*) exec '{BUILD}/pathpatch' \"$@\" --jobs=1 ;;\nesac\n"
    )


def told_of_dpkg(admindir):
    """Its database, but for locks, backups, and the order of packages."""
    files = {
        name: told[3]
        for name, told in describe(admindir).items()
        if name.split("/")[0] in ("info", "triggers", "updates") and not name.endswith("/Lock")
    }
    return files, sorted((admindir / "status").read_text().split("\n\n"))


class Scene:
    """A root before a package is installed, and after an undisturbed run."""

    def __init__(self, ready, folder, name):
        self.folder = folder
        (folder / "start").mkdir()
        self.start = ready.copy(folder / "start")
        self.start.environment["ASAN_OPTIONS"] = "detect_leaks=0"
        self.deb = packages.write(SCENARIOS[name](self.start), folder, "none")
        logs = {call: folder / f"log{call}" for call in range(1, CALLS_MAX + 1)}
        root = self.fresh()
        done = self.install(root, {call: tracing(log) for call, log in logs.items()})
        assert done.returncode == 0, done.stdout
        self.calls = (root.folder / "calls").read_text().splitlines()
        assert len(self.calls) <= CALLS_MAX
        self.points = [
            (call, point) for call in range(1, len(self.calls) + 1) for point in points_of(logs[call])
        ]
        root.assert_clean()
        root.pathpatch("verify")
        self.calm = self.told(root)

    def fresh(self):
        folder = self.folder / "tree"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        root = self.start.copy(folder)
        root.environment["ASAN_OPTIONS"] = "detect_leaks=0"
        return root

    def install(self, root, under):
        lay_program(root, under)
        return root.run("dpkg", f"--root={root.path}", "--force-script-chrootless", "--install", self.deb)

    def told(self, root):
        """Folders, and what the postinst wrote, have the time of the run. What two architectures share
        may be recorded for either."""
        tree = {
            name: told[:2] + told[3:] if stat.S_ISDIR(told[0]) or name == "app.saw" else told
            for name, told in describe(root.path, skip=["dpkg", "pathpatch"]).items()
        }
        state = root.admindir.parent / "pathpatch"
        readers = ("ledger.db-shm", "ledger.db-wal")  # left by whoever looked into it before
        left = sorted(path.name for path in state.iterdir() if path.name not in readers)
        rows, *others = describe_state(state)
        rows = [(*row[:2], row[2].split(":")[0], *row[3:]) for row in rows]
        return tree, told_of_dpkg(root.admindir), (rows, *others), left

    def disturb(self, fault, at):
        root = self.fresh()
        call, point = at
        done = self.install(root, {call: injecting(fault, point)})
        lay_program(root, {})
        where = f"{fault} in {self.calls[call - 1]} at {point[2]}: {done.returncode} {done.stdout}"
        return root, done, where

    def prepares(self, at):
        return self.calls[at[0] - 1].startswith("dpkg prepare")

    def end(self, root, at, where):
        done = root.run("dpkg", f"--root={root.path}", "--force-script-chrootless", "--configure", "-a")
        where += f" then {done.returncode} {done.stdout}"
        if self.prepares(at) and not self.is_calm(root):
            # dpkg could not unpack it, or asks about the conffile: the preinst runs once more.
            done = self.install(root, {})
            where += f" then {done.returncode} {done.stdout}"
        assert done.returncode == 0, where
        self.check(root, where)

    def is_calm(self, root):
        return self.told(root) == self.calm

    def check(self, root, where):
        now = self.told(root)
        assert differences(self.calm[0], now[0]) == {}, where
        assert differences(self.calm[1][0], now[1][0]) == {}, where
        assert now[1:] == self.calm[1:], where


@pytest.fixture
def scene(request, templates, scratch):
    return Scene(templates[1], scratch, request.param)


every_scene = pytest.mark.parametrize("scene", SCENARIOS, indirect=True)
few_scenes = pytest.mark.parametrize("scene", SCENARIOS if ALL else ["install"], indirect=True)


@every_scene
def test_kill(scene, capsys):
    points = [at for at in scene.points if writes(at[1])]
    assert len(points) > 60
    taken = chosen(points, 8)
    for at in taken:
        root, done, where = scene.disturb("signal=KILL", at)
        assert scene.prepares(at) or done.returncode != 0, where
        scene.end(root, at, where)
    tell(capsys, f"dpkg: killed at {len(taken)} of {len(points)} calls")


@pytest.mark.parametrize("signal", ["INT", "TERM"])
@few_scenes
def test_signal(scene, signal):
    """Whoever runs dpkg gives up."""
    points = [at for at in scene.points if writes(at[1])]
    for at in chosen(points, 3):
        root, done, where = scene.disturb(f"signal={signal}", at)
        assert scene.prepares(at) or done.returncode != 0, where
        scene.end(root, at, where)


@pytest.mark.parametrize("fault", TRANSIENT)
@few_scenes
def test_what_a_retry_mends_fails_the_hook(scene, fault, capsys):
    points = [at for at in scene.points if fault in ("EMFILE", "ENFILE") or writes(at[1])]
    taken = chosen(points, 4)
    failed = 0
    for at in taken:
        root, done, where = scene.disturb(f"error={fault}", at)
        if done.returncode == 0:
            scene.check(root, where)
            continue
        failed += 1
        assert any(
            (tells_cause(line, fault, at[1]) and "/" in line) or line.startswith(QUERY_FAILED)
            for line in done.stdout.splitlines()
        ), where
        scene.end(root, at, where)
    tell(capsys, f"dpkg, {fault}: at {len(taken)} of {len(points)} calls, {failed} failed the hook")


@pytest.mark.parametrize("fault", LASTING)
@few_scenes
def test_what_a_retry_does_not_mend(scene, fault, capsys):
    """A file that cannot be read or written is left and told; where the run cannot go on, it fails."""
    points = [at for at in scene.points if writes(at[1])]
    taken = chosen(points, 6)
    left = 0
    for at in taken:
        root, done, where = scene.disturb(f"error={fault}", at)
        if done.returncode == 0 and not scene.is_calm(root):
            left += 1
            root.pathpatch("dpkg", "configure")
        scene.end(root, at, where)
    tell(capsys, f"dpkg, {fault}: at {len(taken)} of {len(points)} calls, {left} left a file")


@pytest.mark.parametrize("scene", ["install"], indirect=True)
def test_disk_that_is_broken_below_one_file(scene):
    """It fails nothing, and costs neither the file nor what is recorded of it."""
    root = scene.fresh()
    path = root.path / VALUES["TERMUX__PREFIX"].lstrip("/") / "share/app/doc.jar"
    broken = ["strace", "-f", "-o", "/dev/null", "-P", path, "-e", "inject=read,pread64:error=EIO"]
    done = scene.install(root, {call: broken for call in range(1, CALLS_MAX + 1)})
    assert done.returncode == 0, done.stdout
    told = [line for line in done.stdout.splitlines() if "share/app/doc.jar: " in line]
    assert [line for line in told if os.strerror(errno.EIO) in line], done.stdout
    assert not scene.is_calm(root)
    root.pathpatch("dpkg", "configure")
    scene.check(root, done.stdout)
    words = ["dpkg", "configure", f"--root={root.path}", f"--admindir={root.admindir}"]
    done = root.run(*broken, BUILD / "pathpatch", *words)
    assert done.returncode == 0, done.stdout
    scene.check(root, done.stdout)


@pytest.mark.parametrize("scene", ["install"], indirect=True)
def test_disk_that_is_broken_where_a_new_conffile_is(scene):
    """Only to ask whether it is there fails: it is, and is patched."""
    root = scene.fresh()
    path = f"{PREFIX}/etc/app.conf.dpkg-new"
    broken = ["strace", "-f", "-A", "-o", scene.folder / "log", "-P", path, "-e", "inject=%%stat:error=EIO:when=1"]
    done = scene.install(root, {call: broken for call in range(1, CALLS_MAX + 1)})
    assert done.returncode == 0, done.stdout
    assert "INJECTED" in (scene.folder / "log").read_text()
    scene.check(root, done.stdout)


@pytest.mark.parametrize("scene", ["install"], indirect=True)
def test_disk_that_is_broken_on_the_way_to_a_conffile(scene):
    """Nobody can tell what dpkg is going to find there: that is told, and fails nothing."""
    root = scene.fresh()
    scene.install(root, {})
    prefix = root.path / VALUES["TERMUX__PREFIX"].lstrip("/")
    broken = ["strace", "-f", "-o", "/dev/null", "-P", prefix, "-e", "inject=openat:error=EIO"]
    where = f"--root={root.path}", f"--admindir={root.admindir}"
    done = root.run(*broken, BUILD / "pathpatch", "dpkg", "prepare", "app", *where)
    assert done.returncode == 0, done.stdout
    told = [line for line in done.stdout.splitlines() if "etc/app.conf: " in line]
    assert len(told) == 1 and os.strerror(errno.EIO) in told[0], done.stdout
    scene.check(root, done.stdout)


@every_scene
def test_short_writes(scene):
    preload = preloading(build_preload(scene.folder, "short_writes"))
    root = scene.fresh()
    done = scene.install(root, {call: preload for call in range(1, CALLS_MAX + 1)})
    assert done.returncode == 0, done.stdout
    scene.check(root, done.stdout)
