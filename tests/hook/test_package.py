"""The Debian package as debhelper builds it."""

import os
import subprocess

import pytest
from conftest import PATCHED, SHIPPED, SOURCE, VALUES, opted_in, packages, pathpatch_package


def build_all(folder, **environment):
    done = subprocess.run(
        [SOURCE / "dpkg-hook/build-deb", folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source package, and the packages that come of it."""
    return build_all(tmp_path_factory.mktemp("built"))


def package_of(folder, name):
    (deb,) = folder.glob(f"{name}_*.deb")
    return deb


@pytest.fixture(scope="module")
def deb(built):
    return package_of(built, "pathpatch")


def paths_of(deb):
    return [entry.path for entry in packages.read(deb).entries if entry.content is not None]


def control_file(deb, name):
    return subprocess.run(
        ["dpkg-deb", "--info", deb, name], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def test_fields(deb):
    fields = packages.read(deb).fields
    assert fields["Package"] == "pathpatch"
    assert fields["Multi-Arch"] == "foreign"
    assert "libc6" in fields["Depends"]
    assert "Conflicts" not in fields


def test_hook_is_that_of_the_other_tests(deb):
    assert control_file(deb, "triggers").split("\n")[-2] == "interest-await pathpatch"
    assert control_file(deb, "postinst").split() == pathpatch_package().control["postinst"].split()


def test_files(deb):
    paths = paths_of(deb)
    assert "usr/bin/pathpatch" in paths
    assert "usr/share/pathpatch/tables/termux.ini" in paths
    assert "usr/share/man/man1/pathpatch.1.gz" in paths
    assert "usr/share/bash-completion/completions/pathpatch" in paths
    assert not [path for path in paths if path.startswith(("usr/lib", "usr/include"))]


def test_it_serves_a_package(bare, deb):
    """With the program that it carries, found in the root."""
    (bare.folder / "bin/pathpatch").unlink()
    bare.install(packages.provider_of(packages.read(deb)), deb)
    bare.install(opted_in())
    assert bare.read("/app.saw") == PATCHED + PATCHED
    bare.assert_clean()


def test_library(built):
    dev = paths_of(package_of(built, "libpathpatch-dev"))
    assert "usr/include/pathpatch.h" in dev
    assert {"libpathpatch.pc", "pathpatch-config.cmake", "patch-entry.c"} <= {path.split("/")[-1] for path in dev}
    (library,) = [p for p in paths_of(package_of(built, "libpathpatch0")) if ".so." in p]
    assert library.startswith("usr/lib/")
    shlibs = control_file(package_of(built, "libpathpatch0"), "shlibs")
    assert shlibs == "libpathpatch 0 libpathpatch0 (>= 0.1.0)\n"


@pytest.mark.parametrize("way", ["pkg-config", "cmake"])
def test_the_example_is_built_with_what_the_packages_hold(built, tmp_path, way):
    for name in ("libpathpatch0", "libpathpatch-dev"):
        subprocess.run(["dpkg-deb", "-x", package_of(built, name), tmp_path], check=True)
    (pc,) = tmp_path.rglob("libpathpatch.pc")
    (example,) = tmp_path.rglob("patch-entry.c")
    library = pc.parents[1]
    commands = {
        "pkg-config": f"cc -Wall -Werror {example} $(pkg-config --cflags --libs libpathpatch) -o patch-entry",
        "cmake": f"cmake -S {SOURCE}/fixtures/library -B . -DCMAKE_PREFIX_PATH={tmp_path}/usr && cmake --build .",
    }
    environment = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent), "LD_LIBRARY_PATH": str(library)}
    (tmp_path / "made").mkdir()
    done = subprocess.run(["sh", "-euc", commands[way]], cwd=tmp_path / "made", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "shipped").write_bytes(SHIPPED)
    values = [f"{name}={value}" for name, value in VALUES.items()]
    subprocess.run([tmp_path / "made/patch-entry", tmp_path / "shipped", tmp_path / "out", *values], env=environment, check=True)
    assert (tmp_path / "out").read_bytes() == PATCHED
    symbols = control_file(package_of(built, "libpathpatch0"), "symbols").split("\n")[1:-1]
    listed = subprocess.run(["nm", "-D", "--defined-only", next(library.glob("*.so.0"))], check=True, stdout=subprocess.PIPE, text=True)
    exported = {line.split()[2] for line in listed.stdout.splitlines() if line.split()[1] == "T"}
    assert {line.split("@")[0].strip() for line in symbols if line.startswith(" ")} == {name.split("@")[0] for name in exported}


def test_add_on(built):
    deb = package_of(built, "dh-pathpatch")
    assert packages.read(deb).fields["Provides"] == "dh-sequence-pathpatch"
    assert {
        "usr/bin/dh_pathpatch",
        "usr/share/perl5/Debian/Debhelper/Sequence/pathpatch.pm",
        "usr/share/debhelper/autoscripts/preinst-pathpatch",
        "usr/share/man/man1/dh_pathpatch.1.gz",
    } <= set(paths_of(deb))


def test_lintian_has_nothing_to_say(built):
    (changes,) = built.glob("*.changes")
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", "--display-info", changes],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_same_bytes_again(built, tmp_path):
    build_all(tmp_path / "again", LC_ALL="C.UTF-8", TZ="Asia/Tokyo", HOME=str(tmp_path))
    for deb in built.glob("*.deb"):
        assert (tmp_path / "again" / deb.name).read_bytes() == deb.read_bytes(), deb.name
