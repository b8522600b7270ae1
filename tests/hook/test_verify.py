"""verify, the installation's half: each finding, and that the command it names mends it."""

import json
import shlex

import pytest
from conftest import (
    BUILD,
    CHANGED,
    PATCHED,
    PREFIX,
    SHIPPED,
    VALUES,
    Root,
    conffile_of,
    data_of,
    opted_in,
    packages,
    pathpatch_package,
    termux,
)


@pytest.fixture
def installed(root):
    root.install(opted_in())
    return root


def findings(root, status=1):
    lines = root.pathpatch("verify", "--json", status=status).splitlines()
    return [each for each in map(json.loads, lines) if each["type"] != "summary"]


def only(root, **expected):
    (finding,) = findings(root)
    assert {key: finding[key] for key in expected} == expected
    return finding


def mend(root, finding):
    """Runs the command that the finding names, and nothing is left to be told."""
    words = shlex.split(finding["command"])
    if words[0] == "pathpatch":
        words[0] = BUILD / "pathpatch"
    if words[0] == "dpkg":
        words[1:1] = [f"--root={root.path}", "--force-script-chrootless"]
    done = root.run(*words)
    assert done.returncode == 0, done.stdout
    assert findings(root, status=0) == []
    root.assert_clean()


def test_nothing_to_tell(installed):
    assert findings(installed, status=0) == []
    assert "2 files" not in installed.pathpatch("verify", "--verbose", "--quiet")


def test_trigger_interest(installed):
    (installed.admindir / "triggers/pathpatch").unlink()
    (installed.admindir / "info/pathpatch.triggers").unlink()
    finding = only(installed, type="finding", code="interest", subject="pathpatch")
    mend(installed, finding)
    installed.install(opted_in("other"))
    assert installed.read("/other.saw") == PATCHED + PATCHED


def test_package_that_was_not_patched(root):
    plain = opted_in(conffile=None)
    del plain.control["preinst"], plain.control["triggers"]
    root.install(plain)
    found = findings(root)
    assert {(each["code"], each["subject"].rsplit("/")[-1]) for each in found} == {
        ("unpatched", "app:all"),
        ("placeholders", "data"),
    }
    mend(root, found[0])
    assert root.read(data_of("app")) == PATCHED


def test_package_that_is_not_configured(root):
    root.dpkg("--unpack", packages.write(opted_in(conffile=None), root.debs, "none"))
    (finding,) = [each for each in findings(root) if each["code"] == "unconfigured"]
    mend(root, finding)


def test_md5sums(installed):
    sums = installed.admindir / "info/app.md5sums"
    sums.write_text(f"{'0' * 32}  {data_of('app').lstrip('/')}\n")
    mend(installed, only(installed, code="md5sums", subject="app:all"))


def test_file_that_has_its_placeholders_again(installed):
    installed.write(data_of("app"), SHIPPED)
    mend(installed, only(installed, type="file", outcome="shipped", package="app:all"))
    assert installed.read(data_of("app")) == PATCHED


def test_file_of_a_package_that_came_later(installed):
    """Nobody told pathpatch: a file that the package lists, and that had no row."""
    other = opted_in("other", data=b"nothing", conffile=None)
    installed.install(other)
    installed.write(data_of("other"), SHIPPED)
    finding = only(installed, code="placeholders")
    (installed.admindir / "info/other.md5sums").write_text(
        f"{packages.hashlib.md5(SHIPPED).hexdigest()}  {data_of('other').lstrip('/')}\n"
    )
    mend(installed, finding)


@pytest.mark.parametrize("content, state", [(b"somebody's", "changed"), (None, "gone")])
def test_changed_file(installed, content, state):
    installed.write(data_of("app"), b"somebody's")
    if content is None:
        (installed.path / data_of("app").lstrip("/")).unlink()
    finding = only(installed, type="file", outcome=state, package="app:all")
    assert finding["command"] == "apt-get install --reinstall app:all"
    installed.install(opted_in())
    assert findings(installed, status=0) == []


def test_edited_conffile_is_the_users(installed):
    installed.write(conffile_of("app"), PATCHED + b"mine\n")
    assert findings(installed, status=0) == []
    (installed.path / conffile_of("app").lstrip("/")).unlink()
    assert findings(installed, status=0) == []


def test_purged_package(installed):
    """dpkg purges what was removed without a trigger: rows are reconciled when they are read."""
    installed.dpkg("--remove", "app")
    installed.dpkg("--purge", "app")
    assert findings(installed, status=0) == []
    assert "app:all" not in installed.pathpatch("status")


def test_values_of_another_folder(installed):
    """The tree was moved as it is: dpkg works where the recorded values do not lead."""
    moved = {n: v.replace("/user/10/", "/user/11/") for n, v in VALUES.items()}
    old = installed.path / "data/user/10"
    admindir = installed.path / (VALUES["TERMUX__PREFIX"] + "/var/lib/dpkg").lstrip("/")
    admindir.parent.mkdir(parents=True, exist_ok=True)
    installed.admindir.rename(admindir)
    (installed.path / "var/lib/pathpatch").rename(admindir.parent / "pathpatch")
    old.rename(installed.path / "data/user/11")
    (installed.path / "data/data/com.termux").unlink()
    installed.admindir = installed.path / (moved["TERMUX__PREFIX"] + "/var/lib/dpkg").lstrip("/")
    found = [each for each in findings(installed) if each.get("code") == "values"]
    (finding,) = found
    assert finding["subject"] == "TERMUX_APP__DATA_DIR"
    words = shlex.split(finding["command"])
    done = installed.run(BUILD / "pathpatch", *words[1:])
    assert done.returncode == 0, done.stdout
    assert not [each for each in findings(installed, status=None) if each.get("code") == "values"]
    assert installed.read(moved["TERMUX__PREFIX"] + "/share/app/data") == termux.patched(SHIPPED, moved)


def test_without_dpkg(installed):
    """Trees without a database are verified as before."""
    for path in sorted(installed.admindir.rglob("*"), reverse=True):
        path.unlink() if not path.is_dir() else path.rmdir()
    assert findings(installed, status=0) == []


def test_for_people(installed):
    (installed.admindir / "triggers/pathpatch").unlink()
    installed.write(data_of("app"), CHANGED)
    output = installed.pathpatch("verify", status=1)
    assert "pathpatch: dpkg does not know that it waits for its trigger" in output
    assert f"; run: pathpatch dpkg configure --root={installed.path}" in output
    assert "apt-get install --reinstall app:all" in output


def test_commands_where_the_path_has_a_space(scratch):
    folder = scratch / "with space"
    folder.mkdir()
    root = Root(folder)
    root.record_values(VALUES)
    root.install(pathpatch_package(), opted_in())
    root.write(data_of("app"), SHIPPED)
    mend(root, only(root, outcome="shipped"))
    own = root.path / PREFIX / "etc/own"
    own.write_bytes(termux.padded("TERMUX__PREFIX"))
    mend(root, only(root, outcome="shipped", package=""))


def test_environment_of_somebody_else(installed):
    """The recorded values count, as they do in the hook."""
    installed.environment.update(TERMUX__PREFIX="/elsewhere", HOME="/root")
    assert findings(installed, status=0) == []


def test_recorded_value_that_is_too_long(installed):
    """Nothing can be looked at with it: the message says which, and by how much."""
    values = installed.path / "var/lib/pathpatch/values"
    text = values.read_text()
    long = VALUES["TERMUX__PREFIX"] + "/" + "x" * 80
    values.write_text(text.replace(f"TERMUX__PREFIX={VALUES['TERMUX__PREFIX']}\n", f"TERMUX__PREFIX={long}\n"))
    output = installed.pathpatch("verify", status=2)
    assert "TERMUX__PREFIX" in output and "over the limit of 89" in output
    assert "pathpatch dpkg configure --set NAME=PATH records another" in output
    installed.pathpatch("dpkg", "configure", f"--set=TERMUX__PREFIX={VALUES['TERMUX__PREFIX']}")
    installed.install(opted_in("other"))
    assert findings(installed, status=0) == []
    assert values.read_text() == text
