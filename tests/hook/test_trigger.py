"""When the handler runs, and what happens when it fails."""

from conftest import CHANGED, CHANGED_PATCHED, PATCHED, conffile_of, opted_in, packages


def chain(length, **fields):
    """Packages that each depend on the one before."""
    return [
        opted_in(f"app{i}", Depends=f"app{i - 1}" if i else "", **fields) for i in range(length)
    ]


def test_chain_of_ten_costs_two_runs_at_most(root):
    root.install(*reversed(chain(10)))
    assert 1 <= root.calls() <= 2
    for i in range(10):
        assert root.read(f"/app{i}.saw") == PATCHED + PATCHED
    root.assert_clean()
    root.install(*chain(10, version="2", conffile=CHANGED))
    assert 1 <= root.calls() <= 2
    for i in range(10):
        assert root.read(f"/app{i}.saw") == PATCHED + CHANGED_PATCHED
    root.assert_clean()


def test_failed_handler_leaves_packages_unpacked(root):
    root.fail_handler(True)
    root.install(opted_in("one"), opted_in("two"), fails=True)
    for name in ("one", "two"):
        assert root.status(name) == "unpacked"
        assert not root.exists(f"/{name}.saw")
    root.fail_handler(False)
    root.dpkg("--configure", "-a")
    for name in ("pathpatch", "one", "two"):
        assert root.status(name) == "installed"
    for name in ("one", "two"):
        assert root.read(f"/{name}.saw") == PATCHED + PATCHED
    root.assert_clean()


def test_failed_handler_in_an_upgrade(root):
    root.install(opted_in())
    root.fail_handler(True)
    root.install(opted_in(version="2", conffile=CHANGED), fails=True)
    assert root.status("app") == "unpacked"
    assert root.read(conffile_of("app")) == PATCHED
    root.fail_handler(False)
    root.dpkg("--configure", "-a")
    assert root.read("/app.saw") == PATCHED + CHANGED_PATCHED
    root.assert_clean()


def test_unpack_alone_then_configure(root):
    root.dpkg("--unpack", packages.write(opted_in(), root.debs, "none"))
    root.dpkg("--configure", "-a")
    assert root.read("/app.saw") == PATCHED + PATCHED
    root.assert_clean()


def test_package_that_is_not_patched_runs_nothing(root):
    other = opted_in()
    del other.control["preinst"], other.control["triggers"]
    del other.fields["Dynamic-Variables"]
    root.install(other)
    assert root.calls() == 0


def test_options_that_the_hook_has_no_use_for(root):
    for words in (["--dry-run"], ["--files-from=/dev/null"]):
        output = root.pathpatch("dpkg", "trigger", *words, status=2)
        assert words[0].split("=")[0] in output
