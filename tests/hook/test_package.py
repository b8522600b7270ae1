"""The Debian package as debhelper builds it."""

import subprocess

import pytest
from conftest import PATCHED, SOURCE, opted_in, packages, pathpatch_package


@pytest.fixture(scope="module")
def deb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    done = subprocess.run(
        [SOURCE / "dpkg-hook/build-deb", folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    built = sorted(folder.iterdir())
    assert len(built) == 1
    return built[0]


def control_file(deb, name):
    return subprocess.run(
        ["dpkg-deb", "--info", deb, name], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def test_fields(deb):
    fields = packages.read(deb).fields
    assert fields["Package"] == "pathpatch"
    assert fields["Multi-Arch"] == "foreign"
    assert "libc6" in fields["Depends"]
    assert "Conflicts" not in fields


def test_hook_is_that_of_the_other_tests(deb):
    assert control_file(deb, "triggers").split("\n")[-2] == "interest-await pathpatch"
    assert control_file(deb, "postinst").split() == pathpatch_package().control["postinst"].split()


def test_files(deb):
    paths = [entry.path for entry in packages.read(deb).entries if entry.content is not None]
    assert "usr/bin/pathpatch" in paths
    assert "usr/share/pathpatch/tables/termux.ini" in paths
    assert not [path for path in paths if path.startswith(("usr/lib", "usr/include"))]


def test_it_serves_a_package(bare, deb):
    """With the program that it carries, found in the root."""
    (bare.folder / "bin/pathpatch").unlink()
    bare.install(packages.provider_of(packages.read(deb)), deb)
    bare.install(opted_in())
    assert bare.read("/app.saw") == PATCHED + PATCHED
    bare.assert_clean()
