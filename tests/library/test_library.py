"""libpathpatch as other builds find it: installed, moved, then built with by pkg-config and by CMake."""

import gzip
import io
import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PATHPATCH_BUILD", SOURCE / "build" / "dev"))
EXAMPLE = SOURCE / "fixtures/library"
VERSION = re.search(r"VERSION ([0-9.]+)", (SOURCE / "CMakeLists.txt").read_text().split("project(")[1]).group(1)
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]

ROOTFS = "/data/user/10/com.termux/files"
SHIPPED = b"/data/data/com.termux/files/usr" + 58 * b"/" + b"/etc/motd\n"
PATCHED = (ROOTFS.encode() + b"/usr").ljust(89, b"/") + b"/etc/motd\n"


def run(*words, status=0, **options):
    done = subprocess.run(
        list(map(str, words)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    assert done.returncode == status, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Installed into one folder, and moved to another."""
    folder = tmp_path_factory.mktemp("library")
    run("cmake", "--install", BUILD, "--prefix", folder / "first", env={**os.environ, "DESTDIR": ""})
    (folder / "first").rename(folder / "moved")
    return folder / "moved"


@pytest.fixture(scope="module")
def environment(prefix):
    (pc,) = prefix.rglob("libpathpatch.pc")
    return {**os.environ, "PKG_CONFIG_PATH": str(pc.parent), "LD_LIBRARY_PATH": str(pc.parents[1])}


def flags(environment, *words):
    return run("pkg-config", *words, "libpathpatch", env=environment).split()


@pytest.fixture(scope="module", params=["c", "c++", "cmake"])
def patch_entry(request, prefix, environment, tmp_path_factory):
    """The example, built by each of the ways, and what it takes to run it."""
    folder = tmp_path_factory.mktemp(request.param.replace("+", "p"))
    if request.param == "cmake":
        run("cmake", "-S", EXAMPLE, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}")
        run("cmake", "--build", folder)
        # As it was built: nothing but its own RUNPATH leads to the library.
        return folder / "patch-entry", None
    compiler = ["cc", "-std=c99", "-D_GNU_SOURCE"] if request.param == "c" else ["c++", "-x", "c++", "-std=c++11"]
    built = folder / "patch-entry"
    run(*compiler, *WARNINGS, EXAMPLE / "patch-entry.c", *flags(environment, "--cflags", "--libs"), "-o", built)
    return built, environment


def patch(patch_entry, source, destination, status=0):
    program, environment = patch_entry
    words = [program, source, destination, f"TERMUX__ROOTFS={ROOTFS}"]
    return run(*words, env=environment, status=status)


def test_files(patch_entry, tmp_path):
    (tmp_path / "motd").write_bytes(SHIPPED)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("none.txt", "nothing\n")
        archive.writestr("motd.gz", gzip.compress(SHIPPED))
    assert patch(patch_entry, tmp_path / "motd", tmp_path / "out") == f"{tmp_path}/motd:0: TERMUX__PREFIX\n"
    assert (tmp_path / "out").read_bytes() == PATCHED
    told = patch(patch_entry, tmp_path / "a.zip", tmp_path / "out.zip")
    assert told == f"{tmp_path}/a.zip!motd.gz:0: TERMUX__PREFIX\n"
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert gzip.decompress(archive.read("motd.gz")) == PATCHED
        assert archive.read("none.txt") == b"nothing\n"


def test_what_stays(patch_entry, tmp_path):
    (tmp_path / "script").write_bytes(b"#!/bin/sh\n" + SHIPPED)
    told = patch(patch_entry, tmp_path / "script", tmp_path / "out")
    assert told.startswith(f"{tmp_path}/script:10: TERMUX__PREFIX: left: ")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "script").read_bytes()
    cut = io.BytesIO(gzip.compress(SHIPPED)).getvalue()[:-4]
    (tmp_path / "cut.gz").write_bytes(cut)
    assert patch(patch_entry, tmp_path / "cut.gz", tmp_path / "cut").startswith(f"{tmp_path}/cut.gz: left: gzip")
    assert (tmp_path / "cut").read_bytes() == cut
    told = patch(patch_entry, tmp_path / "nowhere", tmp_path / "none", status=1)
    assert told == f"{tmp_path}/nowhere: No such file or directory\n"


def test_symlink(patch_entry, tmp_path):
    (tmp_path / "link").symlink_to(SHIPPED.decode().strip())
    patch(patch_entry, tmp_path / "link", tmp_path / "out")
    assert os.readlink(tmp_path / "out") == PATCHED.decode().strip()


def test_package_files(prefix, environment):
    run("pkg-config", "--validate", "libpathpatch", env=environment)
    assert flags(environment, "--modversion") == [VERSION]
    assert os.path.samefile(flags(environment, "--variable=includedir")[0], prefix / "include")
    named = [path for path in prefix.rglob("*") if path.suffix in (".pc", ".cmake")]
    assert len(named) >= 3
    for path in named:
        assert str(prefix.parent) not in path.read_text(), path


@pytest.mark.parametrize(("wanted", "found"), [("0.1", True), ("0.2", False), ("1.0", False)])
def test_cmake_asks_for_a_version(prefix, tmp_path, wanted, found):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.22)\nproject(asks LANGUAGES NONE)\n"
        f"find_package(pathpatch {wanted})\nmessage(STATUS \"found: ${{pathpatch_FOUND}}\")\n"
    )
    told = run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    assert f"found: {int(found)}\n" in told


def test_it_takes_only_what_content_takes(prefix):
    (library,) = prefix.rglob(f"libpathpatch.so.{VERSION}")
    needed = set(re.findall(r"NEEDED.*\[lib(\w+)[^]]*\]", run("readelf", "-d", library)))
    assert needed & {"sqlite3", "archive", "jansson"} == set()
    assert {"z", "lzma", "zstd"} <= needed
