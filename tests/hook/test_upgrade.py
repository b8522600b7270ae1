"""Upgrades and conffiles. Standard input is empty: a question ends dpkg with an error."""

import pytest
from conftest import CHANGED, CHANGED_PATCHED, PATCHED, SHIPPED, conffile_of, data_of, opted_in

CONFFILE = conffile_of("app")


@pytest.fixture
def installed(root):
    root.install(opted_in())
    return root


def test_unchanged_conffile(installed):
    installed.install(opted_in(version="2", data=CHANGED))
    assert installed.read("/app.saw") == CHANGED_PATCHED + PATCHED
    assert installed.read(CONFFILE) == PATCHED
    installed.assert_clean()


def test_changed_conffile(installed):
    output = installed.install(opted_in(version="2", conffile=CHANGED))
    assert "Installing new version of config file" in output
    assert installed.read("/app.saw") == PATCHED + CHANGED_PATCHED
    assert installed.read(CONFFILE) == CHANGED_PATCHED
    assert not installed.exists(CONFFILE + ".dpkg-new")
    installed.assert_clean()


def test_twice_there_and_back(installed):
    installed.install(opted_in(version="2", conffile=CHANGED))
    installed.install(opted_in(version="3"))
    assert installed.read(CONFFILE) == PATCHED
    installed.assert_clean()


def test_edited_conffile_that_did_not_change_upstream_stays(installed):
    edited = PATCHED + b"mine = 1\n"
    installed.write(CONFFILE, edited)
    installed.install(opted_in(version="2", data=CHANGED))
    assert installed.read(CONFFILE) == edited
    assert installed.read(data_of("app")) == CHANGED_PATCHED


def test_edited_conffile_that_changed_upstream_asks(installed):
    edited = PATCHED + b"mine = 1\n"
    installed.write(CONFFILE, edited)
    output = installed.install(opted_in(version="2", conffile=CHANGED), fails=True)
    assert "conffile prompt" in output
    assert installed.read(CONFFILE) == edited
    installed.dpkg("--force-confold", "--configure", "app")
    assert installed.read(CONFFILE) == edited
    assert installed.read(CONFFILE + ".dpkg-dist") == CHANGED_PATCHED
    installed.write(CONFFILE, edited + b"more = 1\n")
    installed.install(opted_in(version="3", conffile=CHANGED + b"new = 1\n"), options=["--force-confnew"])
    assert installed.read(CONFFILE) == CHANGED_PATCHED + b"new = 1\n"
    installed.assert_clean()


def test_conffile_from_before_the_opt_in(root):
    """Version 1 knew nothing of the patcher; version 2 opts in with the same conffile, then changes."""
    plain = opted_in()
    for name in ("preinst", "triggers"):
        del plain.control[name]
    for field in ("Dynamic-Variables", "Depends"):
        del plain.fields[field]
    root.install(plain)
    root.install(opted_in(version="2"))
    assert root.read(CONFFILE) == PATCHED
    root.assert_clean()
    root.install(opted_in(version="3", conffile=CHANGED))
    assert root.read(CONFFILE) == CHANGED_PATCHED
    root.assert_clean()


def test_conffile_is_new_in_the_second_version(root):
    root.install(opted_in(conffile=None))
    root.install(opted_in(version="2"))
    assert root.read(CONFFILE) == PATCHED
    root.assert_clean()


def test_upgrade_of_several_in_one_run(root):
    names = ("one", "two", "three")
    root.install(*(opted_in(name) for name in names))
    root.install(*(opted_in(name, version="2", conffile=CHANGED) for name in names))
    for name in names:
        assert root.read(conffile_of(name)) == CHANGED_PATCHED
        assert root.read(f"/{name}.saw") == PATCHED + CHANGED_PATCHED
    root.assert_clean()


def test_file_that_has_no_placeholder_any_more(installed):
    """Of the same size and with the same mtime: builds that can be repeated give files such times."""
    installed.install(opted_in(version="2", data=b"x" * len(SHIPPED)))
    assert installed.read(data_of("app")) == b"x" * len(SHIPPED)
    installed.assert_clean()
    assert "2 files as patched, 0 not" in installed.pathpatch("verify")


def test_version_that_no_longer_opts_in(root):
    """What it brings is its own, placeholders and all."""
    root.install(opted_in())
    plain = opted_in(version="2")
    del plain.control["preinst"], plain.control["triggers"], plain.fields["Dynamic-Variables"]
    root.install(plain)
    assert root.read("/app.saw") == SHIPPED + SHIPPED
    root.install(opted_in("other"))
    assert root.read(data_of("app")) == root.read(conffile_of("app")) == SHIPPED
    root.assert_clean()
    root.pathpatch("verify")
    root.install(opted_in(version="3", conffile=CHANGED))
    assert root.read("/app.saw") == PATCHED + CHANGED_PATCHED
    root.assert_clean()
