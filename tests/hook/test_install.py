"""Installing, reinstalling, removing."""

import os

import pytest
from conftest import (
    PATCHED,
    PREFIX,
    SHIPPED,
    SOURCE,
    VALUES,
    app,
    conffile_of,
    data_of,
    opted_in,
    packages,
    pathpatch_package,
    termux,
    termux_package,
)


def assert_served(root, name="app"):
    assert root.status(name) == "installed"
    assert root.read(conffile_of(name)) == PATCHED
    assert root.read(data_of(name)) == PATCHED
    root.assert_clean()


def test_own_postinst_sees_patched_files(root):
    root.install(opted_in())
    assert root.read("/app.saw") == PATCHED + PATCHED
    assert_served(root)


def test_patcher_and_package_in_one_run(bare):
    bare.install(opted_in(), pathpatch_package())
    assert bare.read("/app.saw") == PATCHED + PATCHED
    assert bare.status("pathpatch") == "installed"
    assert_served(bare)


def test_package_unpacked_before_the_patcher_is_there(bare):
    """Depends holds its configuration back; no trigger is known yet."""
    output = bare.install(opted_in(), fails=True)
    assert "depends on pathpatch" in output
    assert bare.status("app") == "unpacked"
    bare.install(pathpatch_package())
    bare.dpkg("--configure", "--pending")
    assert bare.read("/app.saw") == PATCHED + PATCHED
    assert_served(bare)


def test_program_is_found_in_the_root_when_path_has_none(bare):
    (bare.folder / "bin/pathpatch").unlink()
    bare.install(pathpatch_package())
    bare.install(opted_in())
    assert bare.read("/app.saw") == PATCHED + PATCHED
    assert_served(bare)


def test_field_and_plain_activation_are_served_late(root):
    late = app(conffile=None)
    late.control["triggers"] = "activate-await pathpatch\n"
    root.install(late)
    assert root.read("/app.saw") == SHIPPED
    assert root.status("app") == "installed"
    assert root.read(data_of("app")) == PATCHED
    root.assert_clean()


def test_package_without_the_field_is_left_alone(root):
    other = opted_in()
    del other.fields["Dynamic-Variables"]
    root.install(other)
    assert root.read(data_of("app")) == SHIPPED
    assert root.read(conffile_of("app")) == SHIPPED
    root.assert_clean()


def test_package_without_md5sums(root):
    """dpkg then makes sums of its own at unpack; they are mended like shipped ones."""
    tree = root.folder / "tree"
    deb = packages.write(opted_in(), root.debs, "none")
    root.run("dpkg-deb", "--raw-extract", deb, tree)
    (tree / "DEBIAN/md5sums").unlink()
    root.run("dpkg-deb", "--root-owner-group", "--build", tree, deb)
    root.install(deb)
    assert_served(root)


def test_reinstall_of_the_same_version(root):
    root.install(opted_in())
    root.install(opted_in())
    assert root.read("/app.saw") == PATCHED + PATCHED
    assert_served(root)


def test_remove_purge_install(root):
    root.install(opted_in())
    root.dpkg("--remove", "app")
    assert root.status("app") == "config-files"
    assert not root.exists(data_of("app"))
    assert root.read(conffile_of("app")) == PATCHED
    root.install(opted_in())
    assert_served(root)
    root.dpkg("--purge", "app")
    assert root.status("app") == "not-installed"
    assert not root.exists(data_of("app"))
    assert not root.exists(conffile_of("app"))
    root.install(opted_in())
    assert_served(root)


def test_handler_runs_when_nothing_changed(root):
    root.install(opted_in())
    before = os.stat(root.path / data_of("app").lstrip("/"))
    root.install(pathpatch_package())
    after = os.stat(root.path / data_of("app").lstrip("/"))
    assert (before.st_ino, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_ino,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )
    assert_served(root)


def test_removed_package_is_no_longer_listed(root):
    # Nothing is written in the files of one, but it was looked at.
    root.install(opted_in("first"), opted_in("second"), opted_in("empty", conffile=None, data=b"no path\n"))
    listed = root.pathpatch("status", "--json")
    assert "first" in listed and "empty" in listed
    root.dpkg("--purge", "first", "empty")
    root.install(opted_in("third"))
    listed = root.pathpatch("status", "--json")
    assert "first" not in listed and "empty" not in listed
    assert "second" in listed
    assert "third" in listed


def test_diverted_file_is_patched_where_it_lies(root):
    diverted = data_of("app") + ".moved"
    root.run(
        "dpkg-divert",
        f"--root={root.path}",
        "--package=other",
        "--add",
        "--no-rename",
        f"--divert={diverted}",
        data_of("app"),
    )
    package = opted_in()
    package.control.pop("postinst")
    root.install(package)
    assert root.read(diverted) == PATCHED
    assert not root.exists(data_of("app"))


def test_excluded_file_is_no_error(root):
    """dpkg lists what --path-exclude kept from the disk."""
    package = opted_in()
    package.control.pop("postinst")
    root.install(package, options=[f"--path-exclude={data_of('app')}"])
    assert not root.exists(data_of("app"))
    assert root.read(conffile_of("app")) == PATCHED


def test_the_checks_notice_a_change(root):
    """assert_clean would be worth nothing if dpkg and debsums looked elsewhere."""
    root.install(opted_in())
    root.write(data_of("app"), PATCHED + b"x")
    assert data_of("app") in root.dpkg("--verify")
    with pytest.raises(AssertionError):
        root.assert_clean()
    root.write(data_of("app"), PATCHED)
    root.write(conffile_of("app"), PATCHED + b"x")
    assert conffile_of("app") in root.dpkg("--verify")
    assert root.run("debsums", f"--root={root.path}", "--all", "--silent").returncode != 0
