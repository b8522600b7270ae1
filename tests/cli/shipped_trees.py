"""Trees of real packages in Termux's shape, runs of the program over them, and all that can be told
of a tree and of a ledger."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "fixtures"))
from generator import package as packages  # noqa: E402
from generator import termux, termux_package  # noqa: E402
from generator.downloads import fetch  # noqa: E402

BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
PROGRAM = BUILD / "pathpatch"
# Beside the build folders, so that every build uses the same downloads.
DOWNLOADS = SOURCE / "build" / "downloads"
SHIPPED_TIME = 981173106_123456789

VALUES = termux.user_values(10)
# Some reach the length of their placeholder: no padding is left of them.
LONG_VALUES = {
    name: "/mnt/expand/0123456789/user/10/app".ljust(length - (0 if i % 2 else 5), "x")
    for i, (name, (_, length)) in enumerate(termux.TABLE.items())
}
DEFAULTS = {name: default for name, (default, _) in termux.TABLE.items()}


def sets(values):
    return [f"--set={name}={value}" for name, value in values.items()]


def padded(name, values=None):
    return termux.padded(name, values and values[name])


def environment():
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("TERMUX", "DPKG"))},
        # The leak checker cannot work while strace does.
        "ASAN_OPTIONS": "detect_leaks=0",
        "LC_ALL": "C.UTF-8",
    }


def run(*words, status=0, under=(), **options):
    done = subprocess.run(
        [*map(str, under), PROGRAM, *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(),
        **options,
    )
    if status is not None:
        assert done.returncode == status, (done.returncode, done.stdout[-4000:], done.stderr[-4000:])
    return done


def write(path, content, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    os.utime(path, ns=(SHIPPED_TIME, SHIPPED_TIME))
    return path


def write_package(package, root):
    """Unpacks a package. Files of equal content become hard links, as they are in the archive."""
    seen = {}
    for entry in sorted(package.entries, key=lambda entry: entry.path):
        path = root / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.target is not None:
            path.symlink_to(entry.target)
        elif entry.content is None:
            path.mkdir(exist_ok=True)
        elif entry.content and (entry.content, entry.mode) in seen:
            os.link(seen[entry.content, entry.mode], path)
        else:
            write(path, entry.content, entry.mode)
            seen[entry.content, entry.mode] = path


def zipped(members):
    """The same bytes every time: members have no time of their own."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tarred(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def write_oddities(root):
    """Every way to write a file: in place, with hard links, replaced for want of a name, symlinks, every
    kind of compression; and owners, modes, attributes and times to keep."""
    usr, home, rootfs = (padded(n) for n in ("TERMUX__PREFIX", "TERMUX__HOME", "TERMUX__ROOTFS"))
    text = b"prefix=" + usr + b"/lib:" + home + b"\n" + rootfs + b"/" + b"\n" * 3
    write(root / "odd/plain", text)
    write(root / "odd/wide", b"x" + usr.decode().encode("utf-16-le") + home.decode().encode("utf-32-be"))
    write(root / "odd/adjacent", usr + usr + home + b"//" + usr)
    write(root / "odd/special", text, 0o6640)
    os.setxattr(root / "odd/special", "user.note", b"kept")
    os.utime(root / "odd/special", ns=(SHIPPED_TIME, SHIPPED_TIME))
    write(root / "odd/one", text)
    (root / "odd/other").mkdir()
    os.link(root / "odd/one", root / "odd/other/two")
    write(root / "odd/one.gz", gzip.compress(text, 6, mtime=0))
    os.link(root / "odd/one.gz", root / "odd/other/two.gz")
    os.symlink(usr.decode() + "/etc/x", root / "odd/link")
    os.utime(root / "odd/link", ns=(SHIPPED_TIME, SHIPPED_TIME), follow_symlinks=False)
    # Others take 90 MB to be written anew, thousands of times.
    write(root / "odd/a.xz", lzma.compress(text * 50, preset=0))
    write(root / "odd/a.lzma", lzma.compress(text, format=lzma.FORMAT_ALONE, preset=0))
    write(root / "odd/a.bz2", bz2.compress(text * 50))
    zstd = subprocess.run(["zstd", "-q", "-c"], input=text * 50, stdout=subprocess.PIPE, check=True)
    write(root / "odd/a.zst", zstd.stdout)
    write(root / "odd/a.jar", zipped({"META/a": text, "b": text * 90, "c.gz": gzip.compress(text)}))
    write(root / "odd/a.tar", tarred({"one": text, "two": b"nothing"}))
    write(root / "odd/a.tar.gz", gzip.compress(tarred({"one": text, "deep.gz": gzip.compress(text)})))
    write(root / "odd/nothing", b"nothing in here\n")
    write(root / "odd/script", b"#!/bin/sh\n" + text, 0o755)


def write_packages(names, root):
    for deb in fetch(names, DOWNLOADS).values():
        write_package(termux_package.convert(packages.read(deb)), root)


def set_times(root):
    """Folders have a time of their own, too."""
    for path in [root, *root.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            os.utime(path, ns=(SHIPPED_TIME, SHIPPED_TIME))


def copy_tree(source, target):
    """cp keeps hard links and every time stamp."""
    subprocess.run(["rm", "-rf", target], check=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def describe(root, skip=()):
    """All that must be equal, by path; `skip`: names of folders that are passed over."""
    names, groups = {}, {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in skip)
        for name in folders + files:
            path = Path(folder, name)
            st = path.lstat()
            groups.setdefault((st.st_dev, st.st_ino), []).append(str(path.relative_to(root)))
            link = stat.S_ISLNK(st.st_mode)
            names[str(path.relative_to(root))] = (
                st.st_mode,
                (st.st_uid, st.st_gid),
                st.st_mtime_ns,
                os.readlink(path)
                if link
                else hashlib.sha256(path.read_bytes()).hexdigest()
                if stat.S_ISREG(st.st_mode)
                else None,
                {} if link else {key: os.getxattr(path, key) for key in os.listxattr(path)},
                (st.st_dev, st.st_ino),
            )
    return {name: (*told[:-1], sorted(groups[told[-1]])) for name, told in names.items()}


def differences(left, right):
    """Names and what is told of them where two trees differ: short enough to read."""
    return {
        name: (left.get(name), right.get(name))
        for name in sorted(left.keys() | right.keys())
        if left.get(name) != right.get(name)
    }


def describe_state(state):
    """What the ledger says, what is under way, which shipped bytes are kept, and the values."""
    ledger = sqlite3.connect(f"file:{state}/ledger.db?mode=ro", uri=True)
    rows = ledger.execute(
        "SELECT folder.path, file.name, package.name, kind, size, mtime, mtime_ns, shipped, current, "
        "(SELECT group_concat(value.name || '=' || value, ' ') FROM value WHERE value.value_set = "
        "file.value_set), hits, members FROM file JOIN folder ON folder.id = file.folder "
        "JOIN package ON package.id = file.package ORDER BY 1, 2"
    ).fetchall()
    stamps = ledger.execute("SELECT name, version FROM package WHERE version IS NOT NULL").fetchall()
    under_way = [
        ledger.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("intent", "temporary", "folder_time", "sweep")
    ]
    ledger.close()
    pristine = state / "pristine"
    kept = sorted(path.name for path in pristine.iterdir()) if pristine.exists() else []
    for name in kept:
        assert hashlib.sha256((pristine / name).read_bytes()).hexdigest() == name
    values = state / "values"
    return rows, sorted(stamps), under_way, kept, values.read_text() if values.exists() else None


def decoded(root, path):
    """The text of a file, whatever it is compressed with."""
    path = root / path
    data = path.read_bytes()
    for suffix, decode in ((".gz", gzip.decompress), (".xz", lzma.decompress), (".bz2", bz2.decompress)):
        if path.suffix == suffix:
            return decode(data)
    return data
