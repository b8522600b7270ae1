"""Source packages, made on the spot and built with the debhelper add-on of the source tree."""

import os
import subprocess

from conftest import BUILD, SOURCE

HOOK = SOURCE / "dpkg-hook"

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
Architecture: {architecture}
Depends: ${{misc:Depends}}
Description: made for a test
 Nothing more.
"""
# The time is that of all that the tests make.
CHANGELOG = """made ({version}) unstable; urgency=medium

  * This version.

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


def source_package(folder, binaries, rules="", version="1.0", **files):
    """A source package; binaries: architectures by name; files: texts by path."""
    source = folder / "made"
    (source / "debian/source").mkdir(parents=True)
    written = {
        "debian/control": CONTROL + "".join(
            BINARY.format(name=name, architecture=architecture) for name, architecture in binaries.items()
        ),
        "debian/changelog": CHANGELOG.format(version=version),
        "debian/source/format": "3.0 (native)\n",
        "debian/rules": "#!/usr/bin/make -f\n%:\n\tdh $@\n" + rules,
        **files,
    }
    for path, text in written.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    (source / "debian/rules").chmod(0o755)
    return source
