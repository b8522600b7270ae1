"""The shared library exports the functions of pathpatch.h, all of them and no other."""

import os
import re
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
FUNCTION = re.compile(r"\bPP_API [^;(]*?\b(pp_[a-z0-9_]+)\(")
DEBIAN = SOURCE / "dpkg-hook/debian/libpathpatch0.symbols"


def declared():
    text = COMMENT.sub("", (SOURCE / "patcher/include/pathpatch.h").read_text())
    return sorted(set(FUNCTION.findall(text)))


def exported():
    done = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--format=posix", BUILD / "libpathpatch.so"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return sorted(line.split()[0] for line in done.stdout.splitlines())


def test_exported_is_what_is_declared():
    assert exported() == declared()
    assert exported() != []


def test_debian_knows_them():
    assert re.findall(r"^ (\w+)@Base", DEBIAN.read_text(), re.M) == declared()
