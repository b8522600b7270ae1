"""Moving to other values: files as they were left, files edited since, and files of which nothing is
recorded."""

import gzip
import os
import shutil
import sqlite3

import pytest
from shipped_trees import (
    DEFAULTS,
    LONG_VALUES,
    VALUES,
    decoded,
    describe,
    describe_state,
    padded,
    run,
    termux,
    write,
    write_oddities,
)
from test_restore import Device, patched

WAS = [f"--was={name}={value}" for name, value in VALUES.items()]
MINE = b"a line of mine: "


@pytest.fixture
def device(tmp_path):
    return Device(tmp_path, write_oddities)


def edit(device, values):
    """Somebody adds to a plain file, compresses one again, and writes a link and a file of his own."""
    usr = padded("TERMUX__PREFIX", values)
    odd = device.root / "odd"
    with open(odd / "plain", "ab") as plain:
        plain.write(MINE + usr + b"/mine\n")
    text = gzip.decompress((odd / "one.gz").read_bytes())
    (odd / "one.gz").write_bytes(gzip.compress(MINE + text, 1))
    (odd / "a.xz").unlink(missing_ok=True)
    (odd / "link").unlink()
    os.symlink(usr.decode() + "/mine", odd / "link")


def rows_of(device):
    """The ledger, but for what stood in the hits' places before."""
    rows, *rest = describe_state(device.state)
    return [row[:10] + row[11:] for row in rows], rest


def expected(device, values):
    """The edited files with other values; by name."""
    plain = (device.shipped / "odd/plain").read_bytes()
    text = gzip.decompress((device.shipped / "odd/one.gz").read_bytes())
    usr = termux.padded("TERMUX__PREFIX", values["TERMUX__PREFIX"])
    return patched(plain, values) + MINE + usr + b"/mine\n", MINE + patched(text, values), usr + b"/mine"


def found(device):
    odd = device.root / "odd"
    return (
        (odd / "plain").read_bytes(),
        decoded(odd, "one.gz"),
        os.readlink(odd / "link").encode(),
    )


def test_edited_files(device):
    device.apply(VALUES)
    edit(device, VALUES)
    device.apply(LONG_VALUES, "--revalue")
    assert found(device) == expected(device, LONG_VALUES)
    # What has no padding is found again, too.
    edit(device, LONG_VALUES)
    device.apply(VALUES, "--revalue")
    assert VALUES["TERMUX__PREFIX"].encode() in found(device)[0]
    assert LONG_VALUES["TERMUX__PREFIX"].encode() not in b"".join(found(device))
    edit(device, VALUES)
    device.apply(DEFAULTS, "--revalue")
    assert VALUES["TERMUX__PREFIX"].encode() not in b"".join(found(device))
    assert set(device.changes()) <= {"odd", "odd/plain", "odd/one.gz", "odd/other/two.gz", "odd/a.xz", "odd/link"}


def test_edited_files_are_restored_with_placeholders(device):
    device.apply(VALUES)
    edit(device, VALUES)
    device.apply(LONG_VALUES, "--revalue")
    (device.root / "odd/a.xz").touch()
    device.restore(".", status=1)
    assert found(device) == expected(device, DEFAULTS)


def test_edited_file_outside_the_named_paths(device):
    """New values are those of the whole root."""
    device.apply(VALUES)
    edit(device, VALUES)
    device.run("apply", *[f"--set={n}={v}" for n, v in LONG_VALUES.items()], "--revalue", "odd/nothing")
    assert found(device) == expected(device, LONG_VALUES)


def test_edit_that_takes_the_values_out(device):
    device.apply(VALUES)
    (device.root / "odd/plain").write_bytes(b"nothing of yours\n")
    device.apply(LONG_VALUES, "--revalue")
    assert (device.root / "odd/plain").read_bytes() == b"nothing of yours\n"
    before = describe(device.root)
    device.run("apply", ".")
    assert describe(device.root) == before


@pytest.mark.parametrize("now", [LONG_VALUES, DEFAULTS], ids=["others", "defaults"])
def test_was(device, now):
    """Without a ledger the older values have to be told."""
    device.apply(VALUES)
    shutil.rmtree(device.state)
    done = device.apply(now, *WAS)
    names = [name for name in device.changes() if name.startswith("odd/")]
    if now is DEFAULTS:
        # What was compressed again need not be the same bytes.
        assert {name.rsplit(".")[-1] for name in names} <= {"gz", "xz", "bz2", "zst", "jar", "lzma"}
    else:
        assert len(names) > 15 and "odd/plain" in names
    for name in ("odd/plain", "odd/wide", "odd/adjacent", "odd/one.gz", "odd/a.xz", "odd/a.bz2"):
        assert decoded(device.root, name) == patched(decoded(device.shipped, name), now), name
    before = describe(device.root)
    device.apply(now, *WAS)
    assert describe(device.root) == before
    assert "could not be" in done.stdout and " 0 could not be" in done.stdout
    device.restore(".")
    for name in ("odd/plain", "odd/wide", "odd/adjacent", "odd/one.gz", "odd/a.xz", "odd/a.bz2"):
        assert decoded(device.root, name) == decoded(device.shipped, name), name


def test_was_derives(device):
    device.apply(VALUES)
    shutil.rmtree(device.state)
    device.apply(LONG_VALUES, f"--was=TERMUX_APP__DATA_DIR={VALUES['TERMUX_APP__DATA_DIR']}")
    assert (device.root / "odd/plain").read_bytes() == patched(
        (device.shipped / "odd/plain").read_bytes(), LONG_VALUES
    )


def test_ambiguity_is_reported(device):
    one = {**VALUES, "TERMUX__PREFIX": "/same", "TERMUX__HOME": "/same"}
    device.apply(one)
    file = device.root / "odd/plain"
    edited = file.read_bytes() + MINE
    file.write_bytes(edited)
    done = device.apply(VALUES, "--revalue", status=1)
    assert "odd/plain: an older value is left" in done.stderr
    rootfs = padded("TERMUX__ROOTFS", one)
    # What is clear is written.
    assert file.read_bytes() == edited.replace(rootfs, padded("TERMUX__ROOTFS", VALUES))
    # Files as they were left are no riddle.
    assert (device.root / "odd/special").read_bytes() == patched(
        (device.shipped / "odd/special").read_bytes(), VALUES
    )


def test_a_run_that_was_cut_off_is_ended_by_any_other(device):
    """The values were recorded, and only some of the files were written."""
    device.apply(VALUES)
    moved = describe(device.root), rows_of(device)
    device.apply(LONG_VALUES, "--revalue")
    values = device.state / "values"
    values.write_text("".join(f"{name}={VALUES[name]}\n" for name in termux.TABLE))
    device.run("apply", "odd/nothing")
    assert describe(device.root) == moved[0]
    assert rows_of(device) == moved[1]


def test_the_root_itself_as_a_value(device):
    device.apply({**VALUES, "TERMUX__ROOTFS": "/"})
    plain = (device.shipped / "odd/plain").read_bytes()
    assert (device.root / "odd/plain").read_bytes() == patched(plain, {**VALUES, "TERMUX__ROOTFS": "/"})
    device.apply(VALUES, "--revalue")
    assert (device.root / "odd/plain").read_bytes() == patched(plain, VALUES)


def test_placeholder_that_no_table_has_any_more(tmp_path):
    """Its file is left, and told once, also when there is something else to patch in it."""
    root, table = tmp_path / "root", tmp_path / "table.ini"
    lines = "[table]\nname = own\nstate = /opt/s\nadmindir = /opt/d\n"
    one, two = ("[%s]\ndefault = /opt/%s\nlength = 24\n" % (name, name.lower()) for name in ("ONE", "TWO"))
    places = {name: f"/opt/{name}".encode().ljust(24, b"/") for name in ("one", "two")}
    for name in ("file", "other"):
        write(root / name, places["one"] + b" " + places["two"] + b"\n")
    words = [f"--root={root}", f"--state={root}/state", f"--table={table}", root]
    table.write_text(lines + one + two)
    run("apply", *words, "--set=ONE=/a", "--set=TWO=/b")
    with open(root / "file", "ab") as file:
        file.write(places["one"])
    before = (root / "file").read_bytes(), (root / "other").read_bytes()
    table.write_text(lines + one)
    done = run("apply", *words, "--set=ONE=/c", "--revalue", status=1)
    assert sorted(line.split(": ")[1] for line in done.stderr.splitlines()) == ["file", "other"]
    assert "2 could not be" in done.stdout
    assert ((root / "file").read_bytes(), (root / "other").read_bytes()) == before


def test_lost_ledger(device):
    device.apply(VALUES)
    (device.state / "ledger.db").unlink()
    new = write(device.root / "new", padded("TERMUX__PREFIX"))
    before = {k: v for k, v in describe(device.root).items() if k != "new"}
    device.run("apply", ".")
    assert new.read_bytes() == padded("TERMUX__PREFIX", VALUES)
    assert {k: v for k, v in describe(device.root).items() if k != "new"} == before


def test_damaged_ledger(device):
    device.apply(VALUES)
    ledger = device.state / "ledger.db"
    ledger.write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    write(device.root / "new", padded("TERMUX__PREFIX"))
    done = device.run("apply", ".")
    assert "apply starts a new one" in done.stderr
    assert (device.root / "new").read_bytes() == padded("TERMUX__PREFIX", VALUES)
    assert (device.state / "ledger.db.damaged").exists()
    assert sqlite3.connect(ledger).execute("SELECT count(*) FROM file").fetchone() == (1,)


def test_mistakes(device):
    device.apply(VALUES, "--was=TERMUX__NOTHING=/x", status=2)
    done = run("apply", f"--root={device.root}", device.root, *WAS[:1], "--was=TERMUX__HOME=relative", status=2)
    assert "--was" in done.stderr
    device.apply(VALUES)
    done = device.apply(LONG_VALUES, status=2)
    assert "--revalue" in done.stderr
