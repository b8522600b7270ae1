"""The debhelper add-on: source packages that opt in with it, and what comes of them."""

import os
import shutil
import subprocess

import pytest
from conftest import BUILD, PREFIX, SOURCE, VALUES, packages, termux

HOOK = SOURCE / "dpkg-hook"
PREFIX_TEXT = termux.padded("TERMUX__PREFIX").decode()

CONTROL = """Source: made
Section: misc
Priority: optional
Maintainer: Tests <tests@localhost>
Build-Depends: debhelper-compat (= 13), dh-sequence-pathpatch
Standards-Version: 4.6.2
Rules-Requires-Root: no
"""
BINARY = """
Package: {name}
Architecture: all
Depends: ${{misc:Depends}}
Description: made for a test
 Nothing more.
"""
CHANGELOG = """made (1.0) unstable; urgency=medium

  * First version.

 -- Tests <tests@localhost>  Tue, 14 Nov 2023 22:13:20 +0000
"""


def build(source, status=0):
    """Builds a source package with the add-on of the source tree; gives its packages by name."""
    environment = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"}
    # Of the tests' own build: make would take part in it.
    for name in ("MAKEFLAGS", "MFLAGS"):
        environment.pop(name, None)
    done = subprocess.run(
        [HOOK / "with-debhelper", "dpkg-buildpackage", "-d", "-us", "-uc", "-b"],
        cwd=source,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    assert done.returncode == status, done.stdout
    return {deb.name.split("_")[0]: deb for deb in source.parent.glob("*.deb")}, done.stdout


def source_package(folder, binaries, rules="", **files):
    """A source package with a binary package a name; files are given as debian_install=..., say."""
    source = folder / "made"
    (source / "debian/source").mkdir(parents=True)
    written = {
        "debian/control": CONTROL + "".join(BINARY.format(name=name) for name in binaries),
        "debian/changelog": CHANGELOG,
        "debian/source/format": "3.0 (native)\n",
        "debian/rules": "#!/usr/bin/make -f\n%:\n\tdh $@\n" + rules,
        **files,
    }
    for path, text in written.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    (source / "debian/rules").chmod(0o755)
    return source


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    source = tmp_path_factory.mktemp("sample") / "source"
    shutil.copytree(HOOK / "sample", source)
    return build(source)[0]["pathpatch-sample"]


def control_file(deb, name):
    return subprocess.run(
        ["dpkg-deb", "--info", deb, name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout


def test_sample_is_served(root, sample):
    root.install(sample)
    seen = root.read(f"/{PREFIX}/var/lib/pathpatch-sample/seen")
    assert termux.held(seen) == []
    for name, value in VALUES.items():
        assert name.encode() + b"=" + termux.padded(name, value) in seen
    assert seen.endswith(
        termux.padded("TERMUX__PREFIX", VALUES["TERMUX__PREFIX"])
        + b"/share/pathpatch-sample/paths.txt\n"
    )
    root.assert_clean()


def test_a_package_with_a_placeholder_opts_in_and_another_does_not(tmp_path):
    source = source_package(
        tmp_path,
        ["with", "without"],
        **{
            "text": f"{PREFIX_TEXT}/x\n",
            "debian/with.install": "text usr/share/with\n",
            "debian/with.preinst": "#!/bin/sh\nset -e\necho mine\n#DEBHELPER#\n",
            "debian/with.maintscript": "rm_conffile /etc/gone 1.0~\n",
            "debian/without.install": "debian/control usr/share/without\n",
        },
    )
    debs, _ = build(source)
    fields = packages.read(debs["with"]).fields
    assert (fields["Dynamic-Variables"], fields["Depends"]) == ("yes", "pathpatch")
    assert "activate-noawait pathpatch\n" in control_file(debs["with"], "triggers")
    preinst = control_file(debs["with"], "preinst")
    # Conffiles are put to what dpkg expects before anything looks at them.
    assert 0 < preinst.index("pathpatch dpkg prepare") < preinst.index("dpkg-maintscript-helper")
    fields = packages.read(debs["without"]).fields
    assert "Dynamic-Variables" not in fields and "pathpatch" not in fields.get("Depends", "")
    assert control_file(debs["without"], "triggers") == ""


def test_a_package_that_is_left_out(tmp_path):
    source = source_package(
        tmp_path,
        ["with"],
        rules="override_dh_pathpatch:\n\tdh_pathpatch -Nwith\n",
        **{"text": f"{PREFIX_TEXT}/x\n", "debian/with.install": "text usr/share/with\n"},
    )
    debs, _ = build(source)
    assert "Dynamic-Variables" not in packages.read(debs["with"]).fields


def plain_package(folder, **files):
    """It was built with the plain path, in a text and in a program."""
    return source_package(
        folder,
        ["plain"],
        **{
            "text": f"{termux.PREFIX}/x\n",
            "program": f"#!{termux.PREFIX}/bin/sh\n",
            "debian/plain.install": "text usr/share/plain\nprogram usr/share/plain\n",
            **files,
        },
    )


def test_a_path_without_padding_fails_the_build(tmp_path):
    _, said = build(plain_package(tmp_path), status=2)
    assert "share/plain/text:0: error PP001: a default path without its padding: TERMUX__PREFIX\n" in said
    assert "share/plain/program:2: warning PP004: a path in a program" in said
    assert "plain: pathpatch lint found 1 errors" in said


def test_what_is_suppressed_does_not(tmp_path):
    source = plain_package(tmp_path, **{"debian/plain.pathpatch-suppressions": "PP001 usr/share/plain/*\n"})
    debs, said = build(source)
    assert "PP001" not in said and "PP004" in said
    assert "Dynamic-Variables" not in packages.read(debs["plain"]).fields


def test_padded_at_the_end_of_the_build(tmp_path):
    source = plain_package(tmp_path)
    with open(source / "debian/rules", "a") as rules:
        rules.write("execute_before_dh_pathpatch:\n\tpathpatch pad debian/plain\n")
    debs, _ = build(source)
    package = packages.read(debs["plain"])
    assert package.fields["Dynamic-Variables"] == "yes"
    assert package.content("usr/share/plain/text").decode() == f"{PREFIX_TEXT}/x\n"
