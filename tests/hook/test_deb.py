"""`deb IN OUT` and `dpkg -i OUT` give what `dpkg -i IN` gives with the hook."""

import gzip
import os
import stat
import subprocess

import pytest
import real_packages
from conftest import BUILD, PREFIX, SHIPPED, VALUES, Root, opted_in, packages, termux
from generator.package import Entry

SETS = [f"--set={name}={value}" for name, value in VALUES.items()]


def deb(*words, status=0, **more):
    done = subprocess.run(
        [BUILD / "pathpatch", "deb", *SETS, *words], stdin=subprocess.DEVNULL, capture_output=True, **more
    )
    assert done.returncode == status, done.stderr
    return done


def package(name="app", **fields):
    """A package with one of each: what is patched in it, and what is not."""
    one = opted_in(name, **fields)
    share = f"{PREFIX}/share/{name}"
    padded = termux.padded("TERMUX__PREFIX")
    one.entries += [
        Entry(f"{share}/data-too", content=SHIPPED, same_as=f"{share}/data"),
        Entry(f"{share}/manual.gz", content=gzip.compress(SHIPPED * 20, mtime=0)),
        Entry(f"{share}/link", target=padded.decode() + "/share"),
        Entry(f"{share}/tool", 0o755, b"#!/bin/sh\n" + padded + b"/bin/true\n"),
        Entry(f"{share}/library.so", content=b"\x7fELF" + padded + b"\0"),
        Entry(f"{share}/private", 0o600, padded),
        Entry(f"{share}/plain", content=b"nothing to see\n"),
    ]
    return one


def tree(root):
    """Everything below the root but what differs from run to run, and pathpatch's own."""
    found = {}
    for folder, folders, files in os.walk(root.path):
        for name in folders + files:
            path = os.path.relpath(os.path.join(folder, name), root.path)
            if path.startswith(("var/lib/dpkg", "var/lib/pathpatch", "usr")):
                continue
            st = os.lstat(root.path / path)
            content = None
            if stat.S_ISLNK(st.st_mode):
                content = os.readlink(root.path / path)
            elif stat.S_ISREG(st.st_mode):
                content = (root.path / path).read_bytes(), st.st_mtime == packages.EPOCH
            found[path] = st.st_mode, content
    return found


def info(root, name, kind):
    file = root.admindir / "info" / f"{name}.{kind}"
    return file.read_text() if file.exists() else None


def other_root(folder):
    folder.mkdir()
    root = Root(folder)
    root.record_values(VALUES)
    return root


@pytest.mark.parametrize("compression", ["xz", "zstd", "gzip", "none"])
def test_same_as_the_hook(root, tmp_path, compression):
    one = package()
    shipped = packages.write(one, root.debs, compression)
    written = tmp_path / "out.deb"
    deb(shipped, written)
    root.install(shipped)
    other = other_root(tmp_path / "other")
    other.install(written)
    assert tree(root) == tree(other)
    for kind in ("md5sums", "conffiles", "list", "postinst"):
        assert info(root, "app", kind) == info(other, "app", kind) is not None
    assert other.read(f"{PREFIX}/share/app/private") == termux.padded("TERMUX__PREFIX", VALUES["TERMUX__PREFIX"])
    for either in (root, other):
        either.assert_clean()


def test_real_ones(root, tmp_path):
    shipped = [packages.write(one, root.debs) for one in real_packages.converted()]
    written = [tmp_path / deb.name for deb in shipped]
    for source, out in zip(shipped, written, strict=True):
        deb(source, out)
    root.install(*shipped)
    other = other_root(tmp_path / "other")
    other.install(*written)
    assert tree(root) == tree(other)
    for sums in (root.admindir / "info").glob("fixture-*.md5sums"):
        assert sums.read_bytes() == (other.admindir / "info" / sums.name).read_bytes()
    for either in (root, other):
        either.assert_clean()


def test_the_hook_lets_it_be(root, tmp_path):
    """The written package installs where the hook is: nothing is patched again, nothing waits."""
    written = tmp_path / "out.deb"
    deb(packages.write(package(), root.debs, "xz"), written)
    root.install(written)
    once = tree(root)
    root.assert_clean()
    assert root.status("app") == "installed"
    root.install(written)
    assert tree(root) == once
    # On to a version as it is shipped: no question about the conffile, and the hook serves it.
    root.install(package(version="2"))
    assert root.status("app") == "installed"
    root.assert_clean()
    assert "app" in root.pathpatch("status")


def test_what_it_was_asks_no_more(root, tmp_path):
    one = package(Depends="dpkg, pathpatch (>= 0.1), tar")
    one.fields["Depends"] = "dpkg, pathpatch (>= 0.1),\n tar"
    written = tmp_path / "out.deb"
    deb(packages.write(one, root.debs, "none"), written)
    fields = subprocess.run(["dpkg-deb", "-f", written], capture_output=True, text=True, check=True).stdout
    assert "Depends: dpkg, tar\n" in fields
    assert "Dynamic-Variables" not in fields
    control = subprocess.run(["dpkg-deb", "-I", written, "triggers"], capture_output=True)
    assert control.returncode != 0


def test_a_package_that_never_opted_in_keeps_its_control(root, tmp_path):
    one = package()
    del one.fields["Dynamic-Variables"]
    written = tmp_path / "out.deb"
    shipped = packages.write(one, root.debs, "none")
    deb(shipped, written)
    fields = [subprocess.run(["dpkg-deb", "-f", d], capture_output=True).stdout for d in (shipped, written)]
    assert fields[0] == fields[1]
    assert subprocess.run(["dpkg-deb", "-I", written, "triggers"], capture_output=True).returncode == 0




def test_another_table(root, tmp_path):
    one = package()
    one.fields["Dynamic-Variables"] = "other"
    shipped = packages.write(one, root.debs, "none")
    done = deb(shipped, tmp_path / "out.deb")
    assert b"asks for another table than 'termux'" in done.stderr
    fields = subprocess.run(["dpkg-deb", "-f", tmp_path / "out.deb"], capture_output=True, check=True).stdout
    assert b"Dynamic-Variables: other\n" in fields and b"Depends: pathpatch\n" in fields


def test_upgrade_from_what_the_hook_patched(root, tmp_path):
    """The ledger has rows of the version before; what is written in the next one is not its own."""
    root.install(package())
    written = tmp_path / "out.deb"
    deb(packages.write(package(version="2", data=SHIPPED + b"next\n"), root.debs, "none"), written)
    root.install(written)
    assert root.status("app") == "installed"
    root.assert_clean()
    root.pathpatch("verify")
    assert root.read(f"{PREFIX}/share/app/data") == termux.patched(SHIPPED + b"next\n", VALUES)
