"""A bootstrap made of a tree in which dpkg installed packages: its database goes on in the new place."""

import subprocess

import pytest
from conftest import (
    BUILD,
    CHANGED,
    CHANGED_PATCHED,
    PATCHED,
    PREFIX,
    VALUES,
    conffile_of,
    data_of,
    opted_in,
    packages,
    pathpatch_package,
)

DEST = VALUES["TERMUX__PREFIX"].lstrip("/")
EDITED = b"of the user's own\n"


class Moved:
    """dpkg on a tree below the default path, then on the one that a bootstrap made of it."""

    def __init__(self, root):
        self.root = root
        (root.path / "data/data/com.termux").unlink()
        self.use(root.path / PREFIX)
        self.admindir.parent.mkdir(parents=True)
        root.admindir.rename(self.admindir)

    def use(self, prefix):
        self.admindir = prefix / "var/lib/dpkg"
        self.root.environment["DPKG_ADMINDIR"] = str(self.admindir)

    def dpkg(self, *words):
        options = [f"--instdir={self.root.path}", f"--admindir={self.admindir}", "--force-script-chrootless"]
        done = self.root.run("dpkg", *options, *words)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def install(self, *wanted):
        return self.dpkg("--install", *(packages.write(one, self.root.debs, "none") for one in wanted))

    def bootstrap(self):
        default = self.root.path / PREFIX
        archive = self.root.folder / "archive.tar"
        subprocess.run(["tar", "-C", default, "-cf", archive, "."], check=True)
        dest = self.root.path / DEST
        dest.parent.mkdir(parents=True)
        words = [f"--root={self.root.path}", f"--set=TERMUX_APP__DATA_DIR={VALUES['TERMUX_APP__DATA_DIR']}"]
        done = self.root.run(BUILD / "pathpatch", "bootstrap", *words, archive, dest)
        assert done.returncode == 0, done.stdout
        # On the device of its user the default path leads there.
        subprocess.run(["rm", "-r", self.root.path / "data/data/com.termux"], check=True)
        (self.root.path / "data/data/com.termux").symlink_to("../user/10/com.termux")
        self.use(dest)


@pytest.fixture
def moved(blank):
    return Moved(blank)


def test_dpkg_goes_on(moved):
    root = moved.root
    moved.install(pathpatch_package(), opted_in(), opted_in("edited"))
    root.write(conffile_of("edited"), EDITED)
    moved.bootstrap()
    assert root.read(conffile_of("app")) == root.read(data_of("app")) == PATCHED
    assert moved.dpkg("--verify") == f"??5?????? c {conffile_of('edited')}\n"
    done = root.run(BUILD / "pathpatch", "verify", f"--root={root.path}", f"--admindir={moved.admindir}", f"--state={moved.admindir}/../pathpatch")
    assert (done.returncode, done.stdout) == (0, "3 files as patched, 0 not\n")
    # dpkg asks about the one that was edited, and about no other: it would fail, without an answer.
    output = moved.install(opted_in(version="2", conffile=CHANGED))
    assert "onfiguration file" not in output
    assert root.read(conffile_of("app")) == CHANGED_PATCHED
    output = moved.dpkg("--force-confold", "--install", packages.write(opted_in("edited", "2", conffile=CHANGED), root.debs, "none"))
    assert "edited" in output and root.read(conffile_of("edited")) == EDITED
    assert moved.dpkg("--verify").count("\n") == 1
    assert "edited" in moved.dpkg("--verify")
