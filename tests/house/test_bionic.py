"""Of libc nothing is used that bionic does not have with API 24, or it is left out there."""

import os
import re
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
LIST = Path(__file__).with_name("bionic-api-24")

# What came later: the level, the only file that may use it, the condition there, and its value.
LATER = {
    "sync_file_range": (26, "tree/durable.c", "HAVE_SYNC_FILE_RANGE"),
    "syncfs": (28, "tree/durable.c", "HAVE_SYNCFS"),
}


def symbols(*words):
    done = subprocess.run(
        ["nm", "--format=posix", *words], check=True, stdout=subprocess.PIPE, text=True
    )
    names = (line.split()[0] for line in done.stdout.splitlines() if not line.endswith(":"))
    return {name.split("@")[0] for name in names}


def plain(name):
    """A name of glibc's as the sources have it: with large files the 64 is added by the headers."""
    return {"__errno_location": "errno"}.get(name, name.removeprefix("__isoc99_").removesuffix("64"))


def used():
    objects = [
        path
        for name in ("pathpatch_objects", "pathpatch_cli", "pathpatch")
        for path in (BUILD / f"CMakeFiles/{name}.dir").rglob("*.o")
    ]
    libc = set()
    for name in ("libc.so.6", "libm.so.6"):
        found = subprocess.run(
            ["gcc", f"-print-file-name={name}"], check=True, stdout=subprocess.PIPE, text=True
        )
        libc |= symbols("--dynamic", "--defined-only", found.stdout.strip())
    return {plain(name) for name in symbols("--undefined-only", *objects) & libc}


def listed():
    lines = (line.partition("#")[0].split() for line in LIST.read_text().splitlines())
    return [name for line in lines for name in line]


def test_all_that_is_used_is_in_the_list():
    assert used() - set(listed()) - set(LATER) == set()


def test_the_list_is_what_is_used():
    assert set(listed()) - used() == set()
    assert listed() == sorted(set(listed()))


def uses(text, name):
    return [match.start() for match in re.finditer(rf"\b{name}\(", text)]


def test_what_came_later_is_left_out_where_it_is_not():
    for name, (level, only, condition) in LATER.items():
        for path in (SOURCE / "patcher").rglob("*.c"):
            text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
            if path != SOURCE / "patcher" / only:
                assert uses(text, name) == [], path
                continue
            assert f"#if !defined(__ANDROID__) || __ANDROID_API__ >= {level}\n#define {condition} 1" in text
            parts = re.findall(rf"^#if {condition}\n(.*?)^#(?:else|endif)", text, re.M | re.S)
            assert sum(len(uses(part, name)) for part in parts) == len(uses(text, name)) > 0
