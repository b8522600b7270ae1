"""`dpkg --configure -a` after each kind of failure, and what must not fail at all."""

import contextlib
import gzip
import os
import sqlite3

import pytest
from conftest import (
    CHANGED,
    CHANGED_PATCHED,
    PATCHED,
    PREFIX,
    SHIPPED,
    VALUES,
    Entry,
    conffile_of,
    data_of,
    opted_in,
    packages,
    pathpatch_package,
    termux,
)


def assert_mended(root, saw=PATCHED + PATCHED, data=PATCHED, conffile=PATCHED):
    root.dpkg("--configure", "-a")
    assert root.status("app") == root.status("pathpatch") == "installed"
    assert root.read("/app.saw") == saw
    assert root.read(data_of("app")) == data
    assert root.read(conffile_of("app")) == conffile
    root.assert_clean()


def test_own_postinst_fails_once(root):
    package = opted_in()
    script = package.control["postinst"]
    package.control["postinst"] = script + '[ -e "$DPKG_ROOT/ok" ] || exit 1\n'
    root.install(package, fails=True)
    assert root.status("app") == "half-configured"
    root.write("/ok", b"")
    assert_mended(root)


def test_own_preinst_fails_in_an_upgrade(root):
    """After prepare has run: the old version stays, and its files are patched again."""
    root.install(opted_in())
    broken = opted_in(version="2", conffile=CHANGED)
    broken.control["preinst"] += "exit 1\n"
    root.install(broken, fails=True)
    assert_mended(root)


def test_unpack_fails_in_an_upgrade(root):
    """The new version has a file that another package owns."""
    root.install(opted_in(), opted_in("other"))
    broken = opted_in(version="2", conffile=CHANGED)
    broken.entries.append(Entry(data_of("other").lstrip("/"), content=b"x"))
    root.install(broken, fails=True)
    assert_mended(root)
    assert root.read(data_of("other")) == PATCHED


def test_removal_fails_half_way(root):
    package = opted_in()
    package.control["prerm"] = "#!/bin/sh\nexit 1\n"
    root.install(package)
    root.dpkg("--remove", "app", fails=True)
    assert_mended(root)


def test_patcher_is_upgraded_and_its_handler_fails(root):
    root.install(opted_in())
    root.fail_handler(True)
    newer = pathpatch_package()
    newer.fields["Version"] = "0.2.0"
    root.install(newer, opted_in(version="2", conffile=CHANGED), fails=True)
    root.fail_handler(False)
    assert_mended(root, saw=PATCHED + CHANGED_PATCHED, conffile=CHANGED_PATCHED)


def test_upgrade_of_the_patcher_alone(root):
    root.install(opted_in())
    newer = pathpatch_package()
    newer.fields["Version"] = "0.2.0"
    root.install(newer)
    assert root.calls() <= 3
    assert_mended(root)


def test_downgrade_of_the_patcher_with_a_package(root):
    older = pathpatch_package()
    older.fields["Version"] = "0.0.9"
    root.install(opted_in(), older)
    assert_mended(root)


def test_patcher_is_not_there_in_preinst(bare):
    (bare.folder / "bin/pathpatch").unlink()
    bare.dpkg("--unpack", packages.write(opted_in(), bare.debs, "none"))
    assert bare.status("app") == "unpacked"
    bare.install(pathpatch_package())
    assert_mended(bare)


def test_patcher_comes_after_the_packages_are_configured(bare):
    bare.install(opted_in(), options=["--force-depends"])
    assert bare.read("/app.saw") == SHIPPED + SHIPPED
    bare.install(pathpatch_package())
    assert bare.read(data_of("app")) == bare.read(conffile_of("app")) == PATCHED
    assert bare.run("debsums", f"--root={bare.path}", "--silent").returncode == 0
    bare.install(opted_in(version="2", conffile=CHANGED))
    assert_mended(bare, saw=PATCHED + CHANGED_PATCHED, conffile=CHANGED_PATCHED)


def test_damaged_gzip_is_left_and_the_install_goes_through(root):
    damaged = bytearray(gzip.compress(SHIPPED, mtime=1))
    damaged[-6] ^= 0xFF
    package = opted_in()
    package.entries.append(Entry(f"{PREFIX}/share/app/damaged.gz", content=bytes(damaged)))
    output = root.install(package)
    assert "share/app/damaged.gz" in output
    assert root.read(f"{PREFIX}/share/app/damaged.gz") == bytes(damaged)
    assert_mended(root)


def test_unpack_twice_with_different_versions(root):
    for version, content in (("1", SHIPPED), ("2", CHANGED)):
        root.dpkg(
            "--unpack",
            packages.write(opted_in(version=version, conffile=content), root.debs, "none"),
        )
    assert_mended(root, saw=PATCHED + CHANGED_PATCHED, conffile=CHANGED_PATCHED)


def test_interest_of_the_patcher_is_lost(root):
    """A tool that copies a system may leave triggers behind: the package is served all the same, and
    nobody has to repair anything by hand."""
    (root.admindir / "triggers/pathpatch").unlink()
    root.install(opted_in())
    root.pathpatch("dpkg", "configure")
    root.install(opted_in("other"))
    assert root.read("/other.saw") == PATCHED + PATCHED
    assert root.read(data_of("app")) == PATCHED


def test_disk_full_in_the_handler(root):
    """The ledger cannot grow: the handler fails, and the packages wait unpacked."""
    limit = root.folder / "bin/pathpatch"
    script = limit.read_text()
    limit.write_text(script.replace("exec ", "[ \"$2\" = prepare ] || ulimit -f 1; trap '' XFSZ\nexec "))
    root.install(opted_in(), fails=True)
    assert root.status("app") == "unpacked"
    limit.write_text(script)
    assert_mended(root)


def ledger_of(root):
    return root.path / "var/lib/pathpatch/ledger.db"


def test_ledger_of_a_newer_version(root):
    """The handler cannot go on: the packages wait until the newer version is there again."""
    root.install(opted_in("first"))
    for version, fails in ((99, True), (1, False)):
        with contextlib.closing(sqlite3.connect(ledger_of(root))) as ledger:
            ledger.execute(f"PRAGMA user_version={version}")
        if fails:
            output = root.install(opted_in(), fails=True)
            assert "newer version" in output
            assert root.status("app") == "unpacked"
    assert_mended(root)


def test_damaged_ledger(root):
    """It is set aside. What was patched stays so, and the next package is served."""
    root.install(opted_in("first"))
    ledger_of(root).write_bytes(b"no database" * 1000)
    root.install(opted_in())
    assert_mended(root)
    assert root.read(data_of("first")) == PATCHED
    root.install(opted_in("first", version="2", conffile=CHANGED))
    assert root.read("/first.saw") == PATCHED + CHANGED_PATCHED
    root.assert_clean()
    root.pathpatch("verify")


def test_patcher_goes_and_comes_back(root):
    """What is installed meanwhile is as shipped, and patched when it is there again."""
    root.install(opted_in("first"))
    root.dpkg("--force-depends", "--purge", "pathpatch")
    (root.folder / "bin/pathpatch").rename(root.folder / "pathpatch")
    root.install(opted_in(), options=["--force-depends"])
    assert root.read("/app.saw") == SHIPPED + SHIPPED
    assert root.read(data_of("first")) == PATCHED
    (root.folder / "pathpatch").rename(root.folder / "bin/pathpatch")
    root.install(pathpatch_package())
    assert root.read(data_of("app")) == root.read(conffile_of("app")) == PATCHED
    for name in ("app", "first"):
        root.install(opted_in(name, version="2", conffile=CHANGED))
        assert root.read(f"/{name}.saw") == PATCHED + CHANGED_PATCHED
    root.assert_clean()


def test_a_hundred_packages_in_one_run(root):
    names = [f"app{i}" for i in range(100)]
    root.install(*(opted_in(name) for name in names))
    assert root.calls() <= 2
    assert all(root.read(f"/{name}.saw") == PATCHED + PATCHED for name in names)
    root.assert_clean()
    assert os.path.getsize(root.admindir / "status") > 0


def test_without_triggers_as_some_frontends_run_it(root):
    """Never configured with placeholders in it: dpkg runs the handler, or the package waits."""
    deb = packages.write(opted_in(), root.debs, "none")
    root.dpkg("--no-triggers", "--unpack", deb)
    root.run(
        "dpkg", f"--root={root.path}", "--force-script-chrootless", "--no-triggers", "--configure", "app"
    )
    assert not root.exists("/app.saw") or root.read("/app.saw") == PATCHED + PATCHED
    root.dpkg("--triggers-only", "pathpatch")
    assert_mended(root)


def test_package_that_disappears(root):
    """All its files are another package's now."""
    root.install(opted_in(conffile=None))
    heir = opted_in("heir", conffile=None, data=CHANGED, Replaces="app", Provides="app")
    heir.entries.append(Entry(data_of("app").lstrip("/"), content=CHANGED))
    root.install(heir)
    assert root.status("app") == "not-installed"
    assert root.read(data_of("app")) == CHANGED_PATCHED
    root.assert_clean()
    assert "app:all" not in root.pathpatch("status")
    root.pathpatch("verify")
    root.dpkg("--purge", "heir")
    assert not root.exists(data_of("app"))


def test_hard_links_in_a_package(root):
    """dpkg links them; they stay one file."""
    tree = root.folder / "tree"
    deb = packages.write(opted_in(), root.debs, "none")
    root.run("dpkg-deb", "--raw-extract", deb, tree)
    data = tree / data_of("app").lstrip("/")
    os.link(data, data.parent / "link")
    root.run("dpkg-deb", "--root-owner-group", "--build", tree, deb)
    for _ in range(2):
        root.install(deb)
        here = root.path / data_of("app").lstrip("/")
        assert os.stat(here).st_ino == os.stat(here.parent / "link").st_ino
        assert root.read(data_of("app")) == PATCHED
        root.assert_clean()


def test_link_of_a_package(root):
    package = opted_in()
    link = f"{PREFIX}/share/app/link"
    package.entries.append(Entry(link, target=termux.padded("TERMUX__PREFIX").decode() + "/etc/app.conf"))
    for _ in range(2):
        root.install(package)
        assert os.readlink(root.path / link).startswith(VALUES["TERMUX__PREFIX"] + "//")
        assert_mended(root)
