"""Running the program on trees, and what a right patcher would make of them."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "fixtures"))
from generator import termux  # noqa: E402

BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
STATE = "data/data/com.termux/files/usr/var/lib/pathpatch"
VALUES = termux.user_values(10)
SETS = [f"--set={name}={value}" for name, value in VALUES.items()]
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
padded = termux.padded

# A time that no clock shows by chance, with nanoseconds.
OLD_NS = 981173106_123456789


def patched(data, values=VALUES):
    """The oracle: Python's own replace, in every encoding."""
    for name, value in values.items():
        data = data.replace(padded(name), padded(name, value))
        # With a value that is not ASCII wide text is left.
        for encoding in WIDE if value.isascii() else ():
            data = data.replace(
                padded(name).decode().encode(encoding), padded(name, value).decode().encode(encoding)
            )
    return data


def text(*names):
    """A text with a line for each placeholder."""
    return b"".join(name.encode() + b"=" + padded(name) + b"/x\n" for name in names)


TEXT = text("TERMUX__PREFIX", "TERMUX__HOME") + b"the end\n"


def run(command, root, *words, status=0, stdin=None, environment=None, cwd=None, prefix=()):
    """Runs a command on a root of its own. Standard input is bytes or nothing; a status of None is any."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TERMUX", "DPKG", "HOME"))}
    done = subprocess.run(
        [*prefix, BUILD / "pathpatch", command, f"--root={root}", *words],
        input=stdin or b"",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**clean, "LC_ALL": "C.UTF-8", **(environment or {})},
        cwd=cwd,
    )
    assert status in (None, done.returncode), (done.returncode, done.stdout, done.stderr)
    return done


def apply(root, *words, **options):
    """Applies VALUES, to the whole root when no path is named."""
    paths = [] if any(not str(word).startswith("-") for word in words) else [root]
    return run("apply", root, *SETS, *words, *paths, **options)


def objects(done):
    """The JSON Lines on standard output."""
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def files_of(done):
    """The objects of files by their path; a path comes once."""
    listed = [each for each in objects(done) if each["type"] == "file"]
    by_path = {each["path"]: each for each in listed}
    assert len(by_path) == len(listed)
    return by_path


def write(path, content, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    os.utime(path, ns=(OLD_NS, OLD_NS))
    return path


def xattrs_of(path):
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


def describe(root):
    """All that can be seen of a tree but access times; without the state folder."""
    seen = {}
    for folder, folders, names in os.walk(os.fsencode(root)):
        relative = os.path.relpath(folder, os.fsencode(root))
        if relative == os.fsencode(STATE):
            folders.clear()
            continue
        for name in folders + names:
            path = os.path.join(folder, name)
            if os.fsencode(STATE + "/").startswith(os.path.relpath(path, os.fsencode(root)) + b"/"):
                continue
            st = os.lstat(path)
            if stat.S_ISLNK(st.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(st.st_mode):
                content = Path(os.fsdecode(path)).read_bytes()
            else:
                content = None
            seen[os.path.relpath(path, os.fsencode(root))] = (
                content,
                st.st_mode,
                st.st_uid,
                st.st_gid,
                st.st_mtime_ns,
                xattrs_of(path) if stat.S_ISREG(st.st_mode) else None,
                st.st_ino,
                st.st_ctime_ns,
                st.st_nlink,
            )
    return seen
