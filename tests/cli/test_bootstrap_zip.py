"""Zips of every kind, as Python, unzip and the format's document have them; and zips whose parts disagree."""

import io
import os
import stat
import struct
import subprocess
import time
import zipfile

import pytest
from bootstrap_trees import USR, Device, describe, patched, sample, write_zip

REFUSED, FAILURE = 2, 3


@pytest.fixture
def device(tmp_path):
    return Device(tmp_path)


def info(name, mode=stat.S_IFREG | 0o644, method=zipfile.ZIP_DEFLATED):
    made = zipfile.ZipInfo(name, (2011, 12, 13, 14, 15, 16))
    made.create_system, made.external_attr, made.compress_type = 3, mode << 16, method
    return made


def content(device, name):
    return (device.dest / name).read_bytes()


TEXT = b"see " + USR + b"/x\n"
# With a part that does not compress: longer than what is decoded in one piece.
LARGE = os.urandom(3 << 20) + TEXT + b"0" * (3 << 20)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("zip64", [False, True])
def test_methods_and_sizes(device, tmp_path, method, zip64):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, text in (("small", TEXT), ("large", LARGE), ("empty", b"")):
            with archive.open(info(name, method=method), "w", force_zip64=zip64) as file:
                file.write(text)
    device.bootstrap(tmp_path / "a.zip")
    assert content(device, "small") == patched(TEXT)
    assert content(device, "large") == patched(LARGE)
    assert content(device, "empty") == b""


def test_zip64_numbers(device, tmp_path, monkeypatch):
    """As in an archive of many GiB: all lengths and offsets are in the wide fields."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, text in (("small", TEXT), ("large", LARGE), ("empty", b"")):
            archive.writestr(info(name), text)
        # The directory is written at the end.
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 0)
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0)
    monkeypatch.undo()
    data = (tmp_path / "a.zip").read_bytes()
    assert b"PK\x06\x06" in data and b"PK\x06\x07" in data
    subprocess.run(["unzip", "-tq", tmp_path / "a.zip"], check=True)
    device.bootstrap(tmp_path / "a.zip")
    assert content(device, "small") == patched(TEXT) and content(device, "large") == patched(LARGE)
    assert content(device, "empty") == b""


def test_what_is_streamed_has_its_lengths_behind(device, tmp_path):
    """As a sender writes that does not know them yet."""

    class Stream(io.RawIOBase):
        def __init__(self):
            self.bytes = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.bytes += data
            return len(data)

    stream = Stream()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(info("small"), TEXT)
        archive.writestr(info("large"), LARGE)
    (tmp_path / "a.zip").write_bytes(stream.bytes)
    with subprocess.Popen(["cat", tmp_path / "a.zip"], stdout=subprocess.PIPE) as cat:
        device.bootstrap("-", stdin=cat.stdout)
    assert content(device, "small") == patched(TEXT) and content(device, "large") == patched(LARGE)


def test_links_modes_and_times_of_other_packers(device, tmp_path):
    """Links as entries, a mode that a umask would change, and a time without a zone."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info("link", stat.S_IFLNK | 0o777), USR + b"/etc")
        archive.writestr(info("group", stat.S_IFREG | 0o664), b"x")
        archive.writestr(info("folder", stat.S_IFDIR | 0o700), b"")
        archive.writestr(info("pipe", stat.S_IFIFO | 0o644), b"")
    previous = os.umask(0o077)
    try:
        device.bootstrap(tmp_path / "a.zip", status=1)
    finally:
        os.umask(previous)
    assert os.readlink(device.dest / "link").encode() == patched(USR) + b"/etc"
    seen = (device.dest / "group").stat()
    assert (stat.S_IMODE(seen.st_mode), seen.st_mtime) == (
        0o664,
        time.mktime((2011, 12, 13, 14, 15, 16, 0, 0, -1)),
    )
    assert stat.S_IMODE((device.dest / "folder").stat().st_mode) == 0o700
    assert not (device.dest / "pipe").exists()


def test_more_entries_than_two_bytes_count(device, tmp_path):
    """100,000 of them, most in folders of their own: only looked at, which is all of it but the writing."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(100_000):
            archive.writestr(f"{number // 10}/{number}", TEXT if number % 1000 == 0 else b"")
    done = device.bootstrap(tmp_path / "a.zip", "--dry-run")
    assert "100000 files, 100 would be patched" in done.stdout


def test_only_folders(device, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("a/", "a/b/", "c/"):
            archive.writestr(info(name, stat.S_IFDIR | 0o755), b"")
    device.bootstrap(tmp_path / "a.zip")
    assert (device.dest / "a/b").is_dir() and (device.dest / "c").is_dir()


def test_nothing_at_all(device, tmp_path):
    zipfile.ZipFile(tmp_path / "a.zip", "w").close()
    device.bootstrap(tmp_path / "a.zip")
    assert device.beside() == ["usr"]


def test_the_number_of_jobs_changes_nothing(device, tmp_path):
    archive = write_zip(tmp_path / "a.zip", sample())
    trees = []
    for jobs in (1, 2, 7):
        device.bootstrap(archive, f"--jobs={jobs}", "--replace-dest", "--memory=16M")
        trees.append(describe(device.dest, told=sample()))
    assert trees[0] == trees[1] == trees[2]


# ---- parts that disagree ----

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def bent(tmp_path, magic, at, form, value):
    """A zip with one field of a header overwritten."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info("name"), TEXT)
    bytes_ = bytearray((tmp_path / "a.zip").read_bytes())
    struct.pack_into(form, bytes_, bytes_.index(magic) + at, value)
    (tmp_path / "a.zip").write_bytes(bytes_)
    return tmp_path / "a.zip"


@pytest.mark.parametrize(
    "field, why",
    [
        ((CENTRAL, 8, "<H", 1), "encrypted"),
        ((CENTRAL, 10, "<H", 99), "method 99"),
        ((CENTRAL, 16, "<L", 1), "CRC"),
        ((CENTRAL, 20, "<L", 5), "damaged"),
        ((CENTRAL, 20, "<L", 1 << 30), "damaged"),
        ((CENTRAL, 24, "<L", 5), "damaged"),
        ((CENTRAL, 24, "<L", 3 << 20), "less in an entry"),
        ((CENTRAL, 24, "<L", 0xFFFFFFFF), "an entry"),
        ((CENTRAL, 28, "<H", 60000), "cut off"),
        ((CENTRAL, 42, "<L", 7), "damaged"),
        ((CENTRAL, 42, "<L", 1 << 30), "damaged"),
        ((LOCAL, 8, "<H", 0), "damaged"),
        ((LOCAL, 26, "<H", 3), "damaged"),
        ((LOCAL, 28, "<H", 60000), "damaged"),
        ((END, 4, "<H", 1), "parts"),
        ((END, 10, "<H", 2), "makes no sense"),
        ((END, 10, "<H", 0), "makes no sense"),
        ((END, 12, "<L", 7), "directory"),
        ((END, 16, "<L", 7), "directory"),
        ((END, 20, "<H", 7), "end record"),
    ],
)
def test_fields_that_disagree(device, tmp_path, field, why):
    done = device.bootstrap(bent(tmp_path, *field), status=FAILURE)
    assert why in done.stderr
    device.check_untouched()


def test_a_method_that_is_not_known(device, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info("name", method=zipfile.ZIP_LZMA), TEXT)
    assert "method 14" in device.bootstrap(tmp_path / "a.zip", status=FAILURE).stderr
    device.check_untouched()


@pytest.mark.parametrize("target", [b"", b"a\0b", b"x" * 5000])
def test_links_that_lead_nowhere(device, tmp_path, target):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info("link", stat.S_IFLNK | 0o777), target)
    assert "link: " in device.bootstrap(tmp_path / "a.zip", status=REFUSED).stderr
    device.check_untouched()


def test_zip64_numbers_that_are_not_there(device, tmp_path):
    archive = bent(tmp_path, CENTRAL, 42, "<L", 0xFFFFFFFF)
    assert "damaged" in device.bootstrap(archive, status=FAILURE).stderr
    device.check_untouched()
