"""Restore knows what dpkg recorded: conffiles are asked for by name, md5sums follow."""

import hashlib

from conftest import CHANGED, PATCHED, PREFIX, SHIPPED, app, conffile_of, data_of, opted_in, termux


def sums(root, name):
    return (root.admindir / f"info/{name}.md5sums").read_text()


def md5(content):
    return hashlib.md5(content).hexdigest()


def test_package(root):
    root.install(opted_in(), opted_in("other"))
    output = root.pathpatch("restore", "--package", "app")
    assert "conffile" in output and f"{data_of('app').lstrip('/')}: restored" not in output
    assert root.read(data_of("app")) == SHIPPED
    assert root.read(conffile_of("app")) == PATCHED
    assert root.read(data_of("other")) == PATCHED
    assert md5(SHIPPED) in sums(root, "app") and md5(PATCHED) in sums(root, "other")
    root.assert_clean()


def test_restored_package_stays_so(root):
    root.install(opted_in())
    root.pathpatch("restore", "--package", "app:all")
    root.install(opted_in("other"))
    assert root.read(data_of("app")) == SHIPPED
    assert root.read(data_of("other")) == PATCHED
    root.assert_clean()


def test_everything_with_conffiles(root):
    root.install(opted_in(), app("plain"))
    root.pathpatch("restore", "--conffiles", root.path)
    for name in ("app", "plain"):
        assert root.read(data_of(name)) == root.read(conffile_of(name)) == SHIPPED
        assert md5(SHIPPED) in sums(root, name)
    root.pathpatch("apply", root.path / data_of("app").lstrip("/"))
    assert root.read(data_of("app")) == PATCHED


def test_edited_file_keeps_its_sum(root):
    root.install(opted_in())
    root.write(data_of("app"), PATCHED + b"mine")
    root.pathpatch("restore", "--package", "app", status=1)
    assert root.read(data_of("app")) == PATCHED + b"mine"
    assert md5(PATCHED) in sums(root, "app")


def test_dry_run_leaves_the_sums(root):
    root.install(opted_in())
    root.pathpatch("restore", "--dry-run", root.path)
    assert md5(PATCHED) in sums(root, "app")
    assert root.read(data_of("app")) == PATCHED
    root.assert_clean()


def test_upgrade_after_restore(root):
    root.install(opted_in())
    root.pathpatch("restore", root.path)
    root.install(opted_in("app", "2", conffile=CHANGED))
    assert root.read(data_of("app")) == PATCHED
    assert root.status("app") == "installed"
    root.assert_clean()


def test_a_package_that_dpkg_does_not_know(root):
    package = opted_in("plain", conffile=None, data=b"nothing to patch")
    root.install(package)
    assert "0 files restored" in root.pathpatch("restore", "--package", "plain")
    assert "--package plain:arm64: there is no such" in root.pathpatch("restore", "--package", "plain:arm64", status=2)
    root.dpkg("--purge", "plain")
    assert "--package plain: there is no such" in root.pathpatch("restore", "--package", "plain", status=2)


def test_removed_package_leaves_nothing_to_restore(root):
    root.install(opted_in())
    root.dpkg("--purge", "app")
    output = root.pathpatch("restore", root.path)
    assert "gone" not in output
    assert root.read(f"{PREFIX}/etc/own") == termux.padded("TERMUX__PREFIX")
