"""Which values the hook uses. Its environment is whatever sudo, cron or apt left."""

import os

import pytest
from conftest import PATCHED, SHIPPED, VALUES, conffile_of, data_of, opted_in, pathpatch_package


def test_environment_that_names_the_very_folder_is_believed(blank):
    blank.environment["TERMUX_APP__DATA_DIR"] = VALUES["TERMUX_APP__DATA_DIR"]
    blank.install(pathpatch_package(), opted_in())
    assert blank.read("/app.saw") == PATCHED + PATCHED
    blank.assert_clean()
    del blank.environment["TERMUX_APP__DATA_DIR"]
    blank.install(opted_in("other"))
    assert blank.read("/other.saw") == PATCHED + PATCHED
    blank.assert_clean()


def test_environment_that_names_another_folder_is_not(root):
    root.environment["TERMUX_APP__DATA_DIR"] = "/data/user/11/com.termux"
    (root.path / "data/user/11/com.termux").mkdir(parents=True)
    output = root.install(opted_in())
    assert "TERMUX_APP__DATA_DIR in the environment names another folder" in output
    assert root.read(data_of("app")) == PATCHED
    assert root.read(conffile_of("app")) == PATCHED
    root.assert_clean()


def test_home_and_prefix_of_the_caller_mean_nothing(root):
    root.environment.update(HOME="/root", PREFIX="/usr/local")
    root.install(opted_in())
    assert root.read("/app.saw") == PATCHED + PATCHED


def test_nothing_known_leaves_everything_as_shipped(blank):
    blank.install(pathpatch_package(), opted_in())
    assert blank.status("app") == "installed"
    assert blank.read("/app.saw") == SHIPPED + SHIPPED
    blank.assert_clean()


def test_values_that_become_known_later(blank):
    """The next run looks again at what it left as shipped."""
    blank.install(pathpatch_package(), opted_in())
    blank.record_values(VALUES)
    assert blank.read(data_of("app")) == SHIPPED
    blank.install(opted_in("other"))
    assert blank.read(data_of("app")) == blank.read(conffile_of("app")) == PATCHED


def test_environment_that_cannot_be_checked_is_not_believed(root):
    """Nothing tells whose home it is."""
    root.install(opted_in())
    root.environment["TERMUX__HOME"] = "/root"
    root.environment["TERMUX__ROOTFS"] = VALUES["TERMUX__ROOTFS"]
    output = root.install(opted_in("other"))
    assert "TERMUX__HOME in the environment" in output
    assert root.read("/other.saw") == PATCHED + PATCHED
    assert root.read(data_of("app")) == PATCHED
    root.assert_clean()


def test_home_beside_a_scoped_variable(root):
    """sudo and cron set HOME, whatever else they keep."""
    root.environment.update(HOME="/root", TERMUX__ROOTFS=VALUES["TERMUX__ROOTFS"])
    root.install(opted_in())
    assert root.read("/app.saw") == PATCHED + PATCHED
    root.assert_clean()


def test_home_where_nothing_is_recorded(blank):
    """What can be checked is believed, and the rest comes from that."""
    blank.environment.update(HOME="/root", TERMUX__ROOTFS=VALUES["TERMUX__ROOTFS"])
    (blank.path / VALUES["TERMUX__ROOTFS"].lstrip("/")).mkdir()
    blank.install(pathpatch_package(), opted_in())
    assert blank.read("/app.saw") == PATCHED + PATCHED
    blank.assert_clean()


def test_value_that_would_be_refused_fails_nothing(root):
    root.environment["TERMUX__ROOTFS"] = VALUES["TERMUX__ROOTFS"]
    root.environment["HOME"] = "/home/first last"
    root.environment["TERMUX__CACHE_DIR"] = "relative"
    root.install(opted_in())
    assert root.read("/app.saw") == PATCHED + PATCHED
    root.assert_clean()


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "/root", "LOGNAME": "root", "SHELL": "/bin/sh"},  # cron
        {"HOME": "/root", "SUDO_USER": "me", "SUDO_UID": "1000", "USER": "root"},  # sudo
        {"HOME": "/root", "DPKG_FRONTEND_LOCKED": "true", "APT_CONFIG": "/dev/null"},  # apt
        {"HOME": "/root", "PREFIX": "/usr", "TERMUX__HOME": "/root"},
    ],
)
def test_what_others_leave_in_the_environment_changes_nothing(root, environment):
    root.install(opted_in())
    before = {
        path: (root.read(path), os.stat(root.path / path.lstrip("/")).st_ctime_ns)
        for path in (data_of("app"), conffile_of("app"), "/var/lib/pathpatch/values")
    }
    path = root.environment["PATH"]
    root.environment = {"PATH": path, **environment}
    root.install(opted_in("other"))
    root.pathpatch("dpkg", "configure")
    for path, state in before.items():
        assert (root.read(path), os.stat(root.path / path.lstrip("/")).st_ctime_ns) == state
    assert root.read("/other.saw") == PATCHED + PATCHED
    root.assert_clean()
