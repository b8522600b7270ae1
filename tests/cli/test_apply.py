"""pathpatch apply: what it writes, what it leaves, and what it says."""

import fcntl
import gzip
import io
import os
import random
import stat
import subprocess
import tarfile
import warnings
import zipfile

import pytest
from trees import (
    BUILD,
    OLD_NS,
    SETS,
    STATE,
    TEXT,
    VALUES,
    apply,
    describe,
    files_of,
    objects,
    padded,
    patched,
    run,
    text,
    write,
)

ELF = b"\x7fELF\x02\x01\x01" + bytes(57) + TEXT
ROOT_USER = os.geteuid() == 0
# Nobody else may read a folder that is closed; for root the kernel makes no difference.
UNPRIVILEGED = (
    ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if ROOT_USER else ()
)


def packed(content):
    return gzip.compress(content, mtime=0)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


# ---- what is written ----


def test_plain_file_keeps_all_but_its_bytes(root):
    file = write(root / "etc/file", TEXT, 0o640)
    os.setxattr(file, "user.note", b"kept")
    if ROOT_USER:
        os.chown(file, 12, 34)
        os.utime(file, ns=(OLD_NS, OLD_NS))
    before = file.stat()
    done = apply(root)
    after = file.stat()
    assert file.read_bytes() == patched(TEXT) != TEXT
    for field in ("st_ino", "st_size", "st_mode", "st_uid", "st_gid", "st_mtime_ns", "st_nlink"):
        assert getattr(after, field) == getattr(before, field)
    assert os.getxattr(file, "user.note") == b"kept"
    assert b"etc/file: 2 placeholders\n" in done.stdout


def test_compressed_file_keeps_all_but_its_content(root):
    file = write(root / "doc/file.gz", gzip.compress(TEXT * 9, mtime=77), 0o604)
    os.setxattr(file, "user.note", b"kept")
    if ROOT_USER:
        os.chown(file, 12, 34)
        os.utime(file, ns=(OLD_NS, OLD_NS))
    folder_time = file.parent.stat().st_mtime_ns
    before = file.stat()
    apply(root)
    after = file.stat()
    assert gzip.decompress(file.read_bytes()) == patched(TEXT * 9)
    for field in ("st_mode", "st_uid", "st_gid", "st_mtime_ns", "st_nlink"):
        assert getattr(after, field) == getattr(before, field)
    assert os.getxattr(file, "user.note") == b"kept"
    assert file.parent.stat().st_mtime_ns == folder_time
    assert [name.name for name in file.parent.iterdir()] == ["file.gz"]


def test_every_placeholder_at_any_place(root):
    content = b"".join(padded(name) for name in VALUES) + b"-" + padded("TERMUX__HOME")
    write(root / "file", content)
    apply(root)
    assert (root / "file").read_bytes() == patched(content)


def test_runs_of_slashes_and_near_misses(root):
    short = padded("TERMUX__PREFIX")[:-1]
    content = b"%s\n%s/\n%s////x\n" % (short, short, short)
    write(root / "file", content)
    apply(root)
    value = padded("TERMUX__PREFIX", VALUES["TERMUX__PREFIX"])
    # The default path alone, padded too little, is no placeholder.
    assert (root / "file").read_bytes() == b"%s\n%s\n%s///x\n" % (short, value, value)


def test_symlink_targets_keep_their_padding(root):
    shipped = padded("TERMUX__PREFIX").decode() + "/lib/x"
    (root / "a").mkdir()
    os.symlink(shipped, root / "a/link")
    os.utime(root / "a/link", ns=(OLD_NS, OLD_NS), follow_symlinks=False)
    os.symlink("../b", root / "a/plain")
    apply(root)
    assert os.readlink(root / "a/link") == patched(shipped.encode()).decode()
    assert len(os.readlink(root / "a/link")) == len(shipped)
    assert os.lstat(root / "a/link").st_mtime_ns == OLD_NS
    assert os.readlink(root / "a/plain") == "../b"


@pytest.mark.parametrize("content", [TEXT, packed(TEXT)], ids=["plain", "gzip"])
def test_hard_links_stay_linked(root, content):
    write(root / "a/one", content)
    (root / "b").mkdir()
    os.link(root / "a/one", root / "b/two")
    os.link(root / "a/one", root / "three")
    apply(root)
    names = [root / "a/one", root / "b/two", root / "three"]
    assert len({name.stat().st_ino for name in names}) == 1
    assert names[0].stat().st_nlink == 3
    result = names[0].read_bytes()
    assert (gzip.decompress(result) if content != TEXT else result) == patched(TEXT)


def test_a_copy_by_links_outside_the_root_is_left(root, tmp_path):
    write(root / "file", TEXT)
    os.link(root / "file", tmp_path / "outside")
    apply(root)
    assert (root / "file").read_bytes() == patched(TEXT)
    assert (tmp_path / "outside").read_bytes() == TEXT


def test_replace_writes_a_new_file(root):
    file = write(root / "file", TEXT)
    inode = file.stat().st_ino
    with open(file, "rb") as reader:
        apply(root, "--replace")
        assert reader.read() == TEXT
    assert file.read_bytes() == patched(TEXT)
    assert file.stat().st_ino != inode
    assert file.stat().st_mtime_ns == OLD_NS


# ---- what is left ----


@pytest.mark.parametrize(
    "name, content, mode",
    [
        ("elf", ELF, 0o644),
        ("script", b"#!/bin/sh\n" + TEXT, 0o644),
        ("executable", TEXT, 0o755),
        ("for-the-group", TEXT, 0o654),
        ("packed", packed(TEXT), 0o755),
    ],
)
def test_executables_are_left(root, name, content, mode):
    write(root / name, content, mode)
    write(root / "beside", TEXT)
    before = describe(root)[name.encode()]
    done = apply(root)
    assert describe(root)[name.encode()] == before
    assert (root / "beside").read_bytes() == patched(TEXT)
    if name != "packed":
        assert b", 1 executable left" in done.stdout


def test_executables_on_demand(root):
    write(root / "script", b"#!/bin/sh\n" + TEXT, 0o755)
    write(root / "elf", ELF, 0o755)
    apply(root, "--executables=scripts")
    assert (root / "script").read_bytes() == b"#!/bin/sh\n" + patched(TEXT)
    assert (root / "elf").read_bytes() == ELF
    apply(root, "--executables=all")
    assert (root / "elf").read_bytes() == patched(ELF)


def test_compressed_content_stays_closed(root):
    write(root / "file.gz", packed(TEXT))
    write(root / "file", TEXT)
    before = describe(root)[b"file.gz"]
    apply(root, "--no-decode")
    assert describe(root)[b"file.gz"] == before
    assert (root / "file").read_bytes() == patched(TEXT)


def test_damaged_file_is_left_and_the_rest_done(root):
    damaged = packed(TEXT)[:-4]
    write(root / "a/damaged.gz", damaged)
    write(root / "a/sound.gz", packed(TEXT))
    write(root / "z", TEXT)
    before = describe(root)[b"a/damaged.gz"]
    done = apply(root, status=1)
    assert describe(root)[b"a/damaged.gz"] == before
    assert gzip.decompress((root / "a/sound.gz").read_bytes()) == patched(TEXT)
    assert (root / "z").read_bytes() == patched(TEXT)
    assert b"pathpatch: a/damaged.gz: " in done.stderr
    assert b"1 could not be" in done.stdout


def test_symlinks_lead_nowhere(root, tmp_path):
    outside = write(tmp_path / "outside/file", TEXT)
    os.symlink(outside, root / "file")
    os.symlink(outside.parent, root / "folder")
    os.symlink("/", root / "up")
    apply(root)
    assert outside.read_bytes() == TEXT


def test_path_outside_the_root(root, tmp_path):
    outside = write(tmp_path / "outside", TEXT)
    write(root / "file", TEXT)
    os.symlink(tmp_path, root / "way")
    for path in (outside, root / "../outside", root / "way/outside"):
        done = apply(root, root / "file", path, status=2)
        assert b"outside the root" in done.stderr
    assert outside.read_bytes() == TEXT
    # Refused before anything is touched.
    assert (root / "file").read_bytes() == TEXT
    assert not (root / STATE).exists()


def test_unreadable_folder(root):
    write(root / "a/file", TEXT)
    write(root / "closed/file", TEXT)
    write(root / "z", TEXT)
    if ROOT_USER:
        for path in (root, *root.rglob("*")):
            os.chown(path, 65534, 65534)
            os.utime(path, ns=(OLD_NS, OLD_NS))
        for folder in root.parents:
            if folder.stat().st_uid == 0 and folder != folder.parent:
                folder.chmod(folder.stat().st_mode | 0o011)
    (root / "closed").chmod(0)
    try:
        done = apply(root, status=1, prefix=UNPRIVILEGED)
    finally:
        (root / "closed").chmod(0o755)
    assert b"pathpatch: closed: cannot open the folder" in done.stderr
    assert (root / "a/file").read_bytes() == patched(TEXT)
    assert (root / "closed/file").read_bytes() == TEXT
    assert (root / "z").read_bytes() == patched(TEXT)


def test_missing_file(root):
    write(root / "file", TEXT)
    done = apply(root, root / "none", root / "file", status=1)
    assert b"pathpatch: none: " in done.stderr
    assert (root / "file").read_bytes() == patched(TEXT)


def test_special_files_are_passed_over(root):
    os.mkfifo(root / "pipe")
    write(root / "file", TEXT)
    apply(root)
    assert (root / "file").read_bytes() == patched(TEXT)
    assert stat.S_ISFIFO((root / "pipe").stat().st_mode)


def test_deb_is_left_to_its_own_command(root):
    (root / "d/DEBIAN").mkdir(parents=True)
    (root / "d/DEBIAN/control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@localhost>\n"
        "Description: x\n"
    )
    write(root / "d/usr/file", TEXT)
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", "d", "x.deb"], cwd=root, check=True)
    shipped = (root / "x.deb").read_bytes()
    done = apply(root, root / "x.deb", status=1)
    assert (root / "x.deb").read_bytes() == shipped
    assert b"pathpatch: x.deb" in done.stderr and b"pathpatch deb" in done.stderr


def test_own_state_is_no_content(root):
    write(root / "file.gz", packed(TEXT))
    apply(root)
    kept = {path: path.read_bytes() for path in (root / STATE).rglob("*") if path.is_file()}
    assert packed(TEXT) in kept.values()
    for path in ([root], [root / STATE], list(kept)):
        apply(root, *path)
        for file, content in kept.items():
            # Whoever works says so in the lock.
            if file.name not in ("ledger.db", "lock"):
                assert file.read_bytes() == content


# ---- wide text ----


def test_wide_text(root):
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        write(root / encoding, b"x" + TEXT.decode().encode(encoding))
    apply(root)
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        want = b"x" + patched(TEXT).decode().encode(encoding)
        assert (root / encoding).read_bytes() == want


def test_wide_text_and_a_value_that_is_not_ascii(root):
    """It has no form of the same length; it is left, and said."""
    wide = write(root / "wide", padded("TERMUX__HOME").decode().encode("utf-16-le"))
    both = write(root / "both", TEXT + wide.read_bytes())
    done = run(
        "apply", root, "--any-bytes", "--set=TERMUX__HOME=/h\u00f6me", root / "wide", both, status=1
    )
    assert wide.read_bytes() == padded("TERMUX__HOME").decode().encode("utf-16-le")
    assert both.read_bytes() == patched(TEXT, {"TERMUX__HOME": "/h\u00f6me"}) + wide.read_bytes()
    assert b"pathpatch: wide: " in done.stderr and b"utf-16le" in done.stderr
    assert b"pathpatch: both: " in done.stderr
    assert b"0 executables left" in done.stdout


# ---- names and sizes ----


def test_odd_names(root):
    names = [b"n" * 255, b"new\nline", b"\xff\xfe", b" ", b"-n", b"\x1b[1m", "\u00e4".encode()]
    for name in names:
        write(root / os.fsdecode(name), TEXT)
        write(root / "gz" / os.fsdecode(name), packed(TEXT))
    apply(root)
    for name in names:
        assert (root / os.fsdecode(name)).read_bytes() == patched(TEXT)
        content = (root / "gz" / os.fsdecode(name)).read_bytes()
        assert gzip.decompress(content) == patched(TEXT)


def test_deep_folders(root):
    deep = root
    for _ in range(300):
        deep = deep / "d"
    write(deep / "file", TEXT)
    apply(root)
    assert (deep / "file").read_bytes() == patched(TEXT)


def test_folders_deeper_than_files_may_be_open(root):
    deep = root / "a"
    for _ in range(100):
        deep = deep / "d"
    write(deep / "file", TEXT)
    write(root / "z", TEXT)
    done = apply(root, status=1, prefix=("prlimit", "--nofile=64"))
    assert b"cannot read the folder" in done.stderr or b"cannot open the folder" in done.stderr
    assert (root / "z").read_bytes() == patched(TEXT)


def test_empty_file(root):
    write(root / "empty", b"")
    done = apply(root)
    assert b"1 file, 0 patched" in done.stdout


def test_sparse_file_stays_sparse(root):
    file = write(root / "sparse", TEXT)
    with open(file, "r+b") as sparse:
        sparse.truncate(600 << 20)
        sparse.seek(512 << 20)
        sparse.write(TEXT)
    blocks = file.stat().st_blocks
    apply(root)
    with open(file, "rb") as sparse:
        assert sparse.read(len(TEXT)) == patched(TEXT)
        sparse.seek(512 << 20)
        assert sparse.read(len(TEXT) + 1) == patched(TEXT) + b"\0"
    assert file.stat().st_size == 600 << 20
    assert file.stat().st_blocks == blocks


# ---- again, and without writing ----


def mixed_tree(root):
    write(root / "a/plain", TEXT)
    write(root / "a/packed.gz", packed(TEXT))
    write(root / "a/nothing.gz", packed(b"nothing"))
    write(root / "b/script", b"#!/bin/sh\n" + TEXT, 0o755)
    write(root / "c/one", TEXT)
    os.link(root / "c/one", root / "c/two")
    os.symlink(padded("TERMUX__HOME").decode(), root / "c/link")


def test_second_run_changes_nothing(root):
    mixed_tree(root)
    apply(root)
    before = describe(root)
    done = apply(root)
    assert describe(root) == before
    assert b", 0 patched" in done.stdout


def test_second_run_without_a_ledger_changes_nothing(root, tmp_path):
    mixed_tree(root)
    apply(root, f"--state={tmp_path / 'first'}")
    before = describe(root)
    done = apply(root, f"--state={tmp_path / 'second'}")
    assert describe(root) == before
    assert b", 0 patched" in done.stdout


def test_values_of_the_root_hold(root):
    write(root / "first", TEXT)
    apply(root)
    write(root / "second", TEXT)
    run("apply", root, root / "second")
    assert (root / "second").read_bytes() == patched(TEXT)


def test_dry_run(root):
    mixed_tree(root)
    before = describe(root)
    dry = apply(root, "--dry-run", "--json")
    assert describe(root) == before
    assert not (root / "data").exists()
    wet = apply(root, "--json")
    # Except for what the state folder, which is there now, adds to the count.
    assert files_of(dry) == files_of(wet)
    for field in ("patched", "hits", "left", "skipped"):
        assert objects(dry)[-1][field] == objects(wet)[-1][field]
    assert (objects(dry)[-1]["dry_run"], objects(wet)[-1]["dry_run"]) == (True, False)
    assert b"would be patched" in apply(root, "-n").stdout


def signed_jar():
    import io
    import zipfile

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as jar:
        jar.writestr("META-INF/X.SF", "Signature-Version: 1.0\n")
        jar.writestr("a.properties", TEXT)
    return data.getvalue()


def dictzip():
    """A gzip file with the extra field of dictzip, which describes the stream."""
    whole = gzip.compress(TEXT, mtime=0)
    extra = b"RA\x08\0" + b"\x01\0" + b"\xff\xff" + b"\x01\0" + b"\x10\0"
    field = len(extra).to_bytes(2, "little") + extra
    return whole[:3] + b"\x04" + whole[4:10] + field + whole[10:]


def big_lzma():
    """Its header states the length: it cannot be written again with an end mark."""
    import lzma

    whole = lzma.compress(TEXT, format=lzma.FORMAT_ALONE)
    return whole[:5] + len(TEXT).to_bytes(8, "little") + whole[13:]


@pytest.mark.parametrize("make", [signed_jar, dictzip, big_lzma])
def test_dry_run_says_what_cannot_be_written(root, make):
    write(root / "file", make())
    before = describe(root)
    dry = apply(root, "--dry-run", "--json", status=1)
    wet = apply(root, "--json", status=1)
    assert describe(root) == before
    assert files_of(dry) == files_of(wet)
    assert objects(dry)[-1]["patched"] == 0
    assert objects(dry)[-1]["left"] == 1


def test_dry_run_and_memory_that_encoding_needs(root):
    import lzma

    write(root / "file.xz", lzma.compress(TEXT, preset=9))
    dry = apply(root, "--dry-run", "--memory=100M", "--json", status=1)
    wet = apply(root, "--memory=100M", "--json", status=1)
    assert files_of(dry) == files_of(wet)
    assert "memory" in files_of(dry)["file.xz"]["problems"][0]["message"]
    assert lzma.decompress((root / "file.xz").read_bytes()) == TEXT


# ---- paths ----


def test_files_from(root):
    for name in ("a", "b", "new\nline", "left"):
        write(root / name, TEXT)
    (root / "list").write_bytes(os.fsencode(root / "a") + b"\n\n" + os.fsencode(root / "b"))
    run("apply", root, *SETS, f"--files-from={root / 'list'}")
    zeros = os.fsencode(root / "new\nline") + b"\0"
    run("apply", root, *SETS, "--files-from=-", "-0", stdin=zeros)
    for name in ("a", "b", "new\nline"):
        assert (root / name).read_bytes() == patched(TEXT)
    assert (root / "left").read_bytes() == TEXT


def test_nothing_named(root):
    done = run("apply", root, *SETS, status=2)
    assert b"PATH" in done.stderr
    done = run("apply", root, *SETS, "--files-from=-", status=2)
    assert b"PATH" in done.stderr
    done = run("apply", root, *SETS, "--files-from=/nonexistent", status=3)
    assert b"/nonexistent" in done.stderr


def test_relative_paths(root):
    write(root / "a/file", TEXT)
    apply(root, "file", cwd=root / "a")
    assert (root / "a/file").read_bytes() == patched(TEXT)
    write(root / "a/file2", TEXT)
    apply(root, "..", cwd=root / "a")
    assert (root / "a/file2").read_bytes() == patched(TEXT)


def test_a_file_that_is_named_twice(root):
    """Also as part of a folder: what `find` prints is a good list."""
    mixed_tree(root)
    found = subprocess.run(["find", root, "-print0"], stdout=subprocess.PIPE, check=True).stdout
    done = run("apply", root, *SETS, "--files-from=-", "-0", "--json", stdin=found + found)
    assert files_of(done)["a/plain"]["outcome"] == "patched"
    assert objects(done)[-1]["files"] == 7
    assert (root / "a/plain").read_bytes() == patched(TEXT)


def test_paths_are_sorted(root):
    for name in ("b", "a", "a.b", "a-b/x", "c/d/e"):
        write(root / name / "file", TEXT)
    words = [root / name for name in ("c", "a.b", "b", "a-b", "a")]
    done = apply(root, *words, "--json")
    assert list(files_of(done)) == ["a/file", "a-b/x/file", "a.b/file", "b/file", "c/d/e/file"]


# ---- values ----


def test_value_too_long(root):
    write(root / "file", TEXT)
    value = "/" + "x" * 90
    done = run("apply", root, root, f"--set=TERMUX__HOME={value}", status=2)
    for word in (b"TERMUX__HOME", value.encode(), b"91 bytes", b"limit of 90"):
        assert word in done.stderr
    assert (root / "file").read_bytes() == TEXT
    assert not (root / "data").exists()


@pytest.mark.parametrize(
    "value", ["", "relative", "/a/../b", "/a\nb", "/a b", "/a'b", "/data/data/com.termux/files/usr"]
)
def test_value_refused(root, value):
    write(root / "file", TEXT)
    done = run("apply", root, root, f"--set=TERMUX__ROOTFS={value}", status=2)
    assert b"TERMUX__ROOTFS" in done.stderr
    assert value.encode() in done.stderr
    assert (root / "file").read_bytes() == TEXT
    assert not (root / "data").exists()


def test_no_value(root):
    write(root / "file", TEXT)
    done = run("apply", root, root)
    assert b"every value is the default" in done.stderr
    assert b"--set TERMUX" in done.stderr
    assert (root / "file").read_bytes() == TEXT
    assert not (root / "data").exists()


def test_environment_and_env_file(root, tmp_path):
    content = text("TERMUX__PREFIX", "TERMUX__CACHE_DIR", "TERMUX__HOME")
    write(root / "file", content)
    (tmp_path / "env").write_text("# values\nTERMUX__CACHE_DIR='/file/cache'\n")
    environment = {"TERMUX__ROOTFS": "/env", "TERMUX__CACHE_DIR": "/env/cache", "PREFIX": "/p"}
    run("apply", root, root, f"--env-file={tmp_path / 'env'}", environment=environment)
    values = {"TERMUX__PREFIX": "/p", "TERMUX__CACHE_DIR": "/file/cache", "TERMUX__HOME": "/env/home"}
    assert (root / "file").read_bytes() == patched(content, values)


def test_unscoped_environment_alone(root):
    write(root / "file", TEXT)
    done = run("apply", root, root, environment={"PREFIX": "/p", "HOME": "/h"})
    assert b"every value is the default" in done.stderr
    assert (root / "file").read_bytes() == TEXT


def test_odd_bytes_are_recorded(root):
    write(root / "first", TEXT)
    run("apply", root, root, "--any-bytes", "--set=TERMUX__ROOTFS=/a b'c\u00e9")
    write(root / "second", TEXT)
    run("apply", root, root)
    values = {"TERMUX__PREFIX": "/a b'c\u00e9/usr", "TERMUX__HOME": "/a b'c\u00e9/home"}
    for name in ("first", "second"):
        assert (root / name).read_bytes() == patched(TEXT, values)


def test_placeholders_whose_value_is_the_default(root):
    """There is nothing to write in a file that holds no other."""
    write(root / "plain", text("TERMUX__PREFIX"))
    write(root / "packed.gz", packed(text("TERMUX__PREFIX")))
    os.symlink(padded("TERMUX__PREFIX").decode(), root / "link")
    write(root / "script", b"#!/bin/sh\n" + text("TERMUX__PREFIX"), 0o755)
    write(root / "both", text("TERMUX__PREFIX", "TERMUX__HOME"))
    before = describe(root)
    done = run("apply", root, root, "--set=TERMUX__HOME=/h", "--json")
    after = describe(root)
    assert {name for name in after if after[name] != before.get(name)} == {b"both"}
    assert (root / "both").read_bytes() == patched(
        text("TERMUX__PREFIX", "TERMUX__HOME"), {"TERMUX__HOME": "/h"}
    )
    assert objects(done)[-1]["patched"] == 1
    done = run("apply", root, root, "--json")
    assert describe(root) == after
    assert objects(done)[-1]["patched"] == 0
    run("apply", root, root, "--set=TERMUX__PREFIX=/p", "--revalue")
    values = {"TERMUX__HOME": "/h", "TERMUX__PREFIX": "/p"}
    assert (root / "plain").read_bytes() == patched(text("TERMUX__PREFIX"), values)
    assert (root / "both").read_bytes() == patched(text("TERMUX__PREFIX", "TERMUX__HOME"), values)
    content = gzip.decompress((root / "packed.gz").read_bytes())
    assert content == patched(text("TERMUX__PREFIX"), values)


def test_other_values_need_a_word(root):
    mixed_tree(root)
    apply(root)
    before = describe(root)
    other = "--set=TERMUX__PREFIX=/other"
    done = run("apply", root, root, other, status=2)
    assert b"TERMUX__PREFIX" in done.stderr and b"--revalue" in done.stderr
    assert describe(root) == before
    run("apply", root, root, other, "--revalue")
    values = {**VALUES, "TERMUX__PREFIX": "/other"}
    assert (root / "a/plain").read_bytes() == patched(TEXT, values)
    assert gzip.decompress((root / "a/packed.gz").read_bytes()) == patched(TEXT, values)
    assert (root / "c/two").read_bytes() == patched(TEXT, values)


def test_own_table(root, tmp_path):
    table = tmp_path / "table.ini"
    table.write_text(
        "[table]\nname = own\nstate = /opt/s\nadmindir = /opt/d\n[OWN]\ndefault = /opt/own\n"
        "length = 30\nenv = OWN_DIR\n"
    )
    write(root / "file", b"/opt/own".ljust(30, b"/") + b"x")
    run("apply", root, root, f"--table={table}", environment={"OWN_DIR": "/srv"})
    assert (root / "file").read_bytes() == b"/srv".ljust(30, b"/") + b"x"
    table.write_text("[table]\nname = own\n")
    assert b"table.ini" in run("apply", root, root, f"--table={table}", status=2).stderr


# ---- output ----

FIELDS = {"type", "path", "outcome", "hits", "problems", "error"}


def noisy_tree(root):
    mixed_tree(root)
    for i in range(300):
        write(root / f"many/{i:03}", TEXT if i % 3 else b"nothing")
        write(root / f"many/{i:03}.gz", packed(TEXT * (i % 7)))
    write(root / "damaged.gz", packed(TEXT)[:-4])
    write(root / "many/150.gz", b"\x1f\x8b\x08broken")
    write(root / os.fsdecode(b"\xff\xfe"), TEXT)


def test_json(root):
    noisy_tree(root)
    done = apply(root, *root.iterdir(), root / "none", "--json", status=1)
    lines = objects(done)
    assert [line["type"] for line in lines[-2:]] == ["file", "summary"]
    assert all(set(line) == FIELDS for line in lines[:-1])
    files = files_of(done)
    assert files["a/plain"]["hits"] == [
        {"offset": 15, "placeholder": "TERMUX__PREFIX", "encoding": "bytes"},
        {"offset": 120, "placeholder": "TERMUX__HOME", "encoding": "bytes"},
    ]
    assert (files["a/plain"]["outcome"], files["a/plain"]["error"]) == ("patched", None)
    assert files["damaged.gz"]["problems"][0]["message"]
    assert files["none"]["outcome"] == "unreadable" and files["none"]["error"]
    assert files["b/script"]["hits"][0]["left"] == "a script"
    assert files["\ufffd\ufffd"]["outcome"] == "patched"
    summary = lines[-1]
    assert summary["patched"] == sum(line["outcome"] == "patched" for line in lines[:-1])
    assert summary["left"] == 3
    assert summary["skipped"] == 1


def contents(root):
    return {name: seen[0] for name, seen in describe(root).items()}


@pytest.mark.parametrize("words", [[], ["--json"], ["--dry-run", "--json"]])
def test_jobs_make_no_difference(tmp_path, words):
    outputs = []
    for jobs in (1, 2, 8):
        root = tmp_path / str(jobs) / "root"
        noisy_tree(root)
        done = apply(
            root, *root.iterdir(), root / "none", f"--jobs={jobs}", *words, status=1
        )
        # The last line tells the seconds.
        outputs.append((done.stdout.splitlines()[:-1], done.stderr, contents(root)))
    assert outputs[0] == outputs[1] == outputs[2]


def large_zip(path):
    """Names of members to what each holds: more than a thread takes at once. The second of two of one
    name cannot be told from the first by its name."""
    noise = random.Random(4)
    members = []
    for i in range(300):
        content = noise.randbytes(noise.randrange(9000)) + (TEXT if i % 3 == 0 else b"nothing")
        members.append((f"folder {i % 7}/{i}", content))
    members.insert(50, ("inner.zip", zip_of([("a", TEXT), ("b.gz", packed(TEXT))])))
    members.insert(150, ("text.gz", packed(TEXT)))
    members += [("twice", TEXT), ("twice", TEXT * 2), ("damaged", TEXT)]
    content = zip_of(members)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        at = archive.getinfo("damaged").header_offset + 30 + len("damaged") + 5
    write(path, content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
    return members


def zip_of(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def test_jobs_make_no_difference_in_a_large_archive(tmp_path):
    outputs = []
    for jobs in (1, 2, 8):
        root = tmp_path / str(jobs) / "root"
        members = large_zip(root / "large.zip")
        assert (root / "large.zip").stat().st_size > 1 << 20
        said = apply(root, f"--jobs={jobs}", "--json", status=1)
        outputs.append((said.stdout.splitlines()[:-1], said.stderr, contents(root)))
    assert outputs[0] == outputs[1] == outputs[2]
    (told,) = files_of(said).values()
    assert len(told["hits"]) == 2 * (100 + 2 + 1 + 3)
    assert [problem["member"] for problem in told["problems"]] == ["damaged"]
    with zipfile.ZipFile(root / "large.zip") as archive:
        for entry, (name, content) in zip(archive.infolist(), members, strict=True):
            if name == "inner.zip":
                with zipfile.ZipFile(archive.open(entry)) as inner:
                    assert inner.read("a") == gzip.decompress(inner.read("b.gz")) == patched(TEXT)
            elif name == "text.gz":
                assert gzip.decompress(archive.read(entry)) == patched(TEXT)
            elif name != "damaged":
                assert archive.read(entry) == patched(content)


def large_tar_xz(path):
    """Texts that it holds, by name: blocks that tell their sizes, as several threads of xz write them."""
    noise = random.Random(5)
    texts = {f"file {i}": noise.randbytes(noise.randrange(30000)) + (TEXT if i % 3 == 0 else b"") for i in range(60)}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in texts.items():
            content = packed(content) if name.endswith("7") else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    content = subprocess.run(
        ["xz", "-1", "-T2", "--block-size=128KiB"], input=file.getvalue(), capture_output=True, check=True
    ).stdout
    write(path, content)
    return texts


def blocks_of_xz(path):
    """The text of each block, and what its header tells."""
    said = subprocess.run(["xz", "--robot", "-lvv", path], capture_output=True, check=True, text=True).stdout
    return [(line.split("\t")[7], line.split("\t")[11:13]) for line in said.splitlines() if line.startswith("block")]


@pytest.mark.parametrize("words", [[], ["--memory=40M"]])
def test_jobs_make_no_difference_in_blocks_of_xz(tmp_path, words):
    outputs = []
    for jobs in (1, 2, 8):
        root = tmp_path / str(jobs) / "root"
        texts = large_tar_xz(root / "large.tar.xz")
        before = blocks_of_xz(root / "large.tar.xz")
        assert len(before) > 6
        content = (root / "large.tar.xz").read_bytes()
        write(root / "cut", content[: len(content) * 2 // 3])
        write(root / "damaged", content[: len(content) // 2] + b"damaged" + content[len(content) // 2 + 7 :])
        said = apply(root, f"--jobs={jobs}", "--json", *words, status=1)
        outputs.append((said.stdout.splitlines()[:-1], said.stderr, contents(root)))
    assert outputs[0] == outputs[1] == outputs[2]
    told = files_of(said)
    assert len(told["large.tar.xz"]["hits"]) == 2 * len(texts) // 3
    assert "unexpected end" in str(told["cut"]) and "corrupt" in str(told["damaged"])
    with tarfile.open(root / "large.tar.xz", "r:xz") as archive:
        for name, content in texts.items():
            found = archive.extractfile(name).read()
            assert (gzip.decompress(found) if name.endswith("7") else found) == patched(content)
    after = blocks_of_xz(root / "large.tar.xz")
    assert [len_ for len_, _ in after[:-1]] == [len_ for len_, _ in before[:-1]]
    assert [tells for _, tells in after[:-1]] == [tells for _, tells in before[:-1]]


def test_quiet(root):
    mixed_tree(root)
    done = apply(root, "--quiet")
    assert (done.stdout, done.stderr) == (b"", b"")


def test_help_and_mistakes(root):
    assert b"usage: pathpatch apply" in run("apply", root, "--help").stdout
    for words in (["--jobs=0"], ["--jobs=x"], ["--memory=0"], ["--executables=maybe"], ["--nope"]):
        done = apply(root, root, *words, status=2)
        assert b"pathpatch: " in done.stderr
    assert objects(apply(root, "--json", "--jobs=0", status=2))[-1]["type"] == "error"


def test_a_progress_line_is_wiped(root):
    write(root / "file", TEXT)
    done = apply(root, "--progress=always")
    # A slow run shows some.
    assert done.stderr.rpartition(b"\r\x1b[K")[2] == b""


# ---- two runs at once ----


def test_values_that_another_run_records_meanwhile_hold(root):
    """The second run waits for the first; what the first recorded it learns only then."""
    write(root / "first", TEXT)
    apply(root, root / "first")
    state = root / STATE
    values = (state / "values").read_bytes()
    (state / "values").unlink()
    write(root / "second", TEXT)
    with open(state / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = [BUILD / "pathpatch", "apply", f"--root={root}", "--set=TERMUX__PREFIX=/other", root / "second"]
        waiting = subprocess.Popen(words, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"]})
        assert b"waiting for another run" in waiting.stderr.readline()
        (state / "values").write_bytes(values)
    message = waiting.stderr.read()
    assert waiting.wait() == 2
    assert b"TERMUX__PREFIX" in message and b"--revalue" in message
    assert (root / "second").read_bytes() == TEXT
    assert (state / "values").read_bytes() == values


# ---- little to work with ----


def test_few_files_may_be_open(root):
    """Many folders, each with a file, and more of them than there may be open files."""
    for i in range(300):
        write(root / f"{i % 20}/{i}/file", TEXT)
    done = apply(root, "--jobs=8", prefix=("prlimit", "--nofile=64"))
    assert (b", 300 patched" in done.stdout, done.stderr) == (True, b"")
