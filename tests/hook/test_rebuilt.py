"""Real packages as debhelper and dh_pathpatch leave them, through a life with dpkg. tests/chroot takes more of
them, and apt."""

import pytest
from conftest import PREFIX, termux_package
from rebuilt import rebuild
from walkthrough import inspect

# Hard links, man pages, a conffile. Scripts that call update-alternatives need a chroot.
NAMES = "bzip2", "wget"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return folder, rebuild(NAMES, folder)


def files(package):
    return [entry for entry in package.entries if entry.content is not None or entry.target is not None]


def test_from_the_first_version_to_the_purge(root, made):
    folder, versions = made
    for version, contents in versions.items():
        root.install(*(folder / version).glob("*.deb"))
        for package in contents.values():
            saw = root.read(f"/{termux_package.WITNESS}/{package.name}").decode().splitlines()
            assert saw and all(line.startswith("patched ") for line in saw)
            found = [inspect(entry, root.path / entry.path) for entry in files(package)]
            assert "gzip files patched" in found
            for entry in package.entries:
                if entry.same_as is not None:
                    assert (root.path / entry.path).samefile(root.path / entry.same_as)
        root.assert_clean()
        root.pathpatch("verify")
    root.dpkg("--purge", *contents)
    assert not [entry.path for package in contents.values() for entry in files(package) if root.exists(entry.path)]
    root.pathpatch("verify")


def test_what_is_lost_would_be_noticed(root, made):
    """inspect would be worth nothing if it looked elsewhere."""
    folder, versions = made
    root.install(*(folder / "1").glob("*.deb"))
    package = versions["1"]["fixture-wget"]
    (entry,) = [entry for entry in files(package) if entry.path == f"{PREFIX}/etc/wgetrc"]
    (root.path / entry.path).write_bytes(entry.content)
    with pytest.raises(Exception, match="is not the text|time"):
        inspect(entry, root.path / entry.path)
