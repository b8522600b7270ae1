"""No memory, no descriptors, a bad disk: whichever call of a run fails, the program ends with words and a
status of its own, leaves nothing behind in memory, and what it says it has done is done."""

import gzip
import shutil

import pytest
from bootstrap_trees import USR, File, Folder, Link, write_tar, write_zip
from debs import CODERS, deb
from failing_calls import PROGRAM, Command
from faults import folder_in_memory, tell
from generator import termux
from notify_peers import new_name
from patching import SOURCE, TEXT, VALUES
from shipped_trees import LONG_VALUES, run, sets, write_oddities
from test_deb import FILES as PACKAGED
from test_deb import sums

SETS = sets(VALUES)
PREFIX = VALUES["TERMUX__PREFIX"]
PLAIN = termux.PREFIX.encode() + b"/bin\n"
ENTRIES = {
    "etc": Folder(0o750),
    "etc/a.conf": File(b"a " + USR),
    "share/a.gz": File(gzip.compress(USR * 9, mtime=1)),
    "bin/link": Link(USR.decode() + "/etc/a.conf"),
    "bin/tool": File(b"#!/bin/sh\n", 0o755),
}


def tree(folder, *before):
    """A root with a bit of everything, and commands that ran there."""
    start = folder / "start"
    start.mkdir()
    write_oddities(start)
    for words in before:
        run(words[0], f"--root={start}", f"--state={start}/state", *words[1:], start)
    return start


def rooted(folder, command, *words, before=()):
    here = folder / "here"
    start = tree(folder, *before)
    paths = [] if command in ("verify", "status") else ["--jobs=1", here]
    return Command(folder, [command, f"--root={here}", f"--state={here}/state", *words, *paths], start)


def reading(folder, command, *words, fixtures):
    """What changes nothing."""
    place = tree(folder)
    shutil.copytree(SOURCE / "fixtures" / fixtures, place / "fixtures", ignore=shutil.ignore_patterns("*bomb*"))
    return Command(folder, [command, "--jobs=1", *words, place])


def package(suffix):
    return deb(PACKAGED, suffix, {"./md5sums": sums(PACKAGED)})


def with_package(folder, command, *words, suffix=".xz"):
    """Writes a package anew in the folder, from standard input or in place."""
    start = folder / "start"
    start.mkdir()
    (start / "in.deb").write_bytes(package(suffix))
    return Command(folder, [command, "--jobs=1", *words], start)


def bootstrap(folder, write, name, *words, before=()):
    start = folder / "start"
    (start / PREFIX.lstrip("/")).parent.mkdir(parents=True)
    archive = write(folder / name)
    dest = folder / "here" / PREFIX.lstrip("/")
    command = ["bootstrap", f"--root={folder}/here", "--jobs=1", *SETS, *words, archive, dest]
    return Command(folder, command, start, again=2)


def plain_tree(folder):
    start = tree(folder)
    (start / "plain.txt").write_bytes(PLAIN)
    (start / "plain.gz").write_bytes(gzip.compress(PLAIN * 9, mtime=0))
    (start / "plain-link").symlink_to(PLAIN.decode().strip())
    (start / "in.deb").write_bytes(deb({"./": None, "./a": PLAIN}, ".xz"))
    return start


def telling(folder, *words):
    """An app that is not there: what is to be told is kept."""
    return Command(
        folder,
        ["notify", f"@{new_name()}", f"--state={folder}/here/state", "--notify-timeout=0.001", *words],
        tree(folder, APPLY),
    )


APPLY = ["apply", *SETS]
COMMANDS = {
    "scan": lambda folder: reading(folder, "scan", "--json", "--executables=all", fixtures="good"),
    "scan -": lambda folder: Command(folder, ["scan", "-"], None, package(".zst")),
    "lint": lambda folder: reading(folder, "lint", fixtures="bad"),
    "lint -": lambda folder: Command(folder, ["lint", "-"], None, package(".gz")),
    "apply": lambda folder: rooted(folder, *APPLY),
    "apply --replace": lambda folder: rooted(folder, *APPLY, "--replace"),
    "apply -n": lambda folder: rooted(folder, *APPLY, "-n"),
    "revalue": lambda folder: rooted(folder, "apply", *sets(LONG_VALUES), "--revalue", before=[APPLY]),
    "restore": lambda folder: rooted(folder, "restore", before=[APPLY]),
    "verify": lambda folder: rooted(folder, "verify", before=[APPLY]),
    "status": lambda folder: rooted(folder, "status", before=[APPLY]),
    "pad": lambda folder: Command(folder, ["pad", "--jobs=1", folder / "here"], plain_tree(folder)),
    "pad package": lambda folder: with_package(folder, "pad", folder / "here/in.deb"),
    "deb": lambda folder: with_package(folder, "deb", *SETS, folder / "here/in.deb", folder / "here/out.deb", suffix=".zst"),
    "deb --relocate": lambda folder: with_package(
        folder, "deb", *SETS, "--relocate", "--compress=gzip", folder / "here/in.deb", folder / "here/out.deb", suffix=".bz2"
    ),
    "bootstrap of a zip": lambda folder: bootstrap(folder, lambda path: write_zip(path, ENTRIES), "in.zip"),
    "bootstrap of a tar": lambda folder: bootstrap(folder, lambda path: write_tar(path, ENTRIES, "xz"), "in.tar.xz"),
    "notify": telling,
}


@pytest.fixture
def folder(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.mark.parametrize("name", COMMANDS)
def test_call(name, folder, capsys):
    command = COMMANDS[name](folder)
    assert len(command.calls) > 10
    wrong, count = command.sweep(10)
    tell(capsys, f"{name}: {count} of {len(command.calls)} calls fail")
    assert not wrong, "\n\n".join(wrong)
