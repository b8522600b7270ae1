"""Real packages, built anew with placeholders by debhelper and dh_pathpatch, in two versions.

They have what real ones have: conffiles, maintainer scripts, alternatives, man pages, hard links."""

import shutil
from dataclasses import replace

from conftest import packages, termux, termux_package
from generator.downloads import fetch
from real_packages import DOWNLOADS
from source_packages import build, source_package

VERSIONS = "1", "2"

# The trees come after debhelper's own steps: nothing of theirs is meant for paths like these.
RULES = """
execute_before_dh_pathpatch:
	cp -a trees/. debian/

override_dh_builddeb:
	dh_builddeb -- -Zxz -z1
"""
# As dpkg is configured where it belongs to the distribution.
ALTERNATIVES = (
    "update-alternatives --altdir {0}/etc/alternatives --admindir {0}/var/lib/alternatives"
).format(termux.PREFIX)
LINE = b"# Of the next version: " + termux.padded("TERMUX__PREFIX") + b"/share\n"


def _script(text):
    """A maintainer script for Termux's paths, still run by the system's shell. What debhelper adds comes
    first: some end with exit."""
    first, rest = text.split(b"\n", 1)
    rest = termux.with_defaults(rest.replace(b"#DEBHELPER#", b""))
    return f"{first.decode()}\n#DEBHELPER#\n{rest.decode().replace('update-alternatives', ALTERNATIVES)}"


def _as_hard_links(package):
    """Links of one man page to another in its folder become one file with two names."""
    entries = {entry.path: entry for entry in package.entries}
    for path, entry in entries.items():
        page = entries.get(f"{path.rpartition('/')[0]}/{entry.target}")
        if page is not None and page.content is not None and path.endswith(".gz"):
            entries[path] = replace(page, path=path, same_as=page.path)
    package.entries = list(entries.values())


def _made_of(deb):
    package = termux_package.shaped(packages.read(deb))
    _as_hard_links(package)
    witness = package.control.pop("postinst").partition("\n")[2]
    scripts = {"postinst": b"#!/bin/sh\n", **packages.scripts(deb)}
    package.control = {name: _script(text) for name, text in scripts.items()}
    # The witness first, in a shell of its own: it ends with exit.
    package.control["postinst"] = package.control["postinst"].replace(
        "#DEBHELPER#\n", f"#DEBHELPER#\n(\n{witness})\n"
    )
    return package


def _lay_out(made, folder, version):
    files = {}
    for package in made:
        if package.conffiles:
            files[f"debian/{package.name}.conffiles"] = "".join(f"{c}\n" for c in package.conffiles)
        for name, text in package.control.items():
            files[f"debian/{package.name}.{name}"] = text
    binaries = {
        one.name: "all" if one.fields["Architecture"] == "all" else "any" for one in made
    }
    source = source_package(folder, binaries, RULES, version, **files)
    for package in made:
        packages.lay_out(package.entries, source / "trees" / package.name)
    return source


def rebuild(names, folder):
    """The packages by version and name; their .debs are in FOLDER/VERSION."""
    first = [_made_of(deb) for deb in fetch(names, DOWNLOADS).values()]
    made = dict(zip(VERSIONS, (first, [termux_package.next_version(one, LINE) for one in first])))
    for version, contents in made.items():
        shutil.rmtree(folder / version, ignore_errors=True)
        debs, _ = build(_lay_out(contents, folder / version, version))
        shutil.rmtree(folder / version / "made")
        assert sorted(debs) == sorted(one.name for one in contents)
    return {version: {one.name: one for one in contents} for version, contents in made.items()}
