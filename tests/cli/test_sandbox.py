"""The sandbox, from inside: tests/tools/preload/escape.c tries in the middle of a run what a parser that was
taken over would try, in the program itself.

Which attempts must fail depends on what this kernel has, which is asked of the kernel, not of the program;
what it lacks the program has to tell."""

import ctypes
import errno
import re
import subprocess

import pytest
from bootstrap_trees import File, write_zip
from debs import deb
from patching import BUILD, SOURCE, TEXT, VALUES

CREATE_RULESET = 444  # the same on every architecture
VERSION_MIN = 2
NOTES = {
    frozenset(): None,
    frozenset({"landlock"}): "sandbox: no Landlock here",
    frozenset({"filter"}): "sandbox: no seccomp filters here",
    frozenset({"landlock", "filter"}): "sandbox: neither Landlock nor seccomp",
}
# Of a filter, of Landlock, and of Landlock for two folders.
REFUSALS = (errno.EPERM, errno.EACCES, errno.EXDEV)
FILES = ("write", "truncate", "open-truncating", "create", "mkdir", "symlink", "link", "rename", "unlink")
READ_ONLY = ("scan", "scan -", "lint", "deb", "deb -n", "bootstrap -n")
WRITING = ("apply", "restore", "bootstrap", "pad")
# Until dpkg-query has answered.
RUN_PROGRAMS = ("restore", "verify")
SETS = [f"--set={name}={value}" for name, value in VALUES.items()]


def kernel_lacks():
    libc = ctypes.CDLL(None, use_errno=True)
    lacks = set()
    if libc.syscall(CREATE_RULESET, None, 0, 1) < VERSION_MIN:
        lacks.add("landlock")
    # PR_GET_SECCOMP: 0 where there are filters and none is set, 2 where one is.
    if libc.prctl(21, 0, 0, 0, 0) < 0:
        lacks.add("filter")
    return lacks


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("escape") / "escape.so"
    source = SOURCE / "tests/tools/preload/escape.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, source, "-ldl", "-lpthread"], check=True)
    return path


class Place:
    """A root with something to read, and a folder beside it that is nobody's business."""

    def __init__(self, folder):
        self.root = folder / "root"
        self.outside = folder / "outside"
        self.dest = self.root / VALUES["TERMUX__PREFIX"].lstrip("/")
        self.inside = self.dest.parent / "inside"
        for each in (self.inside, self.outside):
            each.mkdir(parents=True)
            (each / "victim").write_text("as it was")
            (each / "another").write_text("as it was")
        for i in range(8):
            (self.root / f"text{i}").write_bytes(TEXT)
        self.package = folder / "in.deb"
        self.package.write_bytes(deb({"./data/": None, "./data/a": TEXT}))
        self.archive = folder / "bootstrap.zip"
        write_zip(self.archive, {"etc/a": File(TEXT)})
        self.out = folder / "out"
        self.out.mkdir()

    def words(self, command):
        """What follows the program's name, and what it gets on standard input."""
        dry_run = ["-n"] if command.endswith(" -n") else []
        name = command.split()[0]
        rooted = [name, f"--root={self.root}", *SETS, *dry_run]
        return {
            "scan": [*rooted, "--jobs=2", self.root],
            "scan -": ["scan", "-"],
            "lint": ["lint", "--jobs=2", self.root],
            "pad": ["pad", "--jobs=2", self.root],
            "deb": ["deb", *SETS, *dry_run, self.package, self.out / "out.deb"],
            "apply": [*rooted, "--jobs=2", self.root],
            "restore": [*rooted, self.root],
            "verify": rooted,
            "bootstrap": [*rooted, self.archive, self.dest],
        }[command if command == "scan -" else name]

    def seen_outside(self):
        return {path.name: (path.read_text(), path.stat().st_mode) for path in self.outside.iterdir()}


def attempts(done):
    """What was tried: name to errno."""
    return {name: int(number) for name, number in re.findall(r"^escape: (\S+) (\d+)$", done.stderr, re.M)}


def environment(place, library, without=()):
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LD_PRELOAD": str(library),
        "ESCAPE_OUTSIDE": str(place.outside),
        "ESCAPE_INSIDE": str(place.inside),
        "ESCAPE_WITHOUT": " ".join(without),
        "ASAN_OPTIONS": "verify_asan_link_order=0",
    }


def run(place, library, command, without=(), words=()):
    return subprocess.run(
        [BUILD / "pathpatch", *place.words(command), "--verbose", *words],
        input=TEXT.decode(),
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(place, library, without),
    )


def expected(command, lacks):
    """Of each attempt: must it be refused? None: it is not said."""
    landlock, filtered = "landlock" not in lacks, "filter" not in lacks
    read_only = command in READ_ONLY
    held = landlock or (read_only and filtered)
    must = {f"outside-{each}": held for each in FILES}
    must |= {f"inside-{each}": held and (read_only or command == "verify") for each in FILES}
    must |= {f"{where}-chmod": read_only and filtered for where in ("inside", "outside")}
    # The filter refuses them wherever: no run needs either.
    for where in ("inside", "outside"):
        for each in ("truncate", "open-truncating"):
            must[f"{where}-{each}"] |= filtered
    must["program"] = command not in RUN_PROGRAMS and (landlock or filtered)
    must |= {name: filtered for name in ("tcp", "netlink", "unix", "unshare", "type")}
    must["kill"] = filtered and command not in RUN_PROGRAMS
    must["ptrace"] = None if "asan" in BUILD.name else filtered
    return must


@pytest.mark.parametrize("without", [(), ("landlock",), ("filter",), ("landlock", "filter")], ids="+".join)
@pytest.mark.parametrize("command", [*READ_ONLY, *WRITING, "verify"])
def test_nothing_gets_out(command, without, tmp_path, library):
    place = Place(tmp_path)
    if command in ("restore", "verify"):
        subprocess.run([BUILD / "pathpatch", *place.words("apply")], check=True, capture_output=True)
    before = place.seen_outside()
    lacks = kernel_lacks() | set(without)

    done = run(place, library, command, without)

    note = NOTES[frozenset(lacks)]
    notes = [line for line in done.stderr.splitlines() if line.startswith("pathpatch: sandbox: ")]
    assert len(notes) == (note is not None), done.stderr
    assert note is None or note in notes[0]
    tried = attempts(done)
    must = expected(command, lacks)
    assert set(must) <= set(tried), done.stderr
    refused = {name: tried[name] in REFUSALS for name in must if must[name] is not None}
    assert refused == {name: what for name, what in must.items() if what is not None}
    # What is not refused works, but for two that cannot.
    assert {name for name in must if not must[name] and tried[name] != 0} <= {"type", "ptrace"}
    if must["outside-write"]:
        assert place.seen_outside() == before
    assert (tried["late-program"] != 0) == ("filter" not in lacks or must["program"])
    if "thread-create" in tried:
        assert (tried["thread-create"] != 0) == must["outside-create"]
        assert (tried["thread-program"] != 0) == (tried["late-program"] != 0)


@pytest.mark.parametrize("command", ["scan", "apply"])
def test_threads_are_in_it(command, tmp_path, library):
    place = Place(tmp_path)
    tried = attempts(run(place, library, command))
    must = expected(command, kernel_lacks())
    assert (tried["thread-create"] != 0) == must["outside-create"]
    assert (tried["thread-program"] != 0) == must["program"]


def test_the_app_is_told_by_unix_sockets_alone(tmp_path, library):
    place = Place(tmp_path)
    done = run(place, library, "apply", words=["--notify", "@nobody-is-there", "--notify-timeout=0.1"])
    tried = attempts(done)
    filtered = "filter" not in kernel_lacks()
    assert [tried[name] for name in ("unix", "tcp", "netlink")] == [0, *([errno.EPERM] * 2 if filtered else [0, 0])]


@pytest.mark.parametrize("command", ["notify", "listen"])
def test_who_talks_to_strangers_is_in_it(command, tmp_path, library):
    """notify keeps what it cannot deliver in its spool, and writes nowhere else; listen writes nothing."""
    place, name = Place(tmp_path), f"@{tmp_path}".replace("/", "-")
    words = [command, name]
    if command == "notify":
        words += [f"--state={place.inside}", "--notify-timeout=0.1"]
    with subprocess.Popen(
        [BUILD / "pathpatch", *words], stderr=subprocess.PIPE, text=True, env=environment(place, library)
    ) as process:
        told = ""
        while "escape: type " not in told:
            told += process.stderr.readline()
        if command == "listen":
            process.kill()
    tried = attempts(subprocess.CompletedProcess(words, 0, "", told))
    landlock, filtered = ({"landlock", "filter"} - kernel_lacks() >= {each} for each in ("landlock", "filter"))
    assert (tried["outside-create"] in REFUSALS) == (landlock or (command == "listen" and filtered))
    assert (tried["program"] in REFUSALS) == (landlock or filtered)
    assert (tried["tcp"] == errno.EPERM) == filtered
    assert (tried["unix"] == errno.EPERM) == (filtered and command == "listen")
    assert command == "listen" or (place.inside / "spool").is_dir()


def test_what_is_done_is_done_all_the_same(tmp_path, library):
    """The output of deb is in its place, the command of --then runs outside the sandbox, and temporary files
    are had in it."""
    place = Place(tmp_path)
    done = run(place, library, "deb")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in place.out.iterdir()] == ["out.deb"]

    place.package.write_bytes(b"no package")
    (place.out / "out.deb").unlink()
    assert run(place, library, "deb").returncode == 3
    assert list(place.out.iterdir()) == []

    there = tmp_path / "written-by-then"
    done = run(place, library, "bootstrap", words=["--then", f"pwd >{there}; exit 0"])
    assert done.returncode == 0, done.stderr
    assert there.read_text() == f"{place.dest}\n"

    big = subprocess.run(
        [BUILD / "pathpatch", "scan", "-"], input=bytes(3 << 20) + TEXT, capture_output=True, check=True
    )
    assert big.stdout.count(b"TERMUX__PREFIX") == 2
