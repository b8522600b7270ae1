"""Rooms include only downward, and only cli/ prints or exits (HACKING.md)."""

import re
from pathlib import Path

PATCHER = Path(__file__).resolve().parents[2] / "patcher"

# The rooms that core's rooms stand on.
FLOOR = ("base", "stream", "format", "tree", "ledger", "notify")

# What each room may include beside itself.
BELOW = {
    "base": (),
    "stream": ("base",),
    "format": ("base",),
    "tree": ("base",),
    "ledger": ("base",),
    "notify": ("base",),
    "values": FLOOR,
    "content": (*FLOOR, "values"),
    "journal": FLOOR,
    "core": (*FLOOR, "values", "content", "journal", "include"),
    "deb": (*FLOOR, "values", "content", "core"),
    "dpkg": (*FLOOR, "values", "content", "journal", "core"),
    "bootstrap": (*FLOOR, "values", "content", "journal", "core"),
    "lint": (*FLOOR, "values", "content", "core", "deb"),
    "pad": (*FLOOR, "values", "content", "core", "deb"),
    "cli": (*FLOOR, "values", "content", "journal", "core", "deb", "dpkg", "bootstrap", "lint", "pad", "include"),
    "include": (),
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)
SPEAKS = re.compile(
    r"(?<![A-Za-z0-9_>.])(?:printf|vprintf|puts|putchar|putc|fputs|fputc|fprintf|vfprintf|perror|"
    r"exit|_exit|abort|err|errx|warn|warnx|dprintf)[ \t\n]*\("
)
# The child of a fork is not the program: it leaves what is in stdio's buffers to its parent.
MAY_SPEAK = {"base/broker.c": ["_exit("], "dpkg/dpkg_query.c": ["_exit("]}
COMMENT_OR_STRING = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def sources():
    return sorted(path for path in PATCHER.rglob("*.[ch]"))


def room(path):
    return path.relative_to(PATCHER).parts[0]


def target(path, name):
    """The file that an include names, searched as the compiler does; None when it is not ours."""
    for folder in (path.parent, PATCHER, PATCHER / "include"):
        if (folder / name).is_file():
            return (folder / name).resolve()
    return None


def wrong_includes(path, text):
    for name in INCLUDE.findall(text):
        included = target(path, name)
        if included is None:
            yield f"{path.relative_to(PATCHER)}: {name} is not there"
        elif room(included) not in (room(path), *BELOW[room(path)]):
            yield f"{path.relative_to(PATCHER)} includes {name}"


def speech(text):
    return SPEAKS.findall(COMMENT_OR_STRING.sub('""', text))


def test_every_room_is_known():
    assert {room(path) for path in sources()} <= set(BELOW)
    assert len(sources()) > 10


def test_includes_point_down():
    assert [line for path in sources() for line in wrong_includes(path, path.read_text())] == []


def test_only_cli_prints_or_exits():
    loud = {
        str(path.relative_to(PATCHER)): speech(path.read_text())
        for path in sources()
        if room(path) != "cli"
    }
    assert {path: words for path, words in loud.items() if words} == MAY_SPEAK


def test_the_rules_catch_what_they_are_for():
    path = PATCHER / "stream" / "x.c"
    assert list(wrong_includes(path, '#include "nowhere/x.h"\n')) == [
        "stream/x.c: nowhere/x.h is not there"
    ]
    container = next((PATCHER / "format").glob("*.h")).name
    assert list(wrong_includes(path, f'#include "format/{container}"\n')) == [
        f"stream/x.c includes format/{container}"
    ]
    assert speech('printf("x"); /* exit(1) */ snprintf(b, 2, "exit(1)"); e->exit(1);') == ["printf("]
