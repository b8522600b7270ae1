"""Folders that turn into symlinks to another place, and back, thousands of times while the program is at
work: nothing outside the root changes. It takes 3 seconds a case; as many as one likes with
PATHPATCH_SECONDS=60 ctest --test-dir build/dev -R swap."""

import gzip
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
from faults import build_preload, folder_in_memory, preloading, tell
from test_owner import GROUP, USER, give
from trees import BUILD, SETS, STATE, TEXT, padded, patched, write

SECONDS = float(os.environ.get("PATHPATCH_SECONDS", "3"))
COUNT = 20


@pytest.fixture
def folder(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        for each in (folder, *folder.parents):
            if each.stat().st_uid == 0:
                each.chmod(each.stat().st_mode | 0o011)
        yield folder


def fill(folder):
    for i in range(COUNT):
        write(folder / f"d{i}/plain", TEXT)
        write(folder / f"d{i}/packed.gz", gzip.compress(TEXT, mtime=0))
        write(folder / f"d{i}/deeper/still/plain", TEXT)
        os.link(folder / f"d{i}/plain", folder / f"d{i}/deeper/linked")
        os.symlink(padded("TERMUX__PREFIX").decode(), folder / f"d{i}/link")


class Scene:
    """A tree, and beside its root a victim that looks the same; each folder has a symlink that leads to
    the victim's."""

    def __init__(self, folder, tree_owner):
        self.root, self.victim = folder / "root", folder / "victim"
        self.swapped = self.root / "swapped"
        fill(self.swapped)
        fill(self.victim)
        for i in range(COUNT):
            os.symlink(self.victim / f"d{i}", self.swapped / f"s{i}")
        # The kernel would keep the user from nobody else's.
        give(self.victim)
        # Whoever swaps owns the tree; that of the root decides who the program is.
        give(self.swapped)
        os.chown(self.root, tree_owner, GROUP)
        self.before = self.look()

    def look(self):
        """All that writing would change. Reading may change the time of the last access."""
        return {
            path: (path.lstat().st_ino, path.lstat().st_ctime_ns, path.lstat().st_nlink)
            for path in (self.victim, *self.victim.rglob("*"))
        }

    @contextmanager
    def swapping(self):
        swap = subprocess.Popen(
            [BUILD / "swap", self.swapped, str(COUNT)], user=USER, group=GROUP, extra_groups=[]
        )
        try:
            yield
            assert swap.poll() is None
        finally:
            swap.kill()
            swap.wait()
        for i in range(COUNT):
            if (self.swapped / f"d{i}").is_symlink():
                self.exchange(i)

    def exchange(self, i):
        (self.swapped / f"d{i}").rename(self.swapped / "aside")
        (self.swapped / f"s{i}").rename(self.swapped / f"d{i}")
        (self.swapped / "aside").rename(self.swapped / f"s{i}")

    def check_patched(self):
        for i in range(COUNT):
            for name in ("plain", "deeper/still/plain", "deeper/linked"):
                assert (self.swapped / f"d{i}" / name).read_bytes() == patched(TEXT)
            packed = (self.swapped / f"d{i}/packed.gz").read_bytes()
            assert gzip.decompress(packed) == patched(TEXT)


def apply(scene, *words, status=None, prefix=()):
    return run_any("apply", scene, *SETS, "--jobs=2", *words, status=status, prefix=prefix)


def run_any(command, scene, *words, status=None, prefix=()):
    done = subprocess.run(
        [*prefix, BUILD / "pathpatch", command, f"--root={scene.root}", *words, scene.root],
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    # What was swapped meanwhile could not be patched: 1.
    assert done.returncode in ((0, 1) if status is None else (status,)), done.stderr
    return done


# A run that wrote the first name of a file, and did not find the second, leaves that to be ended. When the next
# run finds a symlink on the way, it cannot know what became of the file: it tells so, once.
VOID = "changed by somebody since a run was cut off"


def left_by(done):
    """(path, why) of files that could not be patched."""
    return re.findall(r"^pathpatch: (swapped/.*?): (.*)$", done.stderr.decode(), re.MULTILINE)


WORK = {
    "apply and restore": [lambda scene: apply(scene), lambda scene: run_any("restore", scene)],
    "apply --replace and restore": [
        lambda scene: apply(scene, "--replace"),
        lambda scene: run_any("restore", scene, "--replace"),
    ],
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("who", ["becomes the user", "stays root"])
def test_nothing_outside_the_root_changes(folder, who, work, capsys):
    scene = Scene(folder, USER if who == "becomes the user" else 0)
    runs = left = 0
    with scene.swapping():
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for step in WORK[work]:
                left += step(scene).returncode
                runs += 1
                assert scene.look() == scene.before
    assert left > 0
    # Nothing came of it but files that were left: once it is quiet all of them are patched.
    quiet = apply(scene)
    scene.check_patched()
    assert quiet.returncode == bool(left_by(quiet))
    assert all(path.startswith("swapped/s") and why == VOID for path, why in left_by(quiet))
    apply(scene, status=0)
    assert scene.look() == scene.before
    tell(capsys, f"{who}, {work}: {runs} runs, {left} of them met a symlink")


def test_a_swap_between_two_names_of_a_file(folder):
    """The first name is written, and the folder of the second one is elsewhere."""
    scene = Scene(folder, USER)
    first, second = scene.swapped / "d0/deeper/linked", scene.swapped / "d1/second"
    os.link(first, second)
    old = first.stat().st_ino
    stop = ["strace", "-f", "-o", "/dev/null", "-P", first.parent, "-e", "trace=renameat"]
    stop += ["-e", "inject=renameat:signal=STOP:when=1"]
    words = ["apply", f"--root={scene.root}", *SETS, "--jobs=1", "--replace", scene.root]
    run = subprocess.Popen(
        [*stop, BUILD / "pathpatch", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )  # fmt: skip
    while first.stat().st_ino == old:
        assert run.poll() is None
    scene.exchange(1)
    os.kill(int((scene.root / STATE / "lock").read_text()), signal.SIGCONT)
    run.wait()
    assert run.returncode == 1
    after = apply(scene, status=1)
    assert left_by(after) == [("swapped/d1/second", VOID)]
    apply(scene, status=0)
    scene.exchange(1)
    scene.check_patched()
    assert second.read_bytes() == patched(TEXT)
    assert scene.look() == scene.before


def test_a_program_that_follows_is_found_out(folder, capsys):
    """The same with openat(2) that follows symlinks: the test above would see it."""
    scene = Scene(folder, USER)
    library = build_preload(folder, "follow_links")
    runs = 0
    with scene.swapping():
        while scene.look() == scene.before:
            assert runs < 500
            apply(scene, prefix=preloading(library))
            run_any("restore", scene, prefix=preloading(library))
            runs += 1
    tell(capsys, f"found out in {runs} runs")
