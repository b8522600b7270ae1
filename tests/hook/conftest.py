"""A scratch root with the real dpkg, and small packages made on the spot.

dpkg runs its scripts without chroot: they find the root in DPKG_ROOT. The `pathpatch` that they call
is a wrapper in PATH that counts its calls and fails on demand, then runs the program under test.

PATHPATCH_DPKG names a folder with the programs of another dpkg (tests/hook/newer-dpkg).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "fixtures"))
from generator import package as packages  # noqa: E402
from generator import termux, termux_package  # noqa: E402
from generator.package import Entry, Package  # noqa: E402

BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
PREFIX = termux.PREFIX.lstrip("/")
VALUES = termux.user_values(10)
DPKG = os.environ.get("PATHPATCH_DPKG")
PROGRAMS = f"{DPKG}:/usr/sbin:/usr/bin:/sbin:/bin" if DPKG else "/usr/sbin:/usr/bin:/sbin:/bin"

# dpkg gives files to root. For everybody else a user namespace does.
AS_ROOT = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]

WRAPPER = """#!/bin/sh
echo "$*" >>'{folder}/calls'
if [ "$1 $2" != "dpkg prepare" ] && [ -e '{folder}/fail' ]; then
    echo "pathpatch: told to fail" >&2
    exit 3
fi
exec '{program}' "$@"
"""


class Root:
    """A root with an empty dpkg database. Packages unpack to the default path; it leads to where the
    values are, as it must on a device's second user."""

    def __init__(self, folder):
        self.place(folder)
        for name in ("info", "updates", "triggers"):
            (self.admindir / name).mkdir(parents=True)
        for name in ("status", "available"):
            (self.admindir / name).touch()
        moved = Path(VALUES["TERMUX_APP__DATA_DIR"])
        (self.path / moved.relative_to("/")).mkdir(parents=True)
        (self.path / "data/data").mkdir()
        (self.path / "data/data/com.termux").symlink_to(os.path.relpath(moved, "/data/data"))
        self.lay_program()

    def place(self, folder):
        self.folder = folder
        self.path = folder / "root"
        self.admindir = self.path / "var/lib/dpkg"
        self.debs = folder / "debs"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TERMUX", "DPKG"))},
            "PATH": f"{folder}/bin:{PROGRAMS}",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        }

    def lay_program(self):
        for name in ("debs", "bin"):
            (self.folder / name).mkdir()
        wrapper = self.folder / "bin/pathpatch"
        wrapper.write_text(WRAPPER.format(folder=self.folder, program=BUILD / "pathpatch"))
        wrapper.chmod(0o755)

    def copy(self, folder):
        """The same root once more, hard links too, with nothing of what was counted."""
        subprocess.run(["cp", "-a", self.path, folder / "root"], check=True)
        other = object.__new__(type(self))
        other.place(folder)
        other.lay_program()
        return other

    def run(self, *command):
        """Runs a command without standard input; its two outputs come back as one."""
        return subprocess.run(
            [*AS_ROOT, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        )

    def dpkg(self, *words, fails=False):
        done = self.run("dpkg", f"--root={self.path}", "--force-script-chrootless", *words)
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def install(self, *wanted, fails=False, options=()):
        """Installs in one run of dpkg. A Package is built first, a path is taken as it is."""
        debs = [
            packages.write(one, self.debs, "none") if isinstance(one, Package) else one for one in wanted
        ]
        return self.dpkg(*options, "--install", *debs, fails=fails)

    def pathpatch(self, *words, status=0):
        done = self.run(
            BUILD / "pathpatch", *words, f"--root={self.path}", f"--admindir={self.admindir}"
        )
        assert status is None or done.returncode == status, done.stdout
        return done.stdout

    def record_values(self, values):
        """Patches one file that no package owns, which records the values for this root."""
        file = self.path / PREFIX / "etc/own"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(termux.padded("TERMUX__PREFIX"))
        self.pathpatch("apply", *(f"--set={name}={value}" for name, value in values.items()), file)
        assert file.read_bytes() == termux.padded("TERMUX__PREFIX", values["TERMUX__PREFIX"])

    def calls(self):
        """How often the handler ran since this was last asked."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return sum(line in ("dpkg trigger", "dpkg configure") for line in lines)

    def fail_handler(self, fail):
        flag = self.folder / "fail"
        if fail:
            flag.touch()
        else:
            flag.unlink()

    def read(self, path):
        return (self.path / path.lstrip("/")).read_bytes()

    def write(self, path, content):
        (self.path / path.lstrip("/")).write_bytes(content)

    def exists(self, path):
        return os.path.lexists(self.path / path.lstrip("/"))

    def status(self, name):
        done = self.run(
            "dpkg-query", f"--admindir={self.admindir}", "-W", "-f", "${db:Status-Status}", name
        )
        return done.stdout if done.returncode == 0 else "not-installed"

    def assert_clean(self):
        """Neither dpkg's own check nor debsums has anything to say, conffiles included."""
        assert self.dpkg("--verify") == ""
        debsums = self.run("debsums", f"--root={self.path}", "--all", "--silent")
        assert (debsums.returncode, debsums.stdout) == (0, "")


def pathpatch_package():
    """The package of dpkg-hook/debian around the program under test, without its build."""
    debian = SOURCE / "dpkg-hook" / "debian"
    return Package(
        {
            "Package": "pathpatch",
            "Version": "0.1.0",
            "Architecture": "all",
            "Multi-Arch": "foreign",
            "Maintainer": "nobody <nobody@localhost>",
            "Description": "the program under test",
        },
        [Entry("usr/bin/pathpatch", 0o755, (BUILD / "pathpatch").read_bytes())],
        control={
            "postinst": (debian / "pathpatch.postinst").read_text().replace("#DEBHELPER#", ""),
            "triggers": (debian / "pathpatch.triggers").read_text(),
        },
    )


def text(*names):
    """A text with a line for each placeholder."""
    return b"".join(name.encode() + b"=" + termux.padded(name) + b"/x\n" for name in names)


SHIPPED = text("TERMUX__PREFIX", "TERMUX__HOME")
PATCHED = termux.patched(SHIPPED, VALUES)
CHANGED = SHIPPED + text("TERMUX__PREFIX__BIN_DIR")
CHANGED_PATCHED = termux.patched(CHANGED, VALUES)


def conffile_of(name):
    return f"/{PREFIX}/etc/{name}.conf"


def data_of(name):
    return f"/{PREFIX}/share/{name}/data"


def app(name="app", version="1", conffile=SHIPPED, data=SHIPPED, **fields):
    """A package with a conffile and a data file; None leaves the conffile out. It carries the field
    but nothing that activates the trigger. Its postinst copies what it sees to NAME.saw."""
    package = Package(
        {
            "Package": name,
            "Version": version,
            "Architecture": "all",
            "Maintainer": "nobody <nobody@localhost>",
            "Description": "a package of the tests",
            "Dynamic-Variables": "yes",
            **{key.replace("_", "-"): value for key, value in fields.items()},
        },
        [Entry(data_of(name).lstrip("/"), content=data)],
    )
    if conffile is not None:
        package.entries.append(Entry(conffile_of(name).lstrip("/"), content=conffile))
        package.conffiles.append(conffile_of(name))
    files = " ".join(f'"$DPKG_ROOT/{entry.path}"' for entry in package.entries)
    package.control["postinst"] = (
        f'#!/bin/sh\nset -e\n[ "$1" != configure ] || cat {files} >"$DPKG_ROOT/{name}.saw"\n'
    )
    return package


def opted_in(*words, **fields):
    """The same with all that makes it served before its own postinst."""
    return termux_package.opt_in(app(*words, **fields))


@pytest.fixture(scope="session")
def memory(tmp_path_factory):
    """A folder in memory where there is one: dpkg and the program under test sync all that they write."""
    place = "/dev/shm" if os.path.isdir("/dev/shm") else tmp_path_factory.getbasetemp()
    with tempfile.TemporaryDirectory(prefix="pathpatch-hook-", dir=place) as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def scratch(memory):
    with tempfile.TemporaryDirectory(dir=memory) as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def templates(memory):
    """A root that knows its values, before and after pathpatch is installed in it."""
    for name in ("bare", "ready"):
        (memory / name).mkdir()
    bare = Root(memory / "bare")
    bare.record_values(VALUES)
    ready = bare.copy(memory / "ready")
    ready.install(pathpatch_package())
    assert ready.status("pathpatch") == "installed"
    assert ready.calls() == 1
    return bare, ready


@pytest.fixture
def blank(scratch):
    """A root that knows nothing."""
    return Root(scratch)


@pytest.fixture
def bare(templates, scratch):
    """A root that knows its values; pathpatch is not installed yet."""
    return templates[0].copy(scratch)


@pytest.fixture
def root(templates, scratch):
    """A root that knows its values, with pathpatch installed."""
    return templates[1].copy(scratch)
