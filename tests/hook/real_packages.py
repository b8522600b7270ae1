"""Real packages of Debian in Termux's shape: a sample, or 20 with PATHPATCH_POOL=all."""

import os

from conftest import SOURCE, packages, termux_package
from generator.downloads import fetch

WHOLE = os.environ.get("PATHPATCH_POOL") == "all"
NAMES = (
    "acl attr bc bsdextrautils cpio curl dash dc debianutils diffutils "
    "dos2unix ed file gawk grep gzip hostname less nano patch"
    if WHOLE
    else "ed hostname"
).split()
# Beside the build folders, so that every build uses the same downloads.
DOWNLOADS = SOURCE / "build" / "downloads"


def converted():
    return [termux_package.convert(packages.read(deb)) for deb in fetch(NAMES, DOWNLOADS).values()]
