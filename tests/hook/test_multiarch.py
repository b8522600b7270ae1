"""`Multi-Arch: same`: files that two architectures share must be equal when the second is unpacked."""

import json

import pytest
from conftest import CHANGED, CHANGED_PATCHED, PATCHED, SHIPPED, conffile_of, data_of, opted_in, termux

ARCHITECTURES = ("i386", "arm64")


def library(architecture, version="1", **content):
    return opted_in(
        "libapp", version, Architecture=architecture, Multi_Arch="same", **content
    )


@pytest.fixture
def foreign(root):
    for architecture in ARCHITECTURES:
        root.dpkg("--add-architecture", architecture)
    return root


def test_second_architecture_later(foreign):
    for architecture in ARCHITECTURES:
        foreign.install(library(architecture, conffile=None))
        assert foreign.read(data_of("libapp")) == PATCHED
        foreign.assert_clean()


def test_both_at_once(foreign):
    foreign.install(*(library(architecture, conffile=None) for architecture in ARCHITECTURES))
    assert foreign.read(data_of("libapp")) == PATCHED
    foreign.assert_clean()


def test_upgrade_of_both(foreign):
    foreign.install(*(library(architecture, conffile=None) for architecture in ARCHITECTURES))
    foreign.install(
        *(library(architecture, "2", conffile=None, data=CHANGED) for architecture in ARCHITECTURES)
    )
    assert foreign.read(data_of("libapp")) == CHANGED_PATCHED
    foreign.assert_clean()


def test_conffile_is_patched_after_configure(foreign):
    """dpkg compares the conffiles of both architectures as shipped and records that hash. So the
    conffile, and nothing else, looks edited."""
    for architecture in ARCHITECTURES:
        foreign.install(library(architecture))
        assert foreign.read(data_of("libapp")) == PATCHED
    assert foreign.read(conffile_of("libapp")) == PATCHED
    assert set(foreign.dpkg("--verify").splitlines()) == {f"??5?????? c {conffile_of('libapp')}"}
    listed = map(json.loads, foreign.pathpatch("status", "--json").splitlines())
    path = str((foreign.path / conffile_of("libapp")[1:]).resolve().relative_to(foreign.path))
    edited = [each for each in listed if each.get("outcome") == "edited"]
    assert [(each["path"], each["package"]) for each in edited] == [
        (path, f"libapp:{architecture}") for architecture in sorted(ARCHITECTURES)
    ]


def test_conffiles_that_dpkg_knows_are_not_listed(foreign):
    foreign.install(opted_in())
    assert '"outcome":"edited"' not in foreign.pathpatch("status", "--json")


def test_no_file_is_reported_that_both_have(foreign):
    output = foreign.install(*(library(architecture) for architecture in ARCHITECTURES))
    assert "changed by somebody else" not in output


def test_upgrade_with_a_changed_conffile(foreign):
    foreign.install(*(library(architecture) for architecture in ARCHITECTURES))
    foreign.install(
        *(library(architecture, "2", conffile=CHANGED) for architecture in ARCHITECTURES)
    )
    assert foreign.read(conffile_of("libapp")) == CHANGED_PATCHED


def test_upgrade_with_other_values(foreign):
    """Nothing asks: the conffile is put to what dpkg recorded."""
    foreign.install(*(library(architecture) for architecture in ARCHITECTURES))
    other = termux.user_values(11)
    foreign.pathpatch("dpkg", "configure", *(f"--set={name}={value}" for name, value in other.items()))
    assert foreign.read(conffile_of("libapp")) == termux.patched(SHIPPED, other)
    foreign.install(
        *(library(architecture, "2", conffile=CHANGED) for architecture in ARCHITECTURES)
    )
    assert foreign.read(conffile_of("libapp")) == termux.patched(CHANGED, other)
    assert foreign.read(data_of("libapp")) == termux.patched(SHIPPED, other)


def test_edited_conffile_asks(foreign):
    mine = PATCHED + b"mine\n"
    foreign.install(*(library(architecture) for architecture in ARCHITECTURES))
    foreign.write(conffile_of("libapp"), mine)
    both = [library(architecture, "2", conffile=CHANGED) for architecture in ARCHITECTURES]
    assert "conffile prompt" in foreign.install(*both, fails=True)
    foreign.dpkg("--force-confold", "--configure", "-a")
    assert foreign.read(conffile_of("libapp")) == mine


@pytest.mark.parametrize("goes, stays", [ARCHITECTURES, ARCHITECTURES[::-1]])
def test_one_of_two_goes(foreign, goes, stays):
    foreign.install(*(library(architecture, conffile=None) for architecture in ARCHITECTURES))
    foreign.dpkg("--purge", f"libapp:{goes}")
    assert foreign.read(data_of("libapp")) == PATCHED
    foreign.assert_clean()
    foreign.install(opted_in("other"))
    told = foreign.pathpatch("status")
    assert f"libapp:{stays} 1: 1 file patched" in told and f"libapp:{goes}" not in told
    foreign.dpkg("--purge", f"libapp:{stays}")
    assert not foreign.exists(data_of("libapp"))
    foreign.install(opted_in("third"))
    assert "libapp" not in foreign.pathpatch("status")
