"""No memory, no descriptors, a bad disk: whichever call of a run fails, the program ends with words and a
status of its own, leaves nothing behind in memory, and what it says it has done is done."""

import gzip
import shutil
import zipfile

import pytest
from bootstrap_trees import USR, File, Folder, Link, write_tar, write_zip
from debs import CODERS, archive, deb, tar
from failing_calls import Command
from faults import folder_in_memory, injecting, points_of, tell, tracing
from generator import termux
from notify_peers import App, Token, new_name
from patching import PLACEHOLDER, SOURCE, TEXT, VALUES, tool
from shipped_trees import LONG_VALUES, run, sets, write, write_oddities
from test_deb import FILES as PACKAGED
from test_deb import sums
from test_kept import wheel

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


def containers(folder, *words):
    """Every container and what may be in it; what is compressed has content that a block does not hold."""
    start = folder / "start"
    long = b"".join(b"%d " % i + TEXT for i in range(40))
    members = {"a.txt": TEXT, "deep/b.gz": gzip.compress(long), "link": PLACEHOLDER.decode() + "/x"}
    files = {
        "a.ar": archive([("one", TEXT), ("two", long)]),
        "a.mo": tool("msgfmt", "-o", "-", "-", content=b'msgid "a"\nmsgstr "' + PLACEHOLDER + b'"\n'),
        "a.deb": package(".xz"),
        "a.tar": tar(members),
        "a.tar.zst": CODERS[".zst"](tar(members)),
        "a.tar.bz2": CODERS[".bz2"](tar(members)),
        "a.gz": gzip.compress(long, mtime=0),
        "a.xz": CODERS[".xz"](long),
        "a.lzma": CODERS[".lzma"](long),
        "wide.txt": TEXT.decode().encode("utf-16-le"),
    }
    for name, content in files.items():
        write(start / name, content)
    wheel(start)
    # Of several parts, which threads can walk.
    with zipfile.ZipFile(start / "large.zip", "w") as large:
        for i in range(5):
            large.writestr(f"{i}", bytes(range(256)) * 270 + TEXT)
    (start / "sub").mkdir()
    write(start / "sub/text", TEXT)
    write(start / "a.cpio", tool("cpio", "-o", "-H", "newc", content=b"sub\nsub/text\na.gz\n", folder=start))
    here = folder / "here"
    return Command(folder, [*words, "--jobs=1", f"--root={here}", f"--state={here}/state", here], start)


def cut_off(folder, *words):
    """A run that was killed in the middle comes first."""
    before = [] if words[0] == "apply" else [APPLY]
    start = tree(folder, *before)
    log = folder / "trace"
    command = [words[0], f"--root={start}", f"--state={start}/state", "--jobs=1", *words[1:], start]
    shutil.copytree(start, folder / "calm", symlinks=True)
    calm = [str(word).replace(str(start), str(folder / "calm")) for word in command]
    run(*calm, under=tracing(log))
    names = ("pwrite64", "renameat")
    last = [point for point in points_of(log) if point[0] in names and "ledger" not in point[2]][-2]
    run(*command, under=injecting("signal=KILL", last), status=None)
    here = folder / "here"
    return Command(
        folder, [words[0], f"--root={here}", f"--state={here}/state", "--jobs=1", *words[1:], here], start
    )


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


def replacing(folder):
    """With a database of dpkg, and the app is told."""
    entries = {
        **ENTRIES,
        "var/lib/dpkg/status": File(b"Package: app\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"),
        "var/lib/dpkg/info/app.list": File(b"/.\n" + termux.PREFIX.encode() + b"/etc/a.conf\n"),
        "var/lib/dpkg/info/app.md5sums": File(b""),
    }
    start = folder / "start"
    dest = start / PREFIX.lstrip("/")
    dest.parent.mkdir(parents=True)
    old = write_zip(folder / "old.zip", {"old": File(b"old " + USR)})
    run("bootstrap", f"--root={start}", *SETS, old, dest)
    new = write_tar(folder / "new.tar.gz", entries, "gz")
    here = folder / "here"
    words = [f"--root={here}", "--jobs=1", *SETS, "--replace-dest", f"--notify=@{new_name()}", "--notify-timeout=0.001"]
    return Command(folder, ["bootstrap", *words, new, here / PREFIX.lstrip("/")], start)


def plain_tree(folder):
    start = tree(folder)
    (start / "plain.txt").write_bytes(PLAIN)
    (start / "plain.gz").write_bytes(gzip.compress(PLAIN * 9, mtime=0))
    (start / "plain-link").symlink_to(PLAIN.decode().strip())
    (start / "in.deb").write_bytes(deb({"./": None, "./a": PLAIN}, ".xz"))
    return start


def suppressing(folder):
    (folder / "known").write_text("PP001 **/plain.txt\nPP001 **/none\n")
    return Command(folder, ["lint", "--json", f"--suppressions={folder}/known", plain_tree(folder)])


def telling(folder, *words):
    """An app that is not there: what is to be told is kept."""
    command = ["notify", f"@{new_name()}", f"--state={folder}/here/state", "--notify-timeout=0.001", *words]
    return Command(folder, command, tree(folder, APPLY))


def told(folder):
    """An app that shares a secret."""
    name, key = new_name(), b"k" * 32
    (folder / "token").write_bytes(key)
    (folder / "token").chmod(0o600)
    app = App(name, Token(key, name).serve)
    words = [f"--notify=@{name}", f"--token-file={folder}/token", "--notify-timeout=2"]
    command = rooted(folder, *APPLY, *words)
    command.app = app
    return command


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
    "bootstrap in the place of another": lambda folder: replacing(folder),
    "containers": lambda folder: containers(folder, *APPLY, "--executables=all"),
    "scan of containers": lambda folder: containers(folder, "scan", "--json", "--executables=all"),
    "apply after a kill": lambda folder: cut_off(folder, *APPLY),
    "restore after a kill": lambda folder: cut_off(folder, "restore"),
    "lint --suppressions": suppressing,
    "notify": telling,
    "apply --notify": told,
}


@pytest.fixture
def folder(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.mark.parametrize("name", COMMANDS)
def test_call(name, folder, capsys):
    command = COMMANDS[name](folder)
    wrong, count = command.sweep(6)
    tell(capsys, f"{name}: {count} of {len(command.calls)} calls fail")
    assert not wrong, "\n\n".join(wrong)
