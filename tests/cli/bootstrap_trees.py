"""Archives for the tests of bootstrap, and what another program makes of them.

The oracle unpacks with unzip or GNU tar, makes the links with ln, and replaces placeholders with
bytes.replace; gzip files are decoded by Python.
"""

import gzip
import io
import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "fixtures"))
from generator import termux  # noqa: E402

PROGRAM = Path(os.environ["PATHPATCH_BUILD"]) / "pathpatch"
VALUES = termux.user_values(10)
DATA_DIR = VALUES["TERMUX_APP__DATA_DIR"]
PREFIX = VALUES["TERMUX__PREFIX"]
STATE = "var/lib/pathpatch"
TIME = 1_500_000_000
# Of the process group: an archive is unpacked by us alone, and it hangs only when it is broken.
PATIENCE = 120


@dataclass
class File:
    content: bytes
    mode: int = 0o644


@dataclass
class Folder:
    mode: int = 0o755


@dataclass
class Link:
    """A symlink; in a zip a line of SYMLINKS.txt."""

    target: str


@dataclass
class Hardlink:
    """Only in a tar."""

    target: str


def padded(name):
    return termux.padded(name)


ROOTFS, BIN, HOME = (padded(n) for n in ("TERMUX__ROOTFS", "TERMUX__PREFIX__BIN_DIR", "TERMUX__HOME"))
USR = padded("TERMUX__PREFIX")


def sample():
    """A small tree with something of everything."""
    return {
        "etc": Folder(0o750),
        "etc/plain.conf": File(b"prefix=" + USR + b"/lib:" + HOME + b"\n", 0o640),
        "etc/none.conf": File(b"nothing to see\n"),
        "etc/empty": File(b""),
        "bin/script": File(b"#!/bin/sh\necho " + BIN + b"\n", 0o755),
        "bin/told-by-the-table": File(b"no shebang\n"),
        "lib/program": File(b"\x7fELF" + b"\0" * 60 + USR + b"\0", 0o755),
        "lib/wide.bin": File(b"odd" + USR.decode().encode("utf-16-le")),
        "share/doc/README.gz": File(gzip.compress(b"see " + ROOTFS + b"/x\n" * 200, mtime=7)),
        "share/doc/grüße.txt": File("grüße ".encode() + USR),
        "share/large": File(b"0123456789abcdef" * 100_000 + USR + b"\n"),
        "share/deep/er/est/x": File(BIN),
        "share/empty": Folder(0o755),
        "tmp": Folder(0o700),
        "lib/absolute": Link(USR.decode() + "/etc/plain.conf"),
        "bin/relative": Link("script"),
        "share/outside": Link("/system/bin/sh"),
    }


def _zip_info(path, kind, mode):
    info = zipfile.ZipInfo(path)
    info.create_system = 3
    # Info-ZIP's extended time stamp (0x5455): seconds in UTC. The DOS time has no zone.
    info.extra = struct.pack("<HHBl", 0x5455, 5, 1, TIME)
    info.external_attr = (kind | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def write_zip(path, entries, links=None):
    """Symlinks are lines of SYMLINKS.txt, as in Termux's archives; `links` is its text instead."""
    if links is None:
        links = "".join(f"{e.target}←./{p}\n" for p, e in entries.items() if isinstance(e, Link))
    with zipfile.ZipFile(path, "w") as archive:
        for name, entry in entries.items():
            if isinstance(entry, Folder):
                archive.writestr(_zip_info(name + "/", stat.S_IFDIR, entry.mode), b"")
            elif isinstance(entry, File):
                archive.writestr(_zip_info(name, stat.S_IFREG, entry.mode), entry.content)
        if links:
            archive.writestr(_zip_info("SYMLINKS.txt", stat.S_IFREG, 0o644), links.encode())
    return path


def tar_info(name, entry):
    info = tarfile.TarInfo(name)
    info.mtime = TIME
    info.uid = info.gid = 12345
    if isinstance(entry, Folder):
        info.type, info.mode = tarfile.DIRTYPE, entry.mode
    elif isinstance(entry, Link):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.target, 0o777
    elif isinstance(entry, Hardlink):
        info.type, info.linkname = tarfile.LNKTYPE, entry.target
    else:
        info.size, info.mode = len(entry.content), entry.mode
    return info


def write_tar(path, entries, compression=""):
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, entry in entries.items():
            content = io.BytesIO(entry.content) if isinstance(entry, File) else None
            archive.addfile(tar_info(name, entry), content)
    return path


def patched(content):
    """What every placeholder in plain bytes becomes."""
    for name in termux.TABLE:
        old, new = padded(name), termux.padded(name, VALUES[name])
        content = content.replace(old, new)
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            content = content.replace(old.decode().encode(encoding), new.decode().encode(encoding))
    return content


def is_program(content, mode):
    return mode & 0o111 or content.startswith((b"\x7fELF", b"#!"))


def unpacked(archive, folder):
    """The tree that other programs make of the archive, before anything is patched."""
    folder.mkdir()
    if zipfile.is_zipfile(archive):
        subprocess.run(["unzip", "-q", "-K", archive, "-d", folder], check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        lines = folder / "SYMLINKS.txt"
        if lines.exists():
            for line in lines.read_text().splitlines():
                target, link = line.split("←")
                (folder / link).parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["ln", "-s", "--", target, folder / link], check=True)
            lines.unlink()
    else:
        subprocess.run(["tar", "-x", "--no-same-owner", "--delay-directory-restore", "-p", "-f", archive, "-C", folder], check=True)
    return folder


def describe(folder, patch=False, told=()):
    """Every path with what must be equal; compressed content is compared decoded. `patch`: as the
    values make it. The state folder is our own. Only folders in `told` have a time and a mode of
    the archive."""
    seen = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        facts = path.lstat()
        if name == STATE or name.startswith(STATE + "/"):
            continue
        if path.is_symlink():
            target = os.fsencode(os.readlink(path))
            seen[name] = ("link", patched(target) if patch else target)
        elif path.is_dir():
            known = name in told
            seen[name] = ("folder", *((oct(facts.st_mode), facts.st_mtime) if known else ()))
        else:
            content = path.read_bytes()
            change = patch and not is_program(content, facts.st_mode)
            if content.startswith(b"\x1f\x8b"):
                content = gzip.decompress(content)
            content = patched(content) if change else content
            seen[name] = ("file", oct(facts.st_mode), facts.st_mtime, content)
    return seen


class Device:
    """A folder that stands for a device's root, with an app's data folder for user 10."""

    def __init__(self, folder):
        self.root = folder / "device"
        self.dest = self.root / PREFIX.lstrip("/")
        self.work = self.dest.with_name("usr.pathpatch")
        self.dest.parent.mkdir(parents=True)
        self.environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("TERMUX", "PREFIX", "NOTIFY"))
        }

    def pathpatch(self, *words, status=0, **options):
        done = subprocess.run(
            self.command(*words), capture_output=True, env=self.environment, timeout=PATIENCE, **options
        )
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        return done

    def command(self, *words):
        return [PROGRAM, *map(str, words), f"--root={self.root}"]

    def words(self, archive, *words):
        return ("bootstrap", archive, self.dest, f"--set=TERMUX_APP__DATA_DIR={DATA_DIR}", *words)

    def bootstrap(self, archive, *words, status=0, **options):
        return self.pathpatch(*self.words(archive, *words), status=status, **options)

    def beside(self):
        """What is in the folder of the destination."""
        return sorted(path.name for path in self.dest.parent.iterdir())

    def check_untouched(self):
        assert self.beside() == []

    def remove(self):
        for path in (self.dest, self.work):
            if path.exists():
                shutil.rmtree(path)
