"""Packages that name another table: its own placeholders and values, in the one ledger of the root."""

import json

import pytest
from conftest import PATCHED, PREFIX, SHIPPED, VALUES, Entry, Package, conffile_of, data_of, opted_in

TABLE = """[table]
name = other
state = /opt/other/var/lib/pathpatch
admindir = /opt/other/var/lib/dpkg

[OTHER__PREFIX]
default = /opt/other
length = 60
env = OTHER__PREFIX

[OTHER__CACHE]
default = {prefix}/var/other
length = 95
"""
DEFAULT = b"/opt/other"
VALUE = b"/srv/apps/other"
BELOW = f"/{PREFIX}/var/other".encode()


def padded(path, length):
    return path + b"/" * (length - len(path))


TEXT = b"a=" + padded(DEFAULT, 60) + b"\nb=" + padded(BELOW, 95) + b"\n"


def patched_text(value=VALUE):
    below = BELOW.replace(b"/data/data/", b"/data/user/10/")
    return b"a=" + padded(value, 60) + b"\nb=" + padded(below, 95) + b"\n"


def table_package():
    return Package(
        {
            "Package": "other-table",
            "Version": "1",
            "Architecture": "all",
            "Maintainer": "nobody <nobody@localhost>",
            "Description": "a table",
        },
        [
            Entry(
                f"{PREFIX}/share/pathpatch/tables/other.ini",
                content=TABLE.format(prefix="/" + PREFIX).encode(),
            )
        ],
    )


def other(name="thing", content=TEXT, **fields):
    package = opted_in(name, conffile=content, data=content, **fields)
    package.fields["Dynamic-Variables"] = "other"
    package.fields["Depends"] += ", other-table"
    return package


@pytest.fixture
def ready(root):
    root.install(table_package())
    root.pathpatch("dpkg", "configure", f"--set=OTHER__PREFIX={VALUE.decode()}")
    return root


def test_both_tables_in_one_run(ready):
    ready.install(opted_in(), other())
    ready.environment["OTHER__PREFIX"] = "/somewhere/else"  # cannot be checked, so it means nothing
    ready.install(other("again"))
    assert ready.read("/app.saw") == PATCHED + PATCHED
    for name in ("thing", "again"):
        assert ready.read(f"/{name}.saw") == patched_text() + patched_text()
    ready.assert_clean()
    ready.install(other("thing", TEXT + b"more\n", version="2"))
    assert ready.read(conffile_of("thing")) == patched_text() + b"more\n"
    ready.assert_clean()
    values = ready.pathpatch("status")
    assert f"OTHER__PREFIX={VALUE.decode()}\n" in values
    assert f"TERMUX__PREFIX={VALUES['TERMUX__PREFIX']}\n" in values


def test_table_and_package_in_one_run(root):
    """Nothing is recorded: the placeholder that lies below the prefix follows it."""
    root.install(table_package(), other())
    assert root.read("/thing.saw") == 2 * patched_text(DEFAULT)
    root.assert_clean()


def test_restore_and_new_values(ready):
    ready.install(opted_in(), other())
    ready.pathpatch("dpkg", "configure", "--set=OTHER__PREFIX=/new")
    assert ready.read(data_of("thing")) == patched_text(b"/new")
    assert ready.read(data_of("app")) == PATCHED
    ready.pathpatch("restore", "--package", "thing")
    assert ready.read(data_of("thing")) == TEXT


def test_table_that_is_not_there(root):
    package = other()
    package.fields["Depends"] = "pathpatch"
    root.install(package)
    assert root.read(data_of("thing")) == TEXT
    lines = map(json.loads, root.pathpatch("verify", "--json", status=1).splitlines())
    assert [(each["code"], each["subject"]) for each in lines if each["type"] == "finding"] == [
        ("table", "thing:all")
    ]
    root.install(table_package())
    root.pathpatch("dpkg", "configure")
    assert root.read(data_of("thing")) == patched_text(DEFAULT)
    root.pathpatch("verify")


@pytest.mark.parametrize(
    "text, said",
    [
        ("nonsense\n", "line 1"),
        (TABLE.format(prefix="/x").replace("OTHER__CACHE", "TERMUX__HOME"), "one name or one text"),
    ],
)
def test_bad_table_harms_nobody_else(root, text, said):
    folder = root.path / PREFIX / "share/pathpatch/tables"
    folder.mkdir(parents=True)
    (folder / "other.ini").write_text(text)
    output = root.install(opted_in())
    assert "other.ini" in output and said in output
    assert root.read("/app.saw") == PATCHED + PATCHED
    root.assert_clean()


def test_table_that_goes_again(ready):
    """What was patched for it cannot be undone any more; all else can."""
    ready.install(opted_in(), other())
    (ready.path / PREFIX / "share/pathpatch/tables/other.ini").unlink()
    ready.install(opted_in(version="2"))
    ready.pathpatch("restore", "--package", "app")
    assert ready.read(data_of("app")) == SHIPPED
    assert ready.read(data_of("thing")) == patched_text()


def test_table_that_comes_back(ready):
    """Its values are still recorded, whatever was written meanwhile."""
    ready.install(other())
    table = ready.path / PREFIX / "share/pathpatch/tables/other.ini"
    text = table.read_text()
    table.unlink()
    ready.install(opted_in())
    table.write_text(text)
    ready.install(other("again"))
    assert ready.read("/again.saw") == 2 * patched_text()
    assert ready.read(data_of("thing")) == patched_text()
    ready.assert_clean()
