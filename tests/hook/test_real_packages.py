"""Real packages: what the generator makes of them, and the walk-through of the demo."""

import subprocess
import zipfile

import pytest
from conftest import BUILD, SOURCE, packages, pathpatch_package, termux, termux_package

# Beside the build folders, so that every build uses the same downloads.
DOWNLOADS = SOURCE / "build" / "downloads"


def run(*command):
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    run(SOURCE / "fixtures/generate", folder, "--downloads", DOWNLOADS)
    return folder


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_same_bytes_twice(made, tmp_path):
    run(SOURCE / "fixtures/generate", tmp_path, "--downloads", DOWNLOADS)
    assert contents(tmp_path) == contents(made)


def test_every_kind_of_place_holds_a_placeholder(made):
    kinds = set()
    for deb in (made / "debs").iterdir():
        package = packages.read(deb)
        for entry in package.entries:
            text = entry.target.encode() if entry.target else entry.content or b""
            if not termux.held(termux_package.decoded(text)):
                continue
            kinds.add(
                "link"
                if entry.target
                else "gzip"
                if text.startswith(b"\x1f\x8b")
                else "ELF"
                if text.startswith(b"\x7fELF")
                else "executable"
                if entry.mode & 0o111
                else "conffile"
                if "/" + entry.path in package.conffiles
                else "text"
            )
    assert kinds == {"link", "gzip", "ELF", "executable", "conffile", "text"}


def test_bootstrap_has_the_shape_of_termux(made):
    with zipfile.ZipFile(made / "bootstrap.zip") as archive:
        names = archive.namelist()
        links = archive.read("SYMLINKS.txt").decode().splitlines()
        status = archive.read("var/lib/dpkg/status").decode()
    assert not [name for name in names if name.startswith(("data/", "/", "./"))]
    assert not [name for name in names if "trigger" in name and not name.endswith("/")]
    assert all(len(link.split("←./")) == 2 for link in links)
    assert status.count("Package: ") == status.count("Status: install ok installed") > 5
    assert "Conffiles:" not in status


def test_walk_through(made, tmp_path):
    package = pathpatch_package()
    package.fields["Depends"] = "libc6 (>= 2.34)"  # the real one has many
    deb = packages.write(package, tmp_path, "none")
    output = run(
        "/usr/bin/python3",
        SOURCE / "fixtures/walkthrough.py",
        "--program",
        BUILD / "pathpatch",
        "--pathpatch-deb",
        deb,
        "--made",
        made,
        "--folder",
        tmp_path,
    )
    assert output.endswith("\nEverything is as promised.\n")
