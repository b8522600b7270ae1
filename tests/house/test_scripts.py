"""Shell scripts are checked by shellcheck."""

import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
FOLDERS = (".ci", "dpkg-hook", "fixtures", "repository", "tests")
TERMUX = SOURCE / "dpkg-hook/termux/build.sh"


def scripts():
    for folder in FOLDERS:
        for path in sorted((SOURCE / folder).rglob("*")):
            if path.is_file() and "unsupported" not in path.parts:
                with open(path, "rb") as file:
                    if file.readline().rstrip() in (b"#!/bin/sh", b"#!/bin/bash", b"#!/bin/sh -e"):
                        yield path


def shellcheck(*words):
    done = subprocess.run(
        ["shellcheck", "--severity=warning", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_scripts():
    found = list(scripts())
    assert SOURCE / "tests/run" in found and len(found) > 10
    shellcheck(*found)


def test_lines_of_preinst():
    shellcheck("--shell=sh", SOURCE / "dpkg-hook/debhelper/autoscripts/preinst-pathpatch")


def test_recipe_for_termux():
    # The build that reads it sets TERMUX_PREFIX (SC2154) and uses what it sets (SC2034).
    shellcheck("--shell=bash", "--exclude=SC2034,SC2154", TERMUX)


def test_recipe_for_termux_makes_the_same_hook(tmp_path):
    prefix = "/data/data/com.termux/files/usr"
    done = subprocess.run(
        ["bash", "-euc", f". {TERMUX}; termux_step_create_debscripts"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "TERMUX_PREFIX": prefix, "TERMUX_PKG_SRCDIR": str(SOURCE)},
    )
    assert done.returncode == 0
    debian = SOURCE / "dpkg-hook/debian"
    assert (tmp_path / "triggers").read_text() == (debian / "pathpatch.triggers").read_text()
    first, *rest = (tmp_path / "postinst").read_text().splitlines()
    assert first == f"#!{prefix}/bin/sh"
    assert rest == (debian / "pathpatch.postinst").read_text().splitlines()[1:-1]
    shellcheck("--shell=sh", tmp_path / "postinst")
