"""The debhelper add-on: source packages that opt in with it, and what comes of them."""

import shutil
import subprocess

import pytest
from conftest import PREFIX, VALUES, packages, termux
from source_packages import HOOK, build, source_package

PREFIX_TEXT = termux.padded("TERMUX__PREFIX").decode()


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
        {"with": "all", "without": "all"},
        **{
            "text": f"{PREFIX_TEXT}/x\n",
            "debian/with.install": "text usr/share/with\n",
            "debian/with.preinst": "#!/bin/sh\nset -e\necho mine\n#DEBHELPER#\n",
            "debian/with.maintscript": "rm_conffile /etc/gone 1.0~\n",
            "debian/without.install": "debian/control usr/share/without\n",
        },
        # What an earlier build left does not say what this one will be.
        rules="execute_before_dh_pathpatch:\n\tmkdir debian/with/DEBIAN\n\techo Package: with >debian/with/DEBIAN/control\n",
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
        {"with": "all"},
        rules="override_dh_pathpatch:\n\tdh_pathpatch -Nwith\n",
        **{"text": f"{PREFIX_TEXT}/x\n", "debian/with.install": "text usr/share/with\n"},
    )
    debs, _ = build(source)
    assert "Dynamic-Variables" not in packages.read(debs["with"]).fields


def plain_package(folder, **files):
    """It was built with the plain path, in a text and in a program."""
    return source_package(
        folder,
        {"plain": "all"},
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


def test_a_table_that_is_not_there_fails_the_build(tmp_path):
    source = source_package(
        tmp_path,
        {"with": "all"},
        rules="override_dh_pathpatch:\n\tdh_pathpatch --table=nowhere\n",
        **{"text": f"{PREFIX_TEXT}/x\n", "debian/with.install": "text usr/share/with\n"},
    )
    _, said = build(source, status=2)
    assert "/usr/share/pathpatch/tables/nowhere.ini" in said
