"""Archives that mean no good, archives that are broken, and destinations that are not to be: refused, and
nothing is touched."""

import gzip
import io
import os
import random
import subprocess
import tarfile
import zipfile
import zlib

import pytest
from bootstrap_trees import (
    DATA_DIR,
    PREFIX,
    STATE,
    USR,
    Device,
    File,
    Folder,
    Hardlink,
    Link,
    describe,
    sample,
    tar_info,
    write_tar,
    write_zip,
)
from generator import termux

REFUSED, FAILURE = 2, 3


@pytest.fixture
def device(tmp_path):
    return Device(tmp_path)


def check_refused(device, archive, why, *words):
    done = device.bootstrap(archive, *words, status=REFUSED)
    assert why in done.stderr
    device.check_untouched()


# ---- archives ----


def tar_of(path, *entries):
    with tarfile.open(path, "w") as archive:
        for name, entry in entries:
            content = io.BytesIO(entry.content) if isinstance(entry, File) else None
            archive.addfile(tar_info(name, entry), content)
    return path


@pytest.mark.parametrize(
    "name, why",
    [("/etc/x", "absolute"), ("../x", ".."), ("a/../../x", ".."), ("a/..", ".."), ("./", "name")],
)
@pytest.mark.parametrize("form", ["zip", "tar", "SYMLINKS.txt", "hard link"])
def test_paths_that_lead_out(device, tmp_path, name, why, form):
    entries = {"a/b": File(b"b")}
    if form == "zip":
        if name == "./":
            return
        archive = write_zip(tmp_path / "a", {**entries, name: File(b"x")})
    elif form == "tar":
        archive = tar_of(tmp_path / "a", *entries.items(), (name, File(b"x")))
    elif form == "hard link":
        archive = tar_of(tmp_path / "a", *entries.items(), ("c", Hardlink(name)))
        why = "no file of the archive" if name == "./" else why
    else:
        archive = write_zip(tmp_path / "a", entries, links=f"target←{name}\n")
    check_refused(device, archive, why)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "entries, why",
    [
        ([("a", Link("/etc")), ("a/x", File(b"x"))], "the archive"),
        ([("a", Link("b")), ("b/c", File(b"c")), ("a/x", File(b"x"))], "the archive"),
        ([("a", Link("..")), ("a", Folder())], "a: the archive"),
        ([("a", File(b"a")), ("a/x", File(b"x"))], "the archive"),
        ([("a/x", File(b"x")), ("a", Link("/etc"))], "twice"),
        ([("var", Link("/etc"))], "twice"),
        ([("a", File(b"a")), ("a", File(b"b"))], "twice"),
        ([("a", File(b"a")), ("a", Link("b"))], "twice"),
        ([("a", Link("b")), ("a", File(b"b"))], "twice"),
        ([("a", Link("/etc/passwd")), ("b", Hardlink("a"))], "no file of the archive"),
        ([("a", Link("/etc")), ("b", Hardlink("a/passwd"))], "symlink"),
        ([(STATE + "/ledger.db", File(b"x"))], "state"),
        ([(STATE, File(b"x"))], "state"),
        ([("/".join("d" * 200), File(b"x"))], "deeper"),
        ([("n" * 300, File(b"x"))], ""),
    ],
)
def test_archives_that_trick(device, tmp_path, entries, why):
    done = device.pathpatch(
        *device.words(tar_of(tmp_path / "a", *entries)), status=FAILURE if why in ("", "deeper") else REFUSED
    )
    assert why in done.stderr
    device.check_untouched()


@pytest.mark.parametrize(
    "links", ["no arrow\n", "←./x\n", "a←b←c\n", "a←\n", "nul\0←x\n", "x←a/b\nx←a/b\n"]
)
def test_links_that_make_no_sense(device, tmp_path, links):
    archive = write_zip(tmp_path / "a.zip", {"x": File(b"x")}, links=links)
    device.bootstrap(archive, status=REFUSED)
    device.check_untouched()


def test_a_destination_that_the_values_do_not_name(device, tmp_path):
    archive = write_zip(tmp_path / "a.zip", sample())
    done = device.pathpatch("bootstrap", archive, device.dest, status=REFUSED)
    assert f"--set TERMUX__PREFIX={PREFIX}" in done.stderr
    device.check_untouched()


def test_values_are_refused_before_anything_is_touched(device, tmp_path):
    archive = write_zip(tmp_path / "a.zip", sample())
    for value in ("relative", "", "/" + "x" * 200):
        done = device.pathpatch(
            "bootstrap", archive, device.dest, f"--set=TERMUX__PREFIX={value}", status=REFUSED
        )
        assert "TERMUX__PREFIX" in done.stderr
    device.check_untouched()


def test_values_of_another_tree_do_not_count(device, tmp_path):
    """The primary user's tree is patched with values of its own."""
    primary = device.root / termux.PREFIX.lstrip("/")
    (primary / STATE).mkdir(parents=True, mode=0o700)
    (primary / STATE).chmod(0o700)
    (primary / STATE / "values").write_text("TERMUX__PREFIX=/elsewhere\nTERMUX__HOME=/elsewhere/home\n")
    device.bootstrap(write_zip(tmp_path / "a.zip", sample()))
    assert f"TERMUX__HOME={DATA_DIR}/files/home\n" in (device.dest / STATE / "values").read_text()


def damaged_zip(path):
    content = bytearray(write_zip(path, {"a": File(b"a" * 100), "b": File(USR * 3)}).read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        offset = archive.infolist()[1].header_offset
    struct_crc = content.index(b"PK\x01\x02")
    content[content.index(b"PK\x01\x02", struct_crc + 1) + 16] ^= 1
    content[offset + 14] ^= 1
    path.write_bytes(content)
    return path


def cut_tar(path, at):
    content = write_tar(path, sample()).read_bytes()
    path.write_bytes(content[:at] if at > 0 else content.rstrip(b"\0"))
    return path


@pytest.mark.parametrize(
    "make",
    [
        damaged_zip,
        lambda path: cut_tar(path, 3000),
        lambda path: cut_tar(path, 1024),
        lambda path: path.write_bytes(write_tar(path, sample(), "gz").read_bytes()[:-100]) and path,
        lambda path: path.write_bytes(write_zip(path, sample()).read_bytes()[:-10]) and path,
        lambda path: path.write_bytes(b"neither a zip nor a tar\n" * 100) and path,
        lambda path: path.write_bytes(b"") and path or path,
    ],
)
@pytest.mark.parametrize("piped", [False, True])
def test_damaged_archives_leave_nothing(device, tmp_path, make, piped):
    archive = make(tmp_path / "archive")
    if piped:
        with subprocess.Popen(["cat", archive], stdout=subprocess.PIPE) as cat:
            device.bootstrap("-", status=FAILURE, stdin=cat.stdout)
    else:
        device.bootstrap(archive, status=FAILURE)
    device.check_untouched()


# ---- what is there already ----


def test_a_destination_that_is_there(device, tmp_path):
    first = write_zip(tmp_path / "a.zip", {"old": File(b"old " + USR)})
    second = write_zip(tmp_path / "b.zip", {"new": File(b"new " + USR)})
    device.bootstrap(first)
    before = describe(device.dest)
    assert "--replace-dest" in device.bootstrap(second, status=REFUSED).stderr
    assert describe(device.dest) == before and device.beside() == ["usr"]
    device.bootstrap(second, "--replace-dest")
    assert (device.dest / "new").exists() and not (device.dest / "old").exists()
    assert device.beside() == ["usr"]


def test_a_failed_replacement_leaves_the_old_tree(device, tmp_path):
    device.bootstrap(write_zip(tmp_path / "a.zip", {"old": File(b"old " + USR)}))
    before = describe(device.dest)
    device.bootstrap(damaged_zip(tmp_path / "b.zip"), "--replace-dest", status=FAILURE)
    assert describe(device.dest) == before and device.beside() == ["usr"]


def test_a_destination_that_is_a_symlink_is_not_followed(device, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    device.dest.symlink_to(tmp_path / "elsewhere")
    archive = write_zip(tmp_path / "a.zip", sample())
    device.bootstrap(archive, status=REFUSED)
    device.bootstrap(archive, "--replace-dest")
    assert not device.dest.is_symlink() and list((tmp_path / "elsewhere").iterdir()) == []


def test_what_a_killed_run_left_is_tidied_up(device, tmp_path):
    (device.work / "staging/share/deep").mkdir(parents=True)
    (device.work / "staging/share/deep/file").write_bytes(b"half")
    (device.work / "staging/share/link").symlink_to(tmp_path)
    (device.work / "staging/share").chmod(0o555)
    device.work.chmod(0o700)
    (tmp_path / "kept").write_bytes(b"kept")
    device.bootstrap(write_zip(tmp_path / "a.zip", sample()))
    assert device.beside() == ["usr"] and (tmp_path / "kept").exists()


def test_room_is_looked_at_first(device, tmp_path):
    """A tar with more in it than the file system has room for; it is a hole itself."""
    size = 1 << 43
    info = tar_info("large", File(b""))
    info.size = size
    with open(tmp_path / "a.tar", "wb") as archive:
        archive.write(info.tobuf(tarfile.GNU_FORMAT))
        archive.truncate(512 + size + 1024)
    assert "make room" in device.bootstrap(tmp_path / "a.tar", status=FAILURE).stderr
    device.check_untouched()


@pytest.mark.parametrize("piped", [False, True])
def test_a_disk_that_gets_full_on_the_way(tmp_path, piped):
    """bzip2 does not tell how much there is in it."""
    noise = random.Random(1)
    entries = {f"share/{number}": File(noise.randbytes(75_000).hex().encode()) for number in range(40)}
    archive = write_tar(tmp_path / "a.tar.bz2", entries, "bz2")
    disk = tmp_path / "disk"
    disk.mkdir()
    device = Device(disk)
    script = (
        'mount -t tmpfs -o size=4m none "$0" && mkdir -p "$1" && shift && "$@"; status=$?; '
        'find "$0" -type f; exit $status'
    )
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = device.command(*device.words("-" if piped else archive))
    with open(archive, "rb") as file:
        done = subprocess.run(
            ["unshare", *user, "--mount", "sh", "-c", script, disk, device.dest.parent, *command],
            stdin=file, capture_output=True, text=True, env=device.environment,
        )  # fmt: skip
    assert "No space left on device" in done.stderr
    assert (done.returncode, done.stdout) == (FAILURE, "")


def test_room_for_what_a_compressed_tar_tells(device, tmp_path):
    """Its head tells of more than there is room for: zstd's frame header, RFC 8878 3.1.1.1."""
    plain = write_tar(tmp_path / "a.tar", sample())
    subprocess.run(["zstd", "-q", "--no-check", plain], check=True)
    frame = (tmp_path / "a.tar.zst").read_bytes()
    assert frame[4] & 0x3F == 0x20 and frame[4] >> 6 in (1, 2)
    blocks = frame[5 + (2 if frame[4] >> 6 == 1 else 4) :]
    head = frame[:4] + bytes([0xC0, 0x58]) + (1 << 43).to_bytes(8, "little")
    (tmp_path / "b.tar.zst").write_bytes(head + blocks)
    assert "make room" in device.bootstrap(tmp_path / "b.tar.zst", status=FAILURE).stderr
    device.check_untouched()
    device.bootstrap(tmp_path / "a.tar.zst")


def bent_gzip(path):
    """A bit of it is another, and only its sum shows that."""
    content = path.read_bytes()
    text = gzip.decompress(content)
    for at in range(len(content) // 3, len(content) - 8):
        bent = bytearray(content)
        bent[at] ^= 4
        try:
            other = zlib.decompressobj(31).decompress(bytes(bent[:-8]))
        except zlib.error:
            continue
        if len(other) == len(text) and other[:512] == text[:512]:
            return bytes(bent)
    raise AssertionError("every bit breaks it")


def bent_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    return bytes(content)


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("compression, bend", [("gz", bent_gzip), ("xz", bent_middle), ("bz2", bent_middle)])
def test_the_sums_of_a_compressed_tar_are_looked_at(device, tmp_path, compression, bend, piped):
    noise = random.Random(5)
    text = b" ".join(noise.choices([noise.randbytes(3).hex().encode() for _ in range(200)], k=20_000))
    archive = write_tar(tmp_path / "archive", {"share/a": File(text), "share/b": File(text[::-1])}, compression)
    archive.write_bytes(bend(archive))
    with open(archive, "rb") as file:
        done = device.bootstrap("-" if piped else archive, status=FAILURE, stdin=file)
    # bzip2 turns all of a block into noise, which is no tar.
    assert {"gz": "gzip: ", "xz": "xz: ", "bz2": "neither"}[compression] in done.stderr
    device.check_untouched()
