"""Conffiles beyond the plain upgrade: obsolete, moved, taken over, revalued. Standard input is empty:
a question ends dpkg with an error."""

import gzip

import pytest
from conftest import (
    CHANGED,
    CHANGED_PATCHED,
    PATCHED,
    PREFIX,
    SHIPPED,
    VALUES,
    Entry,
    app,
    conffile_of,
    data_of,
    opted_in,
    termux,
)

CONFFILE = conffile_of("app")
OTHER = termux.user_values(11)


def rows(root):
    return root.pathpatch("verify", "--verbose")


def test_obsolete_conffile(root):
    root.install(opted_in())
    root.install(opted_in(version="2", conffile=None))
    assert root.read(CONFFILE) == PATCHED
    assert "obsolete" in root.run(
        "dpkg-query", f"--admindir={root.admindir}", "-W", "-f", "${Conffiles}", "app"
    ).stdout
    root.assert_clean()
    root.install(opted_in(version="3"))
    assert root.read(CONFFILE) == PATCHED
    root.assert_clean()
    root.dpkg("--purge", "app")
    assert not root.exists(CONFFILE)


def moving(version, path, content, **fields):
    """A version whose conffile is at another path, moved by dpkg-maintscript-helper."""
    package = opted_in(version=version, conffile=None, **fields)
    package.entries.append(Entry(path.lstrip("/"), content=content))
    package.conffiles.append(path)
    helper = f'dpkg-maintscript-helper mv_conffile {CONFFILE} {path} 2~ app -- "$@"\n'
    for name in ("preinst", "postinst", "postrm"):
        script = package.control.get(name, "#!/bin/sh\nset -e\n")
        package.control[name] = script + helper
    return package


@pytest.mark.parametrize("content, patched", [(SHIPPED, PATCHED), (CHANGED, CHANGED_PATCHED)])
def test_moved_conffile(root, content, patched):
    moved = f"/{PREFIX}/etc/app.d/main.conf"
    root.install(opted_in())
    root.install(moving("2", moved, content))
    assert root.read(moved) == patched
    assert not root.exists(CONFFILE)
    root.assert_clean()
    assert "gone" not in rows(root)
    root.install(moving("3", moved, CHANGED))
    assert root.read(moved) == CHANGED_PATCHED
    root.assert_clean()


def test_moved_conffile_that_was_edited(root):
    moved = f"/{PREFIX}/etc/app.d/main.conf"
    root.install(opted_in())
    root.write(CONFFILE, PATCHED + b"mine\n")
    root.install(moving("2", moved, SHIPPED))
    assert root.read(moved) == PATCHED + b"mine\n"
    assert root.read(moved + ".dpkg-new") == PATCHED


def test_removed_by_the_user(root):
    root.install(opted_in())
    (root.path / CONFFILE.lstrip("/")).unlink()
    package = opted_in(version="2")
    package.control.pop("postinst")
    root.install(package)
    assert not root.exists(CONFFILE)
    assert "gone" not in rows(root)


def test_taken_over_by_another_package(root):
    root.install(opted_in())
    heir = opted_in("heir", conffile=None, Replaces="app (<< 2)", Breaks="app (<< 2)")
    heir.entries.append(Entry(CONFFILE.lstrip("/"), content=CHANGED))
    heir.conffiles.append(CONFFILE)
    root.install(opted_in(version="2", conffile=None), heir)
    assert root.read(CONFFILE) == CHANGED_PATCHED
    assert root.status("app") == root.status("heir") == "installed"
    root.dpkg("--verify", "heir")
    root.install(opted_in(version="3", conffile=None))
    assert root.read(CONFFILE) == CHANGED_PATCHED
    assert "0 not" in rows(root)


@pytest.mark.parametrize("force, kept", [("--force-confold", True), ("--force-confnew", False)])
def test_forced_answer(root, force, kept):
    mine = PATCHED + b"mine\n"
    root.install(opted_in())
    root.write(CONFFILE, mine)
    root.install(opted_in(version="2", conffile=CHANGED), options=[force])
    assert root.read(CONFFILE) == (mine if kept else CHANGED_PATCHED)
    assert root.read(CONFFILE + (".dpkg-dist" if kept else ".dpkg-old")) == (CHANGED_PATCHED if kept else mine)
    root.install(opted_in(version="3", conffile=CHANGED))
    assert root.read(CONFFILE) == (mine if kept else CHANGED_PATCHED)


def test_values_changed_in_between(root):
    """The conffile has other values than when dpkg recorded it; to dpkg it was not edited."""
    root.install(opted_in())
    root.pathpatch("dpkg", "configure", *(f"--set={n}={v}" for n, v in OTHER.items()))
    assert root.read(CONFFILE) == termux.patched(SHIPPED, OTHER)
    root.install(opted_in(version="2", conffile=CHANGED))
    assert root.read("/app.saw") == termux.patched(SHIPPED, OTHER) + termux.patched(CHANGED, OTHER)
    root.assert_clean()
    root.install(opted_in(version="3", conffile=CHANGED))
    assert root.read(CONFFILE) == termux.patched(CHANGED, OTHER)
    root.assert_clean()


def test_values_changed_twice_and_the_user_edited(root):
    root.install(opted_in())
    for user in (11, 12):
        values = termux.user_values(user)
        root.pathpatch("dpkg", "configure", *(f"--set={n}={v}" for n, v in values.items()))
    assert root.read(CONFFILE) == termux.patched(SHIPPED, values)
    root.write(CONFFILE, root.read(CONFFILE) + b"mine\n")
    output = root.install(opted_in(version="2", conffile=CHANGED), fails=True)
    assert "conffile prompt" in output
    assert root.read(CONFFILE) == termux.patched(SHIPPED, values) + b"mine\n"


def test_compressed_conffile_with_other_values(root):
    shipped = gzip.compress(SHIPPED, mtime=1)
    root.install(opted_in(conffile=shipped))
    root.pathpatch("dpkg", "configure", *(f"--set={n}={v}" for n, v in OTHER.items()))
    root.install(opted_in(version="2", conffile=gzip.compress(CHANGED, mtime=1)))
    assert gzip.decompress(root.read(CONFFILE)) == termux.patched(CHANGED, OTHER)
    root.assert_clean()


def test_served_late_then_upgraded(root):
    """Patched after dpkg had recorded it as shipped; the next version opts in whole."""
    late = app()
    late.control["triggers"] = "activate-await pathpatch\n"
    root.install(late)
    assert root.read(CONFFILE) == PATCHED
    root.install(opted_in(version="2", conffile=CHANGED))
    assert root.read(CONFFILE) == CHANGED_PATCHED
    root.assert_clean()


def test_downgrade(root):
    root.install(opted_in(version="2", conffile=CHANGED, data=CHANGED))
    root.install(opted_in(version="1"))
    assert root.read("/app.saw") == PATCHED + PATCHED
    assert root.read(CONFFILE) == root.read(data_of("app")) == PATCHED
    root.assert_clean()


def revalue(root, values=OTHER):
    root.pathpatch("dpkg", "configure", *(f"--set={n}={v}" for n, v in values.items()))


def test_upgrade_that_fails_after_new_values(root):
    """prepare has put the earlier values into the conffile; the next run takes them out again."""
    root.install(opted_in())
    revalue(root)
    broken = opted_in(version="2", conffile=CHANGED)
    broken.control["preinst"] += "exit 1\n"
    root.install(broken, fails=True)
    root.dpkg("--configure", "-a")
    assert root.read(CONFFILE) == termux.patched(SHIPPED, OTHER)
    root.install(opted_in(version="2", conffile=CHANGED))
    assert root.read(CONFFILE) == termux.patched(CHANGED, OTHER)
    root.assert_clean()


def test_removed_by_the_next_version_after_new_values(root):
    root.install(opted_in())
    revalue(root)
    package = opted_in(version="2", conffile=None)
    helper = f'dpkg-maintscript-helper rm_conffile {CONFFILE} 2~ app -- "$@"\n'
    for name in ("preinst", "postinst", "postrm"):
        package.control[name] = package.control.get(name, "#!/bin/sh\nset -e\n") + helper
    root.install(package)
    assert not root.exists(CONFFILE)
    assert not root.exists(CONFFILE + ".dpkg-bak")
    assert "0 not" in rows(root)


def test_new_values_while_only_the_conffiles_are_there(root):
    root.install(opted_in())
    root.dpkg("--remove", "app")
    revalue(root)
    assert root.read(CONFFILE) == termux.patched(SHIPPED, OTHER)
    root.install(opted_in(version="2", conffile=CHANGED))
    assert root.read(CONFFILE) == termux.patched(CHANGED, OTHER)
    root.assert_clean()


def test_restored_conffile(root):
    """It holds what was shipped; dpkg has recorded it as patched."""
    root.install(opted_in())
    root.pathpatch("restore", "--conffiles", "--package", "app")
    assert root.read(CONFFILE) == SHIPPED
    root.install(opted_in(version="2", conffile=CHANGED))
    assert root.read(CONFFILE) == CHANGED_PATCHED
    root.assert_clean()


def test_edit_that_is_taken_back(root):
    """What was shipped is known all the while."""
    root.install(opted_in())
    root.write(CONFFILE, PATCHED + b"mine\n")
    root.install(opted_in(version="2"))
    assert root.read(CONFFILE) == PATCHED + b"mine\n"
    root.write(CONFFILE, PATCHED)
    root.pathpatch("verify")
    root.pathpatch("restore", "--conffiles", "--package", "app")
    assert root.read(CONFFILE) == SHIPPED


def test_conffile_that_the_user_replaced_by_one_with_placeholders(root):
    root.install(opted_in())
    root.write(CONFFILE, SHIPPED + b"mine\n")
    output = root.install(opted_in(version="2", conffile=CHANGED), fails=True)
    assert "conffile prompt" in output
    root.dpkg("--force-confold", "--configure", "-a")
    assert b"mine\n" in root.read(CONFFILE)


def test_diverted_conffile(root):
    moved = CONFFILE + ".distrib"
    root.run(
        "dpkg-divert", f"--root={root.path}", "--package=other", "--add", "--no-rename",
        f"--divert={moved}", CONFFILE,
    )  # fmt: skip
    for version, content in (("1", SHIPPED), ("2", CHANGED)):
        package = opted_in(version=version, conffile=content)
        package.control.pop("postinst")
        root.install(package)
        assert root.read(moved) == termux.patched(content, VALUES)
        assert not root.exists(CONFFILE)


@pytest.mark.parametrize("taken", [True, False])
def test_what_becomes_of_the_version_that_the_user_did_not_want(root, taken):
    """It lies beside the conffile; the user takes it after all, or deletes it. Nothing is wrong then."""
    mine = PATCHED + b"mine\n"
    root.install(opted_in())
    root.write(CONFFILE, mine)
    root.install(opted_in(version="2", conffile=CHANGED), options=["--force-confold"])
    offered = root.path / (CONFFILE + ".dpkg-dist").lstrip("/")
    if taken:
        offered.rename(root.path / CONFFILE.lstrip("/"))
    else:
        offered.unlink()
    root.pathpatch("verify")
    if taken:
        root.assert_clean()
    root.install(opted_in(version="3", conffile=CHANGED))
    root.pathpatch("verify")
    assert root.read(CONFFILE) == (CHANGED_PATCHED if taken else mine)
